"""transports"""

import sqlalchemy as sa
from alembic import op

import storage.base

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pace",
        sa.Column("bot_id", sa.String(length=64), nullable=False),
        sa.Column("chat_id", sa.String(length=200), nullable=False),
        sa.Column("not_before", storage.base.Moment(timezone=True), nullable=False),
        sa.Column("flooded_until", storage.base.Moment(timezone=True), nullable=False),
        sa.Column("sent", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("bot_id", "chat_id", name=op.f("pk_pace")),
    )
    op.create_table(
        "receiver",
        sa.Column("bot_id", sa.String(length=64), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("until", storage.base.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("bot_id", name=op.f("pk_receiver")),
    )
    with op.batch_alter_table("chat", schema=None) as batch_op:
        batch_op.add_column(sa.Column("state", sa.String(length=64), server_default="open", nullable=False))

    with op.batch_alter_table("identity", schema=None) as batch_op:
        batch_op.add_column(sa.Column("closed_at", storage.base.Moment(timezone=True), nullable=True))

    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("leased", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("asked_at", storage.base.Moment(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("part", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("post", sa.String(length=200), server_default="", nullable=False))
        batch_op.create_index(
            "ix_outbox_held",
            ["bot_id", "chat_id"],
            unique=False,
            sqlite_where=sa.text("state = 'held'"),
            postgresql_where=sa.text("state = 'held'"),
        )
        batch_op.create_index(
            "ix_outbox_post",
            ["bot_id", "chat_id", "post"],
            unique=False,
            sqlite_where=sa.text("post <> ''"),
            postgresql_where=sa.text("post <> ''"),
        )

    op.execute("UPDATE outbox SET asked_at = due_at")


def downgrade() -> None:
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_outbox_post", sqlite_where=sa.text("post <> ''"), postgresql_where=sa.text("post <> ''")
        )
        batch_op.drop_index(
            "ix_outbox_held", sqlite_where=sa.text("state = 'held'"), postgresql_where=sa.text("state = 'held'")
        )
        batch_op.drop_column("post")
        batch_op.drop_column("part")
        batch_op.drop_column("asked_at")
        batch_op.drop_column("leased")

    with op.batch_alter_table("identity", schema=None) as batch_op:
        batch_op.drop_column("closed_at")

    with op.batch_alter_table("chat", schema=None) as batch_op:
        batch_op.drop_column("state")

    op.drop_table("receiver")
    op.drop_table("pace")
