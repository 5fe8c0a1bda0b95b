"""`lantian daily --cities`: the day of every city in a folder, as tasks on an engine.

Takes a folder of configurations and a home; each city has a home of its own below it:

    <home>/cities/<city>/              as LANTIAN_HOME of that city alone
    <home>/cities/<issue>.json         what came of all of them

A file of the folder is a city's configuration, or one line `same_as: PATH` that points to one. One
city's failure ends that city: it is tried again after the others, then reported.
"""

import datetime as dt
import json
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from forecast import config as configuration
from forecast import engine, files, stations
from forecast.batch import WeatherTier
from forecast.config import CityConfig
from forecast.engine import Outcome
from forecast.problems import ConfigError, Problem
from serving.cities_tasks import CityTask, one_day
from serving.whole_day import Judge

SAME: Final = "same_as"
_WIDE: Final = 40  # characters of a reason in the table; all of it is in the summary


@dataclass(frozen=True)
class Planned:
    """A city of the folder."""

    path: Path
    config: CityConfig
    home: Path
    issue_time: pd.Timestamp  # naive UTC
    stations: int


@dataclass(frozen=True)
class CitiesReport:
    """What came of the cities, in the order of their ids."""

    planned: tuple[Planned, ...]
    outcomes: tuple[Outcome[dict[str, Any]], ...]
    seconds: float
    workers: int
    summary: Path

    def as_dict(self) -> dict[str, Any]:
        """Machine-readable form."""
        cities = [_city(p, o) for p, o in zip(self.planned, self.outcomes, strict=True)]
        done = [c for c in cities if c["status"] == "done"]
        count = sum(p.stations for p in self.planned)
        return {
            "cities": cities,
            "done": len(done),
            "failed": [c["city"] for c in cities if c["status"] == "failed"],
            "retried": [c["city"] for c in cities if c["attempts"] > 1],
            "lost_workers": sum(c["lost_workers"] for c in cities),
            "stations": count,
            "workers": self.workers,
            "seconds": round(self.seconds, 1),
            "stations_per_second": round(sum(c["stations"] for c in done) / self.seconds, 1),
            "peak_mb": max((c["peak_mb"] for c in done), default=None),
            "bytes": sum(c["bytes"] for c in done),
        }

    def lines(self) -> list[str]:
        """The table, and one line for all."""
        said = self.as_dict()
        rows = [("city", "status", "tries", "level", "s", "")]
        for c in said["cities"]:
            why = c["errors"][-1] if c["status"] == "failed" else "; ".join(c["problems"])
            rows.append((
                c["city"], c["status"], str(c["attempts"]), c["level"] or "-",
                "-" if c["seconds"] is None else f"{c['seconds']:.1f}",
                why.splitlines()[0][:_WIDE] if why else "",
            ))  # fmt: skip
        wide = [max(_width(r[i]) for r in rows) for i in range(5)]
        table = [
            "  ".join([*(c + " " * (w - _width(c)) for c, w in zip(r, wide, strict=False)), r[5]])
            for r in rows
        ]
        total = (
            f"{said['done']} of {len(rows) - 1} cities, {said['stations']} stations,"
            f" {self.workers} workers, {self.seconds:.0f} s; {self.summary}"
        )
        return [line.rstrip() for line in table] + [total]

    def problems(self) -> list[Problem]:
        """Cities that have no forecast, and what went wrong after one was made."""
        found = []
        for p, o in zip(self.planned, self.outcomes, strict=True):
            if o.value is None:
                said = o.errors[-1].replace("\n", "; ")
                found.append(Problem(p.config.city.id, said, f"a forecast ({o.attempts} tries)"))
            else:
                expected = "no problem after the forecast"
                found += [Problem(p.config.city.id, s, expected) for s in o.value["problems"]]
        return found


def plan(
    folder: Path, *, home: Path, issue_time: Callable[[pd.Timedelta], pd.Timestamp]
) -> tuple[Planned, ...]:
    """The cities of a folder, by id.

    Args:
        folder: Its *.yaml are read, none of its subfolders.
        home: LANTIAN_HOME.
        issue_time: A city's issue time by its offset from UTC.

    Raises:
        ConfigError: Everything that is wrong with any of them, registers included, at once.
    """
    problems: list[Problem] = []
    found: list[Planned] = []
    paths = sorted(folder.glob("*.yaml"))
    if not paths:
        problems.append(Problem(str(folder), "no *.yaml", "a folder with a file for each city"))
    for path in paths:
        try:
            config = configuration.load(_pointed(path))
            count = len(stations.load(config.stations))
            at = issue_time(config.offset)
        except ConfigError as error:
            problems += [p for p in error.problems if p not in problems]
            continue
        own = home / "cities" / config.city.id
        found.append(Planned(path, config, own, at, count))
    for city, n in Counter(p.config.city.id for p in found).items():
        if n > 1:
            names = ", ".join(p.path.name for p in found if p.config.city.id == city)
            problems.append(Problem(f"{folder}: city {city}", names, "each city once"))
    if problems:
        raise ConfigError(problems)
    return tuple(sorted(found, key=lambda p: p.config.city.id))


def run(
    planned: Sequence[Planned],
    *,
    home: Path,
    now: dt.datetime,
    scheduler: str | None = None,
    workers: int = 2,
    retries: int = 1,
    limit_minutes: float | None = None,
    replay: WeatherTier | None = None,
    pictures: bool = True,
    judge: Judge | None = None,
    say: Callable[[str], None] = lambda _: None,
    work: Callable[[CityTask], dict[str, Any]] = one_day,
) -> CitiesReport:
    """The day of every city.

    Args:
        planned: Of `plan`.
        home: LANTIAN_HOME; with a cluster, a folder all of its machines see under this path.
        now: Naive UTC: when runs are recorded.
        scheduler: Address of a Dask scheduler; None: processes of this machine.
        workers: How many of them.
        retries: How often a city that failed is tried again, after the others.
        limit_minutes: A city at work for longer is stopped; None: no limit.
        replay: As of `daily.run`.
        pictures: As of `daily.run`.
        judge: As of `whole_day.run`; a function of a module that workers can import.
        say: Told of each city as it ends.
        work: What a worker does for a city.

    Raises:
        ConfigError: No engine, or one that does not answer.
    """
    began = time.monotonic()
    tasks = [
        CityTask(p.config, p.home.resolve(), p.issue_time, now, replay, pictures, judge)
        for p in planned
    ]
    limit = None if limit_minutes is None else 60 * limit_minutes
    with engine.connected(scheduler, workers=min(workers, len(tasks))) as client:
        threads = sum(client.nthreads().values())
        ended = on(client, planned, tasks, retries=retries, limit=limit, say=say, work=work)
    at = max(p.issue_time for p in planned)
    summary = home.resolve() / "cities" / f"{at:%Y%m%dT%H%MZ}.json"
    seconds = time.monotonic() - began
    report = CitiesReport(tuple(planned), ended, seconds, threads, summary)
    text = json.dumps(report.as_dict(), ensure_ascii=False, indent=1)
    files.write_text(summary, text + "\n")
    return report


def on(
    client: Any,
    planned: Sequence[Planned],
    tasks: Sequence[CityTask],
    *,
    retries: int = 1,
    limit: float | None = None,
    say: Callable[[str], None] = lambda _: None,
    work: Callable[[CityTask], dict[str, Any]] = one_day,
) -> tuple[Outcome[dict[str, Any]], ...]:
    """Outcomes of tasks in their order, on an engine that is there; the largest city goes first."""
    items = [(p.config.city.id, t) for p, t in zip(planned, tasks, strict=True)]
    size = {p.config.city.id: p.stations for p in planned}
    first = sorted(items, key=lambda item: -size[item[0]])
    ended: dict[str, Outcome[dict[str, Any]]] = {}
    for one in engine.each(client, work, first, retries=retries, limit_seconds=limit):
        ended[one.name] = one
        how = "done" if one.done else f"failed: {one.errors[-1].splitlines()[0]}"
        say(f"[{len(ended)}/{len(items)}] {one.name}: {how}")
    return tuple(ended[name] for name, _ in items)


def _pointed(path: Path) -> Path:
    """The file itself, or the one its only line points to."""
    content = configuration.read_yaml(path)
    if isinstance(content, dict) and set(content) == {SAME}:
        return (path.parent / str(content[SAME])).resolve()
    return path


def _city(planned: Planned, outcome: Outcome[dict[str, Any]]) -> dict[str, Any]:
    value = outcome.value or {}
    return {
        "city": planned.config.city.id,
        "config": str(planned.path),
        "status": "done" if outcome.done else "failed",
        "attempts": outcome.attempts,
        "lost_workers": outcome.lost,
        "errors": list(outcome.errors),
        "stations": planned.stations,
        "issue_time": f"{planned.issue_time:%Y-%m-%dT%H:%M}Z",
        **{
            key: value.get(key)
            for key in ("forecast", "folder", "level", "headline", "notes", "drift", "seconds",
                        "cpu_seconds", "peak_mb", "bytes", "pid")
        },
        "problems": value.get("problems", []),
    }  # fmt: skip


def _width(text: str) -> int:
    """Columns on a terminal: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
