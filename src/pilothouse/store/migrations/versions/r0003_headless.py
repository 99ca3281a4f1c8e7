"""The tables of headless batches."""

import sqlalchemy as sa
from alembic import op

revision = "r0003"
down_revision = "r0002"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "headless_users",
        sa.Column("name", sa.Text(), nullable=False),
        _text("os_account", None),
        _text("rights", "[]"),
        _text("limits", "{}"),
        _time("valid_from"),
        _time("valid_to"),
        _time("created", nullable=False),
        _time("last_login"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_headless_users")),
    )
    op.create_table(
        "headless_credentials",
        sa.Column("id", ID, nullable=False),
        _text("owner", None),
        _text("name"),
        _text("kdf_salt", None),
        _text("prep", None),
        _text("scram_salt", None),
        sa.Column("iterations", sa.Integer(), nullable=False),
        _text("stored_key", None),
        _text("server_key", None),
        _time("created", nullable=False),
        _time("expires"),
        _text("allow_from", "[]"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_headless_credentials")),
    )
    op.create_index("uq_headless_credentials_owner_name", "headless_credentials", ["owner", "name"], unique=True)
    _create_lists()
    _create_sessions()


def _create_lists() -> None:
    op.create_table(
        "headless_os_logins",
        sa.Column("os_user", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("user_name", sa.Text(), nullable=False),
        _flag("is_default"),
        sa.PrimaryKeyConstraint("os_user", "host", "user_name", name=op.f("pk_headless_os_logins")),
    )
    op.create_table(
        "headless_roots",
        sa.Column("name", sa.Text(), nullable=False),
        _text("path", None),
        _text("owner"),
        _flag("is_default"),
        _flag("importable"),
        _flag("single"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_headless_roots")),
    )
    op.create_table(
        "headless_modules",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        _text("title", None),
        _text("document", None),
        _time("created", nullable=False),
        _time("removed_at"),
        sa.PrimaryKeyConstraint("name", "version", name=op.f("pk_headless_modules")),
    )


def _create_sessions() -> None:
    op.create_table(
        "headless_sessions",
        sa.Column("sid", sa.Text(), nullable=False),
        *(_text(name, None) for name in ("service", "user_name", "os_account", "state")),
        *(_text(name) for name in ("reason", "request", "body")),
        _text("claims", "[]"),
        *(_text(name) for name in ("label", "client", "credential")),
        _time("created", nullable=False),
        _time("started"),
        _time("ended"),
        sa.PrimaryKeyConstraint("sid", name=op.f("pk_headless_sessions")),
    )
    op.create_index("ix_headless_sessions_service_ended", "headless_sessions", ["service", "ended"], unique=False)
    op.create_index("ix_headless_sessions_user_name_sid", "headless_sessions", ["user_name", "sid"], unique=False)
    op.create_table(
        "headless_jobs",
        sa.Column("sid", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        _text("kind", None),
        _text("name", None),
        _text("sha256"),
        _text("state", None),
        sa.Column("rc", sa.Integer(), nullable=True),
        _text("signal"),
        _text("reason"),
        _time("started"),
        _time("ended"),
        sa.ForeignKeyConstraint(
            ["sid"], ["headless_sessions.sid"], name=op.f("fk_headless_jobs_sid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("sid", "n", name=op.f("pk_headless_jobs")),
    )
    op.create_table(
        "headless_requests",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("user_name", "request", "body", "sid")),
        _time("until", nullable=False),
        sa.PrimaryKeyConstraint("user_name", "request", name=op.f("pk_headless_requests")),
    )
    op.create_index("ix_headless_requests_until", "headless_requests", ["until"], unique=False)
    op.create_table(
        "headless_locks",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        _text("sid", None),
        _time("since", nullable=False),
        sa.PrimaryKeyConstraint("key", "slot", name=op.f("pk_headless_locks")),
    )
    op.create_index("ix_headless_locks_sid", "headless_locks", ["sid"], unique=False)


def _text(name: str, default: str | None = "") -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default=default, nullable=False)


def _time(name: str, *, nullable: bool = True) -> sa.Column[float]:
    return sa.Column(name, sa.Double(), nullable=nullable)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), server_default="0", nullable=False)
