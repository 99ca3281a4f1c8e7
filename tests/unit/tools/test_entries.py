"""What a copy makes where (pure part of copying)."""

import pytest

from pilothouse.errors import UsageError
from pilothouse.tools.copying.entries import Entry, Item, Source, differences, goes_into, items, names, read_listing
from pilothouse.tools.program import ToolError

FOLDER = Source(
    "/src/app",
    (Entry("", "folder", 0o755, "-"), Entry("bin", "folder", 0o700, "-"), Entry("bin/x", "file", 0o755, "aa")),
)
FILE = Source("/src/a.txt", (Entry("", "file", 0o644, "bb"),))


def test_sources_are_a_list_without_ways_upwards() -> None:
    assert names(" a, b c ,,/d/..e") == ("a", "b c", "/d/..e")
    for text in ("", " , ", "..", "a/../b", "a,../b", "a\nb", "a\0"):
        with pytest.raises(UsageError):
            names(text)


@pytest.mark.parametrize(
    ("destination", "there", "sources", "into"),
    [("/x", False, 1, False), ("/x", True, 1, True), ("/x/", False, 1, True), ("/x", False, 2, True)],
)
def test_sources_go_into_folders(destination: str, there: bool, sources: int, into: bool) -> None:
    assert goes_into(destination, folder_there=there, sources=sources) is into


def test_every_thing_has_its_place() -> None:
    def places(*sources: Source, destination: str, into: bool) -> list[tuple[str, str]]:
        return [(item.origin, item.to) for item in items(sources, destination, into=into)]

    assert places(FILE, destination="/x", into=False) == [("/src/a.txt", "/x")]
    assert places(FILE, destination="/", into=True) == [("/src/a.txt", "/a.txt")]
    assert places(FOLDER, destination="/x/", into=False) == [
        ("/src/app", "/x"),
        ("/src/app/bin", "/x/bin"),
        ("/src/app/bin/x", "/x/bin/x"),
    ]
    assert places(FOLDER, FILE, destination="/x", into=True)[2:] == [
        ("/src/app/bin/x", "/x/app/bin/x"),
        ("/src/a.txt", "/x/a.txt"),
    ]


def test_a_listing_is_read() -> None:
    text = "s\t/src/app\nd\t755\t-\t/src/app\nl\t0\t-\t/src/app/l\nt\t../x y\nf\t4644\tcc\t/src/app/a b\n"
    (source,) = read_listing(text)
    assert source.name == "app"
    assert source.entries == (
        Entry("", "folder", 0o755, "-"),
        Entry("a b", "file", 0o4644, "cc"),
        Entry("l", "link", 0, "-", "../x y"),
    )
    for broken in (
        "f\t644\taa\t/x\n",
        "s\t/src\nf\t644\taa\n",
        "s\t/src\nrest of a name\n",
        "s\t/src\nf\t9\taa\t/src\n",
    ):
        with pytest.raises(ToolError, match="line ends"):
            read_listing(broken)


def test_only_differences_are_made_anew() -> None:
    wanted = [
        Item(Entry("a", "file", 0o644, "aa"), "/s/a", "/d/a"),
        Item(Entry("b", "file", 0o644, "bb"), "/s/b", "/d/b"),
        Item(Entry("c", "link", target="x"), "/s/c", "/d/c"),
        Item(Entry("e", "file", 0o644, "-"), "/s/e", "/d/e"),
    ]
    there = [
        Entry("a", "file", 0o644, "aa"),
        Entry("b", "file", 0o600, "bb"),
        Entry("c", "link", target="y"),
        Entry("e", "file", 0o644, "-"),
        Entry("old", "folder", 0o755, "-"),
        Entry("old/file", "file", 0o644, "zz"),
    ]
    anew, strangers = differences(wanted, there, "/d")
    assert [item.to for item in anew] == ["/d/b", "/d/c", "/d/e"]
    assert strangers == ("/d/old/file", "/d/old")
