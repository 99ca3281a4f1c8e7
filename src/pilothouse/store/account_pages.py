"""Users, projects and certificates, page by page."""

from typing import NamedTuple

from sqlalchemy import Connection, select, update

from pilothouse.store.pages import Listing
from pilothouse.store.schema import certificates, projects, tokens, users
from pilothouse.store.statement import Statement, given, insertion


class Project(NamedTuple):
    """What groups nodes, instances and the roles of users."""

    name: str
    title: str
    created: float


class Certificate(NamedTuple):
    """One certificate that the authority issued; ``kind`` and ``name`` say whom it speaks for."""

    serial: str
    kind: str
    name: str
    issued: float
    not_after: float
    revoked_at: float | None


NAMES: Listing[str] = Listing(select(users.c.name, users.c.name), (users.c.name,), lambda row: str(row[0]))
PROJECTS: Listing[Project] = Listing(
    select(projects.c.name, *(projects.c[name] for name in Project._fields)),
    (projects.c.name,),
    lambda row: Project(*row),
)
CERTIFICATES: Listing[Certificate] = Listing(
    select(certificates.c.serial, *(certificates.c[name] for name in Certificate._fields)),
    (certificates.c.serial,),
    lambda row: Certificate(*row),
)
_OF_HOLDER = Statement(
    select(*(certificates.c[name] for name in Certificate._fields))
    .where(certificates.c.kind == given(certificates.c.kind), certificates.c.name == given(certificates.c.name))
    .order_by(certificates.c.serial)
)
_CERTIFICATE = Statement(
    select(*(certificates.c[name] for name in Certificate._fields)).where(
        certificates.c.serial == given(certificates.c.serial)
    )
)
_REVOKE = Statement(
    update(certificates)
    .where(certificates.c.serial == given(certificates.c.serial, "key"), certificates.c.revoked_at.is_(None))
    .values(revoked_at=given(certificates.c.revoked_at, "now"))
)
_PROJECT = Statement(select(projects.c.name).where(projects.c.name == given(projects.c.name)))
_ADD_PROJECT = Statement(insertion(projects, "name", "title", "created"))
_TOKEN_OF = Statement(
    select(users.c.name, tokens.c.project)
    .select_from(tokens.join(users, users.c.id == tokens.c.user_id))
    .where(tokens.c.id == given(tokens.c.id))
)


def certificate(connection: Connection, serial: str) -> Certificate | None:
    """Return one certificate."""
    row = _CERTIFICATE.first(connection, serial=serial)
    return Certificate(*row) if row else None


def certificates_of(connection: Connection, kind: str, name: str) -> tuple[Certificate, ...]:
    """Return all certificates of a holder, who has few."""
    return tuple(Certificate(*row) for row in _OF_HOLDER.rows(connection, kind=kind, name=name))


def revoke(connection: Connection, serial: str, now: float) -> bool:
    """Let a certificate count no longer; False when it does not count already."""
    return _REVOKE.run(connection, key=serial, now=now) == 1


def add_project(connection: Connection, project: Project) -> bool:
    """Make a project; False when there is one of this name."""
    if _PROJECT.first(connection, name=project.name):
        return False
    _ADD_PROJECT.run(connection, **project._asdict())
    return True


def token_of(connection: Connection, token_id: int) -> tuple[str, str] | None:
    """Return whose token it is, and the project it acts in."""
    row = _TOKEN_OF.first(connection, id=token_id)
    return (str(row[0]), str(row[1])) if row else None
