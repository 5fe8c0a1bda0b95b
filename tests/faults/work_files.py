"""Imports and promotion: works on the files of a home, and what lies there afterwards."""

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pandas as pd

from forecast import artifact, model_store, observations, schema, weather
from response import register_home
from serving import imports
from tests.faults.killing import Say
from tests.faults.subject import ISSUE, RECEIVED, files_of
from tests.faults.table import State
from tests.forecast.test_weather_store import fields
from tests.response import register_cases
from tests.serving.publish.cases import NOW
from training import registry

WHO: dict[str, Any] = {"by": "Li Wei", "reason": "better in winter", "force": True}


def _csv(path: Path, start: str, hours: int, *, seed: int, gap: int = 0) -> None:
    ds = schema.mock_observations(start=start, hours=hours, stations=4, seed=seed)
    table = ds[list(schema.POLLUTANTS)].to_dataframe().reset_index()
    table = table[["time", "station", *schema.POLLUTANTS]].iloc[gap:]
    table["time"] = table["time"].dt.strftime("%Y-%m-%dT%H:%M+00:00")
    table.to_csv(path, index=False)


def prepare_import(home: Path) -> None:
    """A register, an earlier import, and a file over three months that corrects some of it."""
    stations = schema.mock_stations(count=4)
    stations.rename_axis("station").to_csv(home / "stations.csv")
    _csv(home / "first.csv", "2026-01-20T00:00", 24 * 5, seed=1)
    _csv(home / "second.csv", "2025-12-30T00:00", 24 * 35, seed=2)
    _import(home, "first.csv")


def _import(home: Path, name: str) -> None:
    table = pd.read_csv(home / "stations.csv", index_col="station")
    done = imports.run(
        "csv", [home / name], home=home, stations=table, city=None, received=RECEIVED
    )
    if done.problems:
        raise RuntimeError(str(done.problems[0]))


def import_observations(home: Path, say: Say) -> None:
    """The corrections come in."""
    say("import 1")
    _import(home, "second.csv")
    for month in ("2025-12", "2026-01", "2026-02"):
        say(f"month {month}")


def state_of_observations(home: Path) -> State:
    """Values, revisions and imports by month."""
    found: State = [("import 1", "")] if (home / "observations" / "2026-01.nc").is_file() else []
    for path in sorted((home / "observations").glob("*.nc")):
        month = path.stem
        start = pd.Timestamp(f"{month}-01")
        end = start + pd.offsets.MonthEnd(1) + pd.Timedelta(hours=23)
        stations = pd.read_csv(home / "stations.csv", index_col="station")
        ds = observations.load(home, start, end, stations)
        raw = b"".join(ds[v].to_numpy().tobytes() for v in schema.POLLUTANTS)
        done, revised = observations.history(home, month)
        found.append((f"month {month}", hashlib.sha256(raw).hexdigest()))
        found += [(f"{month} import {i}", str(r)) for i, r in enumerate(done.to_dict("records"))]
        keys = revised.sort_values(["time", "station", "variable"]).to_dict("records")
        said = hashlib.sha256(str(keys).encode()).hexdigest()
        found.append((f"{month} revisions", f"{len(keys)} {said}"))
    return found


def prepare_weather(home: Path) -> None:
    """A source with one vintage."""
    issue = ISSUE - pd.Timedelta(hours=24)
    weather.save(home, "archive", fields(issue=issue), issue_time=issue)


def import_weather(home: Path, say: Say) -> None:
    """Three vintages."""
    for k in range(3):
        issue = ISSUE - k * pd.Timedelta(hours=6)
        weather.save(home, "archive", fields(value=270.0 + k, issue=issue), issue_time=issue)
        say(f"vintage {issue:%Y%m%dT%H%MZ}")


def state_of_weather(home: Path) -> State:
    """Every vintage and its values."""
    kept, notes = weather.vintages(home, "archive")
    found = [
        (f"vintage {v.issue_time:%Y%m%dT%H%MZ}", str(float(weather.read(v)["t2m"].mean())))
        for v in kept
    ]
    return found + [("unreadable", n.en) for n in notes]


def prepare_register(home: Path) -> None:
    """A list that holds, and the next one."""
    register_cases.write(home / "a.xlsx", register_cases.sheets())
    tables = register_cases.sheets()
    register_cases.put(tables, "企业", 3, "绩效等级", "D级")
    register_cases.write(home / "b.xlsx", tables)
    _register(home, "a.xlsx")


def _register(home: Path, name: str) -> None:
    done = imports.run(
        "register", [home / name], home=home, stations=None, city=None,
        received=RECEIVED + pd.Timedelta(hours=int(name == "b.xlsx")),
    )  # fmt: skip
    if done.problems:
        raise RuntimeError(str(done.problems[0]))


def import_register(home: Path, say: Say) -> None:
    """The next list becomes the register."""
    _register(home, "b.xlsx")
    say("current")


def state_of_register(home: Path) -> State:
    """The list that holds and all that were."""
    version = register_home._current(home)
    found = [("current", f"{version}")]
    found += [(f"version {v.id}", v.digest) for v in register_home.versions(home)]
    return [*found, ("units", str(len(register_home.current(home).units)))]


def prepare_promotion(home: Path) -> None:
    """Two candidates outside the home's models; the first is the champion."""
    from tests.forecast import network_cases

    template = home.parent / "model"
    if not template.is_dir():
        artifact.write(network_cases.forecaster().model, template)
    for name, note in (("a", b""), ("b", b" ")):
        shutil.copytree(template, home / "candidates" / name)
        manifest = home / "candidates" / name / artifact.MANIFEST
        manifest.write_bytes(manifest.read_bytes() + note)
    _promote(home, "a", 0)


def _promote(home: Path, name: str, hour: int) -> None:
    now = pd.Timestamp(NOW) + pd.Timedelta(hours=hour)
    registry.promote(home, "demo", home / "candidates" / name, now=now, **WHO)


def promote(home: Path, say: Say) -> None:
    """The scientist promotes the second one, unless it is the champion already."""
    if not _is_champion(home, "b"):
        _promote(home, "b", 1)
    say("champion")


def roll_back(home: Path, say: Say) -> None:
    """The second is promoted; he takes it back, unless the first is the champion again."""
    if not (home / "promoted").is_file():
        promote(home, lambda _: None)
        (home / "promoted").touch()
    if not _is_champion(home, "a"):
        now = pd.Timestamp(NOW) + pd.Timedelta(hours=2)
        registry.roll_back(home, "demo", by="Li Wei", reason="worse", now=now)
    say("champion")


def _is_champion(home: Path, name: str) -> bool:
    chosen = model_store.champion(home, "demo")
    mine = (home / "candidates" / name / artifact.MANIFEST).read_bytes()
    return chosen is not None and (chosen.folder / artifact.MANIFEST).read_bytes() == mine


def state_of_promotion(home: Path) -> State:
    """The champion, its files, every decision, and whether the next command understands them."""
    chosen = model_store.champion(home, "demo")
    found: State = [("champion", "none" if chosen is None else chosen.folder.name)]
    if chosen is not None:
        artifact.read(chosen.folder)
    found += [
        (f"decision {d['action']} {Path(d['folder']).name} {d['at']}", d["model_sha256"])
        for d in registry.decisions(home, "demo")
    ]
    return found + files_of(home, "models/demo/promoted")


def half_promotion(home: Path) -> list[str]:
    """The champion can be read at any moment."""
    chosen = model_store.champion(home, "demo")
    if chosen is not None:
        artifact.read(chosen.folder)
    return []
