"""The tables. Times are seconds since the epoch; texts that hold structures are JSON.

Nothing is looked up by a scan: every question of the store's modules has an index here that answers it.
What is gone stays for accounting (``instances.freed_at``) and is outside the indexes of what lives.
"""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    and_,
    literal_column,
)

from pilothouse.store.columns import METADATA, Id, number, number_of_row, partial, status, text, time

users = Table(
    "users",
    METADATA,
    number_of_row(),
    text("name", None, unique=True),
    text("email"),
    Column("password", Text),  # a hash
    time("created", nullable=False),
    time("disabled_at"),
)

projects = Table(
    "projects",
    METADATA,
    # the project '' is always there: what nobody gave to another belongs to it
    Column("name", Text, primary_key=True),
    text("title"),
    time("created", nullable=False),
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
    number_of_row(),
    text("hash", None, unique=True),
    text("kind", None),
    Column("user_id", ForeignKey(users.c.id, ondelete="CASCADE"), index=True),
    text("project"),
    text("subject"),
    text("created_by"),
    time("created", nullable=False),
    time("expires"),
    time("used_at"),
    time("revoked_at"),
)

certificates = Table(
    "certificates",
    METADATA,
    Column("serial", Text, primary_key=True),
    text("kind", None),
    text("name", None),
    text("fingerprint", None, unique=True),
    time("issued", nullable=False),
    time("not_after", nullable=False),
    time("revoked_at"),
    Index("ix_certificates_subject", "kind", "name"),
)
partial("ix_certificates_revoked", certificates.c.not_after, where=certificates.c.revoked_at.is_not(None))

nodes = Table(
    "nodes",
    METADATA,
    number_of_row(),
    text("reference", None, unique=True),
    text("title"),
    text("owner"),
    Column("project", ForeignKey(projects.c.name), nullable=False, server_default=""),
    Column("address", Text),
    Column("netmask", Text),
    # how jobs reach it
    text("host"),
    Column("port", Integer),
    text("protocol"),
    text("username"),
    # since when it is a SlapOS computer; NULL for what is only a target of jobs
    time("registered"),
    time("created", nullable=False),
    Column("revision", Id, nullable=False, server_default="1"),
    Column("open", Boolean, nullable=False, server_default="1"),
    number("free"),  # free partitions without a capability
    number("busy"),
    text("details", "{}"),  # what it said of itself
    text("categories", "{}"),  # what it was said to be, for filters to find
    *status(),
)
Index("ix_nodes_project", nodes.c.project, nodes.c.reference)
partial("ix_nodes_computers", nodes.c.project, nodes.c.reference, where=nodes.c.registered.is_not(None))
partial("ix_nodes_targets", nodes.c.project, nodes.c.reference, where=nodes.c.host != literal_column("''"))
partial(
    "ix_nodes_room",
    nodes.c.project,
    nodes.c.busy,
    nodes.c.id,
    where=and_(nodes.c.free > 0, nodes.c.open.is_(True)),
)
partial(
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
    number_of_row(),
    Column("node_id", ForeignKey(nodes.c.id, ondelete="CASCADE"), nullable=False),
    text("url", None),
    text("state", None),
    Column("position", Id, nullable=False),
    *status(),
    CheckConstraint("state IN ('available', 'destroyed')", "state"),
    Index("uq_supplies_node_id_url", "node_id", "url", unique=True),
    Index("ix_supplies_node_id_position", "node_id", "position"),
    Index("ix_supplies_url_node_id", "url", "node_id"),
    Index("ix_supplies_url_state", "url", "state", "node_id"),
)

instances = Table(
    "instances",
    METADATA,
    number_of_row(),
    Column("project", ForeignKey(projects.c.name), nullable=False, server_default=""),
    text("owner"),
    text("title", None),
    Column("shared", Boolean, nullable=False),
    # the tree: NULL for a root, and for what a person requested
    Column("root_id", ForeignKey("instances.id")),
    Column("requester_id", ForeignKey("instances.id")),
    number("depth"),
    # where it is, and was: a shared one is where its host is
    Column("host_id", ForeignKey("instances.id")),
    Column("node_id", ForeignKey(nodes.c.id, ondelete="SET NULL")),
    text("place"),  # the partition's reference, which outlives the partition's row
    text("shared_reference"),  # what the host calls it
    text("software_url", None),
    text("software_type", None),
    text("parameters", "{}"),
    text("filter", "{}"),
    text("connection", "{}"),
    text("asked", "started"),  # the state that was asked for last
    text("state", "started"),  # the state in force, which a stopped root decides for its children
    time("timestamp", nullable=False),
    *status(),
    time("created", nullable=False),
    time("freed_at"),
    CheckConstraint("title <> ''", "title"),
    CheckConstraint("state IN ('started', 'stopped', 'destroyed')", "state"),
    CheckConstraint("asked IN ('started', 'stopped', 'destroyed')", "asked"),
)
_lives = instances.c.freed_at.is_(None)
partial(
    "uq_instances_live_root",
    instances.c.project,
    instances.c.title,
    instances.c.shared,
    where=and_(_lives, instances.c.root_id.is_(None)),
    unique=True,
)
partial(
    "uq_instances_live_member",
    instances.c.root_id,
    instances.c.title,
    instances.c.shared,
    where=and_(_lives, instances.c.root_id.is_not(None)),
    unique=True,
)
partial("ix_instances_live_host", instances.c.host_id, instances.c.shared_reference, where=_lives)
partial(
    "ix_instances_live_software",
    instances.c.project,
    instances.c.software_url,
    instances.c.software_type,
    where=and_(_lives, instances.c.shared.is_(False)),
)
partial(
    "ix_instances_live_software_on_node",
    instances.c.node_id,
    instances.c.software_url,
    instances.c.software_type,
    where=and_(_lives, instances.c.shared.is_(False)),
)
partial("ix_instances_live_node", instances.c.node_id, where=_lives)
partial("ix_instances_live_root", instances.c.root_id, where=and_(_lives, instances.c.root_id.is_not(None)))
partial("ix_instances_live_project", instances.c.project, instances.c.id, where=_lives)
Index("ix_instances_place", instances.c.node_id, instances.c.place, instances.c.id)

partitions = Table(
    "partitions",
    METADATA,
    number_of_row(),
    Column("node_id", ForeignKey(nodes.c.id, ondelete="CASCADE"), nullable=False),
    text("reference", None),
    number("position"),
    text("capabilities", "[]"),
    Column("instance_id", ForeignKey(instances.c.id)),
    Index("uq_partitions_node_id_reference", "node_id", "reference", unique=True),
    Index("ix_partitions_node_id_position", "node_id", "position"),
)
# only of what is occupied, so that nobody looks for free ones through it
partial(
    "uq_partitions_instance_id",
    partitions.c.instance_id,
    where=partitions.c.instance_id.is_not(None),
    unique=True,
)
partial(
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
    text("interface", None),
    text("address", None),
    text("netmask"),
    text("gateway"),
    text("network"),
    Index("ix_partition_addresses_address", "address"),
)

messages = Table(
    "messages",
    METADATA,
    number_of_row(),
    text("kind", None),  # node, instance or supply
    Column("subject_id", Id, nullable=False),
    time("at", nullable=False),
    text("who"),
    text("state"),
    text("text"),
    Index("ix_messages_subject", "kind", "subject_id", "id"),
)

usage_reports = Table(
    "usage_reports",
    METADATA,
    number_of_row(),
    Column("node_id", ForeignKey(nodes.c.id, ondelete="SET NULL")),
    text("computer", None),
    text("reference"),
    text("digest"),  # of the document: the same report again is the same
    time("received", nullable=False),
    text("document", None),
    Index("uq_usage_reports_computer", "computer", "reference", "digest", unique=True),
    Index("ix_usage_reports_node_id", "node_id", "id"),
)

usage_movements = Table(
    "usage_movements",
    METADATA,
    Column("report_id", ForeignKey(usage_reports.c.id, ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("instance_id", ForeignKey(instances.c.id)),  # NULL for what the node used itself
    text("owner"),
    text("project"),
    text("computer"),
    text("start"),
    text("stop"),
    time("at", nullable=False),
    text("resource", None),
    text("title"),
    text("reference"),
    Column("quantity", Double, nullable=False),
    Column("price", Double, nullable=False),
    text("currency"),
    text("vat"),
    text("category"),
    Index("ix_usage_movements_at", "at"),
    Index("ix_usage_movements_project_at", "project", "at"),
    Index("ix_usage_movements_computer_at", "computer", "at"),
    Index("ix_usage_movements_instance_id_at", "instance_id", "at"),
    Index("ix_usage_movements_owner_at", "owner", "at"),
)

audit = Table(
    "audit",
    METADATA,
    number_of_row(),
    time("at", nullable=False),
    text("caller_kind", None),
    text("caller", None),
    text("project"),
    text("how"),
    text("action", None),
    text("subject", None),
    text("detail"),
    text("previous", None),
    text("hash", None, unique=True),
    Index("ix_audit_subject", "subject", "id"),
    Index("ix_audit_caller", "caller_kind", "caller", "id"),
)

products = Table(
    "products",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("url", Text, primary_key=True),
    number("position"),  # the newest has the greatest
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
    text("project"),
    text("computer"),
    text("subject"),
    text("state"),
    text("reported"),
    Column("revision", Id, nullable=False, server_default="0"),
    Column("gone", Boolean, nullable=False, server_default="0"),
    Index("ix_changes_xid_position", "xid", "position"),
)

settings = Table("settings", METADATA, Column("name", Text, primary_key=True), text("value", None))

# those of headless batches are in a module of their own; whoever knows METADATA knows them too
