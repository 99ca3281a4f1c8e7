"""The classic calls for certificates of instances and nodes (slapos-master 15.3)."""

from sqlalchemy import Connection

from pilothouse.identity.authority import Issued
from pilothouse.identity.caller import PartitionKey
from pilothouse.server.api.slap import certificates
from pilothouse.server.api.slap.calls import Call, Work
from pilothouse.server.api.slap.exchange import NEVER, Answer, marshalled, text
from pilothouse.server.api.slap.forms import Form


def of_partition(call: Call, form: Form) -> Work[Answer]:
    """Answer with a certificate and a key for the instance in a partition."""
    place = PartitionKey(form.named("computer_id"), form.named("computer_partition_id"))
    return lambda connection: _handed(
        certificates.of_partition(connection, call.caller, call.authority, place, call.now)
    )


def of_node(call: Call, form: Form) -> Work[Answer]:
    """Answer with a new certificate of a node; a second one while the first counts is not there (404)."""
    computer = form.named("computer_id")
    return lambda connection: _handed(certificates.of_node(connection, call.caller, call.authority, computer, call.now))


def revoke_node(call: Call, form: Form) -> Work[Answer]:
    """Revoke the certificate of a node."""
    computer = form.named("computer_id")

    def work(connection: Connection) -> Answer:
        certificates.revoke_node(connection, call.caller, computer, call.now)
        return text("OK")

    return work


def _handed(issued: Issued) -> Answer:
    # nobody on the way may keep a key
    return marshalled({"certificate": issued.certificate, "key": issued.key.reveal()}, NEVER)
