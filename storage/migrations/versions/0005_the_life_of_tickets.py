"""the life of tickets"""

import sqlalchemy as sa
from alembic import op

import storage.base

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "chat_leaver",
        sa.Column("bot_id", sa.String(length=64), nullable=False),
        sa.Column("chat_id", sa.String(length=200), nullable=False),
        sa.Column("user_id", sa.String(length=200), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("left_at", storage.base.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("bot_id", "chat_id", "user_id", name=op.f("pk_chat_leaver")),
    )
    op.create_table(
        "closed_month",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("body_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("month", sa.String(length=64), nullable=False),
        sa.Column("closed_at", storage.base.Moment(timezone=True), nullable=False),
        sa.Column("closed_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_closed_month")),
    )
    with op.batch_alter_table("closed_month", schema=None) as batch_op:
        batch_op.create_index("uq_closed_month_body_id_month", ["body_id", "month"], unique=True)

    op.create_table(
        "duty_shift",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("compound_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("starts_at", storage.base.Moment(timezone=True), nullable=False),
        sa.Column("ends_at", storage.base.Moment(timezone=True), nullable=False),
        sa.Column("set_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty_shift")),
    )
    with op.batch_alter_table("duty_shift", schema=None) as batch_op:
        batch_op.create_index("ix_duty_shift_compound_id", ["compound_id", "ends_at"], unique=False)

    op.create_table(
        "known_matter",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("compound_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("building_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("category", sa.String(length=64), nullable=False),
        sa.Column("summary", sa.String(length=200), nullable=False),
        sa.Column("since", storage.base.Moment(timezone=True), nullable=False),
        sa.Column("until", storage.base.Moment(timezone=True), nullable=False),
        sa.Column("set_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("said_at", storage.base.Moment(timezone=True), nullable=True),
        sa.Column("ended_at", storage.base.Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_matter")),
    )
    with op.batch_alter_table("known_matter", schema=None) as batch_op:
        batch_op.create_index("ix_known_matter_compound_id", ["compound_id", "until"], unique=False)

    op.create_table(
        "learned_word",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("compound_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("category", sa.String(length=64), nullable=False),
        sa.Column("word", sa.String(length=200), nullable=False),
        sa.Column("added_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", storage.base.Moment(timezone=True), nullable=False),
        sa.Column("undone_at", storage.base.Moment(timezone=True), nullable=True),
        sa.Column("undone_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_learned_word")),
    )
    with op.batch_alter_table("learned_word", schema=None) as batch_op:
        batch_op.create_index("ix_learned_word_compound_id", ["compound_id", "id"], unique=False)
        batch_op.create_index("ix_learned_word_undone_at", ["undone_at"], unique=False)

    op.create_table(
        "lesson",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("compound_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ticket_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("category", sa.String(length=64), nullable=False),
        sa.Column("was", sa.String(length=64), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("reporter_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("taught_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("at", storage.base.Moment(timezone=True), nullable=False),
        sa.Column("undone_at", storage.base.Moment(timezone=True), nullable=True),
        sa.Column("undone_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lesson")),
    )
    with op.batch_alter_table("lesson", schema=None) as batch_op:
        batch_op.create_index("ix_lesson_compound_id", ["compound_id", "id"], unique=False)
        batch_op.create_index("ix_lesson_reporter_id", ["reporter_id", "at"], unique=False)
        batch_op.create_index("ix_lesson_ticket_id", ["ticket_id"], unique=False)
        batch_op.create_index("ix_lesson_undone_at", ["undone_at"], unique=False)

    op.create_table(
        "responsibility",
        sa.Column("compound_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("category", sa.String(length=64), nullable=False),
        sa.Column("level", sa.Integer(), nullable=True),
        sa.Column("body_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("set_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("set_at", storage.base.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("compound_id", "category", name=op.f("pk_responsibility")),
    )
    op.create_table(
        "ticket_body",
        sa.Column("ticket_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("body_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("part", sa.String(length=64), nullable=False),
        sa.Column("asked_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("asked_at", storage.base.Moment(timezone=True), nullable=False),
        sa.Column("answer_by", storage.base.Moment(timezone=True), nullable=True),
        sa.Column("answered_at", storage.base.Moment(timezone=True), nullable=True),
        sa.Column("answered_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.PrimaryKeyConstraint("ticket_id", "body_id", "part", name=op.f("pk_ticket_body")),
    )
    with op.batch_alter_table("ticket_body", schema=None) as batch_op:
        batch_op.create_index("ix_ticket_body_body_id", ["body_id"], unique=False)

    op.create_table(
        "ticket_guess",
        sa.Column("ticket_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("category", sa.String(length=64), nullable=False),
        sa.Column("runner_up", sa.String(length=64), nullable=False),
        sa.Column("probability", sa.Integer(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_ticket_guess")),
    )
    op.create_table(
        "ticket_party",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ticket_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("body_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("household_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_party")),
    )
    with op.batch_alter_table("ticket_party", schema=None) as batch_op:
        batch_op.create_index("ix_ticket_party_person_id", ["person_id"], unique=False)
        batch_op.create_index("ix_ticket_party_ticket_id", ["ticket_id"], unique=False)

    with op.batch_alter_table("chat", schema=None) as batch_op:
        batch_op.add_column(sa.Column("quiet_until", storage.base.Moment(timezone=True), nullable=True))

    with op.batch_alter_table("compound", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("merged_into", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
        batch_op.add_column(sa.Column("merged_at", storage.base.Moment(timezone=True), nullable=True))
        batch_op.create_index("ix_compound_merged_into", ["merged_into"], unique=False)
        batch_op.create_index("ix_compound_name", ["name"], unique=False)

    with op.batch_alter_table("consent", schema=None) as batch_op:
        batch_op.add_column(sa.Column("helper_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True))

    with op.batch_alter_table("ticket", schema=None) as batch_op:
        batch_op.add_column(sa.Column("kind", sa.String(length=64), server_default="complaint", nullable=False))
        batch_op.add_column(sa.Column("source", sa.String(length=64), server_default="group", nullable=False))
        batch_op.add_column(
            sa.Column("first_body_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
        batch_op.add_column(
            sa.Column("offered_to", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
        batch_op.add_column(sa.Column("designated", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(
            sa.Column("overseer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
        batch_op.add_column(sa.Column("hops", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("respond_by", storage.base.Moment(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("resolve_by", storage.base.Moment(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("paused_at", storage.base.Moment(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("extended", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("review_at", storage.base.Moment(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("contacted_at", storage.base.Moment(timezone=True), nullable=True))
        batch_op.add_column(
            sa.Column("contacted_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
        batch_op.add_column(
            sa.Column("finished_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
        batch_op.add_column(sa.Column("settled_at", storage.base.Moment(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("reopened", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(
            sa.Column("merged_into", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
        batch_op.add_column(sa.Column("parent_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True))
        batch_op.add_column(sa.Column("outside", sa.String(length=64), server_default="", nullable=False))
        batch_op.add_column(sa.Column("hotline", sa.String(length=64), server_default="", nullable=False))
        batch_op.drop_index(batch_op.f("ix_ticket_compound_id"))
        batch_op.create_index(
            "ix_ticket_body",
            ["body_id", "id"],
            unique=False,
            sqlite_where=sa.text("status IN ('open', 'returned', 'accepted', 'waiting', 'shelved', 'split')"),
            postgresql_where=sa.text("status IN ('open', 'returned', 'accepted', 'waiting', 'shelved', 'split')"),
        )
        batch_op.create_index(
            "ix_ticket_closed",
            ["compound_id", "closed_at"],
            unique=False,
            sqlite_where=sa.text("closed_at IS NOT NULL"),
            postgresql_where=sa.text("closed_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_ticket_merged_into",
            ["merged_into"],
            unique=False,
            sqlite_where=sa.text("merged_into IS NOT NULL"),
            postgresql_where=sa.text("merged_into IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_ticket_of_compound",
            ["compound_id", "id"],
            unique=False,
            sqlite_where=sa.text("status IN ('open', 'returned', 'accepted', 'waiting', 'shelved', 'split')"),
            postgresql_where=sa.text("status IN ('open', 'returned', 'accepted', 'waiting', 'shelved', 'split')"),
        )
        batch_op.create_index("ix_ticket_opened", ["compound_id", "opened_at"], unique=False)
        batch_op.create_index(
            "ix_ticket_overseer",
            ["overseer_id", "id"],
            unique=False,
            sqlite_where=sa.text("overseer_id IS NOT NULL"),
            postgresql_where=sa.text("overseer_id IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_ticket_parent",
            ["parent_id"],
            unique=False,
            sqlite_where=sa.text("parent_id IS NOT NULL"),
            postgresql_where=sa.text("parent_id IS NOT NULL"),
        )

    with op.batch_alter_table("ticket_report", schema=None) as batch_op:
        batch_op.add_column(sa.Column("asked", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("answered_at", storage.base.Moment(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("called_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True))
        batch_op.add_column(sa.Column("called_at", storage.base.Moment(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("excluded", sa.String(length=64), server_default="", nullable=False))
        batch_op.add_column(
            sa.Column("excluded_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )

    op.drop_index("ix_ticket_live", "ticket")
    op.create_index(
        "ix_ticket_live",
        "ticket",
        ["compound_id", "building_id", "category"],
        unique=False,
        sqlite_where=sa.text("status IN ('open', 'returned', 'accepted', 'waiting', 'shelved', 'split')"),
        postgresql_where=sa.text("status IN ('open', 'returned', 'accepted', 'waiting', 'shelved', 'split')"),
    )


def downgrade() -> None:
    with op.batch_alter_table("ticket_report", schema=None) as batch_op:
        batch_op.drop_column("excluded_by")
        batch_op.drop_column("excluded")
        batch_op.drop_column("called_at")
        batch_op.drop_column("called_by")
        batch_op.drop_column("answered_at")
        batch_op.drop_column("asked")

    with op.batch_alter_table("ticket", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_ticket_parent",
            sqlite_where=sa.text("parent_id IS NOT NULL"),
            postgresql_where=sa.text("parent_id IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_ticket_overseer",
            sqlite_where=sa.text("overseer_id IS NOT NULL"),
            postgresql_where=sa.text("overseer_id IS NOT NULL"),
        )
        batch_op.drop_index("ix_ticket_opened")
        batch_op.drop_index(
            "ix_ticket_of_compound",
            sqlite_where=sa.text("status IN ('open', 'returned', 'accepted', 'waiting', 'shelved', 'split')"),
            postgresql_where=sa.text("status IN ('open', 'returned', 'accepted', 'waiting', 'shelved', 'split')"),
        )
        batch_op.drop_index(
            "ix_ticket_merged_into",
            sqlite_where=sa.text("merged_into IS NOT NULL"),
            postgresql_where=sa.text("merged_into IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_ticket_closed",
            sqlite_where=sa.text("closed_at IS NOT NULL"),
            postgresql_where=sa.text("closed_at IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_ticket_body",
            sqlite_where=sa.text("status IN ('open', 'returned', 'accepted', 'waiting', 'shelved', 'split')"),
            postgresql_where=sa.text("status IN ('open', 'returned', 'accepted', 'waiting', 'shelved', 'split')"),
        )
        batch_op.create_index(batch_op.f("ix_ticket_compound_id"), ["compound_id"], unique=False)
        batch_op.drop_column("hotline")
        batch_op.drop_column("outside")
        batch_op.drop_column("parent_id")
        batch_op.drop_column("merged_into")
        batch_op.drop_column("reopened")
        batch_op.drop_column("settled_at")
        batch_op.drop_column("finished_by")
        batch_op.drop_column("contacted_by")
        batch_op.drop_column("contacted_at")
        batch_op.drop_column("review_at")
        batch_op.drop_column("extended")
        batch_op.drop_column("paused_at")
        batch_op.drop_column("resolve_by")
        batch_op.drop_column("respond_by")
        batch_op.drop_column("hops")
        batch_op.drop_column("overseer_id")
        batch_op.drop_column("designated")
        batch_op.drop_column("offered_to")
        batch_op.drop_column("first_body_id")
        batch_op.drop_column("source")
        batch_op.drop_column("kind")

    with op.batch_alter_table("consent", schema=None) as batch_op:
        batch_op.drop_column("helper_id")

    with op.batch_alter_table("compound", schema=None) as batch_op:
        batch_op.drop_index("ix_compound_name")
        batch_op.drop_index("ix_compound_merged_into")
        batch_op.drop_column("merged_at")
        batch_op.drop_column("merged_into")

    with op.batch_alter_table("chat", schema=None) as batch_op:
        batch_op.drop_column("quiet_until")

    with op.batch_alter_table("ticket_party", schema=None) as batch_op:
        batch_op.drop_index("ix_ticket_party_ticket_id")
        batch_op.drop_index("ix_ticket_party_person_id")

    op.drop_table("ticket_party")
    op.drop_table("ticket_guess")
    with op.batch_alter_table("ticket_body", schema=None) as batch_op:
        batch_op.drop_index("ix_ticket_body_body_id")

    op.drop_table("ticket_body")
    op.drop_table("responsibility")
    with op.batch_alter_table("lesson", schema=None) as batch_op:
        batch_op.drop_index("ix_lesson_undone_at")
        batch_op.drop_index("ix_lesson_ticket_id")
        batch_op.drop_index("ix_lesson_reporter_id")
        batch_op.drop_index("ix_lesson_compound_id")

    op.drop_table("lesson")
    with op.batch_alter_table("learned_word", schema=None) as batch_op:
        batch_op.drop_index("ix_learned_word_undone_at")
        batch_op.drop_index("ix_learned_word_compound_id")

    op.drop_table("learned_word")
    with op.batch_alter_table("known_matter", schema=None) as batch_op:
        batch_op.drop_index("ix_known_matter_compound_id")

    op.drop_table("known_matter")
    with op.batch_alter_table("duty_shift", schema=None) as batch_op:
        batch_op.drop_index("ix_duty_shift_compound_id")

    op.drop_table("duty_shift")
    with op.batch_alter_table("closed_month", schema=None) as batch_op:
        batch_op.drop_index("uq_closed_month_body_id_month")

    op.drop_table("closed_month")
    op.drop_table("chat_leaver")

    op.drop_index("ix_ticket_live", "ticket")
    op.create_index(
        "ix_ticket_live",
        "ticket",
        ["compound_id", "building_id", "category"],
        unique=False,
        sqlite_where=sa.text("status IN ('open', 'accepted')"),
        postgresql_where=sa.text("status IN ('open', 'accepted')"),
    )
