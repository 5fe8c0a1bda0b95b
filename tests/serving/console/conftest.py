"""A console with two runs, accounts of every role and an open proposal."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from serving.store.engine import Store
from tests.serving import console_home
from tests.serving.console_home import TestClient


@pytest.fixture
def home(tmp_path: Path) -> Path:
    console_home.two_runs(tmp_path)
    return tmp_path


@pytest.fixture
def served(home: Path, sqlite_template: Path) -> tuple[Store, Any]:
    return console_home.server(home, sqlite_template)


@pytest.fixture
def house(served: tuple[Store, Any]) -> Store:
    return served[0]


@pytest.fixture
def enter(served: tuple[Store, Any]) -> Callable[[str], TestClient]:
    """Log in by role's name."""
    return lambda name: console_home.logged_in(served[1], name)
