"""ticket files"""

import sqlalchemy as sa
from alembic import op

import storage.base

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ticket_file",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ticket_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("bot_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("at", storage.base.Moment(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("due_at", storage.base.Moment(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("size", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("why", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_file")),
    )
    with op.batch_alter_table("ticket_file", schema=None) as batch_op:
        batch_op.create_index(
            "ix_ticket_file_due",
            ["bot_id", "due_at"],
            unique=False,
            sqlite_where=sa.text("state = 'wanted'"),
            postgresql_where=sa.text("state = 'wanted'"),
        )
        batch_op.create_index("ix_ticket_file_person_id", ["person_id"], unique=False)
        batch_op.create_index("uq_ticket_file_ticket_id_ref", ["ticket_id", "ref"], unique=True)


def downgrade() -> None:
    with op.batch_alter_table("ticket_file", schema=None) as batch_op:
        batch_op.drop_index("uq_ticket_file_ticket_id_ref")
        batch_op.drop_index("ix_ticket_file_person_id")
        batch_op.drop_index(
            "ix_ticket_file_due", sqlite_where=sa.text("state = 'wanted'"), postgresql_where=sa.text("state = 'wanted'")
        )

    op.drop_table("ticket_file")
