"""What the API gives out: forecasts in three forms, warnings, orders, pages and ETags."""

import csv
import io
from urllib.parse import urlsplit

import pytest

from tests.serving.rest.house import NOW, RUN, Server

WHOLE = f"/api/v1/forecasts/{RUN}"


def test_only_finished_runs_are_forecasts(server: Server) -> None:
    items = server.ask("viewer", "/api/v1/forecasts").json()["items"]
    assert [i["id"] for i in items] == [RUN]
    assert items[0]["simulated"] is True
    assert items[0]["proposed_level"] == "orange"
    assert server.ask("viewer", "/api/v1/forecasts/20260209T0800Z").status_code == 404


def test_a_forecast_in_json_csv_and_netcdf(server: Server) -> None:
    found = server.ask("viewer", "/api/v1/forecasts/latest").json()
    day = found["days"][0]
    assert (day["area"], day["day"], day["date"], day["members"]) == ("city", 1, "2026-02-09", 20)
    assert day["categories"] == {"1": 0, "2": 0.25, "3": 0.25, "4": 0.2, "5": 0.3, "6": 0}
    assert day["aqi"][4] == 150  # the median is a member's own value
    assert day["primary"]["pm25"] == 1
    assert found["days"][5]["categories"] is None  # a member without an index: no share is told
    assert found["units"]["co"] == "mg m-3"
    answer = server.ask("viewer", WHOLE, Accept="text/csv;q=0.9, application/json;q=0.1")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.headers["content-type"].startswith("text/csv")
    assert len(rows) == 6
    assert (rows[0]["aqi_q0.5"], rows[0]["categories_5"]) == ("150", "0.3")
    answer = server.ask("viewer", f"{WHOLE}.nc")
    assert answer.content == (server.context.home / "forecasts" / f"{RUN}.nc").read_bytes()
    assert server.ask("viewer", WHOLE, Accept="application/x-netcdf").content == answer.content
    assert server.ask("viewer", WHOLE, Accept="image/png").status_code == 406


def test_hours_of_stations_page_by_page(server: Server) -> None:
    path = f"{WHOLE}/stations?pollutant=pm25&limit=1"
    first = server.ask("viewer", path)
    rows = first.json()["items"]
    assert len(rows) == 96
    assert (rows[0]["time"], rows[0]["quantiles"]) == ("2026-02-08T09:00:00Z", [None] * 9)
    assert rows[1]["quantiles"] == sorted(rows[1]["quantiles"])
    link = first.headers["link"]
    assert link.endswith('; rel="next"')
    second = server.ask("viewer", link[1 : link.index(">")]).json()
    assert second["next"] is None
    assert second["items"][0]["station"] != rows[0]["station"]
    assert server.ask("viewer", f"{WHOLE}/stations?station=nowhere").status_code == 404


def test_probabilities_of_levels_and_categories(server: Server) -> None:
    found = server.ask("viewer", f"{WHOLE}/probabilities").json()
    assert found["warning"]["probability"] == {"yellow": 0.9, "orange": 0.6, "red": 0.1}
    assert found["categories"][0]["categories"]["5"] == 0.3


@pytest.mark.parametrize("path", [WHOLE, f"{WHOLE}.csv", f"{WHOLE}.nc", f"{WHOLE}/probabilities",
                                  "/api/v1/forecasts", "/api/v1/warnings/1", "/api/v1/orders",
                                  "/api/v1/warnings/1/cap"])  # fmt: skip
def test_what_is_unchanged_is_not_sent_again(server: Server, path: str) -> None:
    tag = server.ask("viewer", path).headers["etag"]
    again = server.ask("viewer", path, If_None_Match=f'"other", {tag}')
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag


def test_warnings_and_their_cap(server: Server) -> None:
    items = server.ask("viewer", "/api/v1/warnings").json()["items"]
    assert [(w["id"], w["exercise"], w["state"]) for w in items] == [
        (2, True, "proposed"), (1, False, "published"),
    ]  # fmt: skip
    one = server.ask("viewer", "/api/v1/warnings?exercise=false&open=true").json()["items"]
    assert [w["id"] for w in one] == [1]
    state = server.ask("viewer", "/api/v1/warnings/1").json()
    assert (state["in_force"], state["level"], len(state["decisions"])) == ("yellow", "yellow", 3)
    assert state["decisions"][0]["at"] == f"{NOW.isoformat()}Z"
    answer = server.ask("viewer", "/api/v1/warnings/1/cap")
    assert answer.text == "<alert>黄色</alert>"
    assert answer.headers["content-type"].startswith("application/cap+xml")
    assert server.ask("viewer", "/api/v1/warnings/2/cap").status_code == 404


def test_pages_follow_each_other_and_nothing_is_twice(server: Server) -> None:
    path, seen = "/api/v1/warnings?limit=1", []
    while path:
        answer = server.ask("viewer", path)
        seen += [w["id"] for w in answer.json()["items"]]
        link = answer.headers.get("link", "")
        path = link[1 : link.index(">")] if link else ""
        assert not path or urlsplit(path).netloc == ""
    assert seen == [2, 1]
    for cursor in ("x", "%FF", "bm8", "LTE"):
        assert server.ask("viewer", f"/api/v1/warnings?cursor={cursor}").status_code == 422


def test_an_enterprise_sees_its_own_orders_only(server: Server) -> None:
    every = server.ask("viewer", "/api/v1/orders").json()["items"]
    assert [o["enterprise"] for o in every] == ["E2", "E1"]
    for path in ("/api/v1/orders", "/api/v1/orders?warning=1"):
        own = server.ask("enterprise", path).json()["items"]
        assert [o["enterprise"] for o in own] == ["E1"]
    assert server.ask("enterprise", "/api/v1/orders?enterprise=E2").json()["items"] == []
    assert server.ask("enterprise", "/api/v1/orders/1").status_code == 200
    assert server.ask("enterprise", "/api/v1/orders/2").status_code == 404


def test_machines_that_watch(server: Server) -> None:
    assert server.ask(None, "/health").json() == {"status": "ok"}
    ready = server.ask(None, "/ready")
    assert (ready.status_code, ready.json()["last_run_age_seconds"]) == (200, 7200.0)
    server.ask("viewer", "/api/v1/warnings/1")
    text = server.ask(None, "/metrics").text
    for line in (
        'lantian_run_age_seconds{kind="whole"} 7200.0',
        'lantian_outbox_messages{state="pending"} 1.0',
        "lantian_outbox_oldest_seconds 300.0",
        'lantian_warnings{exercise="true",state="proposed"} 1.0',
        "lantian_orders_unanswered 2.0",
        'route="/api/v1/warnings/{warning_id}",status="200"} 1.0',
    ):
        assert line in text
    assert RUN not in text
