"""The home of the load: accounts of a duty room and of enterprises, orders, tokens for meters."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

from benchmarks import served_home
from serving import accounts, duty, passwords, tokens
from serving.duty import Machine
from serving.review_state import Actor, Event
from serving.store.engine import Store
from serving.store.models import Order
from tests.serving.console_home import PASSWORD

METERED = 2000
CONCENTRATORS = 20
ORDERS = 3


def make(home: Path, *, users: int, stations: int, days: int, minutes: float) -> Path:
    """A quarter of the users in the house, three quarters enterprises; the file for locust."""
    store = served_home.make(home, stations=stations, days=days)
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    kept = passwords.hashed(PASSWORD)  # with its full cost, once: logging in costs what it costs
    own = passwords.hashed
    passwords.hashed = lambda _password: kept
    try:
        house = [_person(store, n, now) for n in range(users)]
        enterprises = [_enterprise(store, n, now) for n in range(users)]
    finally:
        passwords.hashed = own
    ordered = _ordered(store, [e["enterprise"] for e in enterprises], now)
    issue = served_home.issue() + dt.timedelta(hours=8)
    content = {
        "password": PASSWORD, "house": house, "warning": 1, "minutes": minutes,
        "enterprises": [e | {"orders": ordered[e["enterprise"]]} for e in enterprises],
        "meters": _meters(store, now),
        "readings_per_second": METERED / CONCENTRATORS / 60,
        "days": [f"{issue + dt.timedelta(days=n + 1):%Y-%m-%d}" for n in range(3)],
    }  # fmt: skip
    duty.decide(
        store, 1, Event("consult", now, Actor(2, "officer", "officer"), reason="load"), seen=1
    )
    store.engine.dispose()
    path = home / "load.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def _person(store: Store, n: int, now: dt.datetime) -> dict[str, Any]:
    role = ("officer", "officer", "officer", "leader", "viewer")[n % 5]
    name = f"{role}-{n}"
    accounts.add(store, name=name, role=role, password=PASSWORD, by="load", now=now)
    return {"name": name, "role": role}


def _enterprise(store: Store, n: int, now: dt.datetime) -> dict[str, Any]:
    name = f"works-{n}"
    accounts.add(
        store, name=name, role="enterprise", password=PASSWORD, enterprise=f"W{n}", by="load",
        now=now,
    )  # fmt: skip
    token = tokens.create(
        store, account=name, name="load", scope=["order.read_own", "resumption.request"],
        expires_at=now + dt.timedelta(days=2), by="load", now=now,
    )  # fmt: skip
    return {"name": name, "enterprise": f"W{n}", "token": token}


def _ordered(store: Store, names: list[str], now: dt.datetime) -> dict[str, list[int]]:
    """An exercise under way, with orders for all; the actual proposal stays open beside it."""
    machine = Machine("demo", now, "yellow", "start", {}, exercise=True)
    number = duty.propose(store, machine, now=now).warning_id or 0
    officer = Actor(2, "officer", "officer")
    duty.decide(store, number, Event("sign", now, officer, reason="load", exercise=True), seen=1)
    made: list[Order] = []

    def also(session: Any, warning: Any, decision: Any, after: Any) -> list[Any]:  # noqa: ARG001
        made.extend(
            Order(
                warning_id=number, exercise=True, enterprise=name, unit=f"{name}-u{unit}", at=now,
                begins_at=now, body={"level": "yellow"},
            )
            for name in names
            for unit in range(ORDERS)
        )  # fmt: skip
        session.add_all(made)
        session.flush()
        return made

    publish = Event("publish", now, officer, reason="load", exercise=True)
    duty.decide(store, number, publish, seen=2, also=also)
    return {name: [o.id for o in made if o.enterprise == name] for name in names}


def _meters(store: Store, now: dt.datetime) -> list[dict[str, Any]]:
    share = METERED // CONCENTRATORS
    return [
        {
            "token": tokens.create(
                store, account="officer", name=f"meters-{n}", scope=["reading.write"],
                expires_at=now + dt.timedelta(days=2), by="load", now=now,
            ),
            "enterprises": [f"E{n * share + k}" for k in range(share)],
        }
        for n in range(CONCENTRATORS)
    ]  # fmt: skip
