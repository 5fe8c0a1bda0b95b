"""A home with finished runs of a made-up city, and a server on it: for tests of console and API."""

import datetime as dt
import json
import shutil
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from forecast import config as configuration
from forecast import standards
from forecast.config import CityConfig, configs_dir
from serving import accounts, app, record_run
from serving.bulletin import build, saved
from serving.bulletin.content import (
    Bulletin,
    DataHealth,
    Day,
    Exceedance,
    Fan,
    History,
    Interval,
    Note,
    Primary,
    Provenance,
    Station,
    Text,
    WarningBox,
    Weather,
)  # fmt: skip
from serving.context import Context
from serving.store import engine
from serving.store.engine import Store

with warnings.catch_warnings():  # it asks for another package than the one it uses
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient

__all__ = ["TestClient"]
ISSUE = pd.Timestamp("2026-11-24 08:00")  # 16:00 local
NOW = dt.datetime(2026, 11, 24, 8, 30)
HOUR = pd.Timedelta(hours=1)
PASSWORD = "qingtian yunduo 7319"
PEOPLE = {
    "viewer": "viewer", "officer": "officer", "officer2": "officer", "leader": "leader",
    "scientist": "data_scientist", "admin": "admin", "works": "enterprise",
}  # fmt: skip
MIDDLES = (60, 70, 85, 100, 115, 130, 140)
TIERS = ("city", "county", "township", "village")


def bulletin(issue: pd.Timestamp = ISSUE, *, stations: int = 8, shift: float = 0) -> Bulletin:
    """Three days rising to heavy pollution; `shift` moves every index."""
    first = (issue + 8 * HOUR).normalize() + pd.Timedelta(days=1)
    days = tuple(
        Day(
            n + 1, first + pd.Timedelta(days=n), Interval(low + shift, mid + shift, high + shift),
            levels, (Primary("pm25", 0.9), Primary("pm10", 0.1)), Exceedance(0.6, at_least=False),
            Exceedance(heavy, at_least=False), {"pm25": Interval(100, 130, 170)},
        )
        for n, (low, mid, high, levels, heavy) in enumerate([
            (150, 170, 198, (0, 0, 0.1, 0.9, 0, 0), 0.0),
            (180, 210, 240, (0, 0, 0, 0.4, 0.6, 0), 0.6),
            (190, 220, 265, (0, 0, 0, 0.2, 0.8, 0), 0.8),
        ])
    )  # fmt: skip
    hours = tuple(issue + HOUR * h for h in range(1, 81))
    past = tuple(issue - HOUR * h for h in range(71, -1, -1))
    fans = tuple(
        Fan(
            key, Text(zh, en), units, hours, (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95),
            tuple(tuple(m * (1 + h / 160) for h in range(80)) for m in MIDDLES),
            past, (80.0,) * 71 + (None,), ((50.0, 2), (100.0, 3), (150.0, 4), (200.0, 5)),
        )
        for key, zh, en, units in (
            ("pm25", "PM2.5", "PM2.5", "ug m-3"), ("o3", "O₃", "O₃", "ug m-3"),
            ("aqi24", "24 小时 AQI", "AQI of 24 h", ""),
        )
    )  # fmt: skip
    return Bulletin(
        city=Text("示例市", "Demo city"), issue_time=issue, offset=8 * HOUR, standard="HJ 633-2026",
        rules="national-2024", model="lightgbm", model_version="lightgbm-1",
        weather=Weather("archived", "demo", issue - 8 * HOUR, 8.0), simulated=False,
        categories=build.categories(standards.load("hj633-2026")), days=days, members=100,
        history=History(past, {"pm25": (80.0,) * 72}), fans=fans,
        stations=tuple(
            Station(f"S{n}", f"站点{n}", TIERS[n % 4], 113 + n % 25 / 50, 35 + n // 25 / 60,
                    n % 4 == 0, 120 + n % 100, issue, (120, 150, None))
            for n in range(stations)
        ),
        warning=WarningBox(
            "orange", "start", {"yellow": 0.9, "orange": 0.7, "red": 0.05}, issue + HOUR,
            issue + 70 * HOUR, (Text("理由甲", "reason one"),), (Text("假定甲", "assumption one"),),
        ),
        notes=(Note(Text("说明甲", "note one"), "info"),),
        health=DataHealth(stations, stations - 1, (("city", 2, 2),), 0.05, 0.01, 0.0),
        provenance=Provenance("demo-20261124T0800Z", "c" * 64, "d" * 64, "e" * 40),
    )  # fmt: skip


def proposal(level: str | None = "orange") -> dict[str, Any]:
    """As response.warning_words.as_dict writes it."""
    moment = dict.fromkeys(("median", "early", "late"), "2026-11-25T09:00:00+08:00")
    end = dict.fromkeys(("median", "early", "late"), "2026-11-28T00:00:00+08:00")
    return {
        "rules": "national-2024", "issue_time": "2026-11-24T16:00:00+08:00", "level": level,
        "own_level": level, "action": "start" if level else "none", "current_level": None,
        "notified_level": None, "members": 100,
        "probability": {"yellow": 0.9, "orange": 0.7, "red": 0.05},
        "thresholds": {"yellow": 0.5, "orange": 0.5, "red": 0.5}, "start": moment, "end": end,
        "announce_by": "2026-11-24T18:00:00+08:00", "at_once": False, "late": False,
        "criteria": [{
            "level": "orange", "text": "24-h AQI above 200 for 48 h",
            "text_zh": "24小时AQI>200持续48小时", "probability": 0.7, "start": moment, "end": end,
            "assumption": True, "source": "a plan",
        }],
        "measured": None, "assumptions": [{"zh": "假定甲", "en": "assumption one"}],
        "reasons_zh": ["建议启动橙色预警。"], "reasons_en": ["Proposed: start a warning, orange."],
    }  # fmt: skip


def leave_run(home: Path, made: Bulletin, *, level: str | None = "orange") -> Path:
    """The folder that a finished daily run leaves."""
    folder = home / "runs" / f"{made.issue_time:%Y%m%dT%H%MZ}"
    folder.mkdir(parents=True)
    by_hour = {
        "times": [(made.issue_time + HOUR * h).isoformat() for h in range(1, 81)],
        "stations": [s.id for s in made.stations],
        "aqi": [[(h + n) % 300 for n in range(len(made.stations))] for h in range(80)],
        "wind": [{"area": "city", "lon": 113.2, "lat": 35.1, "u": [1.0] * 80, "v": [-2.0] * 80}],
    }
    run = {
        "run": f"demo-{made.issue_time:%Y%m%dT%H%MZ}", "model": made.model_version,
        "weather": "archived", "simulated": made.simulated, "data": "d", "config": "c",
        "code": "e", "notes": [], "files": {f"runs/{folder.name}/bulletin.json": "a" * 64},
    }  # fmt: skip
    contents = {
        "bulletin.json": saved.to_json(made), "hours.json": by_hour,
        "proposal.json": proposal(level), "run.json": run,
    }  # fmt: skip
    for name, content in contents.items():
        (folder / name).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    for lang in ("zh", "en"):
        (folder / f"bulletin.{lang}.html").write_text("<p>bulletin</p>")
        (folder / f"bulletin.{lang}.png").write_bytes(b"\x89PNG")
    return folder


def two_runs(home: Path, *, stations: int = 8) -> None:
    """Yesterday's and today's."""
    leave_run(home, bulletin(ISSUE - 24 * HOUR, stations=stations, shift=-20), level="yellow")
    leave_run(home, bulletin(stations=stations))


def city(*, simulated: bool = False) -> CityConfig:
    """The made-up city; it counts as real unless a test wants the mark of a simulated one."""
    return configuration.load(configs_dir() / "demo.yaml").model_copy(
        update={"simulated": simulated}
    )


def people(store: Store) -> None:
    """One account a role, all with PASSWORD."""
    for name, role in PEOPLE.items():
        accounts.add(
            store, name=name, role=role, password=PASSWORD, by="tests", now=NOW,
            enterprise="E1" if role == "enterprise" else None,
        )  # fmt: skip


def server(
    home: Path, template: Path, *, clock: Callable[[], dt.datetime] = lambda: NOW
) -> tuple[Store, Any]:
    """A store with accounts and today's proposal, and the application on it."""
    shutil.copy(template, home / "lantian.db")
    store = engine.connect(f"sqlite:///{home / 'lantian.db'}", home=home)
    return on(store, home, clock=clock)


def on(
    store: Store, home: Path, *, clock: Callable[[], dt.datetime] = lambda: NOW
) -> tuple[Store, Any]:
    """The same on an empty store of either engine."""
    people(store)
    record_run.record(store, home, ISSUE, now=NOW)
    return store, app.create(Context(store, home, city(), clock))


def logged_in(application: Any, name: str) -> TestClient:
    """A client with a session."""
    client = TestClient(application, base_url="http://lantian.test", follow_redirects=False)
    once = field(client.get("/login").text, "once")
    data = {"once": once, "name": name, "password": PASSWORD, "next": "/"}
    answer = client.post("/login", data=data)
    assert answer.status_code == 303, answer.text
    return client


def field(page: str, name: str) -> str:
    """The value of a form's hidden field."""
    return page.split(f'name="{name}" value="', 1)[1].split('"', 1)[0]


def without_day(made: Bulletin) -> Bulletin:
    """The same without an index for D+2."""
    unknown = replace(made.days[1], aqi=None, levels=None, primary=(), over_200=None)
    return replace(made, days=(made.days[0], unknown, made.days[2]))
