"""Passwords for tools: by option, or by the name of a file or variable, so that no command line shows them."""

import argparse
import os
from pathlib import Path
from typing import Final

from pilothouse.controlserver.config import read
from pilothouse.errors import UsageError
from pilothouse.jobs.secret import Secret
from pilothouse.secrets.vault import Vault
from pilothouse.settings import load
from pilothouse.tools.program import work_path

_SETTING: Final = "PILOTHOUSE_PASSWORD_KEY"


def add_password(add: argparse.ArgumentParser, *, plain: bool = True, prefix: str = "") -> None:
    """Add ``--password-file`` and ``--password-env``, and ``--password`` unless it must not be there.

    A ``prefix`` like ``enable-`` tells a second password from the first.
    """
    # given but empty they do not count: job documents may hold every option of a tool
    if plain:
        add.add_argument(f"--{prefix}password", default="")
    add.add_argument(f"--{prefix}password-file", default="")
    add.add_argument(f"--{prefix}password-env", default="")


def password(options: argparse.Namespace, *, prefix: str = "") -> Secret:
    """Return the password that was chosen, opened if it is sealed; an empty one when none was.

    A relative file is meant from the run folder. Raises UsageError when the file or variable has none, or when
    several are given.
    """
    name = f"{prefix}password".replace("-", "_")
    plain, file, variable = (getattr(options, f"{name}{end}", "") for end in ("", "_file", "_env"))
    if sum(map(bool, (plain, file, variable))) > 1:
        raise UsageError(f"give only one of --{prefix}password, --{prefix}password-file and --{prefix}password-env")
    if plain:
        return Secret(plain)
    if file:
        return _opened(_in_file(work_path() / file))
    if variable:
        return _opened(_in_variable(variable))
    return Secret()


def vault() -> Vault:
    """Return what opens the secrets of this site: by the key of conf/config.ini, else that of the settings."""
    home = os.environ.get("AUTOEXEC_HOME")
    key = None
    if home and _SETTING not in os.environ:
        key = read(Path(home) / "conf" / "config.ini").settings.get("password_key")
    return Vault(str(key or load().password_key))


def _opened(text: str) -> Secret:
    return Secret(vault().open(Secret(text)))


def _in_file(path: Path) -> str:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--password-file {path}: cannot be read: {error}") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text or "\n" in text:
        raise UsageError(f"--password-file {path}: allowed: one line, the password")
    return text


def _in_variable(name: str) -> str:
    text = os.environ.get(name)
    if not text:
        raise UsageError(f"--password-env: the variable {name} is not set, or empty")
    return text
