"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "r0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create everything, and the project of what nobody gave to another."""
    op.create_table(
        "audit",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("caller_kind", sa.Text(), nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), server_default="", nullable=False),
        sa.Column("how", sa.Text(), server_default="", nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sa.UniqueConstraint("hash", name=op.f("uq_audit_hash")),
    )
    op.create_index("ix_audit_caller", "audit", ["caller_kind", "caller", "id"], unique=False)
    op.create_index("ix_audit_subject", "audit", ["subject", "id"], unique=False)
    op.create_table(
        "certificates",
        sa.Column("serial", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("issued", sa.Double(), nullable=False),
        sa.Column("not_after", sa.Double(), nullable=False),
        sa.Column("revoked_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_certificates")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_certificates_fingerprint")),
    )
    op.create_index(
        "ix_certificates_revoked",
        "certificates",
        ["not_after"],
        unique=False,
        sqlite_where=sa.text("revoked_at IS NOT NULL"),
        postgresql_where=sa.text("revoked_at IS NOT NULL"),
    )
    op.create_index("ix_certificates_subject", "certificates", ["kind", "name"], unique=False)
    op.create_table(
        "forwards",
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("master_url", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("title", "master_url", name=op.f("pk_forwards")),
    )
    op.create_table(
        "messages",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", ID, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("who", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
    )
    op.create_index("ix_messages_subject", "messages", ["kind", "subject_id", "id"], unique=False)
    op.create_table(
        "products",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("name", "url", name=op.f("pk_products")),
    )
    op.create_index("ix_products_url", "products", ["url"], unique=False)
    op.create_table(
        "projects",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_projects")),
    )
    op.create_table(
        "settings",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_settings")),
    )
    op.create_table(
        "users",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), server_default="", nullable=False),
        sa.Column("password", sa.Text(), nullable=True),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("disabled_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("name", name=op.f("uq_users_name")),
    )
    op.create_table(
        "memberships",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "role IN ('admin', 'operator', 'viewer', 'node', 'runner')", name=op.f("ck_memberships_role")
        ),
        sa.ForeignKeyConstraint(
            ["project"], ["projects.name"], name=op.f("fk_memberships_project"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_memberships_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "project", "role", name=op.f("pk_memberships")),
    )
    op.create_index("ix_memberships_project", "memberships", ["project"], unique=False)
    op.create_table(
        "nodes",
        sa.Column("id", ID, nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("owner", sa.Text(), server_default="", nullable=False),
        sa.Column("project", sa.Text(), server_default="", nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("netmask", sa.Text(), nullable=True),
        sa.Column("host", sa.Text(), server_default="", nullable=False),
        sa.Column("port", sa.Integer(), nullable=True),
        sa.Column("protocol", sa.Text(), server_default="", nullable=False),
        sa.Column("username", sa.Text(), server_default="", nullable=False),
        sa.Column("registered", sa.Double(), nullable=True),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("revision", ID, server_default="1", nullable=False),
        sa.Column("open", sa.Boolean(), server_default="1", nullable=False),
        sa.Column("free", sa.Integer(), server_default="0", nullable=False),
        sa.Column("busy", sa.Integer(), server_default="0", nullable=False),
        sa.Column("details", sa.Text(), server_default="{}", nullable=False),
        sa.Column("categories", sa.Text(), server_default="{}", nullable=False),
        sa.Column("status_by", sa.Text(), server_default="", nullable=False),
        sa.Column("status_text", sa.Text(), server_default="", nullable=False),
        sa.Column("reported", sa.Text(), server_default="", nullable=False),
        sa.Column("status_at", sa.Double(), nullable=True),
        sa.Column("status_since", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["project"], ["projects.name"], name=op.f("fk_nodes_project")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_nodes")),
        sa.UniqueConstraint("reference", name=op.f("uq_nodes_reference")),
    )
    op.create_index("ix_nodes_project", "nodes", ["project", "reference"], unique=False)
    op.create_index(
        "ix_nodes_room",
        "nodes",
        ["project", "busy", "id"],
        unique=False,
        sqlite_where=sa.text("free > 0 AND open IS 1"),
        postgresql_where=sa.text("free > 0 AND open IS true"),
    )
    op.create_index(
        "uq_nodes_title",
        "nodes",
        ["project", "owner", "title"],
        unique=True,
        sqlite_where=sa.text("title != ''"),
        postgresql_where=sa.text("title != ''"),
    )
    op.create_table(
        "tokens",
        sa.Column("id", ID, nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("user_id", ID, nullable=True),
        sa.Column("project", sa.Text(), server_default="", nullable=False),
        sa.Column("subject", sa.Text(), server_default="", nullable=False),
        sa.Column("created_by", sa.Text(), server_default="", nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("expires", sa.Double(), nullable=True),
        sa.Column("used_at", sa.Double(), nullable=True),
        sa.Column("revoked_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_tokens_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("hash", name=op.f("uq_tokens_hash")),
    )
    op.create_index(op.f("ix_tokens_user_id"), "tokens", ["user_id"], unique=False)
    op.create_table(
        "instances",
        sa.Column("id", ID, nullable=False),
        sa.Column("project", sa.Text(), server_default="", nullable=False),
        sa.Column("owner", sa.Text(), server_default="", nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("root_id", ID, nullable=True),
        sa.Column("requester_id", ID, nullable=True),
        sa.Column("depth", sa.Integer(), server_default="0", nullable=False),
        sa.Column("host_id", ID, nullable=True),
        sa.Column("node_id", ID, nullable=True),
        sa.Column("place", sa.Text(), server_default="", nullable=False),
        sa.Column("shared_reference", sa.Text(), server_default="", nullable=False),
        sa.Column("software_url", sa.Text(), nullable=False),
        sa.Column("software_type", sa.Text(), nullable=False),
        sa.Column("parameters", sa.Text(), server_default="{}", nullable=False),
        sa.Column("filter", sa.Text(), server_default="{}", nullable=False),
        sa.Column("connection", sa.Text(), server_default="{}", nullable=False),
        sa.Column("asked", sa.Text(), server_default="started", nullable=False),
        sa.Column("state", sa.Text(), server_default="started", nullable=False),
        sa.Column("timestamp", sa.Double(), nullable=False),
        sa.Column("status_by", sa.Text(), server_default="", nullable=False),
        sa.Column("status_text", sa.Text(), server_default="", nullable=False),
        sa.Column("reported", sa.Text(), server_default="", nullable=False),
        sa.Column("status_at", sa.Double(), nullable=True),
        sa.Column("status_since", sa.Double(), nullable=True),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("freed_at", sa.Double(), nullable=True),
        sa.CheckConstraint("asked IN ('started', 'stopped', 'destroyed')", name=op.f("ck_instances_asked")),
        sa.CheckConstraint("state IN ('started', 'stopped', 'destroyed')", name=op.f("ck_instances_state")),
        sa.CheckConstraint("title <> ''", name=op.f("ck_instances_title")),
        sa.ForeignKeyConstraint(["host_id"], ["instances.id"], name=op.f("fk_instances_host_id")),
        sa.ForeignKeyConstraint(["node_id"], ["nodes.id"], name=op.f("fk_instances_node_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["project"], ["projects.name"], name=op.f("fk_instances_project")),
        sa.ForeignKeyConstraint(["requester_id"], ["instances.id"], name=op.f("fk_instances_requester_id")),
        sa.ForeignKeyConstraint(["root_id"], ["instances.id"], name=op.f("fk_instances_root_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instances")),
    )
    op.create_index(
        "ix_instances_live_host",
        "instances",
        ["host_id", "shared_reference"],
        unique=False,
        sqlite_where=sa.text("freed_at IS NULL"),
        postgresql_where=sa.text("freed_at IS NULL"),
    )
    op.create_index(
        "ix_instances_live_node",
        "instances",
        ["node_id"],
        unique=False,
        sqlite_where=sa.text("freed_at IS NULL"),
        postgresql_where=sa.text("freed_at IS NULL"),
    )
    op.create_index(
        "ix_instances_live_root",
        "instances",
        ["root_id"],
        unique=False,
        sqlite_where=sa.text("freed_at IS NULL AND root_id IS NOT NULL"),
        postgresql_where=sa.text("freed_at IS NULL AND root_id IS NOT NULL"),
    )
    op.create_index(
        "ix_instances_live_software",
        "instances",
        ["project", "software_url", "software_type"],
        unique=False,
        sqlite_where=sa.text("freed_at IS NULL AND shared IS 0"),
        postgresql_where=sa.text("freed_at IS NULL AND shared IS false"),
    )
    op.create_index(
        "ix_instances_live_software_on_node",
        "instances",
        ["node_id", "software_url", "software_type"],
        unique=False,
        sqlite_where=sa.text("freed_at IS NULL AND shared IS 0"),
        postgresql_where=sa.text("freed_at IS NULL AND shared IS false"),
    )
    op.create_index(
        "uq_instances_live_member",
        "instances",
        ["root_id", "title", "shared"],
        unique=True,
        sqlite_where=sa.text("freed_at IS NULL AND root_id IS NOT NULL"),
        postgresql_where=sa.text("freed_at IS NULL AND root_id IS NOT NULL"),
    )
    op.create_index(
        "uq_instances_live_root",
        "instances",
        ["project", "title", "shared"],
        unique=True,
        sqlite_where=sa.text("freed_at IS NULL AND root_id IS NULL"),
        postgresql_where=sa.text("freed_at IS NULL AND root_id IS NULL"),
    )
    op.create_table(
        "supplies",
        sa.Column("id", ID, nullable=False),
        sa.Column("node_id", ID, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("position", ID, nullable=False),
        sa.Column("status_by", sa.Text(), server_default="", nullable=False),
        sa.Column("status_text", sa.Text(), server_default="", nullable=False),
        sa.Column("reported", sa.Text(), server_default="", nullable=False),
        sa.Column("status_at", sa.Double(), nullable=True),
        sa.Column("status_since", sa.Double(), nullable=True),
        sa.CheckConstraint("state IN ('available', 'destroyed')", name=op.f("ck_supplies_state")),
        sa.ForeignKeyConstraint(["node_id"], ["nodes.id"], name=op.f("fk_supplies_node_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supplies")),
    )
    op.create_index("ix_supplies_node_id_position", "supplies", ["node_id", "position"], unique=False)
    op.create_index("ix_supplies_url_state", "supplies", ["url", "state", "node_id"], unique=False)
    op.create_index("uq_supplies_node_id_url", "supplies", ["node_id", "url"], unique=True)
    op.create_table(
        "usage_reports",
        sa.Column("id", ID, nullable=False),
        sa.Column("node_id", ID, nullable=True),
        sa.Column("computer", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), server_default="", nullable=False),
        sa.Column("received", sa.Double(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["node_id"], ["nodes.id"], name=op.f("fk_usage_reports_node_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_reports")),
    )
    op.create_index("ix_usage_reports_node_id_received", "usage_reports", ["node_id", "received"], unique=False)
    op.create_index("ix_usage_reports_received", "usage_reports", ["received"], unique=False)
    op.create_table(
        "partitions",
        sa.Column("id", ID, nullable=False),
        sa.Column("node_id", ID, nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("capabilities", sa.Text(), server_default="[]", nullable=False),
        sa.Column("instance_id", ID, nullable=True),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name=op.f("fk_partitions_instance_id")),
        sa.ForeignKeyConstraint(["node_id"], ["nodes.id"], name=op.f("fk_partitions_node_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partitions")),
    )
    op.create_index(
        "ix_partitions_free",
        "partitions",
        ["node_id", "capabilities", "position"],
        unique=False,
        sqlite_where=sa.text("instance_id IS NULL"),
        postgresql_where=sa.text("instance_id IS NULL"),
    )
    op.create_index("ix_partitions_node_id_position", "partitions", ["node_id", "position"], unique=False)
    op.create_index(
        "uq_partitions_instance_id",
        "partitions",
        ["instance_id"],
        unique=True,
        sqlite_where=sa.text("instance_id IS NOT NULL"),
        postgresql_where=sa.text("instance_id IS NOT NULL"),
    )
    op.create_index("uq_partitions_node_id_reference", "partitions", ["node_id", "reference"], unique=True)
    op.create_table(
        "usage_movements",
        sa.Column("report_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("instance_id", ID, nullable=True),
        sa.Column("owner", sa.Text(), server_default="", nullable=False),
        sa.Column("start", sa.Text(), server_default="", nullable=False),
        sa.Column("stop", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("reference", sa.Text(), server_default="", nullable=False),
        sa.Column("quantity", sa.Double(), nullable=False),
        sa.Column("price", sa.Double(), nullable=False),
        sa.Column("vat", sa.Text(), server_default="", nullable=False),
        sa.Column("category", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name=op.f("fk_usage_movements_instance_id")),
        sa.ForeignKeyConstraint(
            ["report_id"], ["usage_reports.id"], name=op.f("fk_usage_movements_report_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("report_id", "position", name=op.f("pk_usage_movements")),
    )
    op.create_index("ix_usage_movements_instance_id_at", "usage_movements", ["instance_id", "at"], unique=False)
    op.create_index("ix_usage_movements_owner_at", "usage_movements", ["owner", "at"], unique=False)
    op.create_table(
        "partition_addresses",
        sa.Column("partition_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("interface", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("netmask", sa.Text(), server_default="", nullable=False),
        sa.Column("gateway", sa.Text(), server_default="", nullable=False),
        sa.Column("network", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["partition_id"], ["partitions.id"], name=op.f("fk_partition_addresses_partition_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("partition_id", "position", name=op.f("pk_partition_addresses")),
    )
    op.create_index("ix_partition_addresses_address", "partition_addresses", ["address"], unique=False)
    op.execute("INSERT INTO projects (name, title, created) VALUES ('', 'Everything', 0)")
