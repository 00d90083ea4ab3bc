"""the organisation"""

import sqlalchemy as sa
from alembic import op

import storage.base

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_seal",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("compound_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("last_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("at", storage.base.Moment(timezone=True), nullable=False),
        sa.Column("digest", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_seal")),
    )
    with op.batch_alter_table("audit_seal", schema=None) as batch_op:
        batch_op.create_index("ix_audit_seal_compound_id", ["compound_id", "last_id"], unique=False)

    op.create_table(
        "code",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=200), nullable=False),
        sa.Column("compound_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("household_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("target", sa.JSON(), nullable=False),
        sa.Column("made_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("made_at", storage.base.Moment(timezone=True), nullable=False),
        sa.Column("expires_at", storage.base.Moment(timezone=True), nullable=False),
        sa.Column("used_at", storage.base.Moment(timezone=True), nullable=True),
        sa.Column("used_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_code")),
    )
    with op.batch_alter_table("code", schema=None) as batch_op:
        batch_op.create_index("ix_code_expires_at", ["expires_at"], unique=False)
        batch_op.create_index("ix_code_household_id", ["household_id"], unique=False)
        batch_op.create_index("uq_code_digest", ["digest"], unique=True)

    op.create_table(
        "code_miss",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("bot_id", sa.String(length=64), nullable=False),
        sa.Column("chat_id", sa.String(length=200), nullable=False),
        sa.Column("at", storage.base.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_code_miss")),
    )
    with op.batch_alter_table("code_miss", schema=None) as batch_op:
        batch_op.create_index("ix_code_miss_chat", ["bot_id", "chat_id", "at"], unique=False)

    op.create_table(
        "consent",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("purpose", sa.String(length=64), nullable=False),
        sa.Column("given_at", storage.base.Moment(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("withdrawn_at", storage.base.Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    with op.batch_alter_table("consent", schema=None) as batch_op:
        batch_op.create_index("ix_consent_person_id", ["person_id"], unique=False)

    op.create_table(
        "home_request",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("bot_id", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("compound_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("building_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("household_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("relation", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("at", storage.base.Moment(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("asked_body", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("decided_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("decided_at", storage.base.Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_home_request")),
    )
    with op.batch_alter_table("home_request", schema=None) as batch_op:
        batch_op.create_index(
            "ix_home_request_asked",
            ["asked_body"],
            unique=False,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )
        batch_op.create_index(
            "ix_home_request_building",
            ["building_id"],
            unique=False,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )
        batch_op.create_index("ix_home_request_household_id", ["household_id"], unique=False)
        batch_op.create_index(
            "uq_home_request_open",
            ["person_id"],
            unique=True,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )

    op.create_table(
        "household_body",
        sa.Column("household_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("body_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("household_id", name=op.f("pk_household_body")),
    )
    with op.batch_alter_table("household_body", schema=None) as batch_op:
        batch_op.create_index("ix_household_body_body_id", ["body_id"], unique=False)

    op.create_table(
        "post_history",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("body_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.Column("since", storage.base.Moment(timezone=True), nullable=True),
        sa.Column("ended_at", storage.base.Moment(timezone=True), nullable=False),
        sa.Column("ended_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("acts_for", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_post_history")),
    )
    with op.batch_alter_table("post_history", schema=None) as batch_op:
        batch_op.create_index("ix_post_history_body_id", ["body_id"], unique=False)
        batch_op.create_index("ix_post_history_person_id", ["person_id"], unique=False)

    op.create_table(
        "roster_batch",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("compound_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("file", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=200), nullable=False),
        sa.Column("at", storage.base.Moment(timezone=True), nullable=False),
        sa.Column("by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_batch")),
    )
    with op.batch_alter_table("roster_batch", schema=None) as batch_op:
        batch_op.create_index("ix_roster_batch_compound_id", ["compound_id"], unique=False)

    op.create_table(
        "roster_change",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_change")),
    )
    with op.batch_alter_table("roster_change", schema=None) as batch_op:
        batch_op.create_index("ix_roster_change_batch_id", ["batch_id"], unique=False)

    with op.batch_alter_table("household", schema=None) as batch_op:
        batch_op.add_column(sa.Column("area", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("kind", sa.String(length=64), server_default="home", nullable=False))

    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.add_column(sa.Column("phone", sa.String(length=300), nullable=True))
        batch_op.add_column(sa.Column("phone_key", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("paper", sa.String(length=300), nullable=True))
        batch_op.add_column(sa.Column("paper_key", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("erased_at", storage.base.Moment(timezone=True), nullable=True))
        batch_op.create_index("ix_person_paper_key", ["paper_key"], unique=False)
        batch_op.create_index("ix_person_phone_key", ["phone_key"], unique=False)

    with op.batch_alter_table("post", schema=None) as batch_op:
        batch_op.add_column(sa.Column("since", storage.base.Moment(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("until", storage.base.Moment(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("acts_for", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True))

    with op.batch_alter_table("resident", schema=None) as batch_op:
        batch_op.add_column(sa.Column("source", sa.String(length=64), server_default="demo", nullable=False))
        batch_op.add_column(sa.Column("since", storage.base.Moment(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("resident", schema=None) as batch_op:
        batch_op.drop_column("since")
        batch_op.drop_column("source")

    with op.batch_alter_table("post", schema=None) as batch_op:
        batch_op.drop_column("acts_for")
        batch_op.drop_column("until")
        batch_op.drop_column("since")

    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.drop_index("ix_person_phone_key")
        batch_op.drop_index("ix_person_paper_key")
        batch_op.drop_column("erased_at")
        batch_op.drop_column("paper_key")
        batch_op.drop_column("paper")
        batch_op.drop_column("phone_key")
        batch_op.drop_column("phone")

    with op.batch_alter_table("household", schema=None) as batch_op:
        batch_op.drop_column("kind")
        batch_op.drop_column("area")

    with op.batch_alter_table("roster_change", schema=None) as batch_op:
        batch_op.drop_index("ix_roster_change_batch_id")

    op.drop_table("roster_change")
    with op.batch_alter_table("roster_batch", schema=None) as batch_op:
        batch_op.drop_index("ix_roster_batch_compound_id")

    op.drop_table("roster_batch")
    with op.batch_alter_table("post_history", schema=None) as batch_op:
        batch_op.drop_index("ix_post_history_person_id")
        batch_op.drop_index("ix_post_history_body_id")

    op.drop_table("post_history")
    with op.batch_alter_table("household_body", schema=None) as batch_op:
        batch_op.drop_index("ix_household_body_body_id")

    op.drop_table("household_body")
    with op.batch_alter_table("home_request", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_home_request_open", sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'")
        )
        batch_op.drop_index("ix_home_request_household_id")
        batch_op.drop_index(
            "ix_home_request_asked",
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )
        batch_op.drop_index(
            "ix_home_request_building",
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )

    op.drop_table("home_request")
    with op.batch_alter_table("consent", schema=None) as batch_op:
        batch_op.drop_index("ix_consent_person_id")

    op.drop_table("consent")
    with op.batch_alter_table("code_miss", schema=None) as batch_op:
        batch_op.drop_index("ix_code_miss_chat")

    op.drop_table("code_miss")
    with op.batch_alter_table("code", schema=None) as batch_op:
        batch_op.drop_index("uq_code_digest")
        batch_op.drop_index("ix_code_household_id")
        batch_op.drop_index("ix_code_expires_at")

    op.drop_table("code")
    with op.batch_alter_table("audit_seal", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_seal_compound_id")

    op.drop_table("audit_seal")
