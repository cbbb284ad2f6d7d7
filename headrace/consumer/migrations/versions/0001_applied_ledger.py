"""The applied ledger, and what is wanted but cannot be done yet."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "headrace_applied",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("customer", sa.Text, primary_key=True),
        sa.Column("version", sa.Text),
        sa.Column("value", sa.Text),
        sa.Column("intent_version", sa.Text),
        sa.Column("intent", sa.Text),
    )
    op.create_table(
        "headrace_wanted",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("customer", sa.Text, primary_key=True),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("headrace_wanted")
    op.drop_table("headrace_applied")
