"""What the API takes in: once, whole or not at all, and in the trail."""

import json
from typing import Any

import pytest
from sqlalchemy import func, select

from forecast import observations
from serving.store import audit
from serving.store.engine import reading
from serving.store.models import Acknowledgement, Reading, ResumptionRequest
from tests.serving.rest.house import NOW, Server

METERS, STATIONS = "/api/v1/readings/meters", "/api/v1/readings/stations"


def meter(**given: Any) -> dict[str, Any]:
    return {"meter": "M1", "parameter": "electricity", "at": "2026-02-09T15:00:00+08:00",
            "value": 12.5, "unit": "kWh", **given}  # fmt: skip


def send(server: Server, role: str, path: str, *items: dict[str, Any]) -> Any:
    return server.ask(role, path, method="POST", body={"readings": list(items)})


def test_a_batch_counts_once_and_is_the_enterprises_own(server: Server) -> None:
    assert send(server, "enterprise", METERS, meter()).json()["new"] == 1
    again = send(server, "enterprise", METERS, meter(), meter(enterprise="E1"))
    assert again.json() == {"batch": None, "new": 0, "known": 2}
    assert send(server, "officer", METERS, meter(enterprise="E1")).json()["known"] == 1
    with reading(server.context.store) as session:
        row = session.scalars(select(Reading)).one()
        assert (row.enterprise, row.at.hour, row.received_at) == ("E1", 7, NOW)
    other = send(server, "enterprise", METERS, meter(value=13))
    assert (other.status_code, len(other.json()["errors"])) == (409, 1)
    assert send(server, "enterprise", METERS, meter(value=13, revision=1)).json()["new"] == 1
    assert audit.verify(server.context.store).whole


def test_every_fault_of_a_batch_at_once_and_nothing_is_written(server: Server) -> None:
    answer = send(
        server, "enterprise", METERS, meter(), meter(enterprise="E2"),
        meter(at="2026-02-10T15:00:00+08:00"), meter(at="2026-02-09T15:00:01+08:00"),
    )  # fmt: skip
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [e["field"] for e in answer.json()["errors"]] == [
        "body.readings[1].enterprise", "body.readings[2].at", "body.readings[3].at",
    ]  # fmt: skip
    answer = send(server, "officer", METERS, meter(), meter(value="x", at="2026-02-09T15:00:00"))
    assert {e["field"] for e in answer.json()["errors"]} == {
        "body.readings[1].value", "body.readings[1].at",
    }  # fmt: skip
    with reading(server.context.store) as session:
        assert session.scalar(select(func.count()).select_from(Reading)) == 0


NONSENSE = [
    json.dumps({"readings": [meter(value=float("nan"))]}).encode(),
    json.dumps({"readings": [meter(meter="\ud800", parameter="a\0")]}).encode(),
    json.dumps({"readings": [meter(at="9999-12-31T23:59:59-23:59")]}).encode(),
    json.dumps({"readings": [meter(value=float("inf"), revision=2**70)]}).encode(),
    b"[" * 100_000, b"\xff", b"", b'{"readings": []}', b'{"readings": null, "more": 1}',
]  # fmt: skip


@pytest.mark.parametrize("raw", NONSENSE, ids=range(len(NONSENSE)))
@pytest.mark.parametrize("dialect", ["sqlite"])
def test_nonsense_is_refused_in_words(server: Server, raw: bytes) -> None:
    headers = {"Authorization": f"Bearer {server.tokens['enterprise']}"}
    answer = server.send("POST", METERS, headers, content=raw)
    assert answer.status_code in (400, 422)
    assert answer.json()["errors"]


def test_too_large_is_refused_before_it_is_read(server: Server) -> None:
    headers = {"Authorization": f"Bearer {server.tokens['enterprise']}"}
    taken = []

    async def parts():  # type: ignore[no-untyped-def]
        for number in range(30):
            taken.append(number)
            yield b"x" * 1024 * 1024

    assert server.send("POST", METERS, headers, content=parts()).status_code == 413
    assert len(taken) <= 10
    answer = server.send("POST", METERS, headers, content=b"x" * (9 * 1024 * 1024))
    assert answer.status_code == 413


def test_station_readings_reach_the_observations(server: Server) -> None:
    from forecast import stations as registers

    register = registers.load(server.context.config.stations)
    a, b = map(str, register.index[:2])
    rows = [
        {"station": a, "time": "2026-02-09T15:00:00+08:00", "pm25": 80.0, "co": 0.8},
        {"station": b, "time": "2026-02-09T06:00:00Z", "pm25": 75.5},
    ]
    assert send(server, "officer", STATIONS, *rows).json() == {"new": 3, "replaced": 0, "same": 0}
    assert send(server, "officer", STATIONS, *rows).json()["same"] == 3
    rows[0]["pm25"] = 81.0
    assert send(server, "officer", STATIONS, *rows).json()["replaced"] == 1
    import pandas as pd

    at = pd.Timestamp("2026-02-09T07:00")
    found = observations.load(server.context.home, at, at, register.loc[[a]])
    assert float(found["pm25"].item()) == 81.0
    assert float(found["co"].item()) == 0.8
    assert found.attrs["simulated"] == "api"
    wrong = send(server, "officer", STATIONS, rows[1], rows[1] | {"pm25": -1.0},
                 {"station": "?", "time": "2026-02-09T06:30:00Z"})  # fmt: skip
    fields = [e["field"] for e in wrong.json()["errors"]]
    assert fields == ["body.readings[0]", "body.readings[1]", "body.readings[1].pm25",
                      "body.readings[2].time", "body.readings[2].station",
                      "body.readings[2]"]  # fmt: skip
    assert audit.verify(server.context.store).whole


def test_an_order_is_acknowledged_once_and_by_its_enterprise(server: Server) -> None:
    path = "/api/v1/orders/1/acknowledgements"

    def say(role: str, **body: str) -> Any:
        return server.ask(role, path, method="POST", body=body)

    assert say("enterprise", answer="received").status_code == 201
    assert say("enterprise", answer="received", note="again").status_code == 200
    assert say("enterprise", answer="cannot", note=" ").status_code == 422
    assert say("enterprise", answer="cannot", note="furnace cooling").status_code == 201
    assert say("enterprise2", answer="received").status_code == 404
    assert say("officer", answer="received").status_code == 403
    with reading(server.context.store) as session:
        found = session.scalars(select(Acknowledgement).order_by(Acknowledgement.id)).all()
    assert [(a.answer, a.note) for a in found] == [("received", ""), ("cannot", "furnace cooling")]
    shown = server.ask("viewer", "/api/v1/orders/1").json()["acknowledgements"]
    assert [a["answer"] for a in shown] == ["received", "cannot"]
    assert audit.verify(server.context.store).whole


def test_a_request_to_resume_is_one_by_its_key(server: Server) -> None:
    path = "/api/v1/resumption-requests"
    body = {"key": "r-1", "order": 1, "load": 0.5, "begin": "2026-02-10T08:00:00+08:00",
            "reason": "contract"}  # fmt: skip

    def ask(role: str = "enterprise", **given: Any) -> Any:
        return server.ask(role, path, method="POST", body={**body, **given})

    assert ask().status_code == 201
    assert ask().status_code == 200
    assert ask(load=0.6).status_code == 409
    assert ask(key="r-2", order=2).status_code == 404
    assert ask("enterprise2", order=2).status_code == 201  # the same key of another enterprise
    assert ask(key="r-3", begin="2026-01-10T08:00:00+08:00").status_code == 422
    with reading(server.context.store) as session:
        assert session.scalar(select(func.count()).select_from(ResumptionRequest)) == 2
    own = server.ask("enterprise", path).json()["items"]
    assert [(r["key"], r["unit"], r["decision"]) for r in own] == [("r-1", "E1-u1", None)]
    assert audit.verify(server.context.store).whole
