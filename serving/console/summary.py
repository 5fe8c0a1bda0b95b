"""What a page shows of a run: read from the run's folder, kept in memory until the file changes.

A run is there when its run.json is (it is written last). Nothing is computed from the forecast
file here: the daily run left `bulletin.json` and `hours.json` for the pages.
"""

import json
import re
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import pandas as pd

from forecast.problems import DataError, Problem
from serving.bulletin import saved
from serving.bulletin.content import Bulletin

NAME: Final = re.compile(r"\d{8}T\d{4}Z")
_TICK: Final = 2_000_000_000  # ns
# Folder of runs -> its change time, when it was read, names in it, those that finished.
_LISTED: Final[dict[Path, tuple[int, int, tuple[str, ...], set[str]]]] = {}


@dataclass(frozen=True)
class RunView:
    """One run as the pages see it."""

    name: str  # 20260101T0800Z
    folder: Path
    bulletin: Bulletin
    proposal: dict[str, Any]  # response.warning_words.as_dict
    run: dict[str, Any]  # run.json
    digest: str  # of bulletin.json: the address of what may be cached for good
    stamp: tuple[int, int]  # of run.json, written last: another one where the run was done again

    @property
    def city(self) -> str:
        """The city's id, as the store knows it."""
        return str(self.run["run"]).rsplit("-", 1)[0]


def names(home: Path) -> list[str]:
    """Finished runs, the newest first. A finished run is not looked at again until the folder of
    runs changes: a year of them would be looked at for every page.
    """
    folder = home / "runs"
    try:
        changed = folder.stat().st_mtime_ns
    except FileNotFoundError:
        return []
    known = _LISTED.get(folder)
    # A folder that has just changed may change again within the same tick of its clock.
    if known is None or known[0] != changed or known[1] - changed < _TICK:
        seen = time.time_ns()
        there = sorted((p.name for p in folder.iterdir() if NAME.fullmatch(p.name)), reverse=True)
        known = (changed, seen, tuple(there), set())
        _LISTED[folder] = known
    _, _, there_, finished = known
    finished.update(n for n in there_ if n not in finished and (folder / n / "run.json").exists())
    return [n for n in there_ if n in finished]


def view(home: Path, name: str) -> RunView:
    """A run by its name.

    Raises:
        DataError: No such run, or one without what the console shows.
    """
    folder = home / "runs" / name
    marker = folder / "run.json"
    if not NAME.fullmatch(name) or not marker.exists():
        raise DataError([Problem("run", name, "a finished run of this home")])
    stat = marker.stat()
    return _view(folder, stat.st_mtime_ns, stat.st_size)


def newest(home: Path) -> RunView | None:
    """The newest run that can be shown; None where there is none."""
    for name in names(home):
        try:
            return view(home, name)
        except DataError:
            continue
    return None


def before(home: Path, name: str) -> RunView | None:
    """The run before one, to say what changed."""
    for other in names(home):
        if other < name:
            try:
                return view(home, other)
            except DataError:
                continue
    return None


def fans(view_: RunView) -> list[dict[str, Any]]:
    """Fan charts as plain data in local time."""
    b = view_.bulletin
    return [
        {
            "key": fan.key,
            "zh": fan.name.zh,
            "en": fan.name.en,
            "units": fan.units,
            "times": [(t + b.offset).isoformat() for t in fan.times],
            "quantiles": fan.quantiles,
            "values": [[_rounded(v) for v in row] for row in fan.values],
            "observed_times": [(t + b.offset).isoformat() for t in fan.observed_times],
            "observed": [_rounded(v) for v in fan.observed],
            "lines": fan.lines,
            "issue": (b.issue_time + b.offset).isoformat(),
        }
        for fan in b.fans
    ]


def stations_map(view_: RunView) -> dict[str, Any]:
    """Stations, their index hour by hour and the wind, in local time.

    Raises:
        DataError: The run lacks its hours.
    """
    path = view_.folder / "hours.json"
    found = _json(path)
    offset = view_.bulletin.offset
    times = [(pd.Timestamp(t) + offset).isoformat() for t in found["times"]]
    places = [
        {"id": s.id, "name": s.name, "tier": s.tier, "lon": s.lon, "lat": s.lat, "now": s.now}
        for s in view_.bulletin.stations
    ]
    issued = (view_.bulletin.issue_time + offset).isoformat()
    return {**found, "times": times, "places": places, "issue": issued}


@lru_cache(maxsize=8)
def _view(folder: Path, mtime_ns: int, size: int) -> RunView:
    run = _json(folder / "run.json")
    path = folder / "bulletin.json"
    listed = {Path(k).name: str(v) for k, v in run.get("files", {}).items()}
    try:
        bulletin = saved.from_json(_json(path))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError([Problem(str(path), str(error), "a bulletin of this version")]) from error
    return RunView(
        folder.name, folder, bulletin, _json(folder / "proposal.json"), run,
        listed.get("bulletin.json", "")[:16] or folder.name, (mtime_ns, size),
    )  # fmt: skip


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        problem = Problem(str(path), str(error), "what the daily run writes: run it again")
        raise DataError([problem]) from error
    if not isinstance(found, dict):
        raise DataError([Problem(str(path), type(found).__name__, "an object")])
    return found


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
