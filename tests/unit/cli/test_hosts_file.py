import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.cli.hosts_file import Host, parse, split_address
from pilothouse.errors import DocumentError
from pilothouse.jobs.secret import Secret


def test_the_three_forms_with_comments_and_blank_lines() -> None:
    text = "\ufeff# the web servers\n192.168.0.26:22 root pass#word\n\n  \t\n192.168.0.25\tsecret\r\n"
    text += "  # more\nweb-3:2020\n::1\n"
    assert parse(text, "hosts.txt") == [
        Host("192.168.0.26", 22, "root", Secret("pass#word")),
        Host("192.168.0.25", None, None, Secret("secret")),
        Host("web-3", 2020),
        Host("::1"),
    ]


def test_repetitions_count_once_and_other_logins_do_not() -> None:
    text = "a:22 root x\na:22 root x\na:22 other x\n"
    assert [host.user for host in parse(text, "hosts.txt")] == ["root", "other"]


def test_every_faulty_line_is_named_and_no_password_is_shown() -> None:
    text = "good\na b c my secret\nhost:99999 hidden-word\n:22 hidden-word\n[::1 x\nhost: x\n-oProxy x\n"
    with pytest.raises(DocumentError) as caught:
        parse(text, "hosts.txt")
    assert [problem.path for problem in caught.value.problems] == [f"line {number}" for number in range(2, 8)]
    assert "hosts.txt" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "hidden-word" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "\n\n", "# only comments\n"])
def test_a_file_without_hosts_is_refused(text: str) -> None:
    with pytest.raises(DocumentError, match="no host"):
        parse(text, "hosts.txt")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("h", ("h", None)),
        ("h:1", ("h", 1)),
        ("[fe80::1%eth0]:65535", ("fe80::1%eth0", 65535)),
        ("[::1]", ("::1", None)),
        ("fe80::1", ("fe80::1", None)),
    ],
)
def test_addresses(text: str, found: tuple[str, int | None]) -> None:
    assert split_address(text) == found


@pytest.mark.parametrize("text", ["h:0", "h:65536", "h:+1", "h:1_0", "h:٣", "[::1]22", "h/x", ""])
def test_what_is_no_address(text: str) -> None:
    assert isinstance(split_address(text), str)


@given(st.text())
def test_any_text_is_hosts_or_a_refusal(text: str) -> None:
    try:
        hosts = parse(text, "hosts.txt")
    except DocumentError:
        return
    assert hosts
    assert all(host.host and (host.port is None or 0 < host.port < 65536) for host in hosts)
