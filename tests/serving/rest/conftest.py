from pathlib import Path

import pytest

from serving.context import Context
from serving.store.engine import Store
from tests.serving.rest.house import CITY, NOW, Server, served


@pytest.fixture
def context(store: Store, tmp_path: Path) -> Context:
    return Context(store, tmp_path, CITY, clock=lambda: NOW)


@pytest.fixture
def server(context: Context) -> Server:
    return served(context)
