"""found by index"""

import sqlalchemy as sa
from alembic import op

import storage.base

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("compound", schema=None) as batch_op:
        batch_op.create_index("ix_compound_merged_into", ["merged_into"], unique=False)
        batch_op.create_index("ix_compound_name", ["name"], unique=False)

    with op.batch_alter_table("learned_word", schema=None) as batch_op:
        batch_op.create_index("ix_learned_word_undone_at", ["undone_at"], unique=False)

    with op.batch_alter_table("lesson", schema=None) as batch_op:
        batch_op.create_index("ix_lesson_reporter_id", ["reporter_id", "at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("lesson", schema=None) as batch_op:
        batch_op.drop_index("ix_lesson_reporter_id")

    with op.batch_alter_table("learned_word", schema=None) as batch_op:
        batch_op.drop_index("ix_learned_word_undone_at")

    with op.batch_alter_table("compound", schema=None) as batch_op:
        batch_op.drop_index("ix_compound_name")
        batch_op.drop_index("ix_compound_merged_into")
