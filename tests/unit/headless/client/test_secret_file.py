import os
from pathlib import Path

import pytest

from pilothouse.headless.client.secret_file import NewSecret, Secret, check_owner, load_secret, parse_secret
from pilothouse.headless.client.stop import ParameterError

VALUE = "$2b$10$abcdefghijklmnopqrstuuFg45jv3coxNAIEirPs1LBkim/wHn7gC"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "s41"
    path.write_text(f"# user: R41\n{VALUE}\n")
    path.chmod(0o400)
    return path


@pytest.mark.parametrize("mode", [0o440, 0o404, 0o640, 0o644, 0o420, 0o402])
def test_check_18_modes_that_let_others_in(mode: int, path: Path) -> None:
    path.chmod(mode)
    with pytest.raises(ParameterError, match=f"mode {mode:04o}.*chmod 0400") as caught:
        load_secret(str(path))
    assert VALUE not in str(caught.value)


@pytest.mark.parametrize("mode", [0o400, 0o600])
def test_check_18_modes_that_do_not(mode: int, path: Path) -> None:
    path.chmod(mode)
    assert load_secret(str(path)) == Secret(VALUE, "R41")


def test_check_19_a_file_of_another_account(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: other)
    with pytest.raises(ParameterError, match=f"belongs to user id {other - 1}"):
        load_secret(str(path))


def test_a_link_is_judged_by_its_target_and_a_pipe_does_not_hang(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(path)
    assert load_secret(str(link)) == Secret(VALUE, "R41")
    os.mkfifo(tmp_path / "pipe", 0o400)
    for other in (tmp_path / "pipe", tmp_path):
        with pytest.raises(ParameterError, match="not a regular file"):
            load_secret(str(other))


def test_a_directory_where_anybody_writes(path: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(ParameterError, match="chmod o-w"):
        load_secret(str(path))
    with pytest.raises(ParameterError, match="chmod o-w"):
        NewSecret(str(tmp_path / "new"))
    tmp_path.chmod(0o1777)
    assert load_secret(str(path))


@pytest.mark.parametrize(
    "text",
    [VALUE, f"{VALUE}\n", f"\r\n# x\r\n{VALUE}\r\n", f"{VALUE.replace('2b', '2a')}\n", f"{VALUE.replace('2b', '2y')}"],
)
def test_check_21_a_bare_bcrypt_line_is_enough(text: str) -> None:
    assert parse_secret("s", text.encode()).value in text


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"geheim",
        b"# only\n",
        VALUE.encode() * 2,
        f"{VALUE}\n{VALUE}\n".encode(),
        f"{VALUE}x".encode(),
        f" {VALUE}".encode(),
        f"{VALUE}\n# \xe4".encode(),
        f"{VALUE}\n#{'x' * 4096}".encode(),
        b"$2b$03$" + b"a" * 53,
    ],
)
def test_anything_else_is_refused_without_being_shown(raw: bytes) -> None:
    with pytest.raises(ParameterError, match="not a password hash file") as caught:
        parse_secret("s41", raw)
    assert "geheim" not in str(caught.value)


def test_headers_say_whose_it_is() -> None:
    text = f"# planta-headless secret, keep mode 0400\n# user: R41\n# service: 6f0c   (x)\n# cred: cron\n{VALUE}\n"
    secret = parse_secret("s", text.encode())
    assert secret == Secret(VALUE, "R41", "6f0c   (x)", "cron")
    check_owner("s", secret, "R41")
    with pytest.raises(ParameterError, match="belongs to user R41, not to R42"):
        check_owner("s", secret, "R42")


def test_a_new_file_comes_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new"
    given_up = NewSecret(str(path))
    given_up.discard()
    assert list(tmp_path.iterdir()) == []
    new = NewSecret(str(path))
    assert not path.exists()
    new.keep(Secret(VALUE, "R41", "6f0c"))
    new.discard()
    assert [entry.name for entry in tmp_path.iterdir()] == ["new"]
    assert path.stat().st_mode & 0o777 == 0o400
    assert load_secret(str(path)) == Secret(VALUE, "R41", "6f0c")


def test_of_two_first_uses_the_second_finds_the_first_ones_file(tmp_path: Path) -> None:
    path = str(tmp_path / "new")
    first, second, third = NewSecret(path), NewSecret(path), NewSecret(path)
    first.keep(Secret(VALUE))
    second.keep(Secret(VALUE))
    with pytest.raises(ParameterError, match="another process"):
        third.keep(Secret(VALUE.replace("Fg", "Xg")))
    third.discard()
    assert [entry.name for entry in tmp_path.iterdir()] == ["new"]


def test_check_17_a_directory_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="directory cannot be used"):
        NewSecret(str(tmp_path / "none" / "new"))
    assert load_secret(str(tmp_path / "none" / "new")) is None
