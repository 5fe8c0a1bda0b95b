"""A duty room on a made-up episode: home with its daily run, server, people, receivers, a clock.

Everything a person does goes over HTTP to a running server, with the session and the form's token
of that person; what the house does by itself (run, dispatch) is the code that `lantian schedule`
calls.
"""

import datetime as dt
import random
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import uvicorn
import yaml

from forecast import config as configuration
from forecast import observations, schema
from forecast.config import CityConfig, configs_dir
from serving import accounts, app, daily, imports, record_run, schedule, tokens
from serving.context import Context
from serving.permissions import actions_of
from serving.publish import config as houses
from serving.schedule import Duty
from serving.store.engine import Store
from tests.response import register_cases

ISSUE = pd.Timestamp("2026-02-08 08:00")  # 16:00 local
HISTORY_DAYS = 16
PASSWORD = "seven grey herons at dusk"
HOUR = dt.timedelta(hours=1)


def city(folder: Path) -> tuple[Path, CityConfig]:
    """The demo city with few members and its first four stations, as a file and as read."""
    path = folder / "city.yaml"
    text = (configs_dir() / "demo.yaml").read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    content["forecast"]["members"] = 20
    table = (configs_dir() / content["stations"]).read_text(encoding="utf-8").splitlines()
    (folder / "stations.csv").write_text("\n".join(table[:5]) + "\n", encoding="utf-8")
    content["stations"] = str(folder / "stations.csv")
    content["quality"] = str(configs_dir() / content["quality"])
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return path, configuration.load(path)


def episode(*, days_after: int = 0) -> Any:
    """Sixteen days of bad air of four stations, then what came: mock data, marked as such."""
    hours = 24 * (HISTORY_DAYS + days_after)
    start = ISSUE - pd.Timedelta(days=HISTORY_DAYS)
    made = schema.mock_observations(start=str(start), hours=hours, stations=4, seed=20)
    quiet = made["pm25"].copy(data=made["pm25"].values)
    level = 190 + 0.25 * quiet.clip(0, 200)
    return made.assign(pm25=level.assign_attrs(quiet.attrs), pm10=(1.3 * level).assign_attrs(
        made["pm10"].attrs))  # fmt: skip


def home_with_run(folder: Path) -> Path:
    """Register, readings up to the afternoon, and the daily run of 16:00."""
    home = folder / "home"
    observations.merge(home, episode(), source="mock", received=ISSUE)
    register = register_cases.write(folder / "list.xlsx", register_cases.sheets())
    imports.run("register", [register], home=home, stations=None, city=None, received=ISSUE)
    daily.run(city(folder)[1], home=home, issue_time=ISSUE, pictures=False)
    return home


@dataclass
class Clock:
    """Set by hand; naive UTC."""

    now: dt.datetime

    def __call__(self) -> dt.datetime:
        return self.now

    def at(self, local: str) -> None:
        """A local time, such as `02-08 16:20`."""
        self.now = dt.datetime.fromisoformat(f"2026-{local}") - 8 * HOUR


@dataclass
class Person:
    """A browser with a session, or a program with a token."""

    client: httpx.Client

    def page(self, path: str, status: int = 200) -> str:
        answer = self.client.get(path)
        assert answer.status_code == status, f"{path}: {answer.status_code} {words(answer.text)}"
        return answer.text

    def post(self, path: str, *, status: int = 303, **data: Any) -> httpx.Response:
        """A form, with the session's token."""
        csrf = hidden(self.page("/own" if path.startswith("/own") else "/warnings"), "csrf")
        answer = self.client.post(path, data={"csrf": csrf, **data})
        assert answer.status_code == status, f"{path}: {answer.status_code} {words(answer.text)}"
        return answer

    def decide(self, number: int, kind: str, *, status: int = 303, **data: Any) -> httpx.Response:
        """An event of a warning, on the version the page shows."""
        seen = hidden(self.page(f"/warnings/{number}"), "seen")
        return self.post(f"/warnings/{number}/{kind}", status=status, seen=seen, **data)

    def api(self, path: str, body: Any = None, *, status: int = 200) -> Any:
        method = "GET" if body is None else "POST"
        answer = self.client.request(method, f"/api/v1{path}", json=body)
        assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()


@dataclass
class Room:
    """The server and the house around it."""

    store: Store
    home: Path
    city: CityConfig
    clock: Clock
    duty: Duty
    url: str
    open: list[httpx.Client] = field(default_factory=list)

    def login(self, name: str) -> Person:
        """A session, opened by the form."""
        client = self._client()
        once = hidden(client.get("/login").text, "once")
        answer = client.post(
            "/login", data={"once": once, "name": name, "password": PASSWORD, "next": "/"}
        )
        assert answer.status_code == 303, words(answer.text)
        return Person(client)

    def program(self, name: str, role: str) -> Person:
        """A program with a token of an account."""
        value = tokens.create(
            self.store, account=name, name="flow", scope=actions_of(role), by="flow",
            expires_at=self.clock() + dt.timedelta(days=30), now=self.clock(),
        )  # fmt: skip
        return Person(self._client(Authorization=f"Bearer {value}"))

    def _client(self, **headers: str) -> httpx.Client:
        made = httpx.Client(base_url=self.url, headers=headers, timeout=120, trust_env=False)
        self.open.append(made)
        return made


@contextmanager
def room(store: Store, home: Path, config: CityConfig, house: dict[str, Any]) -> Iterator[Room]:
    """A running server on a port of its own, and the duty of `lantian schedule`."""
    clock = Clock(ISSUE.to_pydatetime())
    path = home / "publish.yaml"
    path.write_text(yaml.safe_dump(house, allow_unicode=True), encoding="utf-8")

    def recorded(duty: Duty, issue: dt.datetime) -> None:
        """The run is in the home already: it is the same for every engine."""
        record_run.record(duty.store, duty.home, pd.Timestamp(issue), now=duty.clock())

    duty = Duty(
        store, home, config, houses.load(path), clock, "flow", random.Random(1), recorded,
        lambda *_: None,
    )  # fmt: skip
    accounts.add(
        store, name="admin", role="admin", password=PASSWORD, by="flow", now=clock()
    )  # the first one, by command
    application = app.create(Context(store, home, config, clock))
    server = uvicorn.Server(
        uvicorn.Config(application, port=0, log_level="error", lifespan="off", ws="none")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
        assert thread.is_alive(), "the server did not start"
    port = server.servers[0].sockets[0].getsockname()[1]
    made = Room(store, home, config, clock, duty, f"http://127.0.0.1:{port}")
    try:
        yield made
    finally:
        for client in made.open:
            client.close()
        server.should_exit = True
        thread.join(10)


def send(there: Room) -> int:
    """Rounds of the dispatcher until nothing is due; what was sent."""
    total = 0
    while done := schedule.send(there.duty).sent:
        total += done
    return total


def hidden(page: str, name: str) -> str:
    """The value of a form's hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, f"no field {name}: {words(page)}"
    return found[1]


def words(page: str) -> str:
    """A page without its marks, for a failing test's message."""
    body = page.split("<main", 1)[-1]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body))[:1500]
