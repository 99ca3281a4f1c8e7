"""Groups of users of headless batches, whose rights their members have."""

import sqlalchemy as sa
from alembic import op

revision = "r0004"
down_revision = "r0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them; nobody is a member yet."""
    op.create_table(
        "headless_groups",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rights", sa.Text(), server_default="[]", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_headless_groups")),
    )
    op.add_column("headless_users", sa.Column("groups", sa.Text(), server_default="[]", nullable=False))
