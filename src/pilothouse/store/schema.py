"""The tables. Times are seconds since the epoch; texts that hold structures are JSON.

Nothing is looked up by a scan: every question of the store's modules has an index here that answers it.
What is gone stays for accounting (``instances.freed_at``) and is outside the indexes of what lives.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    and_,
    literal_column,
)
from sqlalchemy.sql.elements import ColumnElement

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Id = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER numbers the rows of SQLite


def _id() -> Column[int]:
    return Column("id", Id, primary_key=True)


def _text(name: str, default: str | None = "", **options: Any) -> Column[str]:
    return Column(name, Text, nullable=False, server_default=default, **options)


def _number(name: str, default: str = "0") -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=default)


def _time(name: str, *, nullable: bool = True) -> Column[float]:
    return Column(name, Double, nullable=nullable)


def _status() -> list[Column[Any]]:
    """Return the columns of the last word on something, and who said it."""
    return [_text("status_by"), _text("status_text"), _text("reported"), _time("status_at"), _time("status_since")]


def _partial(name: str, *columns: ColumnElement[Any], where: ColumnElement[bool], unique: bool = False) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


users = Table(
    "users",
    METADATA,
    _id(),
    _text("name", None, unique=True),
    _text("email"),
    Column("password", Text),  # a hash
    _time("created", nullable=False),
    _time("disabled_at"),
)

projects = Table(
    "projects",
    METADATA,
    # the project '' is always there: what nobody gave to another belongs to it
    Column("name", Text, primary_key=True),
    _text("title"),
    _time("created", nullable=False),
)

memberships = Table(
    "memberships",
    METADATA,
    Column("user_id", ForeignKey(users.c.id, ondelete="CASCADE"), primary_key=True),
    Column("project", ForeignKey(projects.c.name, ondelete="CASCADE"), primary_key=True),
    Column("role", Text, primary_key=True),
    CheckConstraint("role IN ('admin', 'operator', 'viewer', 'node', 'runner')", "role"),
    Index("ix_memberships_project", "project"),
)

tokens = Table(
    "tokens",
    METADATA,
    _id(),
    _text("hash", None, unique=True),
    _text("kind", None),
    Column("user_id", ForeignKey(users.c.id, ondelete="CASCADE"), index=True),
    _text("project"),
    _text("subject"),
    _text("created_by"),
    _time("created", nullable=False),
    _time("expires"),
    _time("used_at"),
    _time("revoked_at"),
)

certificates = Table(
    "certificates",
    METADATA,
    Column("serial", Text, primary_key=True),
    _text("kind", None),
    _text("name", None),
    _text("fingerprint", None, unique=True),
    _time("issued", nullable=False),
    _time("not_after", nullable=False),
    _time("revoked_at"),
    Index("ix_certificates_subject", "kind", "name"),
)
_partial("ix_certificates_revoked", certificates.c.not_after, where=certificates.c.revoked_at.is_not(None))

nodes = Table(
    "nodes",
    METADATA,
    _id(),
    _text("reference", None, unique=True),
    _text("title"),
    _text("owner"),
    Column("project", ForeignKey(projects.c.name), nullable=False, server_default=""),
    Column("address", Text),
    Column("netmask", Text),
    # how jobs reach it
    _text("host"),
    Column("port", Integer),
    _text("protocol"),
    _text("username"),
    # since when it is a SlapOS computer; NULL for what is only a target of jobs
    _time("registered"),
    _time("created", nullable=False),
    Column("revision", Id, nullable=False, server_default="1"),
    Column("open", Boolean, nullable=False, server_default="1"),
    _number("free"),  # free partitions without a capability
    _number("busy"),
    _text("details", "{}"),  # what it said of itself
    _text("categories", "{}"),  # what it was said to be, for filters to find
    *_status(),
)
Index("ix_nodes_project", nodes.c.project, nodes.c.reference)
_partial("ix_nodes_computers", nodes.c.project, nodes.c.reference, where=nodes.c.registered.is_not(None))
_partial("ix_nodes_targets", nodes.c.project, nodes.c.reference, where=nodes.c.host != literal_column("''"))
_partial(
    "ix_nodes_room",
    nodes.c.project,
    nodes.c.busy,
    nodes.c.id,
    where=and_(nodes.c.free > 0, nodes.c.open.is_(True)),
)
_partial(
    "uq_nodes_title",
    nodes.c.project,
    nodes.c.owner,
    nodes.c.title,
    where=nodes.c.title != literal_column("''"),
    unique=True,
)

supplies = Table(
    "supplies",
    METADATA,
    _id(),
    Column("node_id", ForeignKey(nodes.c.id, ondelete="CASCADE"), nullable=False),
    _text("url", None),
    _text("state", None),
    Column("position", Id, nullable=False),
    *_status(),
    CheckConstraint("state IN ('available', 'destroyed')", "state"),
    Index("uq_supplies_node_id_url", "node_id", "url", unique=True),
    Index("ix_supplies_node_id_position", "node_id", "position"),
    Index("ix_supplies_url_node_id", "url", "node_id"),
    Index("ix_supplies_url_state", "url", "state", "node_id"),
)

instances = Table(
    "instances",
    METADATA,
    _id(),
    Column("project", ForeignKey(projects.c.name), nullable=False, server_default=""),
    _text("owner"),
    _text("title", None),
    Column("shared", Boolean, nullable=False),
    # the tree: NULL for a root, and for what a person requested
    Column("root_id", ForeignKey("instances.id")),
    Column("requester_id", ForeignKey("instances.id")),
    _number("depth"),
    # where it is, and was: a shared one is where its host is
    Column("host_id", ForeignKey("instances.id")),
    Column("node_id", ForeignKey(nodes.c.id, ondelete="SET NULL")),
    _text("place"),  # the partition's reference, which outlives the partition's row
    _text("shared_reference"),  # what the host calls it
    _text("software_url", None),
    _text("software_type", None),
    _text("parameters", "{}"),
    _text("filter", "{}"),
    _text("connection", "{}"),
    _text("asked", "started"),  # the state that was asked for last
    _text("state", "started"),  # the state in force, which a stopped root decides for its children
    _time("timestamp", nullable=False),
    *_status(),
    _time("created", nullable=False),
    _time("freed_at"),
    CheckConstraint("title <> ''", "title"),
    CheckConstraint("state IN ('started', 'stopped', 'destroyed')", "state"),
    CheckConstraint("asked IN ('started', 'stopped', 'destroyed')", "asked"),
)
_lives = instances.c.freed_at.is_(None)
_partial(
    "uq_instances_live_root",
    instances.c.project,
    instances.c.title,
    instances.c.shared,
    where=and_(_lives, instances.c.root_id.is_(None)),
    unique=True,
)
_partial(
    "uq_instances_live_member",
    instances.c.root_id,
    instances.c.title,
    instances.c.shared,
    where=and_(_lives, instances.c.root_id.is_not(None)),
    unique=True,
)
_partial("ix_instances_live_host", instances.c.host_id, instances.c.shared_reference, where=_lives)
_partial(
    "ix_instances_live_software",
    instances.c.project,
    instances.c.software_url,
    instances.c.software_type,
    where=and_(_lives, instances.c.shared.is_(False)),
)
_partial(
    "ix_instances_live_software_on_node",
    instances.c.node_id,
    instances.c.software_url,
    instances.c.software_type,
    where=and_(_lives, instances.c.shared.is_(False)),
)
_partial("ix_instances_live_node", instances.c.node_id, where=_lives)
_partial("ix_instances_live_root", instances.c.root_id, where=and_(_lives, instances.c.root_id.is_not(None)))
_partial("ix_instances_live_project", instances.c.project, instances.c.id, where=_lives)
Index("ix_instances_place", instances.c.node_id, instances.c.place, instances.c.id)

partitions = Table(
    "partitions",
    METADATA,
    _id(),
    Column("node_id", ForeignKey(nodes.c.id, ondelete="CASCADE"), nullable=False),
    _text("reference", None),
    _number("position"),
    _text("capabilities", "[]"),
    Column("instance_id", ForeignKey(instances.c.id)),
    Index("uq_partitions_node_id_reference", "node_id", "reference", unique=True),
    Index("ix_partitions_node_id_position", "node_id", "position"),
)
# only of what is occupied, so that nobody looks for free ones through it
_partial(
    "uq_partitions_instance_id",
    partitions.c.instance_id,
    where=partitions.c.instance_id.is_not(None),
    unique=True,
)
_partial(
    "ix_partitions_free",
    partitions.c.node_id,
    partitions.c.capabilities,
    partitions.c.position,
    where=partitions.c.instance_id.is_(None),
)

partition_addresses = Table(
    "partition_addresses",
    METADATA,
    Column("partition_id", ForeignKey(partitions.c.id, ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    _text("interface", None),
    _text("address", None),
    _text("netmask"),
    _text("gateway"),
    _text("network"),
    Index("ix_partition_addresses_address", "address"),
)

messages = Table(
    "messages",
    METADATA,
    _id(),
    _text("kind", None),  # node, instance or supply
    Column("subject_id", Id, nullable=False),
    _time("at", nullable=False),
    _text("who"),
    _text("state"),
    _text("text"),
    Index("ix_messages_subject", "kind", "subject_id", "id"),
)

usage_reports = Table(
    "usage_reports",
    METADATA,
    _id(),
    Column("node_id", ForeignKey(nodes.c.id, ondelete="SET NULL")),
    _text("computer", None),
    _text("reference"),
    _text("digest"),  # of the document: the same report again is the same
    _time("received", nullable=False),
    _text("document", None),
    Index("uq_usage_reports_computer", "computer", "reference", "digest", unique=True),
    Index("ix_usage_reports_node_id", "node_id", "id"),
)

usage_movements = Table(
    "usage_movements",
    METADATA,
    Column("report_id", ForeignKey(usage_reports.c.id, ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("instance_id", ForeignKey(instances.c.id)),  # NULL for what the node used itself
    _text("owner"),
    _text("project"),
    _text("computer"),
    _text("start"),
    _text("stop"),
    _time("at", nullable=False),
    _text("resource", None),
    _text("title"),
    _text("reference"),
    Column("quantity", Double, nullable=False),
    Column("price", Double, nullable=False),
    _text("currency"),
    _text("vat"),
    _text("category"),
    Index("ix_usage_movements_at", "at"),
    Index("ix_usage_movements_project_at", "project", "at"),
    Index("ix_usage_movements_computer_at", "computer", "at"),
    Index("ix_usage_movements_instance_id_at", "instance_id", "at"),
    Index("ix_usage_movements_owner_at", "owner", "at"),
)

audit = Table(
    "audit",
    METADATA,
    _id(),
    _time("at", nullable=False),
    _text("caller_kind", None),
    _text("caller", None),
    _text("project"),
    _text("how"),
    _text("action", None),
    _text("subject", None),
    _text("detail"),
    _text("previous", None),
    _text("hash", None, unique=True),
    Index("ix_audit_subject", "subject", "id"),
    Index("ix_audit_caller", "caller_kind", "caller", "id"),
)

products = Table(
    "products",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("url", Text, primary_key=True),
    _number("position"),  # the newest has the greatest
    Index("ix_products_url", "url"),
)

forwards = Table(
    "forwards",
    METADATA,
    Column("title", Text, primary_key=True),
    Column("master_url", Text, primary_key=True),
)

changes = Table(
    "changes",
    METADATA,
    # one row for each node, instance and supply, which triggers of the database keep: see store/changes.py
    Column("kind", Text, primary_key=True),
    Column("subject_id", Id, primary_key=True),
    Column("xid", Id, nullable=False, server_default="0"),
    Column("position", Id, nullable=False),
    _text("project"),
    _text("computer"),
    _text("subject"),
    _text("state"),
    _text("reported"),
    Column("revision", Id, nullable=False, server_default="0"),
    Column("gone", Boolean, nullable=False, server_default="0"),
    Index("ix_changes_xid_position", "xid", "position"),
)

settings = Table("settings", METADATA, Column("name", Text, primary_key=True), _text("value", None))

# those of headless batches are in a module of their own; whoever knows METADATA knows them too
