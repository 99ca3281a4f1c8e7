"""Which keys a known_hosts text holds of a name."""

import base64
import hashlib
import hmac
import subprocess
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from tests.sshd import make_key

from pilothouse.transports.known_hosts import HostKey, KnownHosts


def key(number: int, kind: str = "ssh-ed25519") -> HostKey:
    name = kind.encode()
    body = bytes([number]) * 32
    return HostKey(len(name).to_bytes(4, "big") + name + len(body).to_bytes(4, "big") + body)


def held(text: str, name: str) -> list[HostKey]:
    return [entry.key for entry in KnownHosts(text).of(name)]


ONE, TWO = key(1), key(2)


def test_names_lists_ports_and_comments() -> None:
    text = f"# comment\n\nweb,10.0.0.1 {ONE.line} a comment\n[web]:2222 {TWO.line}\n"
    assert held(text, "web") == held(text, "10.0.0.1") == [ONE]
    assert held(text, "[web]:2222") == [TWO]
    assert held(text, "other") == held(text, "[web]:22") == []


def test_case_does_not_matter() -> None:
    assert held(f"Web.Example {ONE.line}", "wEB.example") == [ONE]
    assert held(f"*.EXAMPLE {ONE.line}", "Web.example") == [ONE]


def test_signs_and_exceptions() -> None:
    text = f"*.example,!bad.example {ONE.line}\n[10.0.0.?]:22* {TWO.line}\n"
    assert held(text, "web.example") == [ONE]
    assert held(text, "bad.example") == []
    assert held(text, "[10.0.0.7]:2200") == [TWO]
    assert held(text, "10.0.0.7") == []


def test_an_exception_alone_admits_nobody() -> None:
    assert held(f"!bad.example {ONE.line}", "web.example") == []


def test_hashed_names() -> None:
    salt = b"0123456789abcdef0123"
    digest = hmac.new(salt, b"[web]:2222", hashlib.sha1).digest()
    name = f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"
    assert held(f"{name} {ONE.line}", "[web]:2222") == [ONE]
    assert held(f"{name} {ONE.line}", "web") == []


def test_marks() -> None:
    marked = f"@revoked * {ONE.line}\n@cert-authority *.example {TWO.line}\n@strange web.example {TWO.line}\n"
    text = f"{marked}web.example {TWO.line}\n"
    roles = {(entry.role, entry.number) for entry in KnownHosts(text).of("web.example")}
    assert roles == {("revoked", 1), ("authority", 2), ("", 4)}


def test_lines_that_cannot_be_read_are_passed_over() -> None:
    wrong_kind = ONE.line.replace("ssh-ed25519", "ssh-rsa", 1)
    text = f"web\nweb ssh-rsa\nweb ssh-rsa !!!\nweb {wrong_kind}\n|1|broken {ONE.line}\nweb {TWO.line}\n"
    assert held(text, "web") == [TWO]


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    KnownHosts(text).of("web")


def test_kind_and_fingerprint_are_those_of_ssh_keygen(tmp_path: Path) -> None:
    make_key(tmp_path / "key")
    public = (tmp_path / "key.pub").read_text()
    listing = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(tmp_path / "key.pub")], stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    found = held(f"web {public}", "web")[0]
    assert str(found) == f"ssh-ed25519 {listing.split()[1]}"
    assert found.line == " ".join(public.split()[:2])
