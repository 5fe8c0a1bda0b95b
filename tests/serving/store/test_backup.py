import gzip
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from forecast.problems import DataError
from serving import accounts, duty
from serving.review_state import Actor, Event
from serving.store import audit, backup, engine, migrate
from serving.store.engine import Conflict, Store, reading
from serving.store.models import Base, Decision

NOW = datetime(2026, 11, 24, 8)


@pytest.fixture
def full(store: Store) -> Store:
    accounts.add(store, name="wang", role="officer", password="seven grey herons", by="c", now=NOW)
    machine = duty.Machine("jiaozuo", NOW, "yellow", "start", {"words": "轻度污染", "p": 0.1})
    filed = duty.propose(store, machine, now=NOW)
    assert filed.warning_id
    sign = Event("sign", NOW, Actor(1, "wang", "officer"))
    duty.decide(store, filed.warning_id, sign, seen=1)
    return store


def other(tmp_path: Path) -> Store:
    return engine.connect(f"sqlite:///{tmp_path / 'other' / 'l.db'}", home=tmp_path / "other")


@pytest.mark.parametrize("portable", [False, True])
def test_what_is_restored_is_what_was_there(full: Store, tmp_path: Path, portable: bool) -> None:
    """From either engine into SQLite."""
    path = tmp_path / "backup"
    (backup.export if portable else backup.backup)(full, path)
    target = other(tmp_path)
    assert backup.restore(target, path, now=NOW) == 3
    verdict = audit.verify(target)
    assert (verdict.whole, verdict.rows) == (True, 4)
    for table in Base.metadata.sorted_tables:
        if table.name not in ("audit", "audit_head"):
            with full.engine.connect() as a, target.engine.connect() as b:
                assert a.execute(select(table)).all() == b.execute(select(table)).all(), table.name
    with pytest.raises(Conflict, match="empty store"):
        backup.restore(target, path, now=NOW)
    target.engine.dispose()


def test_a_store_goes_from_sqlite_to_either_engine_and_counts_on(
    empty: Store, tmp_path: Path
) -> None:
    source = other(tmp_path)
    migrate.upgrade(source)
    accounts.add(source, name="wang", role="officer", password="seven grey herons", by="c", now=NOW)
    backup.backup(source, tmp_path / "copy")
    source.engine.dispose()
    backup.restore(empty, tmp_path / "copy", now=NOW)
    made = accounts.add(
        empty, name="li", role="viewer", password="seven grey herons", by="c", now=NOW
    )
    assert made == 2
    assert audit.verify(empty).whole


@pytest.mark.parametrize("harm", ["cut", "byte", "row", "nonsense"])
def test_a_damaged_backup_changes_nothing(full: Store, tmp_path: Path, harm: str) -> None:
    path = tmp_path / "backup"
    backup.export(full, path)
    content = path.read_bytes()
    lines = gzip.decompress(content).decode().splitlines()
    harmed = {
        "cut": content[: len(content) // 2],
        "byte": gzip.compress("\n".join(lines).replace("轻度", "重度").encode()),
        "row": gzip.compress("\n".join(x for x in lines if '["proposals"' not in x).encode()),
        "nonsense": b"nonsense",
    }
    path.write_bytes(harmed[harm])
    target = other(tmp_path)
    migrate.upgrade(target)
    with pytest.raises(DataError):
        backup.restore(target, path, now=NOW)
    with reading(target) as session:
        assert session.scalar(select(func.count()).select_from(Decision)) == 0
    target.engine.dispose()
