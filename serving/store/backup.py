"""Backup and restore. SQLite: an online copy of the file. Any engine: a portable archive.

The archive is gzip'd JSON lines: a head (format, revision, rows and SHA-256 of each table), then
one line a row. It needs no program of the database's and goes from one engine to the other. A
restore only fills an empty store, in one transaction, and verifies the trail before it commits. A
backup of an earlier revision is filled at that revision, checked, and migrated up.
"""

import datetime as dt
import gzip
import hashlib
import json
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Table, func, insert, inspect, select, text

from forecast.files import replace_file
from forecast.problems import DataError, Problem
from serving.store import anchor, audit, migrate, readings
from serving.store.base import Base, Utc, canonical
from serving.store.engine import Conflict, Store, connect, iso, reading, writing
from serving.store.models import Head

FORMAT: Final = "lantian-store-1"
SQLITE: Final = b"SQLite format 3\x00"


def backup(store: Store, path: Path) -> None:
    """Write a backup while others go on: a copy on SQLite, an archive on PostgreSQL.

    Raises:
        ConfigError: The store is of another revision than this program.
    """
    migrate.require_current(store)
    if store.sqlite:
        replace_file(path, lambda temporary: _copy(store, temporary))
    else:
        export(store, path)


def export(store: Store, path: Path) -> None:
    """Write the portable archive of one consistent state."""
    with reading(store) as session:
        connection = session.connection()
        tables = [(t.name, *_sum(connection, t)) for t in _tables()]
        head = {"format": FORMAT, "revision": migrate.newest(), "tables": tables}

        def write(temporary: Path) -> None:
            with gzip.open(temporary, "wt", encoding="utf-8") as out:
                out.write(canonical(head) + "\n")
                for table in _tables():
                    out.writelines(line + "\n" for line in _lines(connection, table))

        replace_file(path, write)


def restore(store: Store, path: Path, *, now: dt.datetime, by: str = "restore") -> int:
    """Fill an empty store from a backup; number of rows in its trail.

    The restore itself is the trail's next row, and names the anchor that was there before.

    Raises:
        DataError: The backup is damaged or its trail does not hold; nothing was changed.
        Conflict: The store is not empty.
    """
    with path.open("rb") as handle:
        copy = handle.read(len(SQLITE)) == SQLITE
    if copy:
        return _restore_copy(store, path, now, by)
    head, lines = _read(path)
    with store.engine.execution_options(writing=True).begin() as connection:
        _empty(connection)
        migrate.upgrade_on(connection, head["revision"])
        _fill(connection, lines)
        wrong = [
            Problem(f"{path}: {name}", "other rows than were backed up", f"{rows} rows")
            for name, rows, digest in head["tables"]
            if _sum(connection, Base.metadata.tables[name], earlier=True) != (rows, digest)
        ]
        if wrong:
            raise DataError(wrong)
        if not store.sqlite:
            _sequences(connection)
    migrate.upgrade(store)
    return _sealed(store, now, by)


def _copy(store: Store, path: Path) -> None:
    source = store.engine.raw_connection()
    try:
        with closing(sqlite3.connect(path)) as target:
            source.driver_connection.backup(target)  # type: ignore[union-attr]
            target.execute("PRAGMA journal_mode = DELETE")
    finally:
        source.close()


def _restore_copy(store: Store, path: Path, now: dt.datetime, by: str) -> int:
    """By way of the archive: the same checks, and any engine as target. The backup stays as it is:
    a copy of an earlier revision is migrated in a second copy.
    """
    migrated, temporary = (path.with_name(f".{path.name}.{x}") for x in ("migrated", "archive"))
    shutil.copyfile(path, migrated)
    source = connect(f"sqlite:///{migrated}")
    try:
        if migrate.current(source) != migrate.newest():
            migrate.upgrade(source)
            readings.adopt(source, actor=by, now=now)
        verdict = audit.verify(source)
        if verdict.broken:
            raise DataError([verdict.broken])
        export(source, temporary)
        return restore(store, temporary, now=now, by=by)
    finally:
        source.engine.dispose()
        for left in (temporary, *(Path(f"{migrated}{end}") for end in ("", "-wal", "-shm"))):
            left.unlink(missing_ok=True)


def _sealed(store: Store, now: dt.datetime, by: str) -> int:
    """Verify what was restored, put the anchor there, and say so in the trail."""
    before = anchor.read(store.home) if store.home else None
    plain = Store(store.engine, None)
    readings.adopt(plain, actor=by, now=now)
    verdict = audit.verify(plain)
    if verdict.broken:
        raise DataError([verdict.broken])
    if store.home:
        anchor.reset(store.home, verdict.rows, verdict.last)
    with writing(store) as session:
        audit.append(
            session, at=now, actor=by, action="store.restore", subject="store",
            body={"anchor_before": list(before) if before else None, "rows": verdict.rows},
        )  # fmt: skip
    return verdict.rows


def _tables() -> list[Table]:
    return list(Base.metadata.sorted_tables)


def _lines(connection: Connection, table: Table, *, earlier: bool = False) -> Iterator[str]:
    """Rows as JSON; `earlier`: with the columns that the store has at its present revision."""
    order = list(table.primary_key.columns)
    there = {c["name"] for c in inspect(connection).get_columns(table.name)} if earlier else None
    columns = [c for c in table.columns if there is None or c.name in there]
    query = select(*columns).order_by(*order).execution_options(yield_per=1000)
    with connection.execute(query) as rows:
        for row in rows.mappings():
            values = {k: iso(v) if isinstance(v, dt.datetime) else v for k, v in row.items()}
            yield canonical([table.name, values])


def _sum(connection: Connection, table: Table, *, earlier: bool = False) -> tuple[int, str]:
    """Rows and digest of a table."""
    count, total = 0, hashlib.sha256()
    for line in _lines(connection, table, earlier=earlier):
        count += 1
        total.update(line.encode("utf-8", "surrogatepass") + b"\n")
    return count, total.hexdigest()


def _read(path: Path) -> tuple[dict[str, Any], Iterator[tuple[str, dict[str, Any]]]]:
    problem = Problem(str(path), "no whole backup", f"a file of {FORMAT} or a SQLite copy")
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            head = json.loads(next(lines))
            for _ in lines:  # read to the end: gzip's own check
                pass
        if head["format"] != FORMAT or {t[0] for t in head["tables"]} != {
            t.name for t in _tables()
        }:
            raise DataError([problem])
        revision = str(head["revision"])
    except (OSError, EOFError, ValueError, KeyError, TypeError, StopIteration):
        raise DataError([problem]) from None
    if revision not in migrate.revisions():
        expected = f"one of {', '.join(migrate.revisions())}: of a newer program?"
        raise DataError([Problem(f"{path}: revision", revision, expected)])
    return head, _rows(path)


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        next(lines)
        for line in lines:
            name, values = json.loads(line)
            yield name, values


def _fill(connection: Connection, rows: Iterable[tuple[str, dict[str, Any]]]) -> None:
    part: list[dict[str, Any]] = []
    current: Table | None = None
    for name, values in rows:
        table = Base.metadata.tables[name]
        if current is not None and (table is not current or len(part) >= 500):
            _insert(connection, current, part)
            part = []
        current = table
        part.append(_typed(table, values))
    if current is not None:
        _insert(connection, current, part)


def _insert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    if table.name == Head.__tablename__:  # the migration made the row; the trail moves it
        connection.execute(table.update(), rows[0])
    elif rows:
        connection.execute(insert(table), rows)


def _typed(table: Table, values: dict[str, Any]) -> dict[str, Any]:
    times = {c.name for c in table.columns if isinstance(c.type, Utc)}
    return {
        k: dt.datetime.fromisoformat(v) if k in times and v is not None else v
        for k, v in values.items()
    }


def _empty(connection: Connection) -> None:
    names = {t.name for t in _tables()}
    there = [n for n in connection.dialect.get_table_names(connection) if n in names]
    full = [
        n for n in there
        if n != Head.__tablename__
        and connection.scalar(select(func.count()).select_from(Base.metadata.tables[n]))
    ]  # fmt: skip
    if full:
        raise Conflict([Problem("store", f"rows in {', '.join(sorted(full))}", "an empty store")])


def _sequences(connection: Connection) -> None:
    """PostgreSQL counts on from the restored rows."""
    for table in _tables():
        if "id" in table.c and table.name != Head.__tablename__:
            connection.execute(
                text(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), "  # noqa: S608
                    f"greatest((SELECT max(id) FROM {table.name}), 1), "
                    f"(SELECT count(*) > 0 FROM {table.name}))"
                )
            )
