"""Rows that stay as they are: triggers refuse UPDATE, DELETE and TRUNCATE; the trail's head."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY = (
    "acknowledgements", "adjustments", "audit", "decisions", "meter_readings", "orders", "plans",
    "proposals", "publications", "resumption_decisions", "resumption_requests", "signatures",
)  # fmt: skip
KEPT = ("accounts", "audit_head", "runs", "warnings")  # changed, but never deleted
FUNCTION = """
CREATE FUNCTION lantian_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'check_violation'; END $$
"""
# A warning's version grows by one with each decision; what it is never changes.
WARNING = (
    "NEW.version <> OLD.version + 1 OR NEW.exercise <> OLD.exercise OR NEW.city <> OLD.city "
    "OR NEW.id <> OLD.id OR NEW.opened_at <> OLD.opened_at"
)


def upgrade() -> None:
    """Triggers and the head of an empty trail."""
    if op.get_bind().dialect.name == "postgresql":
        _postgresql()
    else:
        _sqlite()
    head = sa.table("audit_head", sa.column("id"), sa.column("seq"), sa.column("hash"))
    op.execute(head.insert().values(id=1, seq=0, hash="0" * 64))


def downgrade() -> None:
    """Without triggers."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    for table, what in _refusals():
        name = f"{table}_no_{what.lower()}"
        op.execute(f"DROP TRIGGER {name}" + (f" ON {table}" if postgresql else ""))
    op.execute("DROP TRIGGER warnings_version" + (" ON warnings" if postgresql else ""))
    if postgresql:
        for table in (*APPEND_ONLY, *KEPT):
            op.execute(f"DROP TRIGGER {table}_no_truncate ON {table}")
        op.execute("DROP FUNCTION lantian_refuse()")
    op.execute("DELETE FROM audit_head")


def _refusals() -> list[tuple[str, str]]:
    both = [(table, what) for table in APPEND_ONLY for what in ("UPDATE", "DELETE")]
    return both + [(table, "DELETE") for table in KEPT]


def _sqlite() -> None:
    for table, what in _refusals():
        op.execute(
            f"CREATE TRIGGER {table}_no_{what.lower()} BEFORE {what} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )
    op.execute(
        f"CREATE TRIGGER warnings_version BEFORE UPDATE ON warnings WHEN {WARNING} "
        "BEGIN SELECT RAISE(ABORT, 'warnings is append-only'); END"
    )


def _postgresql() -> None:
    op.execute(FUNCTION)
    for table, what in _refusals():
        op.execute(
            f"CREATE TRIGGER {table}_no_{what.lower()} BEFORE {what} ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION lantian_refuse()"
        )
    for table in (*APPEND_ONLY, *KEPT):
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION lantian_refuse()"
        )
    op.execute(
        f"CREATE TRIGGER warnings_version BEFORE UPDATE ON warnings FOR EACH ROW WHEN ({WARNING}) "
        "EXECUTE FUNCTION lantian_refuse()"
    )
