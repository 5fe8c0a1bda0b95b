"""The store's tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

TABLES = (
    "accounts",
    "audit",
    "audit_head",
    "leases",
    "login_attempts",
    "meter_readings",
    "runs",
    "proposals",
    "sessions",
    "tokens",
    "warnings",
    "adjustments",
    "plans",
    "resumption_requests",
    "decisions",
    "orders",
    "resumption_decisions",
    "acknowledgements",
    "publications",
    "signatures",
    "outbox",
)


def upgrade() -> None:
    """Every table; names of constraints by serving.store.base.NAMING."""
    op.create_table(
        "accounts",
        sa.Column("id", BIG, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("display", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("enterprise", sa.String(length=200), nullable=True),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("disabled_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint(
            "(role = 'enterprise') = (enterprise IS NOT NULL)", name="enterprise_of_role"
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_index("ix_accounts_enterprise", "accounts", ["enterprise"])
    op.create_table(
        "audit",
        sa.Column("seq", BIG, autoincrement=False, nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", BIG, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.CheckConstraint("id = 1", name="one"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("holder", sa.String(length=200), nullable=False),
        sa.Column("until", sa.DateTime(), nullable=False),
        sa.Column("fence", BIG, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "login_attempts",
        sa.Column("id", BIG, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("address", sa.String(length=200), nullable=False),
        sa.Column("succeeded", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_login_attempts_address_at", "login_attempts", ["address", "at"])
    op.create_index("ix_login_attempts_name_at", "login_attempts", ["name", "at"])
    op.create_table(
        "meter_readings",
        sa.Column("enterprise", sa.String(length=200), nullable=False),
        sa.Column("meter", sa.String(length=200), nullable=False),
        sa.Column("parameter", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("received_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("enterprise", "meter", "parameter", "at", "revision"),
    )
    op.create_index("ix_meter_readings_received_at", "meter_readings", ["received_at"])
    op.create_table(
        "runs",
        sa.Column("id", BIG, nullable=False),
        sa.Column("city", sa.String(length=200), nullable=False),
        sa.Column("issue_time", sa.DateTime(), nullable=False),
        sa.Column("exercise", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.Column("report", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("city", "issue_time", "exercise"),
        sa.UniqueConstraint("id", "exercise"),
    )
    op.create_table(
        "proposals",
        sa.Column("id", BIG, nullable=False),
        sa.Column("run_id", BIG, nullable=True),
        sa.Column("city", sa.String(length=200), nullable=False),
        sa.Column("exercise", sa.Boolean(), nullable=False),
        sa.Column("issue_time", sa.DateTime(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("level", sa.String(length=40), nullable=True),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("machine", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id", "exercise"], ["runs.id", "runs.exercise"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("id", "exercise"),
    )
    op.create_index("ix_proposals_run_id", "proposals", ["run_id"])
    op.create_table(
        "sessions",
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("account_id", BIG, nullable=False),
        sa.Column("address", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("seen_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        sa.PrimaryKeyConstraint("token"),
    )
    op.create_index("ix_sessions_account_id", "sessions", ["account_id"])
    op.create_table(
        "tokens",
        sa.Column("id", BIG, nullable=False),
        sa.Column("account_id", BIG, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("secret", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("secret"),
    )
    op.create_index("ix_tokens_account_id", "tokens", ["account_id"])
    op.create_table(
        "warnings",
        sa.Column("id", BIG, nullable=False),
        sa.Column("city", sa.String(length=200), nullable=False),
        sa.Column("exercise", sa.Boolean(), nullable=False),
        sa.Column("proposal_id", BIG, nullable=True),
        sa.Column("opened_at", sa.DateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["proposal_id", "exercise"], ["proposals.id", "proposals.exercise"]
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("id", "exercise"),
    )
    op.create_index("ix_warnings_city", "warnings", ["city"])
    op.create_index("ix_warnings_proposal_id", "warnings", ["proposal_id"])
    op.create_table(
        "adjustments",
        sa.Column("id", BIG, nullable=False),
        sa.Column("warning_id", BIG, nullable=False),
        sa.Column("account_id", BIG, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("days", sa.Text(), nullable=False),
        sa.Column("calls_for", sa.String(length=40), nullable=True),
        sa.Column("rules", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("supersedes", BIG, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        sa.ForeignKeyConstraint(["supersedes"], ["adjustments.id"]),
        sa.ForeignKeyConstraint(["warning_id"], ["warnings.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_adjustments_account_id", "adjustments", ["account_id"])
    op.create_index("ix_adjustments_supersedes", "adjustments", ["supersedes"])
    op.create_index("ix_adjustments_warning_id", "adjustments", ["warning_id"])
    op.create_table(
        "plans",
        sa.Column("id", BIG, nullable=False),
        sa.Column("warning_id", BIG, nullable=False),
        sa.Column("exercise", sa.Boolean(), nullable=False),
        sa.Column("account_id", BIG, nullable=True),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("supersedes", BIG, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        sa.ForeignKeyConstraint(["supersedes"], ["plans.id"]),
        sa.ForeignKeyConstraint(["warning_id", "exercise"], ["warnings.id", "warnings.exercise"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("id", "exercise"),
    )
    op.create_index("ix_plans_account_id", "plans", ["account_id"])
    op.create_index("ix_plans_supersedes", "plans", ["supersedes"])
    op.create_index("ix_plans_warning_id", "plans", ["warning_id"])
    op.create_table(
        "resumption_requests",
        sa.Column("id", BIG, nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("enterprise", sa.String(length=200), nullable=False),
        sa.Column("unit", sa.String(length=200), nullable=False),
        sa.Column("account_id", BIG, nullable=False),
        sa.Column("warning_id", BIG, nullable=True),
        sa.Column("exercise", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        sa.ForeignKeyConstraint(["warning_id"], ["warnings.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("ix_resumption_requests_account_id", "resumption_requests", ["account_id"])
    op.create_index("ix_resumption_requests_enterprise", "resumption_requests", ["enterprise"])
    op.create_index("ix_resumption_requests_warning_id", "resumption_requests", ["warning_id"])
    op.create_table(
        "decisions",
        sa.Column("id", BIG, nullable=False),
        sa.Column("warning_id", BIG, nullable=False),
        sa.Column("exercise", sa.Boolean(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("level", sa.String(length=40), nullable=True),
        sa.Column("in_force", sa.String(length=40), nullable=True),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("account_id", BIG, nullable=True),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("proposal_id", BIG, nullable=True),
        sa.Column("adjustment_id", BIG, nullable=True),
        sa.Column("supersedes", BIG, nullable=True),
        sa.CheckConstraint("seq >= 1", name="seq"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        sa.ForeignKeyConstraint(["adjustment_id"], ["adjustments.id"]),
        sa.ForeignKeyConstraint(["proposal_id"], ["proposals.id"]),
        sa.ForeignKeyConstraint(["supersedes"], ["decisions.id"]),
        sa.ForeignKeyConstraint(["warning_id", "exercise"], ["warnings.id", "warnings.exercise"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("warning_id", "seq"),
    )
    op.create_index("ix_decisions_account_id", "decisions", ["account_id"])
    op.create_index("ix_decisions_adjustment_id", "decisions", ["adjustment_id"])
    op.create_index("ix_decisions_proposal_id", "decisions", ["proposal_id"])
    op.create_index("ix_decisions_supersedes", "decisions", ["supersedes"])
    op.create_table(
        "orders",
        sa.Column("id", BIG, nullable=False),
        sa.Column("warning_id", BIG, nullable=False),
        sa.Column("exercise", sa.Boolean(), nullable=False),
        sa.Column("plan_id", BIG, nullable=True),
        sa.Column("enterprise", sa.String(length=200), nullable=False),
        sa.Column("unit", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("begins_at", sa.DateTime(), nullable=False),
        sa.Column("ends_at", sa.DateTime(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("supersedes", BIG, nullable=True),
        sa.ForeignKeyConstraint(["plan_id", "exercise"], ["plans.id", "plans.exercise"]),
        sa.ForeignKeyConstraint(["supersedes"], ["orders.id"]),
        sa.ForeignKeyConstraint(["warning_id", "exercise"], ["warnings.id", "warnings.exercise"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("plan_id", "enterprise", "unit"),
    )
    op.create_index("ix_orders_enterprise", "orders", ["enterprise"])
    op.create_index("ix_orders_supersedes", "orders", ["supersedes"])
    op.create_index("ix_orders_warning_id", "orders", ["warning_id"])
    op.create_table(
        "resumption_decisions",
        sa.Column("id", BIG, nullable=False),
        sa.Column("request_id", BIG, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("account_id", BIG, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("outcome", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        sa.ForeignKeyConstraint(["request_id"], ["resumption_requests.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("request_id", "seq"),
    )
    op.create_index("ix_resumption_decisions_account_id", "resumption_decisions", ["account_id"])
    op.create_table(
        "acknowledgements",
        sa.Column("id", BIG, nullable=False),
        sa.Column("order_id", BIG, nullable=False),
        sa.Column("account_id", BIG, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("answer", sa.String(length=40), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("order_id", "answer"),
    )
    op.create_index("ix_acknowledgements_account_id", "acknowledgements", ["account_id"])
    op.create_table(
        "publications",
        sa.Column("id", BIG, nullable=False),
        sa.Column("warning_id", BIG, nullable=False),
        sa.Column("exercise", sa.Boolean(), nullable=False),
        sa.Column("decision_id", BIG, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("identifier", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"]),
        sa.ForeignKeyConstraint(["warning_id", "exercise"], ["warnings.id", "warnings.exercise"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("decision_id"),
        sa.UniqueConstraint("id", "exercise"),
        sa.UniqueConstraint("identifier"),
    )
    op.create_index("ix_publications_warning_id", "publications", ["warning_id"])
    op.create_table(
        "signatures",
        sa.Column("id", BIG, nullable=False),
        sa.Column("warning_id", BIG, nullable=False),
        sa.Column("decision_id", BIG, nullable=False),
        sa.Column("draft", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("account_id", BIG, nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("level", sa.String(length=40), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"]),
        sa.ForeignKeyConstraint(["warning_id"], ["warnings.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("decision_id"),
        sa.UniqueConstraint("warning_id", "draft", "account_id"),
        sa.UniqueConstraint("warning_id", "draft", "position"),
    )
    op.create_index("ix_signatures_account_id", "signatures", ["account_id"])
    op.create_table(
        "outbox",
        sa.Column("id", BIG, nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("channel", sa.String(length=200), nullable=False),
        sa.Column("exercise", sa.Boolean(), nullable=False),
        sa.Column("publication_id", BIG, nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt", sa.DateTime(), nullable=False),
        sa.Column("claimed_by", sa.String(length=200), nullable=True),
        sa.Column("claimed_until", sa.DateTime(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("sent_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["publication_id", "exercise"], ["publications.id", "publications.exercise"]
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("ix_outbox_publication_id", "outbox", ["publication_id"])
    op.create_index("ix_outbox_state_next_attempt", "outbox", ["state", "next_attempt"])


def downgrade() -> None:
    """Without tables."""
    for table in reversed(TABLES):
        op.drop_table(table)
