"""The classic calls for certificates of instances and nodes (slapos-master 15.3)."""

from pilothouse.identity.caller import PartitionKey
from pilothouse.server.api.slap import forms
from pilothouse.server.api.slap.certificates import Certificates, KeyPair
from pilothouse.server.api.slap.exchange import NEVER, Answer, Request, marshalled, text
from pilothouse.server.api.slap.routes import Route
from pilothouse.server.enrolment import CertificateActiveError
from pilothouse.server.master.errors import NotFoundError


class CertificateCalls:
    """The calls that hand out keys; none of their answers may be kept by anybody on the way."""

    def __init__(self, certificates: Certificates) -> None:
        self._certificates = certificates

    def routes(self) -> dict[str, dict[str, Route]]:
        """Return the table of these paths."""
        return {
            "getComputerPartitionCertificate": {"GET": Route(self.of_partition)},
            "generateComputerCertificate": {"POST": Route(self.of_node)},
            "revokeComputerCertificate": {"POST": Route(self.revoke_node)},
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
        except CertificateActiveError as error:
            raise NotFoundError(f"{computer} has a certificate; revoke it first") from error

    async def revoke_node(self, request: Request) -> Answer:
        """Revoke the certificate of a node."""
        await self._certificates.revoke_node(
            request.caller, forms.parse(request.body, {"computer_id"}).named("computer_id")
        )
        return text("OK")


def _handed(pair: KeyPair) -> Answer:
    return marshalled({"certificate": pair.certificate, "key": pair.key.reveal()}, NEVER)
