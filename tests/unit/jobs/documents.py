"""Documents for the tests of this room: the published sample, and one with every field in use."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

# The sample parameter file of the published manual, its one broken key ("is Script") mended.
PUBLISHED = """
{"jobId": 624490098515988, "roundCount": 64, "opt": {}, "runFlow": [
  {"execStrategy": "oneShot", "groupNo": 0, "phases": [
    {"operations": [{"output": {}, "opt": {}, "opName": "shell countdown", "opType": "runner", "isScript": 1,
      "opId": "shell countdown_624490098515994", "interpreter": "bash", "failIgnore": 1, "desc": {}}],
     "phaseName": "oneshot_local"},
    {"operations": [{"output": {}, "opt": {}, "opName": "shell countdown_target", "opType": "target", "isScript": 1,
      "opId": "shell countdown_target_624490098515998", "interpreter": "bash", "failIgnore": 1, "desc": {}}],
     "phaseName": "oneshot_target"}]},
  {"execStrategy": "grayScale", "groupNo": 1, "phases": [
    {"operations": [{"output": {}, "opt": {}, "opName": "shell countdown", "opType": "runner", "isScript": 1,
      "opId": "shell countdown_624490098516001", "interpreter": "bash", "failIgnore": 1, "desc": {}}],
     "execRound": "first", "phaseName": "grayscale_local"},
    {"operations": [{"output": {}, "opt": {}, "opName": "shell countdown_target", "opType": "target", "isScript": 1,
      "opId": "shell countdown_target_624490098516163", "interpreter": "bash", "failIgnore": 1, "desc": {}}],
     "phaseName": "grayscale_target"}]},
  {"execStrategy": "oneShot", "groupNo": 2, "phases": [
    {"operations": [{"output": {}, "opt": {}, "opName": "shell countdown", "opType": "runner", "isScript": 1,
      "opId": "shell countdown_624490098516166", "interpreter": "bash", "failIgnore": 1, "desc": {}}],
     "phaseName": "oneshot_local2"}]}],
 "arg": {}, "execUser": "system", "tenant": "develop"}
"""

PUBLISHED_NODES = """
{
  "resourceId": 456,
  "nodeName": "myhost",
  "nodeType": "host",
  "host": "192.168.0.27",
  "protocol": "ssh",
  "protocolPort": 22,
  "username": "root",
  "password": "xxxxxx"
}
{
  "resourceId": 567,
  "nodeName": "tomcat1",
  "nodeType": "tomcat",
  "host": "192.168.0.22",
  "protocol": "tagent",
  "protocolPort": 3939,
  "port": 8080,
  "username": "root",
  "password": "{RC4}xxxxxxx"
}
{
  "resourceId": 458,
  "nodeName": "tomcat2",
  "nodeType": "tomcat",
  "host": "192.168.0.26",
  "protocol": "tagent",
  "protocolPort": 3939,
  "port": 8080,
  "username": "root",
  "password": "xxxxxxxx"
}

"""

NODE: dict[str, Any] = {
    "resourceId": 5000,
    "host": "10.0.0.1",
    "port": 7000,
    "nodeName": "web",
    "nodeType": "host",
    "protocol": "ssh",
    "protocolPort": 2200,
    "servicePorts": {"ssh": 2222},
    "username": "app",
    "password": "Pa55.word!",
    "runnerId": 1,
    "appSystemId": 9,
}

WHOLE: dict[str, Any] = {
    "jobId": 624490098515988,
    "tenant": "develop",
    "execUser": "admin",
    "preJobId": None,
    "roundCount": 2,
    "passThroughEnv": {"runnerId": 1},
    "opt": {"who": "world", "many": {"a": [1, 2]}},
    "globalOpt": {"region": "east"},
    "arg": {},
    "environment": {"COLOUR": "blue"},
    "noFireNext": 1,
    "runNode": [NODE],
    "runFlow": [
        {
            "groupNo": 0,
            "execStrategy": "grayScale",
            "roundCount": 3,
            "phases": [
                {
                    "phaseName": "prepare",
                    "phaseType": "runner",
                    "execRound": "last",
                    "roundCount": 1,
                    "operations": [
                        {
                            "opId": "group/make_1",
                            "opName": "group/make",
                            "opType": "runner",
                            "isScript": 1,
                            "scriptId": 17,
                            "scriptContent": "echo hello",
                            "interpreter": "bash",
                            "failIgnore": 1,
                            "help": "makes it",
                            "opt": {"name": "${who}", "secret": "s"},
                            "desc": {"name": "text", "secret": "password"},
                            "arg": [{"type": "text", "value": "one"}, {"value": 2}],
                            "output": {"path": {"opt": "path", "type": "filepath", "defaultValue": "x"}},
                        }
                    ],
                },
                {
                    "phaseName": "install",
                    "phaseType": "target",
                    "operations": [
                        {"opId": "put_2", "opName": "put", "opType": "target", "isScript": 0, "interpreter": "python"},
                        {"opId": "native/setenv_3", "opName": "native/setenv", "opType": "native"},
                    ],
                },
            ],
        }
    ],
}


def whole() -> dict[str, Any]:
    """Return a copy to be changed."""
    return copy.deepcopy(WHOLE)


def changed(path: str, value: Any) -> str:
    """Return the whole document as text with the value at ``path`` (names and numbers joined by /) replaced."""
    document: Any = {"": whole()}
    steps = ["", *path.split("/")] if path else [""]
    inner = document
    for step in steps[:-1]:
        inner = inner[int(step)] if isinstance(inner, list) else inner[step]
    last = steps[-1]
    if value is MISSING:
        del inner[last]
    else:
        inner[int(last) if isinstance(inner, list) else last] = value
    return json.dumps(document[""])


MISSING = object()


def places(value: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the path of every value inside a document."""
    yield "/".join(path)
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in items:
        yield from places(inner, (*path, str(name)))


ODD_TEXTS = st.sampled_from(
    [
        "",
        "0",
        "-1",
        "9" * 30,
        "a/b",
        "../x",
        ".hidden",
        "a\0b",
        "\ud800",
        "\u00b2",
        "x" * 300,
        "tagent.\u00b2",
        "ssh.22",
    ]
)
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | ODD_TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
