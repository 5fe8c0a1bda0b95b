"""One duty room for all attacks on it, with somebody logged in for each role."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from serving import passwords
from tests.serving import console_home
from tests.serving.console_home import PEOPLE, TestClient

PLANTED = "planted-9e4c-do-not-show"


@pytest.fixture(scope="module")
def house(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> Iterator[tuple[Any, Any]]:
    """Store and application; a file beside the home holds what nobody may read."""
    with pytest.MonkeyPatch.context() as patch:
        cheap = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
        passwords._nobody.cache_clear()
        patch.setattr(passwords, "_hasher", lambda: cheap)
        home = tmp_path_factory.mktemp("house") / "home"
        home.mkdir()
        (home.parent / "secret.json").write_text(f'"{PLANTED}"', encoding="utf-8")
        (home / "secret.json").write_text(f'"{PLANTED}"', encoding="utf-8")
        console_home.two_runs(home)
        store, app = console_home.server(home, sqlite_template)
        yield store, app
        store.engine.dispose()
    passwords._nobody.cache_clear()


@pytest.fixture(scope="module")
def enter(house: tuple[Any, Any]) -> Callable[[str], TestClient]:
    """A client of a role, logged in once."""
    known: dict[str, TestClient] = {}

    def client(name: str) -> TestClient:
        assert name in PEOPLE
        if name not in known:
            known[name] = console_home.logged_in(house[1], name)
        return known[name]

    return client
