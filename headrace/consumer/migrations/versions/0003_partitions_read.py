"""Which partitions this database was filled from; a database of before counts as filled."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "headrace_begun",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("topic", sa.Text, primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True),
    )
    op.execute(
        "INSERT INTO headrace_begun (kind, topic, partition)"
        " SELECT kind, '*', 0 FROM headrace_applied UNION SELECT kind, '*', 0 FROM headrace_wanted"
    )


def downgrade() -> None:
    op.drop_table("headrace_begun")
