import pytest

from pilothouse.cli.entry import guarded
from pilothouse.errors import ExitCode, RefusedError


def raising(error: BaseException) -> int:
    raise error


def test_a_file_that_cannot_be_used_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    error = PermissionError(13, "Permission denied", "/some/file")
    assert guarded("name", lambda: raising(error)) == ExitCode.FAILED
    assert guarded("name", lambda: raising(error), lambda _: 3) == 3
    assert capsys.readouterr().err == "name: /some/file: Permission denied\n" * 2


def test_an_error_without_a_file_is_told_without_the_programs_name_twice(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded("name", lambda: raising(OSError(28, "No space left on device"))) == ExitCode.FAILED
    assert capsys.readouterr().err == "name: No space left on device\n"


def test_errors_have_their_own_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded("name", lambda: raising(RefusedError("not now"))) == ExitCode.REFUSED
    assert guarded("name", lambda: raising(KeyboardInterrupt())) == ExitCode.ABORTED
    assert capsys.readouterr().err == "name: not now\n"
