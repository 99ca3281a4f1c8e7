"""What statements need of usage, the indexes of lists that are read page by page, the changes that streams follow."""

import sqlalchemy as sa
from alembic import op

revision = "r0002"
down_revision = "r0001"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_PARTIAL = (
    ("ix_nodes_computers", "nodes", ["project", "reference"], "registered IS NOT NULL"),
    ("ix_nodes_targets", "nodes", ["project", "reference"], "host <> ''"),
    ("ix_instances_live_project", "instances", ["project", "id"], "freed_at IS NULL"),
)


def upgrade() -> None:
    """Add columns and indexes of usage, the table of changes, and the triggers that keep it."""
    _usage()
    op.create_index("ix_instances_place", "instances", ["node_id", "place", "id"], unique=False)
    op.create_index("ix_supplies_url_node_id", "supplies", ["url", "node_id"], unique=False)
    for name, table, columns, where in _PARTIAL:
        op.create_index(
            name, table, columns, unique=False, sqlite_where=sa.text(where), postgresql_where=sa.text(where)
        )
    op.create_table(
        "changes",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", ID, nullable=False),
        sa.Column("xid", ID, server_default="0", nullable=False),
        sa.Column("position", ID, nullable=False),
        *(_text(name) for name in ("project", "computer", "subject", "state", "reported")),
        sa.Column("revision", ID, server_default="0", nullable=False),
        sa.Column("gone", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject_id", name=op.f("pk_changes")),
    )
    op.create_index("ix_changes_xid_position", "changes", ["xid", "position"], unique=False)
    make = _postgresql if op.get_bind().dialect.name == "postgresql" else _sqlite
    make()


def _usage() -> None:
    op.drop_index("ix_usage_reports_node_id_received", "usage_reports")
    op.drop_index("ix_usage_reports_received", "usage_reports")
    op.create_index("ix_usage_reports_node_id", "usage_reports", ["node_id", "id"], unique=False)
    op.add_column("usage_reports", _text("digest"))
    op.create_index("uq_usage_reports_computer", "usage_reports", ["computer", "reference", "digest"], unique=True)
    for name in ("project", "computer", "currency"):
        op.add_column("usage_movements", _text(name))
    op.create_index("ix_usage_movements_at", "usage_movements", ["at"], unique=False)
    op.create_index("ix_usage_movements_project_at", "usage_movements", ["project", "at"], unique=False)
    op.create_index("ix_usage_movements_computer_at", "usage_movements", ["computer", "at"], unique=False)


def _text(name: str) -> "sa.Column[str]":
    return sa.Column(name, sa.Text(), server_default="", nullable=False)


_COLUMNS = "kind, subject_id, xid, position, project, computer, subject, state, reported, revision, gone"
_VALUES = {
    "node": "{0}.project, {0}.reference, {0}.reference, '', '', {0}.revision, {gone}",
    "instance": (
        "{0}.project, coalesce((SELECT reference FROM nodes WHERE id = {0}.node_id), ''), 'SOFTINST-' || {0}.id,"
        " {0}.state, {0}.reported, 0, {gone}"
    ),
    "supply": (
        "coalesce((SELECT project FROM nodes WHERE id = {0}.node_id), ''),"
        " coalesce((SELECT reference FROM nodes WHERE id = {0}.node_id), ''), {0}.url, {0}.state, {0}.reported, 0,"
        " {gone}"
    ),
}
_KEPT = ("xid", "position", "project", "computer", "subject", "state", "reported", "revision", "gone")
_SET = ", ".join(f"{name} = excluded.{name}" for name in _KEPT)
_TABLES = {"node": "nodes", "instance": "instances", "supply": "supplies"}
# what an update must change to be news
_WATCHED = {
    "node": ("reference", "revision", "project"),
    "instance": ("title", "state", "reported", "timestamp", "connection", "node_id", "freed_at"),
    "supply": ("state", "reported", "position"),
}


def _insertion(kind: str, row: str, xid: str, position: str, *, deleted: bool) -> str:
    gone = "true" if deleted else f"{row}.freed_at IS NOT NULL" if kind == "instance" else "false"
    values = _VALUES[kind].format(row, gone=gone)
    return (
        f"INSERT INTO changes ({_COLUMNS}) VALUES ('{kind}', {row}.id, {xid}, {position}, {values})"  # noqa: S608 - of this module's words
        f" ON CONFLICT (kind, subject_id) DO UPDATE SET {_SET};"
    )


def _sqlite() -> None:
    position = "(SELECT coalesce(max(position), 0) + 1 FROM changes WHERE xid = 0)"
    for kind, table in _TABLES.items():
        changed = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in _WATCHED[kind])
        events = {
            "insert": ("AFTER INSERT", "", "NEW"),
            "update": (f"AFTER UPDATE OF {', '.join(_WATCHED[kind])}", f"WHEN {changed}", "NEW"),
            "delete": ("AFTER DELETE", "", "OLD"),
        }
        for name, (event, condition, row) in events.items():
            statement = _insertion(kind, row, "0", position, deleted=name == "delete")
            op.execute(f"CREATE TRIGGER changes_{kind}_{name} {event} ON {table} {condition} BEGIN {statement} END")


def _postgresql() -> None:
    op.execute("CREATE SEQUENCE changes_position")
    for kind, table in _TABLES.items():
        writes = {
            row: _insertion(
                kind, row, "pg_current_xact_id()::text::bigint", "nextval('changes_position')", deleted=row == "OLD"
            )
            for row in ("NEW", "OLD")
        }
        op.execute(
            f"CREATE FUNCTION changes_{kind}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF TG_OP = 'DELETE' THEN {writes['OLD']} ELSE {writes['NEW']} END IF; RETURN NULL; END $$"
        )
        changed = " OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in _WATCHED[kind])
        op.execute(
            f"CREATE TRIGGER changes_{kind}_made AFTER INSERT OR DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION changes_{kind}()"
        )
        op.execute(
            f"CREATE TRIGGER changes_{kind}_updated AFTER UPDATE OF {', '.join(_WATCHED[kind])} ON {table} "
            f"FOR EACH ROW WHEN ({changed}) EXECUTE FUNCTION changes_{kind}()"
        )
