"""Tokens and certificates as they are kept: digests and serial numbers, never a secret."""

from sqlalchemy import Connection, func, select, update

from pilothouse.identity.authority import Issued
from pilothouse.identity.holder import CertificateKind
from pilothouse.identity.tokens import Token, TokenKind
from pilothouse.store.schema import certificates, tokens, users
from pilothouse.store.statement import Row, Statement, given, insertion

_TOKEN = select(
    tokens.c.id,
    tokens.c.kind,
    users.c.name,
    tokens.c.project,
    tokens.c.subject,
    tokens.c.hash,
    tokens.c.created,
    tokens.c.expires,
    tokens.c.used_at,
    func.coalesce(tokens.c.revoked_at, users.c.disabled_at),
).join(users, users.c.id == tokens.c.user_id)
_BY_HASH = Statement(_TOKEN.where(tokens.c.hash == given(tokens.c.hash)))
_OF_USER = Statement(_TOKEN.where(users.c.name == given(users.c.name)).order_by(tokens.c.id))
_ADD_TOKEN = Statement(
    insertion(tokens, "hash", "kind", "user_id", "project", "subject", "created_by", "created", "expires")
)
_USE = Statement(
    update(tokens)
    .where(tokens.c.id == given(tokens.c.id, "token"), tokens.c.used_at.is_(None))
    .values(used_at=given(tokens.c.used_at, "at"))
)
_REVOKE_TOKEN = Statement(
    update(tokens)
    .where(tokens.c.id == given(tokens.c.id, "token"), tokens.c.revoked_at.is_(None))
    .values(revoked_at=given(tokens.c.revoked_at, "at"))
)
_REVOKE_TOKENS = Statement(
    update(tokens)
    .where(tokens.c.user_id == given(tokens.c.user_id, "user"), tokens.c.revoked_at.is_(None))
    .values(revoked_at=given(tokens.c.revoked_at, "at"))
)

_SERIAL = Statement(
    select(certificates.c.kind, certificates.c.name, certificates.c.not_after, certificates.c.revoked_at).where(
        certificates.c.serial == given(certificates.c.serial)
    )
)
_ADD_CERTIFICATE = Statement(insertion(certificates, "serial", "kind", "name", "fingerprint", "issued", "not_after"))
_HELD = (
    certificates.c.kind == given(certificates.c.kind),
    certificates.c.name == given(certificates.c.name),
    certificates.c.revoked_at.is_(None),
)
_ACTIVE = Statement(
    select(certificates.c.serial, certificates.c.issued).where(
        *_HELD, certificates.c.not_after > given(certificates.c.not_after, "now")
    )
)
_REVOKE = Statement(update(certificates).where(*_HELD).values(revoked_at=given(certificates.c.revoked_at, "at")))
_REVOKED = Statement(
    select(certificates.c.serial, certificates.c.revoked_at)
    .where(certificates.c.revoked_at.is_not(None), certificates.c.not_after > given(certificates.c.not_after, "now"))
    .order_by(certificates.c.revoked_at)
)


def add_token(connection: Connection, token: Token, user_id: int, created_by: str) -> None:
    """Keep a token; its ``token_id`` is given by the database."""
    _ADD_TOKEN.run(
        connection,
        hash=token.digest,
        kind=token.kind,
        user_id=user_id,
        project=token.project,
        subject=token.subject,
        created_by=created_by,
        created=token.created,
        expires=token.expires,
    )


def token(connection: Connection, digest: str) -> Token | None:
    """Return the token of a digest; that of a user who may not log in counts as revoked."""
    row = _BY_HASH.first(connection, hash=digest)
    return None if row is None else _token(row)


def tokens_of(connection: Connection, name: str) -> list[Token]:
    """Return a user's tokens in the order in which they were made."""
    return [_token(row) for row in _OF_USER.rows(connection, name=name)]


def use(connection: Connection, token_id: int, now: float) -> bool:
    """Use up a token; False when somebody else did so before."""
    return _USE.run(connection, token=token_id, at=now) == 1


def revoke_token(connection: Connection, token_id: int, now: float) -> bool:
    """Revoke a token; False when it is revoked already or unknown."""
    return _REVOKE_TOKEN.run(connection, token=token_id, at=now) == 1


def revoke_tokens(connection: Connection, user_id: int, now: float) -> int:
    """Revoke all tokens of a user; returns how many."""
    return _REVOKE_TOKENS.run(connection, user=user_id, at=now)


def add_certificate(connection: Connection, kind: CertificateKind, name: str, issued: Issued, now: float) -> None:
    """Keep that a certificate was issued."""
    _ADD_CERTIFICATE.run(
        connection,
        serial=issued.serial,
        kind=kind,
        name=name,
        fingerprint=issued.fingerprint,
        issued=now,
        not_after=issued.expires,
    )


def certificate_standing(
    connection: Connection, serial: str, kind: CertificateKind, name: str, now: float
) -> float | str:
    """Return until when a certificate that the handshake accepted counts, or why it does not."""
    row = _SERIAL.first(connection, serial=serial)
    if row is None or (row[0], row[1]) != (kind, name):
        return "unknown"
    if row[3] is not None:
        return "revoked"
    return "expired" if now >= row[2] else float(row[2])


def active_certificate(
    connection: Connection, kind: CertificateKind, name: str, now: float
) -> tuple[str, float] | None:
    """Return the serial number of a certificate of this holder that counts now, and when it was issued."""
    row = _ACTIVE.first(connection, kind=kind, name=name, now=now)
    return None if row is None else (row[0], row[1])


def revoke_certificates(connection: Connection, kind: CertificateKind, name: str, now: float) -> int:
    """Revoke all certificates of a holder; returns how many."""
    return _REVOKE.run(connection, kind=kind, name=name, at=now)


def revoked(connection: Connection, now: float) -> list[tuple[str, float]]:
    """Return the serial numbers that were revoked before they ended, with when."""
    return [(serial, at) for serial, at in _REVOKED.rows(connection, now=now)]


def _token(row: Row) -> Token:
    token_id, kind, user, project, subject, digest, created, expires, used, gone = row
    found: TokenKind = kind
    return Token(
        token_id=token_id,
        kind=found,
        user=user,
        project=project,
        subject=subject,
        digest=digest,
        created=created,
        expires=expires,
        used=used,
        revoked=gone,
    )
