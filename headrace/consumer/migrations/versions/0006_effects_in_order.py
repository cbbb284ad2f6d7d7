"""Indexes for what is due next, and for how much of one entry was tried lately: both asked for all the time."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_DUE = ["sender", "state", "due_at", "generation", "offset", "step", "partition"]


def upgrade() -> None:
    op.create_index("headrace_effects_due", "headrace_effects", _DUE)
    op.create_index("headrace_effects_entry", "headrace_effects", ["sender", "entry", "changed"])
    op.drop_index("headrace_effects_open", "headrace_effects")


def downgrade() -> None:
    op.create_index("headrace_effects_open", "headrace_effects", ["sender", "state", "partition"])
    op.drop_index("headrace_effects_entry", "headrace_effects")
    op.drop_index("headrace_effects_due", "headrace_effects")
