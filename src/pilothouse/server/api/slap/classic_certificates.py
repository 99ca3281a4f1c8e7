"""Certificates, as classic calls and as the web side of a master hands them out (slapos-master 5.4, 15.3)."""

import msgspec

from pilothouse.identity.caller import PartitionKey
from pilothouse.server.api.slap import forms
from pilothouse.server.api.slap.certificates import Certificates, KeyPair, StillActiveError
from pilothouse.server.api.slap.exchange import JSON, NEVER, Answer, Request, marshalled, text
from pilothouse.server.api.slap.routes import Route
from pilothouse.server.master.errors import ForbiddenError, NotFoundError
from pilothouse.server.api.slap.refusals import HttpRefusal


class _Issued(msgspec.Struct, frozen=True, omit_defaults=True):
    certificate: str
    key: str
    reference: str = ""


class CertificateCalls:
    """The calls that hand out keys; none of their answers may be kept by anybody on the way."""

    def __init__(self, certificates: Certificates) -> None:
        self._certificates = certificates

    def routes(self) -> dict[str, dict[str, Route]]:
        """Return the table of these paths. Tokens prove who asks for the last two."""
        return {
            "getComputerPartitionCertificate": {"GET": Route(self.of_partition)},
            "generateComputerCertificate": {"POST": Route(self.of_node)},
            "revokeComputerCertificate": {"POST": Route(self.revoke_node)},
            "Person_getCertificate": {"POST": Route(self.of_person, open=True)},
            "Person_requestComputer": {"POST": Route(self.register_node, open=True)},
        }

    async def of_partition(self, request: Request) -> Answer:
        """Answer with an instance's certificate and key."""
        form = forms.parse(request.query)
        place = PartitionKey(form.named("computer_id"), form.named("computer_partition_id"))
        return _handed(await self._certificates.of_partition(request.caller, place))

    async def of_node(self, request: Request) -> Answer:
        """Answer with a new certificate of a node; a second one while the first counts is 404."""
        computer = forms.parse(request.body, {"computer_id"}).named("computer_id")
        try:
            return _handed(await self._certificates.of_node(request.caller, computer))
        except StillActiveError as error:
            raise NotFoundError(f"{computer} has a certificate; revoke it first") from error

    async def revoke_node(self, request: Request) -> Answer:
        """Revoke the certificate of a node."""
        await self._certificates.revoke_node(
            request.caller, forms.parse(request.body, {"computer_id"}).named("computer_id")
        )
        return text("OK")

    async def of_person(self, request: Request) -> Answer:
        """Answer ``configure client`` with a person's certificate."""
        try:
            pair = await self._certificates.of_person(_token(request))
        except StillActiveError:
            return text("Certificate still active.", 409)
        except NotFoundError as error:
            raise ForbiddenError(str(error)) from error
        return _json(pair)

    async def register_node(self, request: Request) -> Answer:
        """Answer ``node register`` with the certificate of a new node."""
        title = forms.parse(request.body, {"title"}).named("title")
        try:
            made = await self._certificates.register_node(_token(request), title)
        except StillActiveError:
            return text("Certificate still active.", 409)
        return _json(made.pair, made.reference)


def _token(request: Request) -> str:
    if not (token := (request.header(b"x-access-token") or "").strip()):
        raise HttpRefusal(403, "the header X-Access-Token is missing; get a token from your administrator")
    return token


def _handed(pair: KeyPair) -> Answer:
    return marshalled({"certificate": pair.certificate, "key": pair.key.reveal()}, NEVER)


def _json(pair: KeyPair, reference: str = "") -> Answer:
    return Answer(200, msgspec.json.encode(_Issued(pair.certificate, pair.key.reveal(), reference)), JSON, (NEVER,))
