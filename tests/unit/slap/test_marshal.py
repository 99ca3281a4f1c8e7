"""Marshalled XML: the literal samples of spec 1.5, what readers tolerate and refuse, and round trips."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.slap.documents import (
    ComputerDocument,
    ComputerPartitionDocument,
    SoftwareInstanceDocument,
    SoftwareReleaseDocument,
    Value,
)
from pilothouse.slap.markup import ILLEGAL, Limits, MarkupError
from pilothouse.slap.marshal_reader import loads
from pilothouse.slap.marshal_writer import MarshalError, dumps, fragment

REQUESTED = (
    '<marshal><object id="i2" module="slapos.slap.slap" class="SoftwareInstance"><tuple/><dictionary id="i3">'
    '<string>_connection_dict</string><dictionary id="i4"/><string>_instance_guid</string>'
    "<string>local_computer-slappart0</string><string>_parameter_dict</string>"
    '<dictionary id="i5"><string>a</string><string>1</string><string>timestamp</string>'
    "<string>1795331981.5168962</string><string>&#233;</string>"
    '<string>&#252;&amp;lt;&amp;amp;&amp;gt;"</string></dictionary><string>_requested_state</string>'
    "<string>started</string><string>connection_xml</string><none/><string>ip_list</string>"
    '<list id="i6"><tuple><string>slaptap0</string><string>10.0.1.0</string></tuple><tuple>'
    "<string>slaptap0</string><string>fd00::0</string></tuple></list><string>slap_computer_id</string>"
    "<string>local_computer</string><string>slap_computer_partition_id</string><string>slappart0</string>"
    "<string>slap_server_url</string><string>slap_server_url</string>"
    "<string>slap_software_release_url</string><string>http://sr.example/a.cfg</string>"
    "<string>slap_software_type</string><string>default</string></dictionary></object></marshal>"
)
FREE = (
    '<object id="i26" module="slapos.slap.slap" class="ComputerPartition"><tuple><string>local_computer</string>'
    '<string>slappart2</string><none/></tuple><dictionary id="i27"><string>_computer_id</string>'
    "<string>local_computer</string><string>_instance_guid</string><string>local_computer-slappart2</string>"
    "<string>_need_modification</string><int>0</int><string>_partition_id</string><string>slappart2</string>"
    "<string>_request_dict</string><none/><string>_requested_state</string><string>destroyed</string>"
    "<string>_software_release_document</string><none/></dictionary></object>"
)
RELEASE = (
    '<object id="i10" module="slapos.slap.slap" class="SoftwareRelease"><tuple><string>http://sr.example/a.cfg'
    '</string><string>local_computer</string></tuple><dictionary id="i11"><string>_computer_guid</string>'
    '<string>local_computer</string><string>_software_instance_list</string><list id="i12"/>'
    "<string>_software_release</string><string>http://sr.example/a.cfg</string></dictionary></object>"
)
EMPTY_COMPUTER = (
    '<marshal><object id="i2" module="slapos.slap.slap" class="Computer"><tuple><string>local_computer</string>'
    '</tuple><dictionary id="i3"><string>_computer_id</string><string>local_computer</string>'
    '<string>_computer_partition_list</string><list id="i4"/><string>_software_release_list</string>'
    '<list id="i5"/></dictionary></object></marshal>'
)

instance = SoftwareInstanceDocument(
    (),
    {
        "_connection_dict": {},
        "_instance_guid": "local_computer-slappart0",
        "_parameter_dict": {"a": "1", "timestamp": "1795331981.5168962", "é": 'ü<&>"'},
        "_requested_state": "started",
        "connection_xml": None,
        "ip_list": [("slaptap0", "10.0.1.0"), ("slaptap0", "fd00::0")],
        "slap_computer_id": "local_computer",
        "slap_computer_partition_id": "slappart0",
        "slap_server_url": "slap_server_url",
        "slap_software_release_url": "http://sr.example/a.cfg",
        "slap_software_type": "default",
    },
)
free = ComputerPartitionDocument(
    ("local_computer", "slappart2", None),
    {
        "_computer_id": "local_computer",
        "_partition_id": "slappart2",
        "_request_dict": None,
        "_requested_state": "destroyed",
        "_need_modification": 0,
        "_instance_guid": "local_computer-slappart2",
        "_software_release_document": None,
    },
)
release = SoftwareReleaseDocument(
    ("http://sr.example/a.cfg", "local_computer"),
    {
        "_software_release": "http://sr.example/a.cfg",
        "_computer_guid": "local_computer",
        "_software_instance_list": [],
    },
)
computer = ComputerDocument(
    ("local_computer",),
    {"_computer_id": "local_computer", "_computer_partition_list": [], "_software_release_list": []},
)


@pytest.mark.parametrize(("value", "document"), [(instance, REQUESTED), (computer, EMPTY_COMPUTER)])
def test_the_captured_documents_are_written_and_read(value: Value, document: str) -> None:
    assert dumps(value).decode() == document
    assert loads(document) == value
    assert type(loads(document)) is type(value)


@pytest.mark.parametrize(("value", "sample", "before"), [(free, FREE, 25), (release, RELEASE, 9)])
def test_the_captured_parts_of_documents_are_written_in_their_place(value: Value, sample: str, before: int) -> None:
    assert fragment(value).text(before) == sample
    assert loads(f"<marshal>{sample}</marshal>") == value


SHARED = [1]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\rb\tc\nd\"'%&amp;", "<string>a&#13;b\tc\nd\"'%&amp;amp;amp;</string>"),
        ("\x7f\x85\u2028\U0001f600", "<string>\x7f&#133;&#8232;&#128512;</string>"),
        ("", "<string></string>"),
        (b"ab\xc3\xa9", "<string>ab&#233;</string>"),
        ({3, 1, 2}, '<set id="i2"><int>1</int><int>2</int><int>3</int></set>'),
        (set(), '<set id="i2"/>'),
        ([], '<list id="i2"/>'),
        ((), "<tuple/>"),
        ({"a": {}}, '<dictionary id="i2"><string>a</string><dictionary id="i3"/></dictionary>'),
        ([SHARED, SHARED], '<list id="i2"><list id="i3"><int>1</int></list><reference id="i3"/></list>'),
        ((SHARED, SHARED), '<tuple><list id="i2"><int>1</int></list><reference id="i2"/></tuple>'),
        (10**24, "<long>1000000000000000000000000</long>"),
        (10**24 - 1, "<long>999999999999999999999999</long>"),
        (-(10**23), "<int>-100000000000000000000000</int>"),
        (1.5, "<float>1.5</float>"),
        (float("nan"), "<float>nan</float>"),
        (1e30, "<float>1e+30</float>"),
        (2 + 3j, "<complex>2.0 3.0</complex>"),
        (True, "<bool>1</bool>"),
        (None, "<none/>"),
        (
            {1: 2, "a": 3, (1,): 4},
            (
                '<dictionary id="i2"><string>a</string><int>3</int><tuple><int>1</int></tuple><int>4</int>'
                "<int>1</int><int>2</int></dictionary>"
            ),
        ),
    ],
)
def test_values_are_written_as_the_original_was_seen_to_write_them(value: object, text: str) -> None:
    assert dumps(value).decode() == f"<marshal>{text}</marshal>"


@pytest.mark.parametrize(
    "value",
    [object(), b"\xff", "\0", "\ufffe", "\ud800", [frozenset()], 10**5000],
    ids=lambda value: type(value).__name__,
)
def test_what_has_no_form_is_refused(value: object) -> None:
    with pytest.raises(MarshalError):
        dumps(value)


def test_a_value_within_itself_is_a_reference_when_written_and_refused_when_read() -> None:
    endless: list[object] = []
    endless.append(endless)
    document = dumps(endless)
    assert document == b'<marshal><list id="i2"><reference id="i2"/></list></marshal>'
    with pytest.raises(MarkupError, match="nothing that ended before has the id 'i2'"):
        loads(document)


def test_values_nested_too_deeply_are_refused_by_both() -> None:
    deep: Value = None
    for _ in range(200):
        deep = (deep,)
    with pytest.raises(MarshalError, match="deep"):
        dumps(deep)
    with pytest.raises(MarkupError, match="deep"):
        loads("<marshal>" + "<tuple>" * 200 + "</tuple>" * 200 + "</marshal>")


def test_other_writers_are_understood() -> None:
    document = """<?xml version="1.0" encoding="utf-8"?>
    <marshal>
      <dictionary id="anything">
        <unicode>é</unicode> <long> 5 </long>
        <string>once &lt;b></string> <list id="x y"/>
        <string> kept </string> <reference id="x y"/>
        <!-- a comment --> <string><![CDATA[<&amp;lt;>]]></string> <none> </none>
      </dictionary>
    </marshal>"""
    value = loads(document.encode())
    assert value == {"é": 5, "once <b>": [], " kept ": [], "<&lt;>": None}
    assert isinstance(value, dict)
    assert value["once <b>"] is value[" kept "]


@pytest.mark.parametrize(
    ("document", "reason", "place"),
    [
        ("<marshal><string>a", "no element found", (1, 19)),
        ("not XML", "syntax error", (1, 1)),
        ("<marshal>\n <int>x</int></marshal>", "does not hold a number: 'x'", (2, 8)),
        ("<marshal><int>" + "9" * 5000 + "</int></marshal>", "does not hold a number", (1, 5015)),
        ("<marshal/>", "0 values instead of one", (1, 11)),
        ("<marshal><none/><none/></marshal>", "2 values instead of one", (1, 24)),
        ("<instance/>", "is <instance>, not <marshal>", (1, 1)),
        ("<marshal><thing/></marshal>", "<thing> is no value", (1, 10)),
        ("<marshal><string><b/></string></marshal>", "<string> holds text, not <b>", (1, 18)),
        ("<marshal><tuple>x</tuple></marshal>", "text within <tuple>", (1, 18)),
        ("<marshal><none>x</none></marshal>", "<none> holds 'x'", (1, 17)),
        ("<marshal><dictionary><none/></dictionary></marshal>", "1 values", (1, 29)),
        ("<marshal><dictionary><list/><none/></dictionary></marshal>", "cannot be one", (1, 36)),
        ("<marshal><set><list/></set></marshal>", "cannot be in one", (1, 22)),
        ('<marshal><object module="os" class="system"><tuple/></object></marshal>', "os.system are not read", (1, 53)),
        (
            '<marshal><object module="slapos.slap.slap" class="Computer"><tuple/><none/></object></marshal>',
            "must hold a tuple and a dictionary",
            (1, 76),
        ),
        ("<!DOCTYPE marshal><marshal><none/></marshal>", "DTD", (1, 18)),
        ('<!DOCTYPE m [<!ENTITY a "b">]><marshal><string>&a;</string></marshal>', "DTD", (1, 13)),
        ('<?xml version="1.0" encoding="nonsense"?><marshal><none/></marshal>', "unknown encoding", (1, 1)),
    ],
)
def test_faults_are_told_with_their_place(document: str, reason: str, place: tuple[int, int]) -> None:
    with pytest.raises(MarkupError, match=r"^line \d+") as caught:
        loads(document.encode())
    assert reason in str(caught.value)
    assert (caught.value.line, caught.value.column) == place


def test_size_counts_before_and_after_references() -> None:
    with pytest.raises(MarkupError, match="are more than the 20"):
        loads(dumps("a" * 20), Limits(size=20))
    levels = "".join(
        f'<list id="{level}">' + f'<reference id="{level - 1}"/>' * 10 + "</list>" for level in range(1, 12)
    )
    with pytest.raises(MarkupError, match="with its references written out"):
        loads(f'<marshal><tuple><list id="0"><int>1</int></list>{levels}</tuple></marshal>')


texts = st.text().filter(lambda text: not ILLEGAL.search(text))
entities = st.lists(st.sampled_from(["&", "amp;", "lt;", "<", ">", "%", "d", 'id="i2"', "\r", "\n", "é"])).map("".join)
keys = texts | entities | st.integers() | st.none() | st.booleans()
values = st.recursive(
    keys | st.floats(allow_nan=False) | st.complex_numbers(allow_nan=False),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(keys, inner)
        | st.sets(keys)
        | st.dictionaries(texts, inner).map(lambda attributes: ComputerDocument(("c",), attributes))
    ),
    max_leaves=12,
)


@given(values)
def test_whatever_is_written_is_read_again(value: Value) -> None:
    document = dumps(value)
    assert document.isascii()
    assert loads(document) == value


@given(st.lists(values, max_size=5))
def test_fragments_change_no_byte(several: list[Value]) -> None:
    whole = dumps([[value] for value in several])
    kept = [fragment([value]) for value in several]
    assert dumps(kept) == whole
    assert loads(dumps((kept, kept[::-1]))) == (
        [[value] for value in several],
        [[value] for value in reversed(several)],
    )


def test_fragments_within_fragments_keep_their_references() -> None:
    inner = fragment((SHARED, SHARED))
    outer = fragment({"100%": inner, "s": (SHARED, SHARED)})
    document = dumps([["before"], outer, inner])
    expected = {"100%": ([1], [1]), "s": ([1], [1])}
    assert loads(document) == [["before"], expected, ([1], [1])]
    numbers = [part.split('"')[0] for part in document.decode().replace("reference id", "").split('id="i')[1:]]
    assert numbers == [str(number) for number, _ in zip(itertools.count(2), numbers, strict=False)]
