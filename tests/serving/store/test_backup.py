import gzip
import hashlib
import json
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from forecast.problems import DataError
from serving import accounts, duty
from serving.review_state import Actor, Event
from serving.store import audit, backup, engine, migrate
from serving.store.base import canonical
from serving.store.engine import Conflict, Store, reading
from serving.store.models import Base, Decision, Reading

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


def before_batches(path: Path) -> None:
    """An archive as a program of revision 0002 wrote it: readings without their batch."""
    head, *lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    said, kept = json.loads(head), []
    for line in lines:
        name, values = json.loads(line)
        if name == "meter_readings":
            del values["batch"]
        kept.append((name, canonical([name, values])))
    said["revision"] = "0002"
    said["tables"] = [
        (name, rows, hashlib.sha256("".join(t + "\n" for n, t in kept if n == name).encode())
         .hexdigest())
        for name, rows, _ in said["tables"]
    ]  # fmt: skip
    lines = "\n".join([canonical(said), *(t for _, t in kept)]) + "\n"
    path.write_bytes(gzip.compress(lines.encode()))


def old_reading(store: Store) -> None:
    with store.engine.execution_options(writing=True).begin() as connection:
        values = ("E1", "M1", "electricity", NOW, 0, 1.5, "kWh", "api", NOW)
        columns = ("enterprise", "meter", "parameter", "at", "revision", "value", "unit", "source",
                   "received_at")  # fmt: skip
        connection.execute(
            Reading.__table__.insert().values(dict(zip(columns, values, strict=True)))
        )


def test_an_archive_from_before_batches_is_migrated_and_covered(
    full: Store, tmp_path: Path
) -> None:
    old_reading(full)
    backup.export(full, tmp_path / "old")
    before_batches(tmp_path / "old")
    target = other(tmp_path)
    assert backup.restore(target, tmp_path / "old", now=NOW) == 4  # and the row that covers it
    assert migrate.current(target) == migrate.newest()
    assert audit.verify(target).whole
    with reading(target) as session:
        (row,) = session.scalars(select(Reading)).all()
    assert (row.batch, row.value) == (0, 1.5)
    with target.engine.execution_options(writing=True).begin() as connection:
        connection.execute(text("DROP TRIGGER meter_readings_no_delete"))
        connection.execute(Reading.__table__.delete())
    broken = audit.verify(target).broken
    assert broken is not None
    assert broken.where == "meter_readings batch 0"
    target.engine.dispose()


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_copy_of_an_earlier_revision_stays_as_it_is(
    empty: Store, tmp_path: Path, dialect: str
) -> None:
    migrate.upgrade(empty, "0002")
    path = tmp_path / "copy"
    backup._copy(empty, path)
    before = path.read_bytes()
    target = other(tmp_path)
    assert backup.restore(target, path, now=NOW) == 0
    assert migrate.current(target) == migrate.newest()
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".copy")) == []
    target.engine.dispose()


def test_an_archive_of_a_newer_program_is_refused(full: Store, tmp_path: Path) -> None:
    backup.export(full, tmp_path / "b")
    whole = gzip.decompress((tmp_path / "b").read_bytes()).decode()
    newest = f'"revision":"{migrate.newest()}"'
    assert newest in whole
    (tmp_path / "b").write_bytes(gzip.compress(whole.replace(newest, '"revision":"9999"').encode()))
    target = other(tmp_path)
    with pytest.raises(DataError, match="9999"):
        backup.restore(target, tmp_path / "b", now=NOW)
    target.engine.dispose()
