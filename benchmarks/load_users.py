"""Who asks while the load is measured: officers and leaders, enterprises, meters. For locust.

Started by benchmarks/load.py, which makes the home and names a file with accounts and tokens in
LANTIAN_LOAD. What the server acknowledged is written beside it at the end, with the times.
"""

import datetime as dt
import itertools
import json
import os
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

from locust import FastHttpUser, between, constant_throughput, events, task
from locust.env import Environment

GIVEN = Path(os.environ["LANTIAN_LOAD"])
KNOWN: dict[str, Any] = json.loads(GIVEN.read_text(encoding="utf-8"))
HOUSE, ENTERPRISES = iter(KNOWN["house"]), iter(KNOWN["enterprises"])
METERS = iter(KNOWN["meters"])
FAILED: Counter[str] = Counter()
CONFLICTS: Counter[str] = Counter()
ACKNOWLEDGED: dict[str, list[Any]] = {
    "adjustments": [], "answers": [], "requests": [], "readings": [],
}  # fmt: skip


def field(page: str, name: str) -> str:
    """The value of a form's hidden field."""
    return page.split(f'name="{name}" value="', 1)[1].split('"', 1)[0]


class Console(FastHttpUser):
    """Somebody with a session."""

    abstract = True
    wait_time = between(3, 9)
    account: dict[str, Any]

    def enter(self, account: dict[str, Any]) -> None:
        """Log in as people do."""
        self.account = account
        page = self.client.get("/login").text
        data = {"once": field(page, "once"), "name": account["name"], "next": "/"}
        data["password"] = KNOWN["password"]
        self.post("/login", data, "/login (argon2)")

    def post(self, path: str, data: dict[str, Any], name: str) -> int:
        """A form; a conflict is an answer, too: somebody else was first, and he is told."""
        with self.client.post(
            path, data=data, name=name, allow_redirects=False, catch_response=True
        ) as answer:
            if answer.status_code in (303, 409):
                answer.success()
            else:
                answer.failure(f"{answer.status_code}")
            if answer.status_code == 409:
                CONFLICTS[name] += 1
            return int(answer.status_code)


class Officer(Console):
    """Looks at the first page, follows what stands there, adjusts a forecast now and then."""

    weight = 1

    def on_start(self) -> None:
        """One of the house."""
        self.enter(next(HOUSE))

    @task(10)
    def today(self) -> None:
        """The first page, and what its charts draw where the browser lacks it."""
        page = self.client.get("/").text
        base = page.split('data-base="', 1)[1].split('"', 1)[0]
        if not getattr(self, "drawn", False):
            self.client.get(f"{base}fans.json", name="/data/fans.json")
            self.client.get(f"{base}map.json", name="/data/map.json")
            self.drawn = True

    @task(3)
    def warnings(self) -> None:
        """All of them."""
        self.client.get("/warnings")

    @task(3)
    def plan(self) -> None:
        """The control plan."""
        self.client.get("/plan")

    @task(2)
    def enterprises(self) -> None:
        """Compliance."""
        self.client.get("/enterprises")

    @task(1)
    def stations(self) -> None:
        """Readings and flags."""
        self.client.get("/stations")

    @task(2)
    def adjust(self) -> None:
        """In consultation: range and pollutant per day."""
        if self.account["role"] == "viewer":
            return
        path = f"/warnings/{KNOWN['warning']}"
        page = self.client.get(path, name="/warnings/{number}").text
        if f'action="{path}/adjust' not in page:
            return
        high = random.randint(160, 260)
        mark = f"{self.account['name']} {time.time_ns()}"
        data: dict[str, Any] = {"csrf": field(page, "csrf"), "seen": field(page, "seen")}
        data |= {"do": "adopt", "days": "3", "reason": mark, "level": "orange"}
        for n, day in enumerate(KNOWN["days"]):
            data |= {f"date{n}": day, f"low{n}": "100", f"high{n}": str(high)}
            data[f"primary{n}"] = "pm25"
        if self.post(f"{path}/adjust", data, "/warnings/{number}/adjust") == 303:
            ACKNOWLEDGED["adjustments"].append(mark)


class Enterprise(Console):
    """Sees its orders, answers them, asks to resume; by the console and by the API."""

    weight = 3

    def on_start(self) -> None:
        """One of the enterprises."""
        self.enter(next(ENTERPRISES))
        self.left = [(o, a) for o in self.account["orders"] for a in ("received", "carried_out")]
        self.bearer = {"Authorization": f"Bearer {self.account['token']}"}
        self.number = itertools.count()

    @task(6)
    def own(self) -> None:
        """Its page."""
        self.client.get("/own")

    @task(2)
    def answer(self) -> None:
        """Once each: received, then carried out."""
        if not self.left:
            return
        order, said = self.left.pop(0)
        page = self.client.get("/own").text
        data = {"csrf": field(page, "csrf"), "answer": said, "note": ""}
        if self.post(f"/own/{order}/answer", data, "/own/{order}/answer") == 303:
            ACKNOWLEDGED["answers"].append([order, said])

    @task(4)
    def orders(self) -> None:
        """Its orders as JSON; unchanged ones are not sent again."""
        headers = dict(self.bearer)
        if tag := getattr(self, "tag", None):
            headers["If-None-Match"] = tag
        answer = self.client.get("/api/v1/orders", headers=headers)
        self.tag = answer.headers.get("etag")

    @task(1)
    def resume(self) -> None:
        """A request to run a unit again."""
        key = f"{self.account['name']}-{next(self.number)}"
        body = {
            "key": key, "order": self.account["orders"][0], "load": 0.5,
            "begin": (dt.datetime.now(dt.UTC) + dt.timedelta(hours=2)).isoformat(),
            "reason": "measured load",
        }  # fmt: skip
        answer = self.client.post("/api/v1/resumption-requests", json=body, headers=self.bearer)
        if answer.status_code in (200, 201):
            ACKNOWLEDGED["requests"].append(key)


class Meters(FastHttpUser):
    """A concentrator: some enterprises' readings every minute, a request for each of them."""

    fixed_count = len(KNOWN["meters"])
    wait_time = constant_throughput(KNOWN["readings_per_second"])

    def on_start(self) -> None:
        """Its token and its enterprises."""
        self.mine = next(METERS)
        self.turn = itertools.count()

    @task
    def send(self) -> None:
        """The next enterprise's reading of this minute; a faster turn corrects it."""
        number = next(self.turn)
        enterprise = self.mine["enterprises"][number % len(self.mine["enterprises"])]
        at = dt.datetime.now(dt.UTC).replace(second=0, microsecond=0).isoformat()
        revision = number // len(self.mine["enterprises"])
        reading = {"enterprise": enterprise, "meter": "M1", "parameter": "electricity", "at": at,
                   "value": 0.5 * number, "unit": "kWh", "revision": revision}  # fmt: skip
        headers = {"Authorization": f"Bearer {self.mine['token']}"}
        answer = self.client.post(
            "/api/v1/readings/meters", json={"readings": [reading]}, headers=headers
        )
        if answer.status_code == 200:
            ACKNOWLEDGED["readings"].append([enterprise, at, revision, reading["value"]])


@events.request.add_listener
def noted(request_type: str, name: str, exception: Exception | None, **_: Any) -> None:
    """Failures from the first request on: locust forgets those of the ramp."""
    if exception is not None:
        FAILED[f"{request_type} {name}: {exception}"] += 1


@events.quitting.add_listener
def told(environment: Environment, **_: Any) -> None:
    """Times after the ramp, failures and acknowledged writes of the whole run."""
    stats = environment.stats
    rows = [
        {
            "method": entry.method, "name": entry.name, "requests": entry.num_requests,
            **{f"p{p}": entry.get_response_time_percentile(p / 100) for p in (50, 95, 99)},
            "most": entry.max_response_time,
        }
        for entry in [*stats.entries.values(), stats.total]
    ]  # fmt: skip
    content = {
        "rows": rows, "failed": dict(FAILED), "conflicts": dict(CONFLICTS),
        "seconds": stats.total.last_request_timestamp - stats.total.start_time,
        "acknowledged": ACKNOWLEDGED,
    }  # fmt: skip
    GIVEN.with_name("told.json").write_text(json.dumps(content), encoding="utf-8")
