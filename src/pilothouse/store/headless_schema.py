"""The tables of headless batches (headless 12). Times are seconds since the epoch; structures are JSON texts."""

from typing import Any, Final

from sqlalchemy import Boolean, Column, Double, ForeignKey, Index, Integer, Table, Text

from pilothouse.store.schema import METADATA, Id


def _text(name: str, default: str | None = "", **options: Any) -> Column[str]:
    return Column(name, Text, nullable=False, server_default=default, **options)


def _time(name: str, *, nullable: bool = True) -> Column[float]:
    return Column(name, Double, nullable=nullable)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default="0")


headless_users = Table(
    "headless_users",
    METADATA,
    Column("name", Text, primary_key=True),
    _text("os_account", None),
    _text("rights", "[]"),
    _text("limits", "{}"),
    _time("valid_from"),
    _time("valid_to"),
    _time("created", nullable=False),
    _time("last_login"),
    _text("groups", "[]"),
)

headless_groups = Table(
    "headless_groups",
    METADATA,
    Column("name", Text, primary_key=True),
    _text("rights", "[]"),
)

headless_credentials = Table(
    "headless_credentials",
    METADATA,
    Column("id", Id, primary_key=True),
    _text("owner", None),  # a user, or an OS login as os:NAME@HOST
    _text("name"),  # '' is the owner's main credential
    _text("kdf_salt", None),
    _text("prep", None),
    _text("scram_salt", None),
    Column("iterations", Integer, nullable=False),
    _text("stored_key", None),
    _text("server_key", None),
    _time("created", nullable=False),
    _time("expires"),
    _text("allow_from", "[]"),
    Index("uq_headless_credentials_owner_name", "owner", "name", unique=True),
)

headless_os_logins = Table(
    "headless_os_logins",
    METADATA,
    Column("os_user", Text, primary_key=True),
    Column("host", Text, primary_key=True),
    Column("user_name", Text, primary_key=True),
    _flag("is_default"),
)

headless_roots = Table(
    "headless_roots",
    METADATA,
    Column("name", Text, primary_key=True),
    _text("path", None),
    _text("owner"),
    _flag("is_default"),
    _flag("importable"),
    _flag("single"),
)

headless_modules = Table(
    "headless_modules",
    METADATA,
    Column("name", Text, primary_key=True),  # in lower case: ids are compared without regard to case
    Column("version", Integer, primary_key=True),
    _text("title", None),
    _text("document", None),
    _time("created", nullable=False),
    _time("removed_at"),
)

headless_sessions = Table(
    "headless_sessions",
    METADATA,
    Column("sid", Text, primary_key=True),
    _text("service", None),  # which server's spool has its events
    _text("user_name", None),
    _text("os_account", None),
    _text("state", None),
    _text("reason"),
    _text("request"),
    _text("body"),  # hash of the job list, for the policy attach
    _text("claims", "[]"),  # the lock keys that it holds or waits for
    _text("label"),
    _text("client"),
    _text("credential"),
    _time("created", nullable=False),
    _time("started"),
    _time("ended"),
    Index("ix_headless_sessions_service_ended", "service", "ended"),
    Index("ix_headless_sessions_user_name_sid", "user_name", "sid"),
)

headless_jobs = Table(
    "headless_jobs",
    METADATA,
    Column("sid", ForeignKey(headless_sessions.c.sid, ondelete="CASCADE"), primary_key=True),
    Column("n", Integer, primary_key=True),
    _text("kind", None),
    _text("name", None),
    _text("sha256"),
    _text("state", None),
    Column("rc", Integer),
    _text("signal"),
    _text("reason"),
    _time("started"),
    _time("ended"),
)

headless_requests = Table(
    "headless_requests",
    METADATA,
    Column("user_name", Text, primary_key=True),
    Column("request", Text, primary_key=True),
    _text("body", None),
    _text("sid", None),
    _time("until", nullable=False),
    Index("ix_headless_requests_until", "until"),
)

headless_locks = Table(
    "headless_locks",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("slot", Integer, primary_key=True),
    _text("sid", None, index=True),
    _time("since", nullable=False),
)

TABLES: Final = (
    headless_users,
    headless_groups,
    headless_credentials,
    headless_os_logins,
    headless_roots,
    headless_modules,
    headless_sessions,
    headless_jobs,
    headless_requests,
    headless_locks,
)
