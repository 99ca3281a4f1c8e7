"""The original's client commands, and ours, at our server in both profiles (group L of the spec)."""

import json
import subprocess
from collections.abc import Callable

import pytest
from tests.interop.server.desks import Desk
from tests.originals import Original
from tests.slaposcli import HEAD, Slapos
from tests.slaposnode import Ran, run

Client = Callable[..., Ran]
SCRIPT = """\
import sys
partition = request(sys.argv[2], sys.argv[1], filter_kw={"computer_guid": sys.argv[3]})
supply(sys.argv[2], sys.argv[3])
print(partition.getId(), partition.getState(), getInformation(sys.argv[1])._reference == sys.argv[1], __file__)
print(slap.getComputerDict()[sys.argv[3]]._reference == sys.argv[3], product.__class__.__name__)
"""


@pytest.fixture(params=["original", "ours"])
def client(
    request: pytest.FixtureRequest, original: Original, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> Client:
    """A person's ``slapos``."""
    if request.param == "ours":
        ours = Slapos(capsys, str(desk.cfg))
        return lambda *words, code=0: Ran(*ours(*words, code=code))
    return lambda *words, code=0: run([original.program("slapos"), *words, "--cfg", desk.cfg], desk.folder, code)


def lines(ran: Ran) -> list[str]:
    """Return what was logged, without the head of its lines."""
    return [HEAD.sub("", line).removeprefix("INFO ") for line in ran.said.splitlines()]


def test_a_request_and_its_repetition_after_publication(desk: Desk, client: Client) -> None:
    """Check L02."""
    node, title = desk.node(1), desk.name("one")
    words = ("request", title, desk.plain, "--node", f"computer_guid={node}", "--state", "stopped",
             "--type", "default", "--parameters", "foo=bar", "x=a=b")  # fmt: skip
    assert lines(client(*words)) == [
        f"Validating request parameters for {title} as an instance of {desk.plain} ...",
        f"Requesting {title} as an instance of {desk.plain} ...",
        "Instance requested.",
        "State is : stopped.",
        "Connection parameters of instance are:",
        "{}",
        "You can rerun the command to get up-to-date information.",
    ]
    partition = desk.partition(node)
    assert partition.getState() == "stopped"
    told = partition.getInstanceParameterDict()
    assert (told["foo"], told["x"]) == ("bar", "a=b")
    desk.publish(node, {"url": "http://h"})
    assert "{'url': 'http://h'}" in lines(client(*words))


def test_a_slave_is_requested_and_its_host_told(desk: Desk, client: Client) -> None:
    """Check L03."""
    node, title = desk.node(1), desk.name("shared")
    where = ("--node", f"computer_guid={node}")
    client("request", desk.name("host"), desk.plain, *where)
    client("request", title, desk.plain, "--slave", *where, "--parameters", "domain=d")
    (slave,) = desk.partition(node).getInstanceParameterDict()["slave_instance_list"]
    assert (slave["slave_title"], slave["domain"]) == (f"_{title}", "d")


def test_a_full_master_refuses(desk: Desk, client: Client) -> None:
    """Check L04."""
    words = ("request", desk.name("x"), desk.plain, "--node", f"computer_guid={desk.node(0)}")
    assert "requestComputerPartition" in client(*words, code=1).said


def test_json_goes_there_and_back(desk: Desk, client: Client) -> None:
    """Check L05."""
    node, title, value = desk.node(1), desk.name("json"), {"foo": "bar", "deep": {"list": [1, None]}}
    file = desk.folder / "x.json"
    file.write_text(json.dumps(value))
    words = ("request", title, desk.json, "--node", f"computer_guid={node}", "--parameters-file", str(file))
    client(*words)
    assert desk.partition(node).getInstanceParameterDict()["_"] == json.dumps(value, indent=2)
    desk.publish(node, {"_": '{"url": "http://h"}'})
    assert "{'url': 'http://h'}" in lines(client(*words))
    told = json.loads(client("service", "info", title).out)
    assert told["instance-parameters"] == {"_": value}
    assert told["connection-parameters"] == {"url": "http://h"}


def test_parameters_that_do_not_fit_are_sent_all_the_same(desk: Desk, client: Client) -> None:
    """Check L07."""
    node = desk.node(1)
    words = ("request", desk.name("x"), desk.plain, "--node", f"computer_guid={node}", "--parameters", "foo=wrong")
    said = client(*words).said
    assert "Request parameters do not validate against schema definition:" in said
    assert "  $.foo: " in said
    assert desk.partition(node).getInstanceParameterDict()["foo"] == "wrong"


def test_services_are_listed_and_told(desk: Desk, client: Client) -> None:
    """Checks L09, L10."""
    node, title = desk.node(1), desk.name("b")
    with desk.library() as library:
        library.registerOpenOrder().request(desk.plain, title, {"p": "v"}, filter_kw={"computer_guid": node})
    desk.publish(node, {"u": "é"})
    listed = client("service", "list").out
    services = json.loads(listed)
    assert services[title] == desk.plain
    assert listed == json.dumps(services, indent=2, sort_keys=True) + "\n"
    assert client("service", "info", title).out == (
        "{\n"
        f'  "software-url": "{desk.plain}",\n'
        '  "software-type": "default",\n'
        '  "shared": false,\n'
        '  "requested-state": "started",\n'
        '  "instance-parameters": {\n    "p": "v"\n  },\n'
        '  "connection-parameters": {\n    "u": "\\u00e9"\n  },\n'
        '  "status": "unsupported"\n'
        "}\n"
    )
    assert "Instance nobody does not exist." in client("service", "info", "nobody", code=2).said


def test_computers_are_listed_and_told(desk: Desk, client: Client) -> None:
    """Check L12."""
    node = desk.node(0)
    listed = client("computer", "list").out.splitlines()
    assert listed[0] == "List of Computers:"
    assert f"{node} {node}" in listed[1:]
    assert client("computer", "info", node).out == f"Computer Reference: {node}\nComputer Title    : {node}\n"
    assert client("computer", "info", "nobody", code=2).out == "Computer nobody does not exist.\n"


def test_software_is_supplied_and_removed(desk: Desk, client: Client) -> None:
    """Checks 10.4 and 10.5; L13 for what nobody offers."""
    node = desk.node(0)
    assert lines(client("supply", desk.plain, node)) == [
        f"Requesting software installation of {desk.plain}...",
        "Done.",
    ]
    assert desk.software(node) == {desk.plain: "available"}
    client("remove", desk.plain, node)
    assert desk.software(node) == {desk.plain: "destroyed"}
    said = client("supply", "product.none", node, code=1).said
    assert "No Software Release corresponding to this Software Product has been found." in said


def test_a_script_finds_the_library_and_its_arguments(desk: Desk, client: Client) -> None:
    """Check L14."""
    node, title, script = desk.node(1), desk.name("s"), desk.folder / "script.py"
    script.write_text(SCRIPT)
    # the words of a script end the options, so the configuration goes before it
    client_words = ("console", "--cfg", str(desk.cfg), str(script), title, desk.plain, node)
    assert f"{node}part0 started True {script}\nTrue SoftwareProductCollection\n" in client(*client_words).out


def test_what_is_piped_into_the_originals_console_is_run(desk: Desk, original: Original) -> None:
    """Check L15."""
    node = desk.node(0)
    done = subprocess.run(
        [original.program("slapos"), "console", "--python", "--cfg", desk.cfg],
        input=f"print('told', slap.getComputerDict()[{node!r}]._title)\n",
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, f"told {node}" in done.stdout) == (0, True), done.stderr
