"""A token for a certificate: how ``configure client`` and ``node register`` get theirs (slapos-master 5.4).

Token, node and certificate are of one transaction: whatever fails leaves the token as it was.
"""

from sqlalchemy import Connection

from pilothouse.identity import tokens
from pilothouse.identity.authority import Authority, Issued
from pilothouse.identity.caller import Caller
from pilothouse.identity.holder import CertificateKind
from pilothouse.identity.permissions import Subject, may
from pilothouse.identity.tokens import TokenKind
from pilothouse.server.master import nodes
from pilothouse.server.master.errors import ForbiddenError
from pilothouse.store import accounts, audit, credentials


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


def certify_instance(connection: Connection, authority: Authority, caller: Caller, guid: str, now: float) -> Issued:
    """Return the certificate of an instance, the same one each time until it is revoked or ends."""
    kept = credentials.active_certificate(connection, "instance", guid, now)
    if kept is not None:
        return authority.issue_again("instance", guid, *kept)
    issued = authority.issue_again("instance", guid, None, now)
    keep(connection, caller, "instance", guid, issued, now)
    return issued


def certify(
    connection: Connection, authority: Authority, caller: Caller, kind: CertificateKind, name: str, now: float
) -> Issued:
    """Issue a certificate and keep its number. Raises CertificateActiveError while another one counts."""
    if credentials.active_certificate(connection, kind, name, now):
        raise CertificateActiveError(kind, name)
    issued = authority.issue(kind, name, now)
    keep(connection, caller, kind, name, issued, now)
    return issued


def keep(connection: Connection, caller: Caller, kind: CertificateKind, name: str, issued: Issued, now: float) -> None:
    """Keep the number of a certificate that was issued."""
    credentials.add_certificate(connection, kind, name, issued, now)
    detail = {"serial": issued.serial, "expires": issued.expires}
    audit.append(connection, caller, "certificate.issue", f"{kind}:{name}", detail, now)


def revoke(connection: Connection, caller: Caller, kind: CertificateKind, name: str, now: float) -> int:
    """Revoke all certificates of a holder; returns how many there were."""
    revoked = credentials.revoke_certificates(connection, kind, name, now)
    if revoked:
        audit.append(connection, caller, "certificate.revoke", f"{kind}:{name}", {"certificates": revoked}, now)
    return revoked


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
