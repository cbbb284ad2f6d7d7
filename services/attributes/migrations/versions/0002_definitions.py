"""Definitions of attributes, what was laid out by which of them, and the ids of the metafields we wrote."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attribute_definitions",
        sa.Column("store", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("allowed", sa.Text),
        sa.Column("mirror", sa.Text, nullable=False),
    )
    op.create_table(
        "attribute_layouts",
        sa.Column("part", sa.Text, primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
    )
    op.create_table(
        "attribute_metafields",
        sa.Column("customer", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("id", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("attribute_metafields")
    op.drop_table("attribute_layouts")
    op.drop_table("attribute_definitions")
