"""polls"""

import sqlalchemy as sa
from alembic import op

import storage.base

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "poll",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("series", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("bot_id", sa.String(length=64), nullable=False),
        sa.Column("compound_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("building_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("starter_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("secret", sa.Boolean(), nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("opens_at", storage.base.Moment(timezone=True), nullable=False),
        sa.Column("closes_at", storage.base.Moment(timezone=True), nullable=False),
        sa.Column("closed_at", storage.base.Moment(timezone=True), nullable=True),
        sa.Column("reminded_at", storage.base.Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_poll")),
    )
    with op.batch_alter_table("poll", schema=None) as batch_op:
        batch_op.create_index("ix_poll_number", ["compound_id", "number"], unique=False)
        batch_op.create_index(
            "ix_poll_open",
            ["compound_id", "id"],
            unique=False,
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )
        batch_op.create_index("uq_poll_series_number", ["series", "number"], unique=True)

    op.create_table(
        "poll_text",
        sa.Column("poll_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("poll_id", name=op.f("pk_poll_text")),
    )
    op.create_table(
        "poll_voter",
        sa.Column("poll_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("household_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("choice", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("poll_id", "household_id", name=op.f("pk_poll_voter")),
    )
    with op.batch_alter_table("poll_voter", schema=None) as batch_op:
        batch_op.create_index("ix_poll_voter_person_id", ["person_id"], unique=False)

    op.create_table(
        "secret_ballot",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("poll_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("choice", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_secret_ballot")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("secret_ballot", schema=None) as batch_op:
        batch_op.create_index("ix_secret_ballot_poll_id", ["poll_id", "choice"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("secret_ballot", schema=None) as batch_op:
        batch_op.drop_index("ix_secret_ballot_poll_id")

    op.drop_table("secret_ballot")
    with op.batch_alter_table("poll_voter", schema=None) as batch_op:
        batch_op.drop_index("ix_poll_voter_person_id")

    op.drop_table("poll_voter")
    op.drop_table("poll_text")
    with op.batch_alter_table("poll", schema=None) as batch_op:
        batch_op.drop_index("uq_poll_series_number")
        batch_op.drop_index(
            "ix_poll_open", sqlite_where=sa.text("closed_at IS NULL"), postgresql_where=sa.text("closed_at IS NULL")
        )
        batch_op.drop_index("ix_poll_number")

    op.drop_table("poll")
