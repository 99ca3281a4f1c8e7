"""From a fresh connection to a login (spec sections 9.1, 9.2 and 11)."""

import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from pilothouse.headless import limits
from pilothouse.headless.client.account import os_host, os_user
from pilothouse.headless.client.command_line import Call
from pilothouse.headless.client.evidence import choose_mechanism
from pilothouse.headless.client.link import Link
from pilothouse.headless.client.settings import ClientSettings
from pilothouse.headless.client.stop import ClientError, ParameterError, TrustError
from pilothouse.headless.xml_profile import Element

if TYPE_CHECKING:
    from pilothouse.headless.client.scram import Exchange
    from pilothouse.headless.client.secret_file import Secret


class Identity(NamedTuple):
    """Who logs in: the name in SCRAM, and for an osuser the account and its computer."""

    name: str
    attributes: dict[str, str]


class Proof(NamedTuple):
    """What there is to prove it with: the secret, or at the first use the password; neither for an osuser without."""

    secret: "Secret | None" = None
    password: str | None = None

    @property
    def given(self) -> bool:
        """Whether a secret file was named."""
        return self.secret is not None or self.password is not None


def identity_of(call: Call) -> Identity:
    """Return who the command line says logs in."""
    attributes = {"type": call.auth, "user": call.user}
    if call.auth == "challenge":
        return Identity(call.user, attributes)
    account, host = os_user(), os_host()
    return Identity(f"os:{account}@{host}", {**attributes, "os-user": account, "os-host": host})


def log_in(link: Link, call: Call, identity: Identity, proof: Proof, settings: ClientSettings) -> "Secret | None":
    """Log in; returns the secret that was used.

    Raises ServerRefusedError, TrustError for a server that cannot prove itself, ParameterError where the
    evidence is missing, LostError after ``login_timeout``, to which the first use adds the time for bcrypt.
    """
    extra = limits.ENROL_TIME if proof.password is not None else 0.0
    until = time.monotonic() + settings.login_timeout + extra
    greeting = _hello(link, until)
    if call.auth not in greeting.attributes.get("auth", "").split():
        raise ClientError(f"the server does not offer auth_type {call.auth}")
    mechanism = choose_mechanism(
        call.auth,
        frozenset(greeting.attributes.get("mechs", "").split()),
        secret=proof.given,
        certificate=bool(settings.cert_file),
        tls=link.tls,
        loopback=link.loopback,
    )
    service = greeting.attributes.get("service", "")
    if proof.secret and proof.secret.service and proof.secret.service != service:
        raise ClientError("the secret file belongs to another service than the one that answered")
    attributes = {**identity.attributes, "mech": mechanism, "purpose": "enrol" if proof.password is not None else "run"}
    if proof.given:
        return _scram(link, identity, attributes, proof, service, until)
    link.send(Element("login", attributes))
    link.expect(until, "welcome")
    link.logged_in()
    return None


def _hello(link: Link, until: float) -> Element:
    attributes = {"versions": "1", "client": "planta_headless.py", "product": "39 Mars", "platform": sys.platform}
    link.send(Element("hello", attributes))
    greeting = link.expect(until, "greet")
    if greeting.attributes.get("version") != "1":
        raise TrustError(f"the server picked version {greeting.attributes.get('version')!r}, which was not offered")
    return greeting


def _scram(
    link: Link, identity: Identity, attributes: dict[str, str], proof: Proof, service: str, until: float
) -> "Secret":
    from pilothouse.headless.client.scram import Exchange  # an osuser without a secret needs none

    exchange = Exchange(identity.name, channel=link.wire if link.tls else None)
    if proof.secret and proof.secret.cred:
        attributes["cred"] = proof.secret.cred
    link.send(Element("login", attributes, (Element("scram", text=exchange.first),)))
    challenge = link.expect(until, "challenge")
    secret = _secret_for(challenge, identity, proof, service)
    final = exchange.answer(_child(challenge, "scram").text, secret.value)
    link.send(Element("response", {}, (Element("scram", text=final),)))
    _check_welcome(link.expect(until, "welcome"), exchange)
    link.logged_in()
    return secret


def _secret_for(challenge: Element, identity: Identity, proof: Proof, service: str) -> "Secret":
    from pilothouse.headless.client.secret_file import Secret
    from pilothouse.headless.kdf import KdfError, check_enrolment, make_secret, secret_salt

    kdf = _child(challenge, "kdf").attributes
    scheme, salt, prep = kdf.get("scheme", ""), kdf.get("salt", ""), kdf.get("prep", "")
    if proof.secret is not None:
        if scheme != "bcrypt" or salt != secret_salt(proof.secret.value):
            raise ClientError(
                f"secret file is out of date for user {identity.name}; delete it and run once interactively"
            )
        return proof.secret
    try:
        check_enrolment(scheme, salt, prep)
    except KdfError as error:
        raise TrustError(str(error)) from error
    try:
        value = make_secret(proof.password or "", salt, "none" if prep == "none" else "sha256-b64")
    except KdfError as error:
        raise ParameterError(str(error)) from error
    return Secret(value, identity.name, service)


def _check_welcome(welcome: Element, exchange: "Exchange") -> None:
    exchange.verify(_child(welcome, "scram").text)


def _child(element: Element, name: str) -> Element:
    for child in element.children:
        if child.name == name:
            return child
    raise TrustError(f"the server's {element.name} has no {name}")
