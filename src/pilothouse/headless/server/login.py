"""Who logs in, and what proves it; every failure looks the same from outside (headless 11)."""

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import logging
import os
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from pilothouse.clock import Clock
from pilothouse.errors import PilothouseError
from pilothouse.headless import limits
from pilothouse.headless.codes import ErrorCode
from pilothouse.headless.messages import Challenge, Kdf, Login
from pilothouse.headless.server.rights import Rights, parse
from pilothouse.identity.caller import Caller
from pilothouse.identity.throttle import Throttle
from pilothouse.store import audit, headless_accounts, headless_groups
from pilothouse.store.contract import Store
from pilothouse.store.headless_accounts import Credential, HeadlessUser, OsLogin

PLAIN: Final = "SCRAM-SHA-256"
PLUS: Final = "SCRAM-SHA-256-PLUS"
_OF_USER: Final = 5  # failures a minute of one user from one address
_OF_ADDRESS: Final = 30
_BCRYPT: Final = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_BCRYPT_LAST: Final = ".Oeu"  # what 128 bits leave for the last of 22 letters
_FAILED: Final = "login refused"
_TLS_HELLO: Final = b"\x16\x03"
_LOG: Final = logging.getLogger("pilothouse.headless")


class LoginRefusedError(PilothouseError):
    """A login is refused; ``why`` is for the audit log only."""

    def __init__(self, code: ErrorCode, text: str, why: str = "", retry_after: int | None = None) -> None:
        self.code = code
        self.text = text
        self.why = why or text
        self.retry_after = retry_after
        super().__init__(f"{code.name}: {text}")


class Visitor(msgspec.Struct, frozen=True, kw_only=True):
    """A user who is logged in; its rights are with those of its groups."""

    user: HeadlessUser
    rights: Rights
    credential: str
    how: str
    address: str

    def caller(self) -> Caller:
        """Return the visitor as the audit log knows callers."""
        return Caller(kind="user", name=self.user.name, how=f"headless {self.how}")


class Exchange:
    """One SCRAM login that waits for its proof."""

    def __init__(self, login: Login, credential: Credential, known: bool, binding: bytes | None) -> None:
        from scramp import ScramMechanism  # noqa: PLC0415 - loaded at the first login

        self.login = login
        self.credential = credential
        self.known = known
        keys = [
            base64.b64decode(each) for each in (credential.scram_salt, credential.stored_key, credential.server_key)
        ]
        self._name = ""

        def records(name: str) -> tuple[bytes, bytes, bytes, int]:
            self._name = name
            return keys[0], keys[1], keys[2], credential.iterations

        mechanism = ScramMechanism(PLAIN if binding is None else PLUS)
        channel = None if binding is None else ("tls-server-end-point", binding)
        self._server: Any = mechanism.make_server(records, channel_binding=channel)

    def challenge(self) -> Challenge:
        """Return the server's first message. Raises LoginRefusedError."""
        try:
            self._server.set_client_first(self.login.scram or "")
            first = str(self._server.get_server_first())
        except Exception as error:  # noqa: BLE001 - whatever a stranger's text does to the library
            raise LoginRefusedError(ErrorCode.AUTH_FAILED, _FAILED, f"first message: {error}") from None
        kdf = Kdf(scheme="bcrypt", salt=self.credential.kdf_salt, prep=self.credential.prep)
        return Challenge(kdf=kdf, scram=first)

    def finish(self, proof: str) -> str:
        """Return the server's final message. Raises LoginRefusedError unless the proof is right."""
        try:
            self._server.set_client_final(proof)
            final = str(self._server.get_server_final())
        except Exception as error:  # noqa: BLE001 - whatever a stranger's text does to the library
            raise LoginRefusedError(ErrorCode.AUTH_FAILED, _FAILED, f"proof: {error}") from None
        if not self.known or self._name != self.credential.owner:
            raise LoginRefusedError(ErrorCode.AUTH_FAILED, _FAILED, "unknown user or credential")
        return final


class Reception:
    """Looks up who wants in. ``secret`` makes what strangers are shown stable and unlike a guess."""

    def __init__(self, store: Store, clock: Clock, secret: bytes) -> None:
        self._store = store
        self._clock = clock
        self._secret = secret
        self._of_user = Throttle(clock, _OF_USER)
        self._of_address = Throttle(clock, _OF_ADDRESS)
        self._strangers = Throttle(clock, 1)
        self._told = Throttle(clock, _OF_ADDRESS)

    async def begin(self, login: Login, address: str, binding: bytes | None) -> Exchange:
        """Return the exchange of a login by SCRAM. Raises LoginRefusedError."""
        self.check_pace(login, address)
        owner, name = owner_of(login), login.cred
        found = await self._store.read(lambda c: headless_accounts.find_credential(c, owner, name))
        return Exchange(login, found or self._fake(owner, name), found is not None, binding)

    async def proven(self, exchange: Exchange, address: str) -> Visitor:
        """Return who has proven the secret, if it may log in now. Raises LoginRefusedError."""
        credential, now = exchange.credential, self._clock.time()
        if credential.expires is not None and now >= credential.expires:
            raise LoginRefusedError(ErrorCode.AUTH_FAILED, _FAILED, "the credential has expired")
        if credential.allow_from and not allows(credential.allow_from, address):
            raise LoginRefusedError(ErrorCode.AUTH_FAILED, _FAILED, "the credential is not for this address")
        name = credential.name or "main"
        if exchange.login.type_ == "challenge":
            return await self._visitor(exchange.login.user, name, "challenge", address)
        logins = await self._store.read(
            lambda c: headless_accounts.os_logins_of(c, exchange.login.os_user, [exchange.login.os_host])
        )
        return await self.mapped(logins, exchange.login.user, "osuser scram", address, credential=name)

    async def peer(self, account: str, hosts: Sequence[str], user: str, address: str, how: str) -> Visitor:
        """Return whom an account may act for that the kernel or a certificate names. Raises LoginRefusedError."""
        logins = await self._store.read(lambda c: headless_accounts.os_logins_of(c, account, hosts))
        return await self.mapped(logins, user, how, address)

    async def mapped(
        self, logins: Sequence[OsLogin], user: str, how: str, address: str, credential: str = ""
    ) -> Visitor:
        """Return the user that the mappings allow. Raises LoginRefusedError OS_NOT_MAPPED."""
        names = [each.user for each in logins if (each.user == user if user else each.is_default)]
        if not names:
            raise LoginRefusedError(ErrorCode.OS_NOT_MAPPED, "this OS login may not act for the user")
        return await self._visitor(names[0], credential, how, address)

    async def failed(self, login: Login, address: str, refused: LoginRefusedError) -> None:
        """Count a failure, and record why it was one: so many a minute of an address, or strangers fill the disk."""
        owner = owner_of(login)
        if refused.code == ErrorCode.AUTH_FAILED:
            self._of_user.failed(f"{owner}|{address}")
            self._of_address.failed(address)
        told = f"{refused.code.name}|{address}"
        if self._told.wait(told) > 0:
            return
        self._told.failed(told)
        caller = Caller(kind="user", name=owner, how=f"headless {login.type_}")
        detail = {"from": address, "why": refused.why, "credential": login.cred}

        def record(connection: Connection) -> None:
            audit.append(connection, caller, "headless login refused", owner, detail, self._clock.time())

        await self._store.write(record)

    async def _visitor(self, name: str, credential: str, how: str, address: str) -> Visitor:
        now = self._clock.time()
        user = await self._store.read(lambda c: headless_accounts.find_user(c, name))
        if user is None:
            raise LoginRefusedError(ErrorCode.AUTH_FAILED, _FAILED, "there is no such user")
        if (user.valid_from is not None and now < user.valid_from) or (
            user.valid_to is not None and now >= user.valid_to
        ):
            raise LoginRefusedError(ErrorCode.AUTH_FAILED, _FAILED, "outside the user's time of validity")
        words = await self._store.read(lambda c: headless_groups.rights_of(c, user))
        visitor = Visitor(
            user=msgspec.structs.replace(user, rights=words),
            rights=parse(words),
            credential=credential,
            how=how,
            address=address,
        )

        def record(connection: Connection) -> None:
            headless_accounts.logged_in(connection, user.name, now)
            detail = {"from": address, "credential": credential}
            audit.append(connection, visitor.caller(), "headless login", user.name, detail, now)

        await self._store.write(record)
        return visitor

    def strange(self, preamble: bytes, address: str) -> None:
        """Tell the log, once a minute for each address, of somebody who speaks something else."""
        if self._strangers.wait(address) <= 0:
            self._strangers.failed(address)
            what = "TLS, and this port is plain" if preamble.startswith(_TLS_HELLO) else "another protocol"
            _LOG.info("%s speaks %s: hung up", address, what)

    def check_pace(self, login: Login, address: str) -> None:
        """Raise LoginRefusedError AUTH_LATER after too many failures; asked again before each proof is looked at.

        Else as many could be tried at once as there are connections.
        """
        wait = max(self._of_user.wait(f"{owner_of(login)}|{address}"), self._of_address.wait(address))
        if wait > 0:
            raise LoginRefusedError(
                ErrorCode.AUTH_LATER, "too many failed logins, try again later", retry_after=int(wait) + 1
            )

    def _fake(self, owner: str, name: str) -> Credential:
        raw = [hmac.digest(self._secret, f"{what}|{owner}|{name}".encode(), "sha256") for what in ("kdf", "scram")]
        keys = [base64.b64encode(os.urandom(32)).decode() for _ in range(2)]
        return Credential(
            owner=owner,
            name=name,
            kdf_salt=f"$2b${limits.DEFAULT_COST:02}${_salt(raw[0])}",
            prep="sha256-b64",
            scram_salt=base64.b64encode(raw[1][:16]).decode(),
            iterations=limits.DEFAULT_ITERATIONS,
            stored_key=keys[0],
            server_key=keys[1],
            created=0.0,
        )


def owner_of(login: Login) -> str:
    """Return whose credential a login means."""
    return login.user if login.type_ == "challenge" else f"os:{login.os_user}@{login.os_host}"


def allows(networks: Sequence[str], address: str) -> bool:
    """Whether an address lies in one of the networks."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in ipaddress.ip_network(network, strict=False) for network in networks)


def binding_of(certificate: bytes) -> bytes:
    """Return the hash of a certificate in DER to which logins are bound (RFC 5929)."""
    from cryptography import x509  # noqa: PLC0415

    used = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    name = used.name if used is not None and used.name not in {"md5", "sha1"} else "sha256"
    return hashlib.new(name, certificate).digest()


async def hold(seconds: float) -> None:
    """Keep a failure waiting, so that guessing takes time."""
    await asyncio.sleep(seconds)


def _salt(raw: bytes) -> str:
    letters = "".join(_BCRYPT[byte & 63] for byte in raw[:21])
    return letters + _BCRYPT_LAST[raw[21] & 3]
