"""Which key files can be used, and what is said of the others."""

import subprocess
from pathlib import Path

import pytest
from tests.sshd import make_key

from pilothouse.transports.key_files import load


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    return tmp_path


def locked(path: Path, kind: str, *words: str) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "passphrase", "-f", str(path), *words], check=True)


def test_keys_asked_for_come_first_then_the_usual_ones(home: Path) -> None:
    make_key(home / "mine")
    make_key(home / ".ssh" / "id_ed25519")
    found = load((home / "mine", Path("~/.ssh/id_ed25519")))
    assert [key.path for key in found.usable] == [home / "mine", home / ".ssh" / "id_ed25519"]
    assert found.usable[0].content == (home / "mine").read_bytes()
    assert found.unusable == ()


def test_a_usual_key_may_be_missing_but_not_one_asked_for(home: Path) -> None:
    assert load(()).unusable == ()
    assert load((home / "mine",)).unusable == (f"key {home}/mine does not exist",)


@pytest.mark.parametrize(
    ("kind", "words"), [("ed25519", ()), ("ecdsa", ("-m", "PEM")), ("rsa", ("-m", "PKCS8")), ("rsa", ("-m", "PEM"))]
)
def test_locked_keys_are_told_in_every_format(home: Path, kind: str, words: tuple[str, ...]) -> None:
    locked(home / "mine", kind, *words)
    assert "is locked by a passphrase" in load((home / "mine",)).unusable[0]
    subprocess.run(
        ["ssh-keygen", "-q", "-p", "-P", "passphrase", "-N", "", "-f", str(home / "mine"), *words], check=True
    )
    assert load((home / "mine",)).usable


def test_what_is_no_key(home: Path) -> None:
    (home / "mine").write_text("ssh-ed25519 AAAA\n")
    assert "is no private key" in load((home / "mine",)).unusable[0]
    (home / "folder").mkdir()
    assert "cannot be read: Is a directory" in load((home / "folder",)).unusable[0]


def test_a_certificate_beside_the_key_belongs_to_it(home: Path) -> None:
    make_key(home / "mine")
    (home / "mine-cert.pub").write_text("a certificate")
    assert load((home / "mine",)).usable[0].certificate == b"a certificate"


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_the_public_half_is_read_where_the_file_shows_it(home: Path, kind: str) -> None:
    path = home / "mine"
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(path)], check=True)
    (key,) = load((path,)).usable
    assert key.public == b" ".join(path.with_suffix(".pub").read_bytes().split()[:2])


@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
def test_other_formats_do_not_show_it(home: Path, kind: str) -> None:
    path = home / "mine"
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-m", "PKCS8", "-f", str(path)], check=True)
    (key,) = load((path,)).usable
    assert key.public is None
