"""Every request gets its caller: by token, by client certificate, or none is asked for (slapos-master 5.4, 15.1)."""

import asyncio
from collections.abc import Iterable, Mapping
from functools import lru_cache
from ssl import PEM_cert_to_DER_cert
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from pilothouse.clock import Clock
from pilothouse.errors import ExitCode, PilothouseError
from pilothouse.identity import tokens
from pilothouse.identity.caller import LOCAL, Caller
from pilothouse.identity.holder import Holder, holder
from pilothouse.identity.throttle import Throttle
from pilothouse.store import accounts, credentials, owners
from pilothouse.store.contract import Store

_BEARER: Final = "bearer"
_KEPT: Final = 4096  # proofs that were looked up
Scope = Mapping[str, Any]


class LoginError(PilothouseError):
    """Nothing, or nothing that counts, says who calls; ``wait`` is when the address may try again, in seconds."""

    exit_code = ExitCode.AUTHENTICATION

    def __init__(self, text: str, wait: float = 0.0) -> None:
        self.wait = wait
        super().__init__(text)


class Known(NamedTuple):
    """Whom a proof stands for, and until when, in seconds since the epoch."""

    caller: Caller
    until: float


class Login:
    """Finds out who calls. A proof is looked up again only after the store has changed, where the store can tell."""

    def __init__(self, store: Store, clock: Clock, throttle: Throttle) -> None:
        self._store = store
        self._clock = clock
        self._throttle = throttle
        self._looked_up: dict[str | Holder, tuple[int, Known]] = {}

    async def caller(self, scope: Scope) -> Caller:
        """Return who sent a request. A token that is given wins over a certificate. Raises LoginError."""
        address = client_of(scope)
        if wait := self._throttle.wait(address):
            raise LoginError(f"too many failed logins from {address}; wait {wait:.0f} seconds", wait)
        now = self._clock.time()
        token, found = bearer(scope["headers"]), certified(scope)
        proof = found if token is None else token
        if proof is None:
            raise LoginError("log in: send a client certificate, or the header 'Authorization: Bearer TOKEN'")
        version = self._store.version()
        before, known = self._looked_up.get(proof, (None, None))
        if known is not None and version == before and now < known.until:
            return known.caller
        answer = await self._store.read(lambda connection: _known(connection, proof, now))
        if isinstance(answer, str):
            self._throttle.failed(address)
            raise LoginError(answer)
        self._keep(proof, version, answer)
        return answer.caller

    def _keep(self, proof: str | Holder, version: int | None, known: Known) -> None:
        if version is None:
            return
        if len(self._looked_up) >= _KEPT:
            self._looked_up.clear()
        self._looked_up[proof] = (version, known)


class NoLogin:
    """Everybody who reaches this server is its administrator, as with ``slapos proxy``."""

    async def caller(self, scope: Scope) -> Caller:
        """Return the local caller."""
        await asyncio.sleep(0)
        return LOCAL


def client_of(scope: Scope) -> str:
    """Return the address that a request came from."""
    return str((scope.get("client") or ("", 0))[0])


def bearer(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Return the token of the ``Authorization`` header; other schemes mean something else (1.6)."""
    for name, value in headers:
        if name == b"authorization":
            scheme, _, rest = value.decode("latin-1").strip().partition(" ")
            return rest.strip() if scheme.lower() == _BEARER else None
    return None


def certified(scope: Scope) -> Holder | None:
    """Return the holder of the certificate that the handshake verified."""
    chain = scope.get("extensions", {}).get("tls", {}).get("client_cert_chain", ())
    return _read(chain[0]) if chain else None


def _known(connection: Connection, proof: str | Holder, now: float) -> Known | str:
    return by_token(connection, proof, now) if isinstance(proof, str) else by_certificate(connection, proof, now)


def by_token(connection: Connection, text: str, now: float) -> Known | str:
    """Return the user whose token it is, or why it does not count."""
    token = credentials.token(connection, tokens.digest(text)) if tokens.kind_of(text) else None
    fault = "unknown" if token is None else tokens.fault(token, text, "access", now)
    if token is None or fault is not None:
        return f"the token is {fault}; make another: pilothouse user token NAME"
    return _user(
        connection, token.user, token.project, "token", float("inf") if token.expires is None else token.expires
    )


def by_certificate(connection: Connection, held: Holder, now: float) -> Known | str:
    """Return whom a certificate speaks for, or why it does not count."""
    if held.kind == "server":
        return "the certificate is a server's; use a client's"
    until = credentials.certificate_standing(connection, held.serial, held.kind, held.name, now)
    if isinstance(until, str):
        return f"the certificate of {held.kind} {held.name} is {until}"
    if held.kind == "user":
        return _user(connection, held.name, None, "certificate", until)
    project = owners.project_of(connection, held.kind, held.name)
    if project is None:
        return f"there is no {held.kind} {held.name}"
    return Known(Caller(kind=held.kind, name=held.name, project=project, how="certificate"), until)


def _user(connection: Connection, name: str, project: str | None, how: str, until: float) -> Known | str:
    user = accounts.find(connection, name)
    if user is None or user.disabled is not None:
        return f"user {name} may not log in"
    if project is None:  # a certificate names none
        project = "" if "" in user.roles else min(user.roles, default="")
    caller = Caller(kind="user", name=name, project=project, roles=user.roles.get(project, frozenset()), how=how)
    return Known(caller, until)


@lru_cache(maxsize=4096)
def _read(pem: str) -> Holder | None:
    return holder(PEM_cert_to_DER_cert(pem))
