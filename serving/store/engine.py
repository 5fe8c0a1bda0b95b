"""A store by its URL: SQLite (WAL, busy timeout, immediate transactions) or PostgreSQL.

`reading` and `writing` are the only ways to a session. Whoever writes holds SQLite's write lock
from the first statement, so no transaction fails half way for want of it; on PostgreSQL the rows
that matter (a warning's version, the trail's head) are locked one by one.
"""

import datetime as dt
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

from forecast.problems import ConfigError, LantianError, Problem

BUSY_SECONDS: Final = 15
AUDITED: Final = "audited"  # key of Session.info: (seq, hash) of the last row written


class Conflict(LantianError):  # noqa: N818 - as the officer is told
    """Someone else was first; nothing was written. Look again, then decide."""


class Refused(LantianError):  # noqa: N818 - as the officer is told
    """The rules of the house do not allow it; nothing was written."""


@dataclass(frozen=True)
class Store:
    """An open store; `home` keeps the trail's anchor (None: no anchor)."""

    engine: Engine
    home: Path | None
    # SQLite lets its writers poll, and who polls longest may lose: within a process they queue.
    turn: threading.Lock = field(default_factory=threading.Lock, compare=False)

    @property
    def sqlite(self) -> bool:
        """True on SQLite."""
        return self.engine.dialect.name == "sqlite"


def connect(url: str, *, home: Path | None = None) -> Store:
    """A store by URL: `sqlite:///path` or `postgresql://...`. Nothing is migrated.

    Raises:
        ConfigError: No such kind of store.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise _bad_url("something that is no URL") from None
    if parsed.get_backend_name() == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
        engine = create_engine(parsed, pool_pre_ping=True, pool_size=10, max_overflow=20)
        return Store(engine, home)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise _bad_url(repr(parsed.get_backend_name()))  # never the URL: it may hold a password
    Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _sqlite_connection)
    event.listen(engine, "begin", _sqlite_begin)
    return Store(engine, home)


def _bad_url(found: str) -> ConfigError:
    expected = "sqlite:///FILE or postgresql://USER@HOST/NAME"
    return ConfigError([Problem("LANTIAN_DATABASE_URL", found, expected)])


def _sqlite_connection(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself
    for pragma in (
        f"busy_timeout = {BUSY_SECONDS * 1000}",
        "journal_mode = WAL",
        "synchronous = FULL",  # a commit that was answered survives a power cut
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _sqlite_begin(connection: Connection) -> None:
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


@contextmanager
def reading(store: Store) -> Iterator[Session]:
    """A session over one consistent state; whatever it changes is rolled back."""
    engine = store.engine
    if not store.sqlite:
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with Session(engine, expire_on_commit=False) as session:
        yield session
        session.expunge_all()  # what was read stays readable afterwards
        session.rollback()


@contextmanager
def writing(store: Store) -> Iterator[Session]:
    """A session that commits at the end, or not at all; then the trail's anchor follows."""
    from serving.store import anchor

    with (
        _queued(store),
        Session(store.engine.execution_options(writing=True), expire_on_commit=False) as session,
    ):
        if store.sqlite:
            session.connection()  # take the lock now
        yield session
        session.commit()
        written = session.info.get(AUDITED)
    if written is not None and store.home is not None:
        anchor.advance(store.home, *written)


@contextmanager
def _queued(store: Store) -> Iterator[None]:
    """The turn of one writer of this process; who waits too long asks the store itself."""
    mine = store.sqlite and store.turn.acquire(timeout=BUSY_SECONDS)
    try:
        yield
    finally:
        if mine:
            store.turn.release()


def iso(at: dt.datetime) -> str:
    """A naive UTC time as text of fixed length."""
    if at.tzinfo is not None:
        raise ValueError(f"{at.isoformat()}: expected a naive UTC time")
    return at.isoformat(timespec="microseconds")
