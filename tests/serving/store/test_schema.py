import datetime as dt

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from forecast.problems import ConfigError
from serving.store import audit, engine, migrate
from serving.store.engine import Store, reading, writing
from serving.store.models import APPEND_ONLY, Base

NOW = dt.datetime(2026, 11, 24, 8)


def test_migrations_make_the_tables_that_the_program_knows(store: Store) -> None:
    with store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    assert migrate.current(store) == migrate.newest() == "0003"


def test_down_to_nothing_and_up_again(store: Store) -> None:
    migrate.downgrade(store, "base")
    assert inspect(store.engine).get_table_names() == ["alembic_version"]
    migrate.upgrade(store)
    migrate.upgrade(store)
    migrate.require_current(store)


def test_an_unmigrated_store_is_refused_with_what_to_do(empty: Store) -> None:
    with pytest.raises(ConfigError, match="lantian migrate"):
        migrate.require_current(empty)


@pytest.mark.parametrize("model", APPEND_ONLY, ids=lambda m: m.__tablename__)
def test_append_only_tables_have_their_triggers(store: Store, model: type[Base]) -> None:
    name = model.__tablename__
    where = "sqlite_master WHERE type = 'trigger' AND tbl_name"
    if not store.sqlite:
        where = "information_schema.triggers WHERE event_object_table"
    with reading(store) as session:
        found = session.execute(text(f"SELECT count(*) FROM {where} = '{name}'")).scalar_one()
    assert found >= 2


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit"])
def test_the_trail_refuses_to_be_changed(store: Store, statement: str) -> None:
    with writing(store) as session:
        audit.append(session, at=NOW, actor="a", action="b", subject="c")
    with pytest.raises(DBAPIError, match="append-only"), writing(store) as session:
        session.execute(text(statement))


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://a:secret@b/c", "sqlite://"])
def test_other_urls_are_refused_without_telling_the_password(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        engine.connect(url)
    assert "secret" not in str(caught.value)
