"""Settings that have no option: planta_headless.ini and PLANTA_HEADLESS_* (spec section 4.3)."""

import os
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from pilothouse.headless.client.stop import ParameterError

_PREFIX: Final = "PLANTA_HEADLESS_"
_FILE_VARIABLE: Final = _PREFIX + "INI"
_FILE: Final = "planta_headless.ini"
_SECTION: Final = "client"


class ClientSettings(NamedTuple):
    """How to connect and to wait; times are seconds, empty texts mean the default."""

    encrypted: str = "auto"
    ca_file: str = ""
    server_name: str = ""
    cert_file: str = ""
    key_file: str = ""
    connect_timeout: float = 10.0
    login_timeout: float = 30.0
    reconnect_window: float = 60.0
    on_error: str = "stop"
    log_file: str = ""
    password_stdin: bool = False


def load_settings(environ: Mapping[str, str], script: str) -> ClientSettings:
    """Return the settings of the file and the environment, which wins; raises ParameterError naming what is wrong."""
    values = {f"{name} in {where}": (name, text) for where, pairs in _sources(environ, script) for name, text in pairs}
    chosen: dict[str, object] = {}
    for place, (name, text) in values.items():
        if name not in _READERS:
            raise ParameterError(f"{place}: no setting has this name; there are: {', '.join(_READERS)}")
        try:
            chosen[name] = _READERS[name](text)
        except ValueError as error:
            raise ParameterError(f"{place}: {text!r} is {error}") from error
    return ClientSettings(**chosen)  # type: ignore[arg-type]


def _sources(environ: Mapping[str, str], script: str) -> list[tuple[str, list[tuple[str, str]]]]:
    named = environ.get(_FILE_VARIABLE)
    path = named or script.rpartition(os.sep)[0] + os.sep + _FILE if named or os.sep in script else _FILE
    pairs = [
        (word.removeprefix(_PREFIX).lower(), text)
        for word, text in environ.items()
        if word.startswith(_PREFIX) and word != _FILE_VARIABLE
    ]
    return [(path, _read(path, required=bool(named))), ("the environment", pairs)]


def _read(path: str, *, required: bool) -> list[tuple[str, str]]:
    try:
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
    except (FileNotFoundError, NotADirectoryError):
        if required:
            raise ParameterError(f"{path}: no such file; {_FILE_VARIABLE} names it") from None
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(f"{path}: cannot be read: {error}") from error
    import configparser  # most calls have no such file

    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text, path)
    except configparser.Error as error:
        raise ParameterError(f"{path}: {error}") from error
    if parser.sections() != [_SECTION]:
        raise ParameterError(f"{path}: expected one section [{_SECTION}]")
    return parser.items(_SECTION)


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"none of: {', '.join(words)}")
        return text

    return read


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 < number < float("inf"):
        raise ValueError("no number of seconds above 0")
    return number


def _switch(text: str) -> bool:
    return _one_of("true", "false")(text) == "true"


_READERS: Final[dict[str, Callable[[str], object]]] = {
    "encrypted": _one_of("auto", "true", "false"),
    "ca_file": str,
    "server_name": str,
    "cert_file": str,
    "key_file": str,
    "connect_timeout": _seconds,
    "login_timeout": _seconds,
    "reconnect_window": _seconds,
    "on_error": _one_of("stop", "continue"),
    "log_file": str,
    "password_stdin": _switch,
}
