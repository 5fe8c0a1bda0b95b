"""schemathesis: whatever is sent, no answer is 500, and refusals look as they are described."""

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable

from serving.context import Context
from serving.store import engine
from tests.serving.rest.house import CITY, NOW, Server, served

EXAMPLES = 4


@pytest.fixture
def busy(sqlite_template: Any, tmp_path: Any) -> Iterator[Server]:
    (tmp_path / "lantian.db").write_bytes(sqlite_template.read_bytes())
    store = engine.connect(f"sqlite:///{tmp_path / 'lantian.db'}", home=tmp_path)
    context = Context(store, tmp_path, CITY, clock=lambda: NOW)
    yield served(context, tokens=10**6, strangers=10**6)
    store.engine.dispose()


def test_no_input_makes_the_server_fail(busy: Server) -> None:
    """Input that fits the description, and input that does not, at every route."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # schemathesis' own and its libraries'
        import schemathesis
        from schemathesis import GenerationMode

        described = busy.ask(None, "/api/v1/openapi.json").json()
        schema = schemathesis.openapi.from_dict(described)
        seen: dict[str, set[int]] = {}
        for result in schema.get_all_operations():
            operation = result.ok()
            for mode in GenerationMode:
                codes = seen.setdefault(f"{operation.method} {operation.path}", set())
                tried(busy, operation.as_strategy(generation_mode=mode), codes)
    assert len(seen) == 17
    assert not [codes for codes in seen.values() if codes & {500, 502, 503}], seen
    assert 422 in seen["post /api/v1/readings/meters"], seen  # random years are refused
    assert {200, 422} <= seen["get /api/v1/orders"], seen


def tried(busy: Server, cases: Any, codes: set[int]) -> None:
    """Send some cases; collect what was answered."""

    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None,
        phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=cases)
    def send(case: Any) -> None:
        post = case.method.upper() == "POST" and not case.path.endswith("stations")
        request = wired(case)
        headers = {k: str(v) for k, v in request.headers.items() if k.lower() != "authorization"}
        headers["Authorization"] = f"Bearer {busy.tokens['enterprise' if post else 'officer']}"
        answer = busy.send(
            str(request.method), request.path_url, headers, content=request.body or b""
        )
        assert answer.status_code != 500, (request.method, request.url, request.body, answer.text)
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["errors"]
        codes.add(answer.status_code)

    try:
        send()
    except Unsatisfiable:  # nothing that does not fit: a route without parameters
        return


def wired(case: Any) -> requests.PreparedRequest:
    """A case as it goes over the wire."""
    given_ = case.as_transport_kwargs(base_url="http://here")
    kept = ("method", "url", "params", "headers", "json", "data", "cookies")
    return requests.Request(**{k: given_[k] for k in kept if k in given_}).prepare()
