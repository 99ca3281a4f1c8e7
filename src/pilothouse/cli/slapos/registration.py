"""The web side of a master, which gives certificates for tokens (spec section 5.4)."""

import sys
from collections.abc import Mapping
from typing import Final, NamedTuple

from pilothouse.cli.slapos.call import CommandError

MASTER_URL: Final = "https://slap.vifib.com"
MASTER_URL_WEB: Final = "https://panel.rapid.space"
DENIED: Final = "Access denied to the SlapOS Master. Please check the authentication token or require a new one."
_FORBIDDEN: Final = 403
_REFUSALS: Final = (401, _FORBIDDEN)
_LOGIN_DENIED: Final = "Access denied to the SlapOS Master. Please check username and password."
_TOKENS_ONLY: Final = "This SlapOS server does not support login/password authentication. Please use the token."
_IN_USE: Final = "Certificate still active."
_NO_LOGINS: Final = "NotImplementedError"
"""What masters of the original that take tokens only answer to a login."""


class Granted(NamedTuple):
    """A certificate with its key, as texts; ``reference`` is the computer's, if the master says it."""

    certificate: str
    key: str
    reference: str = ""


class DeniedError(CommandError):
    """The master refuses the token."""

    def __init__(self, kind: str) -> None:
        super().__init__(DENIED, f"A {kind} token is valid once, for one day; the master's web page gives another.")


class WrongLoginError(CommandError):
    """The master does not know the login, or not with this password."""

    def __init__(self, text: str = _LOGIN_DENIED) -> None:
        super().__init__(text)


class NameInUseError(CommandError):
    """A node of this name has a certificate already."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f'The node name "{name}" is already in use. Please change the name, '
            "or revoke the active certificate if you want to replace the node."
        )


def person(web: str, token: str) -> Granted:
    """Return a person's certificate. Raises DeniedError, CommandError, FetchError."""
    return _ask(web, "Person_getCertificate", token, {}, "")


def computer(web: str, token: str, name: str) -> Granted:
    """Return the certificate of a new computer. Raises NameInUseError, DeniedError, CommandError, FetchError."""
    return _ask(web, "Person_requestComputer", token, {"title": name}, name)


def token(given: str | None, prompt: str, *, hidden: bool = True) -> str:
    """Return a token, asked for until there is one. Raises CommandError at the end of the input."""
    while not given:
        try:
            if sys.stdin.isatty() and hidden:
                import getpass

                given = getpass.getpass(prompt)
            else:
                print(prompt, end="", file=sys.stderr, flush=True)
                given = input()
        except EOFError:
            raise CommandError("No token was given", "Give it to the prompt, or with --token.") from None
        given = given.strip()
    return given


def signed_in(web: str, login: str, password: str) -> bool:
    """Return whether a master without tokens accepts a login. Raises FetchError."""
    from pilothouse.cli.slapos import fetching

    try:
        return b"Logout" in fetching.ask(web, _basic(login, password))
    except fetching.FetchError as error:
        if error.status in _REFUSALS:
            return False
        raise


def computer_by_login(web: str, login: str, password: str, name: str) -> Granted:
    """Return the certificate of a new computer from a master without tokens.

    Raises NameInUseError, CommandError, FetchError.
    """
    from urllib.parse import urlencode

    from pilothouse.cli.slapos import fetching

    url = f"{web}/Person_requestComputer"
    try:
        return _granted(url, fetching.ask(f"{url}?{urlencode({'title': name})}", _basic(login, password)))
    except fetching.FetchError as error:
        if _NO_LOGINS in error.body:
            raise WrongLoginError(_TOKENS_ONLY) from None
        if _IN_USE in error.body:
            raise NameInUseError(name) from None
        if error.status in _REFUSALS:
            raise WrongLoginError from None
        raise


def _basic(login: str, password: str) -> Mapping[str, str]:
    import base64

    return {"Authorization": f"Basic {base64.b64encode(f'{login}:{password}'.encode()).decode()}"}


def _ask(web: str, call: str, secret: str, form: dict[str, str], name: str) -> Granted:
    from pilothouse.cli.slapos import fetching

    url = f"{web}/{call}"
    try:
        content = fetching.ask(url, {"X-Access-Token": secret, "Accept": "*/*"}, form)
    except fetching.FetchError as error:
        if name and _IN_USE in error.body:
            raise NameInUseError(name) from None
        if error.status == _FORBIDDEN:
            raise DeniedError("computer" if name else "credential") from None
        raise
    return _granted(url, content)


def _granted(url: str, content: bytes) -> Granted:
    import json

    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    if answer is False:
        raise CommandError(
            f"{url}: a certificate of this account is active already", "Revoke it on the master's web page."
        )
    if not isinstance(answer, dict) or not all(isinstance(answer.get(part), str) for part in ("certificate", "key")):
        raise CommandError(
            f"{url} answers no certificate", "Is this the web address of the master, not that of its SLAP service?"
        )
    return Granted(answer["certificate"], answer["key"], str(answer.get("reference") or ""))
