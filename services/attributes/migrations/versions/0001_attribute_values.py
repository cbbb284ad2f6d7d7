"""Values by customer and by name, and the version each customer's values are of."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attribute_values",
        sa.Column("customer", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("since", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
    )
    op.create_index("attribute_values_by_name", "attribute_values", ["name", "value", "customer"])
    op.create_table(
        "attribute_versions",
        sa.Column("customer", sa.Text, primary_key=True),
        sa.Column("version", sa.Text, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("attribute_versions")
    op.drop_table("attribute_values")
