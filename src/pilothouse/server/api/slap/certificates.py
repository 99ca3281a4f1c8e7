"""Certificates of nodes and instances, and tokens for new nodes, as the dialects hand them out (slapos-master 15.3)."""

from sqlalchemy import Connection

from pilothouse.errors import UsageError
from pilothouse.identity.authority import Authority, Issued
from pilothouse.identity.caller import Caller, PartitionKey
from pilothouse.identity.permissions import Subject, may
from pilothouse.jobs.secret import Secret
from pilothouse.server import administration, enrolment
from pilothouse.server.master import instances, nodes
from pilothouse.server.master.errors import ForbiddenError, NotFoundError
from pilothouse.store import audit, owners


def of_partition(
    connection: Connection, caller: Caller, authority: Authority, place: PartitionKey, now: float
) -> Issued:
    """Return the certificate of the instance in a partition, the same one each time; it ends with the instance.

    Raises NotFoundError for a free or unknown partition, ForbiddenError.
    """
    guid = instances.at(connection, caller, place).guid
    _check(connection, caller, place.computer, now, instance=guid)
    return enrolment.certify_instance(connection, authority, caller, guid, now)


def of_node(connection: Connection, caller: Caller, authority: Authority, computer: str, now: float) -> Issued:
    """Issue the certificate of a node. Raises NotFoundError when there is one, or no such node; ForbiddenError."""
    nodes.find(connection, caller, computer)
    _check(connection, caller, computer, now)
    try:
        return enrolment.certify(connection, authority, caller, "node", computer, now)
    except enrolment.CertificateActiveError as error:
        raise NotFoundError(str(error)) from error


def revoke_node(connection: Connection, caller: Caller, computer: str, now: float) -> None:
    """Revoke the certificate of a node. Raises NotFoundError when there is none, ForbiddenError."""
    nodes.find(connection, caller, computer)
    _check(connection, caller, computer, now)
    if not enrolment.revoke(connection, caller, "node", computer, now):
        raise NotFoundError(f"{computer} has no certificate that counts")


def node_token(connection: Connection, caller: Caller, now: float) -> Secret:
    """Return a token that registers one node within a day. Raises ForbiddenError for whoever is no user."""
    if caller.kind != "user" or not may(caller, "register", Subject(project=caller.project)):
        raise ForbiddenError(f"{caller.kind} {caller.name} may not register nodes")
    try:
        return administration.new_token(
            connection, caller, caller.name, "node", caller.project, "computer token", None, now
        )
    except UsageError as error:
        raise ForbiddenError(str(error)) from error


def _check(connection: Connection, caller: Caller, computer: str, now: float, instance: str = "") -> None:
    project = owners.project_of(connection, "node", computer) or ""
    if not may(caller, "certify", Subject(project=project, computer=computer, instance=instance)):
        audit.refuse(connection, caller, "certify", computer, {"instance": instance}, now)
        raise ForbiddenError(f"{caller.kind} {caller.name} may not certify {computer}")
