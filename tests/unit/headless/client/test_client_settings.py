from pathlib import Path

import pytest

from pilothouse.headless.client.settings import ClientSettings, load_settings
from pilothouse.headless.client.stop import ParameterError

INI = "PLANTA_HEADLESS_INI"


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert load_settings({}, str(tmp_path / "planta_headless.py")) == ClientSettings()


def test_the_file_beside_the_script_and_the_environment_which_wins(tmp_path: Path) -> None:
    (tmp_path / "planta_headless.ini").write_text("[client]\non_error = continue\nconnect_timeout=2.5\nca_file=%h\n")
    environ = {"PLANTA_HEADLESS_CONNECT_TIMEOUT": "3", "PLANTA_HEADLESS_PASSWORD_STDIN": "true"}
    settings = load_settings(environ, str(tmp_path / "planta_headless.py"))
    assert settings == ClientSettings(on_error="continue", connect_timeout=3.0, ca_file="%h", password_stdin=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[client]\nreturn_codes=classic\n", "return_codes"),
        ("[client]\nEncrypted=auto\n", "Encrypted"),
        ("[client]\nencrypted=yes\n", "auto, true, false"),
        ("[client]\nlogin_timeout=0\n", "seconds"),
        ("[client]\nlogin_timeout=inf\n", "seconds"),
        ("[server]\n", "section"),
        ("encrypted=auto\n", "section"),
    ],
)
def test_what_a_file_cannot_say(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "c.ini"
    path.write_text(text)
    with pytest.raises(ParameterError, match=said):
        load_settings({INI: str(path)}, "x")


def test_a_file_that_is_named_is_there_and_variables_are_known(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="no such file"):
        load_settings({INI: str(tmp_path / "none.ini")}, "x")
    with pytest.raises(ParameterError, match="speed in the environment"):
        load_settings({"PLANTA_HEADLESS_SPEED": "1"}, str(tmp_path / "x"))
