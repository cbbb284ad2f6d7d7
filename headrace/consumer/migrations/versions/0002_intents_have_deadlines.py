"""An intent says whose it is and until when its call may still arrive at the vendor."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("headrace_applied", sa.Column("intent_worker", sa.Text))
    op.add_column("headrace_applied", sa.Column("intent_until", sa.Float(53)))


def downgrade() -> None:
    op.drop_column("headrace_applied", "intent_until")
    op.drop_column("headrace_applied", "intent_worker")
