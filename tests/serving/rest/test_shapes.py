"""The description says what is answered: a schema for every route, and answers that fit it."""

from typing import Any

import pytest
from pydantic import BaseModel

from serving.rest import shapes
from tests.serving.rest.house import RUN, Server

JSON = "application/json"
ANSWERED: dict[str, Any] = {
    "/forecasts": shapes.Page[shapes.Run],
    f"/forecasts/{RUN}": shapes.Forecast,
    f"/forecasts/{RUN}/probabilities": shapes.Probabilities,
    f"/forecasts/{RUN}/stations?limit=1": shapes.Page[shapes.StationHour],
    "/warnings": shapes.Page[shapes.Warned],
    "/warnings/1": shapes.WarningState,
    "/orders": shapes.Page[shapes.Order],
    "/orders/1": shapes.Order,
    "/resumption-requests": shapes.Page[shapes.Asked],
}
pytestmark = pytest.mark.parametrize("dialect", ["sqlite"])


def test_every_route_says_what_it_answers(server: Server, dialect: str) -> None:
    described = server.ask(None, "/api/v1/openapi.json").json()
    silent, untagged, unpaged = [], [], []
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            good = {k: v for k, v in operation["responses"].items() if k in ("200", "201")}
            schemas = [c.get("schema") for v in good.values() for c in v["content"].values()]
            name = f"{method} {path}"
            if not schemas or not all(schemas):
                silent.append(name)
            headers = set().union(*(v.get("headers", {}) for v in good.values()))
            if method == "get" and path.startswith("/api/"):
                untagged += [name] if "ETag" not in headers else []
                untagged += [name] if "304" not in operation["responses"] else []
                paged = any(p["name"] == "cursor" for p in operation["parameters"])
                unpaged += [name] if paged != ("Link" in headers) else []
    assert silent == []
    assert untagged == []
    assert unpaged == []


def test_answers_fit_their_description(server: Server, dialect: str) -> None:
    for path, model in ANSWERED.items():
        answer = server.ask("officer", f"/api/v1{path}")
        assert answer.status_code == 200, (path, answer.text)
        assert answer.headers["etag"]
        fits(model, answer.json())
    ask = {"key": "k", "order": 1, "load": 0.5, "begin": "2026-02-10T08:00:00+08:00", "reason": "r"}
    for path, body, model in (
        ("/orders/1/acknowledgements", {"answer": "received"}, shapes.Acknowledged),
        ("/resumption-requests", ask, shapes.Asked),
    ):
        for status in (201, 200):
            answer = server.ask("enterprise", f"/api/v1{path}", method="POST", body=body)
            assert answer.status_code == status, (path, answer.text)
            fits(model, answer.json())
    at = {"meter": "M", "parameter": "p", "at": "2026-02-09T15:00:00+08:00", "value": 1}
    answer = server.ask(
        "enterprise",
        "/api/v1/readings/meters",
        method="POST",
        body={"readings": [{**at, "unit": "u"}]},
    )
    fits(shapes.MetersTaken, answer.json())
    fits(shapes.Health, server.ask(None, "/health").json())
    fits(shapes.Ready, server.ask(None, "/ready").json())


def fits(model: type[BaseModel], content: Any) -> None:
    """Nothing missing, nothing that is not described."""
    assert model.model_validate(content).model_dump(mode="json").keys() == content.keys()
