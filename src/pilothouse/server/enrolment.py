"""A token for a certificate: how ``configure client`` and ``node register`` get theirs (slapos-master 5.4).

Token, node and certificate are of one transaction: whatever fails leaves the token as it was.
"""

from sqlalchemy import Connection

from pilothouse.identity import tokens
from pilothouse.identity.authority import Authority, Issued
from pilothouse.identity.caller import Caller, PartitionKey
from pilothouse.identity.holder import CertificateKind
from pilothouse.identity.permissions import Subject, may
from pilothouse.identity.tokens import TokenKind
from pilothouse.server.master import nodes
from pilothouse.server.master.errors import ForbiddenError, NotFoundError
from pilothouse.store import accounts, audit, credentials, owners


class CertificateActiveError(ForbiddenError):
    """The name has a certificate that counts; a second one would let two machines be one node."""

    def __init__(self, kind: str, name: str) -> None:
        # original clients look for exactly these words (10.13)
        super().__init__(f"Certificate still active. Revoke that of {kind} {name} first.")


def certify_user(connection: Connection, authority: Authority, token: str, now: float) -> Issued:
    """Return a certificate for the token's user. Raises ForbiddenError, also for a token that does not count."""
    caller = redeem(connection, token, "client", now)
    return certify(connection, authority, caller, "user", caller.name, now)


def register_node(
    connection: Connection, authority: Authority, token: str, title: str, now: float
) -> tuple[str, Issued]:
    """Return the node of this title, made for the token's user when there is none, and a certificate for it."""
    caller = redeem(connection, token, "node", now)
    if not may(caller, "register", Subject(project=caller.project)):
        raise ForbiddenError(f"user {caller.name} may not register nodes in project {caller.project!r}")
    node = nodes.request_node(connection, caller, title, now)
    return node.computer, certify(connection, authority, caller, "node", node.computer, now)


def certify_node(connection: Connection, authority: Authority, caller: Caller, computer: str, now: float) -> Issued:
    """Return a certificate for a node that has none. Raises NotFoundError, ForbiddenError, CertificateActiveError."""
    _check_node(connection, caller, computer, now)
    return certify(connection, authority, caller, "node", computer, now)


def revoke_node(connection: Connection, caller: Caller, computer: str, now: float) -> None:
    """Revoke the certificate of a node. Raises NotFoundError when it has none."""
    _check_node(connection, caller, computer, now)
    if not revoke(connection, caller, "node", computer, now):
        raise NotFoundError(f"node {computer} has no certificate")


def instance_certificate(
    connection: Connection, authority: Authority, caller: Caller, place: PartitionKey, now: float
) -> Issued | None:
    """Return the certificate of a partition's occupant, None while it has none.

    It is the same one each time until it is revoked. Raises NotFoundError for a free partition.
    """
    guid = _occupant(connection, caller, place)
    kept = credentials.active_certificate(connection, "instance", guid, now)
    return None if kept is None else authority.issue_again("instance", guid, *kept)


def certify_instance(
    connection: Connection, authority: Authority, caller: Caller, place: PartitionKey, now: float
) -> Issued:
    """Return the same, issued when there is none."""
    if kept := instance_certificate(connection, authority, caller, place, now):
        return kept
    guid = _occupant(connection, caller, place)
    return _kept(connection, caller, "instance", guid, authority.issue_again("instance", guid, None, now), now)


def certify(
    connection: Connection, authority: Authority, caller: Caller, kind: CertificateKind, name: str, now: float
) -> Issued:
    """Issue a certificate and keep its number. Raises CertificateActiveError while another one counts."""
    if credentials.active_certificate(connection, kind, name, now):
        raise CertificateActiveError(kind, name)
    return _kept(connection, caller, kind, name, authority.issue(kind, name, now), now)


def revoke(connection: Connection, caller: Caller, kind: CertificateKind, name: str, now: float) -> int:
    """Revoke all certificates of a holder; returns how many there were."""
    revoked = credentials.revoke_certificates(connection, kind, name, now)
    if revoked:
        audit.append(connection, caller, "certificate.revoke", f"{kind}:{name}", {"certificates": revoked}, now)
    return revoked


def _occupant(connection: Connection, caller: Caller, place: PartitionKey) -> str:
    occupant = nodes.partition(connection, caller, place.computer, place.partition).occupant
    if occupant is None:
        raise NotFoundError(f"partition {place.partition} of {place.computer} is free")
    return occupant.guid


def _kept(
    connection: Connection, caller: Caller, kind: CertificateKind, name: str, issued: Issued, now: float
) -> Issued:
    credentials.add_certificate(connection, kind, name, issued, now)
    detail = {"serial": issued.serial, "expires": issued.expires}
    audit.append(connection, caller, "certificate.issue", f"{kind}:{name}", detail, now)
    return issued


def _check_node(connection: Connection, caller: Caller, computer: str, now: float) -> None:
    project = owners.project_of(connection, "node", computer)
    if project is None:
        raise NotFoundError(f"there is no node {computer}")
    if not may(caller, "certify", Subject(project=project, computer=computer)):
        audit.refuse(connection, caller, "certify", f"node:{computer}", "", now)
        raise ForbiddenError(f"{caller.kind} {caller.name} may not make or revoke the certificate of node {computer}")


def redeem(connection: Connection, text: str, kind: TokenKind, now: float) -> Caller:
    """Use up a token; returns for whom it speaks. Raises ForbiddenError, and the audit log keeps why."""
    token = credentials.token(connection, tokens.digest(text)) if tokens.kind_of(text) else None
    fault = "unknown" if token is None else tokens.fault(token, text, kind, now)
    if token is None or fault is not None or not credentials.use(connection, token.token_id, now):
        nobody = Caller(kind="user", name=token.user if token else "", how="token")
        audit.refuse(connection, nobody, "token.redeem", f"token:{kind}", {"fault": fault or "used already"}, now)
        raise ForbiddenError(f"the token is {fault or 'used already'}")
    user = accounts.find(connection, token.user)
    roles = user.roles.get(token.project, frozenset()) if user else frozenset()
    return Caller(kind="user", name=token.user, project=token.project, roles=roles, how="token")
