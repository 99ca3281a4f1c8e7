"""Marshalled XML and instance XML: what one side writes, the other reads as the same, byte for byte."""

import json
import subprocess
from typing import Any

from tests.originals import Original

from pilothouse.slap import instance_xml, marshal_reader, marshal_writer
from pilothouse.slap.documents import Value

SHARED: list[Value] = [1]
VALUES: list[Value] = [
    "a\rb\tc\nd\"'%&amp;<>é\x7f\x85\u2028😀",
    "",
    [SHARED, SHARED],
    ({}, (), [], {"b": 1, "a": {"c": None}}),
    {1: 2, "a": 3, (1,): 4},
    [10**24, 10**24 - 1, -(10**24), 5, True, False, None, 1.5, 1e30, 2 + 3j],
    {3, 1, 2},
    set(),
]
PARAMETERS: list[dict[str, Any]] = [
    {},
    {"b": 1, "a": ""},
    {"é\"<&>\n\t'": "é\"<&>\n\t\r😀'"},
    {"n": None, "l": [1, "a"]},
]

# reads our document, writes it again, and does the same with parameters
THEIRS = """
import json, sys
from slapos.util import dict2xml, dumps, loads, xml2dict
asked = json.load(sys.stdin)
answer = [dumps(loads(text.encode())).decode() for text in asked["values"]]
print(json.dumps([answer, [dict2xml(item) for item in asked["parameters"]], [xml2dict(x) for x in asked["xml"]]]))
"""


def test_the_original_writes_what_we_write_and_reads_what_we_read(original: Original) -> None:
    documents = [marshal_writer.dumps(value).decode() for value in VALUES]
    stored = [instance_xml.dumps(item) for item in PARAMETERS]
    asked = json.dumps({"values": documents, "parameters": PARAMETERS, "xml": stored})
    run = subprocess.run([original.python, "-c", THEIRS], input=asked, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    marshalled, written, read = json.loads(run.stdout)
    assert marshalled == documents
    assert [marshal_reader.loads(text) for text in marshalled] == VALUES
    assert written == stored
    assert read == [instance_xml.loads(text) for text in stored]
