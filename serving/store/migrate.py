"""Migrations up and down, from inside the package; each in one transaction, one at a time."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from forecast.problems import ConfigError, Problem
from serving.store.engine import Store

FOLDER: Final = Path(__file__).with_name("migrations")
LOCK: Final = 0x1A27_1A27  # PostgreSQL's advisory lock


def upgrade(store: Store, revision: str = "head") -> None:
    """Bring the store to a revision; nothing where it is there already."""
    with store.engine.execution_options(writing=True).begin() as connection:
        upgrade_on(connection, revision)


def downgrade(store: Store, revision: str) -> None:
    """Take the store back to a revision; tables of later ones and their rows are dropped."""
    with store.engine.execution_options(writing=True).begin() as connection:
        downgrade_on(connection, revision)


def upgrade_on(connection: Connection, revision: str = "head") -> None:
    """As `upgrade`, in the caller's transaction."""
    _lock(connection)
    command.upgrade(_config(connection), revision)


def downgrade_on(connection: Connection, revision: str) -> None:
    """As `downgrade`, in the caller's transaction."""
    _lock(connection)
    command.downgrade(_config(connection), revision)


def current(store: Store) -> str | None:
    """The store's revision; None for an empty database."""
    with store.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str:
    """The revision this program is made for."""
    return ScriptDirectory(str(FOLDER)).get_current_head() or ""


def revisions() -> tuple[str, ...]:
    """All revisions that this program knows, the first one first."""
    found = ScriptDirectory(str(FOLDER)).walk_revisions()
    return tuple(reversed([script.revision for script in found]))


def require_current(store: Store) -> None:
    """Refuse a store of another revision.

    Raises:
        ConfigError: With what to do about it.
    """
    found = current(store)
    if found != newest():
        raise ConfigError([Problem("store", f"revision {found}", f"{newest()}: lantian migrate")])


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
