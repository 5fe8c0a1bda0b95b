"""schemathesis: whatever is sent, no answer is 500, and refusals look as they are described."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error

from serving.context import Context
from serving.store import engine
from tests.serving.rest.house import CITY, NOW, Server, served

pytestmark = pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient`")


@pytest.fixture(scope="module")
def busy(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("home")
    (home / "lantian.db").write_bytes(sqlite_template.read_bytes())
    store = engine.connect(f"sqlite:///{home / 'lantian.db'}", home=home)
    context = Context(store, home, CITY, clock=lambda: NOW)
    yield served(context, tokens=10**6, strangers=10**6)
    store.engine.dispose()


@pytest.fixture(scope="module")
def described(busy: Server) -> Any:
    return schemathesis.openapi.from_asgi("/api/v1/openapi.json", busy.app)


schema = schemathesis.pytest.from_fixture("described")


@schema.parametrize()
@settings(
    max_examples=12, deadline=None, derandomize=True, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
def test_no_input_makes_the_server_fail(case: Any, busy: Server) -> None:
    role = "enterprise" if case.method == "POST" and "stations" not in case.path else "officer"
    case.call_and_validate(
        checks=[not_a_server_error],
        headers={**dict(case.headers or {}), "Authorization": f"Bearer {busy.tokens[role]}"},
    )
