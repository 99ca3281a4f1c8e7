"""Whom the client believes to be the master, and how it shows itself: TLS settings (spec 1.1)."""

import os
import ssl
from pathlib import Path
from typing import Final

from pilothouse.errors import SettingsError

ENVIRONMENT: Final = "SLAPOS_MASTER_VERIFY"
"""Set to ``no``, and any certificate of a master is accepted, as the original does."""
_WORDS: Final = {"": True, "1": True, "yes": True, "true": True, "0": False, "no": False, "false": False}


def verifies(asked: bool | None) -> bool:
    """Whether certificates are verified: as asked by the program, else by the environment, else yes."""
    if asked is not None:
        return asked
    word = os.environ.get(ENVIRONMENT, "").strip().lower()
    if word not in _WORDS:
        raise SettingsError(f"{ENVIRONMENT} is {word!r}; set it to yes or no")
    return _WORDS[word]


def context(cert_file: str | None, key_file: str | None, ca_file: str | None, *, verify: bool | None) -> ssl.SSLContext:
    """Return the TLS settings; a CA file is the only trust when it is given, else it is the system's.

    Raises SettingsError when a file cannot be used.
    """
    made = _trusting(ca_file, verify=verify)
    if cert_file:
        try:
            made.load_cert_chain(Path(cert_file).expanduser(), Path(key_file).expanduser() if key_file else None)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(
                f"the client certificate {cert_file} with the key {key_file} cannot be used: {error}"
            ) from error
    return made


def _trusting(ca_file: str | None, *, verify: bool | None) -> ssl.SSLContext:
    if ca_file:
        try:
            return ssl.create_default_context(cafile=Path(ca_file).expanduser())
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(f"the CA certificates in {ca_file} cannot be used: {error}") from error
    made = ssl.create_default_context()
    if not verifies(verify):
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made
