import datetime as dt
import hashlib
import json
import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from serving.store import anchor, audit
from serving.store.engine import Store, writing
from serving.store.models import Entry, Head, Proposal

NOW = dt.datetime(2026, 11, 24, 8)


INSERTED = """INSERT INTO proposals SELECT 99, run_id, city, exercise, issue_time, at, level,
    action, machine FROM proposals"""


def entry(store: Store, number: int = 0) -> None:
    with writing(store) as session:
        audit.append(
            session, at=NOW, actor="wang", action="sign", subject="w/1", body={"n": number}
        )


def proposal(store: Store) -> None:
    with writing(store) as session:
        row = Proposal(
            city="jiaozuo", exercise=False, issue_time=NOW, at=NOW, level="orange",
            action="start", machine={"probability": {"orange": 0.7}, 10: 1, 9: 2},
        )  # fmt: skip
        session.add(row)
        audit.append(
            session, at=NOW, actor="daily", action="propose", subject="proposals/1", rows=[row]
        )


def unguarded(store: Store, *statements: str) -> None:
    """What someone with the database in his hands can do."""
    with store.engine.execution_options(writing=True).begin() as connection:
        tables = ("audit", "proposals", "audit_head")
        for table in tables:
            for what in ("update", "delete"):
                if table == "audit_head" and what == "update":
                    continue
                where = "" if store.sqlite else f" ON {table}"
                connection.execute(text(f"DROP TRIGGER IF EXISTS {table}_no_{what}{where}"))
        for statement in statements:
            connection.execute(text(statement))


def test_a_whole_trail_is_found_whole(store: Store) -> None:
    for number in range(3):
        entry(store, number)
    proposal(store)
    verdict = audit.verify(store)
    assert (verdict.whole, verdict.rows, verdict.broken) == (True, 4, None)
    assert store.home
    assert anchor.read(store.home) == (4, verdict.last)


def test_the_hash_is_what_the_record_of_the_decision_says(store: Store) -> None:
    entry(store, 7)
    with store.engine.connect() as connection:
        row = connection.execute(select(Entry.__table__)).mappings().one()
    by_hand = json.dumps(
        [1, "2026-11-24T08:00:00.000000", "wang", "sign", "w/1", '{"n":7}', "0" * 64],
        separators=(",", ":"),
    )
    assert row["hash"] == hashlib.sha256(by_hand.encode()).hexdigest()


@pytest.mark.parametrize("column", [*audit.COLUMNS])
def test_one_changed_character_is_found_and_its_row_named(store: Store, column: str) -> None:
    for number in range(3):
        entry(store, number)
    expression = f"substr({column}, 1, length({column}) - 1) || '~'"
    unguarded(store, f"UPDATE audit SET {column} = {expression} WHERE seq = 2")
    broken = audit.verify(store).broken
    assert broken is not None
    assert broken.where == "audit row 2" if column != "hash" else broken.where.startswith("audit")


def test_a_removed_row_and_a_cut_tail_are_named(store: Store) -> None:
    for number in range(4):
        entry(store, number)
    unguarded(store, "DELETE FROM audit WHERE seq = 4")
    assert "audit row 4" in str(audit.verify(store).broken)
    with store.engine.connect() as connection:
        digest = connection.execute(text("SELECT hash FROM audit WHERE seq = 3")).scalar_one()
    unguarded(store, f"UPDATE audit_head SET seq = 3, hash = '{digest}'")
    assert "audit row 4" in str(audit.verify(store).broken)  # the anchor remembers
    unguarded(store, "DELETE FROM audit WHERE seq = 2")
    assert "audit row 2" in str(audit.verify(store).broken)


def test_a_rewritten_chain_does_not_meet_the_anchor(store: Store) -> None:
    entry(store)
    row = ("2026-11-24T08:00:00.000000", "mallory", "sign", "w/1", "{}")
    forged = audit.hash_of(1, row, audit.FIRST)
    unguarded(
        store,
        f"UPDATE audit SET actor = 'mallory', body = '{{}}', hash = '{forged}'",
        f"UPDATE audit_head SET hash = '{forged}'",
    )
    assert "anchor" in str(audit.verify(store).broken)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE proposals SET level = 'yellow'",
        "UPDATE proposals SET machine = replace(machine, '0.7', '0.1')",
        "UPDATE proposals SET machine = 'not json'",
        "DELETE FROM proposals",
        INSERTED,
    ],
)
def test_rows_beside_the_trail_are_covered(store: Store, statement: str) -> None:
    proposal(store)
    entry(store)
    unguarded(store, statement)
    assert "proposals row" in str(audit.verify(store).broken)


def test_writers_at_once_do_not_fork_the_chain(store: Store) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for step in range(10):
                entry(store, 100 * number + step)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    verdict = audit.verify(store)
    assert (verdict.broken, verdict.rows) == (None, 60)


def test_a_transaction_that_fails_leaves_no_row(store: Store) -> None:
    with pytest.raises(ValueError, match="naive"), writing(store) as session:  # noqa: PT012
        audit.append(session, at=NOW, actor="a", action="b", subject="c")
        audit.append(session, at=NOW.astimezone(dt.UTC), actor="a", action="b", subject="c")
    assert audit.verify(store).rows == 0


def test_a_head_that_cannot_be_written_does_not_undo_the_decision(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(anchor, "write_text", full)
    entry(store)
    assert audit.verify(store).rows == 1


def test_any_flipped_byte_of_a_row_in_the_file_is_found(tmp_path: Path) -> None:
    """Bytes of the database file itself, below SQLite."""
    from serving.store import engine, migrate

    store = engine.connect(f"sqlite:///{tmp_path / 'l.db'}", home=tmp_path)
    migrate.upgrade(store)
    for number in range(3):
        entry(store, number)
    store.engine.dispose()
    plain = sqlite3.connect(tmp_path / "l.db")
    plain.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    plain.execute("PRAGMA journal_mode = DELETE")
    plain.close()
    content = (tmp_path / "l.db").read_bytes()
    start = content.index(b"2026-11-24T08:00:00.000000wangsignw/1")
    end = content.index(b'{"n":0}') + 7 + 128
    start, end = min(start, end), max(start, end)
    for position in range(start, min(end, start + 260), 7):
        changed = bytearray(content)
        changed[position] ^= 0x81  # also makes invalid UTF-8
        (tmp_path / "l.db").write_bytes(changed)
        again = engine.connect(f"sqlite:///{tmp_path / 'l.db'}", home=tmp_path)
        assert audit.verify(again).broken is not None, position
        again.engine.dispose()
    assert Head.__tablename__ == "audit_head"


def test_a_forged_update_is_refused(store: Store) -> None:
    entry(store)
    with pytest.raises(DBAPIError, match="append-only"), writing(store) as session:
        session.execute(text("UPDATE audit SET actor = 'x'"))
