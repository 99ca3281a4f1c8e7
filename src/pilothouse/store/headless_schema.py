"""The tables of headless batches (headless 12). Times are seconds since the epoch; structures are JSON texts."""

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text

from pilothouse.store.columns import METADATA, Id, flag, text, time

headless_users = Table(
    "headless_users",
    METADATA,
    Column("name", Text, primary_key=True),
    text("os_account", None),
    text("rights", "[]"),
    text("limits", "{}"),
    time("valid_from"),
    time("valid_to"),
    time("created", nullable=False),
    time("last_login"),
    text("groups", "[]"),
)

headless_groups = Table(
    "headless_groups",
    METADATA,
    Column("name", Text, primary_key=True),
    text("rights", "[]"),
)

headless_credentials = Table(
    "headless_credentials",
    METADATA,
    Column("id", Id, primary_key=True),
    text("owner", None),  # a user, or an OS login as os:NAME@HOST
    text("name"),  # '' is the owner's main credential
    text("kdf_salt", None),
    text("prep", None),
    text("scram_salt", None),
    Column("iterations", Integer, nullable=False),
    text("stored_key", None),
    text("server_key", None),
    time("created", nullable=False),
    time("expires"),
    text("allow_from", "[]"),
    Index("uq_headless_credentials_owner_name", "owner", "name", unique=True),
)

headless_os_logins = Table(
    "headless_os_logins",
    METADATA,
    Column("os_user", Text, primary_key=True),
    Column("host", Text, primary_key=True),
    Column("user_name", Text, primary_key=True),
    flag("is_default"),
)

headless_roots = Table(
    "headless_roots",
    METADATA,
    Column("name", Text, primary_key=True),
    text("path", None),
    text("owner"),
    flag("is_default"),
    flag("importable"),
    flag("single"),
)

headless_modules = Table(
    "headless_modules",
    METADATA,
    Column("name", Text, primary_key=True),  # in lower case: ids are compared without regard to case
    Column("version", Integer, primary_key=True),
    text("title", None),
    text("document", None),
    time("created", nullable=False),
    time("removed_at"),
)

headless_sessions = Table(
    "headless_sessions",
    METADATA,
    Column("sid", Text, primary_key=True),
    text("service", None),  # which server's spool has its events
    text("user_name", None),
    text("os_account", None),
    text("state", None),
    text("reason"),
    text("request"),
    text("body"),  # hash of the job list, for the policy attach
    text("claims", "[]"),  # the lock keys that it holds or waits for
    text("label"),
    text("client"),
    text("credential"),
    time("created", nullable=False),
    time("started"),
    time("ended"),
    Index("ix_headless_sessions_service_ended", "service", "ended"),
    Index("ix_headless_sessions_user_name_sid", "user_name", "sid"),
)

headless_jobs = Table(
    "headless_jobs",
    METADATA,
    Column("sid", ForeignKey(headless_sessions.c.sid, ondelete="CASCADE"), primary_key=True),
    Column("n", Integer, primary_key=True),
    text("kind", None),
    text("name", None),
    text("sha256"),
    text("state", None),
    Column("rc", Integer),
    text("signal"),
    text("reason"),
    time("started"),
    time("ended"),
)

headless_requests = Table(
    "headless_requests",
    METADATA,
    Column("user_name", Text, primary_key=True),
    Column("request", Text, primary_key=True),
    text("body", None),
    text("sid", None),
    time("until", nullable=False),
    Index("ix_headless_requests_until", "until"),
)

headless_locks = Table(
    "headless_locks",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("slot", Integer, primary_key=True),
    text("sid", None, index=True),
    time("since", nullable=False),
)
