"""Who may not, who asks too often, what is refused, and what the log never says."""

import io
import json
import logging
import re

import pytest
import structlog

from serving import api, auth, logs, tokens
from serving.context import Context
from serving.permissions import PERMISSIONS, ROLES
from serving.rest.access import Buckets
from tests.serving.rest.house import NOW, PASSWORD, RUN, Server, served

# Each route with what its caller needs; a route that is not here fails the test below.
ROUTES = {
    ("GET", "/api/v1/forecasts"): ("forecast.read",),
    ("GET", "/api/v1/forecasts/{run}"): ("forecast.read",),
    ("GET", "/api/v1/forecasts/{run}/probabilities"): ("forecast.read",),
    ("GET", "/api/v1/forecasts/{run}/stations"): ("forecast.read",),
    ("GET", "/api/v1/warnings"): ("warning.read",),
    ("GET", "/api/v1/warnings/{warning_id}"): ("warning.read",),
    ("GET", "/api/v1/warnings/{warning_id}/cap"): ("warning.read",),
    ("GET", "/api/v1/orders"): ("order.read", "order.read_own"),
    ("GET", "/api/v1/orders/{order_id}"): ("order.read", "order.read_own"),
    ("POST", "/api/v1/orders/{order_id}/acknowledgements"): ("order.acknowledge",),
    ("GET", "/api/v1/resumption-requests"): ("resumption.read", "resumption.request"),
    ("POST", "/api/v1/resumption-requests"): ("resumption.request",),
    ("POST", "/api/v1/readings/meters"): ("reading.write",),
    ("POST", "/api/v1/readings/stations"): ("observation.write",),
}
OPEN = {("GET", "/health"), ("GET", "/ready"), ("GET", "/metrics")}
BODIES = {
    "/api/v1/orders/1/acknowledgements": {"answer": "received"},
    "/api/v1/resumption-requests": {
        "key": "k", "order": 1, "load": 0.5, "begin": "2026-02-10T00:00:00Z", "reason": "r",
    },
    "/api/v1/readings/meters": {"readings": [
        {"enterprise": "E1", "meter": "M", "parameter": "p", "at": "2026-02-09T07:00:00Z",
         "value": 1, "unit": "kWh"}]},
    "/api/v1/readings/stations": {"readings": [
        {"station": "?", "time": "2026-02-09T07:00:00Z", "pm25": 1}]},
}  # fmt: skip


def test_every_route_is_in_the_table_of_who_may() -> None:
    found = {(method, route.path) for route in api.routes() for method in route.methods}
    assert found == set(ROUTES) | OPEN


def test_who_may_not_may_not(server: Server) -> None:
    for (method, pattern), actions in ROUTES.items():
        path = pattern.replace("{run}", RUN).replace("{warning_id}", "1").replace("{order_id}", "1")
        body = BODIES.get(path)
        assert server.ask(None, path, method=method, body=body).status_code == 401
        for role in ROLES:
            answer = server.ask(role, path, method=method, body=body)
            allowed = any(role in PERMISSIONS[action] for action in actions)
            assert (answer.status_code != 403) == allowed, (method, path, role, answer.text)
            assert answer.status_code < 500


def test_a_token_does_what_its_scope_says_until_it_ends(context: Context) -> None:
    server = served(context)
    narrow = tokens.create(
        context.store, account="officer", name="n", scope=["forecast.read"],
        expires_at=NOW.replace(day=20), by="t", now=NOW,
    )  # fmt: skip
    server.tokens["narrow"] = narrow
    assert server.ask("narrow", "/api/v1/forecasts").status_code == 200
    answer = server.ask("narrow", "/api/v1/warnings")
    assert answer.status_code == 403
    assert answer.json()["errors"][0]["expected"] == "scope and role for warning.read"
    late = Context(context.store, context.home, context.config, clock=lambda: NOW.replace(day=20))
    server.app.state.context = late
    answer = server.ask("narrow", "/api/v1/forecasts")
    assert (answer.status_code, answer.headers["www-authenticate"][:6]) == (401, "Bearer")


def test_a_session_reads_and_writes_with_its_csrf_token_only(server: Server) -> None:
    value = auth.log_in(server.context.store, "enterprise", PASSWORD, address="a", now=NOW)
    cookie = {"Cookie": f"{server.context.cookie}={value}"}
    assert server.ask(None, "/api/v1/orders", **cookie).status_code == 200
    path = "/api/v1/orders/1/acknowledgements"
    body = {"answer": "received"}
    for given in ({}, {"X-CSRF-Token": "x"}, {"X-CSRF-Token": auth.csrf("another")}):
        answer = server.ask(None, path, method="POST", body=body, **cookie, **given)
        assert answer.status_code == 403
    given = {"X-CSRF-Token": auth.csrf(value)}
    answer = server.ask(None, path, method="POST", body=body, **cookie, **given)
    assert answer.status_code == 201


def test_a_bucket_refills_evenly() -> None:
    bucket = Buckets(60)
    assert [bucket.take("a", 0.0) for _ in range(60)] == [0.0] * 60
    assert bucket.take("a", 0.0) == 1.0
    assert bucket.take("b", 0.0) == 0.0
    assert bucket.take("a", 0.5) == 0.5
    assert bucket.take("a", 1.0) == 0.0
    assert bucket.take("a", 0.9) == pytest.approx(1.0)  # a clock that steps back gives nothing


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_too_often_is_told_when_to_come_again(context: Context) -> None:
    server = served(context, tokens=3, strangers=2)
    codes = [server.ask("viewer", "/api/v1/warnings").status_code for _ in range(4)]
    assert codes == [200, 200, 200, 429]
    answer = server.ask("viewer", "/api/v1/warnings")
    assert answer.headers["retry-after"] == "21"
    assert server.ask("officer", "/api/v1/warnings").status_code == 200
    codes = [server.ask(None, "/api/v1/warnings").status_code for _ in range(3)]
    assert codes == [401, 401, 429]


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_unknown_paths_and_methods_are_told_alike(server: Server) -> None:
    answer = server.ask(None, "/api/v1/nowhere")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    answer = server.ask(None, "/api/v1/orders", method="DELETE")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert server.ask(None, "/health", method="POST").status_code == 405


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_mistake_of_the_program_shows_nothing_of_its_inside(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("the secret inside")

    monkeypatch.setattr("serving.rest.runs.ids", broken)
    answer = server.ask("viewer", "/api/v1/forecasts")
    assert answer.status_code == 500
    assert "secret" not in answer.text


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_damaged_forecast_is_the_servers_trouble_and_shows_no_path(server: Server) -> None:
    path = server.context.home / "forecasts" / f"{RUN}.nc"
    path.write_bytes(path.read_bytes()[:2000])
    answer = server.ask("viewer", f"/api/v1/forecasts/{RUN}")
    assert answer.status_code == 503
    assert str(server.context.home) not in answer.text


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_an_unmigrated_store_is_not_ready(server: Server) -> None:
    from serving.store import migrate

    migrate.downgrade(server.context.store, "base")
    answer = server.ask(None, "/ready")
    assert (answer.status_code, answer.json()["migrations"]) == (503, False)
    assert server.ask(None, "/health").status_code == 200


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_the_metrics_token_is_asked_for_where_one_is_set(context: Context) -> None:
    server = served(context)
    server.app.state.context = Context(
        context.store, context.home, context.config, metrics_token="m", clock=lambda: NOW
    )
    assert server.ask(None, "/metrics").status_code == 401
    assert server.ask(None, "/metrics", Authorization="Bearer m").status_code == 200


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_the_log_is_json_and_says_no_secret(server: Server) -> None:
    out, root = io.StringIO(), logging.getLogger()
    before = (root.handlers[:], root.level, structlog.get_config())
    try:
        logs.configure(out)
        path = f"/api/v1/orders/1?password={server.tokens['viewer']}"
        number = server.ask("viewer", path).headers["x-request-id"]
        logging.getLogger("x").warning("postgresql://u:pw123@h/d and %s", server.tokens["viewer"])
        structlog.get_logger("y").info("login", password="pw123", cookie="c0ffee")
    finally:
        root.handlers[:], root.level = before[0], before[1]
        structlog.configure(**before[2])
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    (line,) = (x for x in lines if x.get("id") == number)
    assert (line["route"], line["status"]) == ("/api/v1/orders/{order_id}", 200)
    assert line["account"] == "viewer"
    text = out.getvalue()
    assert not [s for s in (server.tokens["viewer"], "pw123", "c0ffee") if s in text]


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_the_description_names_every_route(server: Server) -> None:
    said = server.ask(None, "/api/v1/openapi.json").json()
    found = {(m.upper(), path) for path, ms in said["paths"].items() for m in ms}
    assert found == set(ROUTES) | OPEN
    used = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(said)))
    assert used <= set(said["components"]["schemas"])
