"""`lantian compare`: several forecasters over the same windows, weather and observations, scored by
one scorer in one run, with what each cost.

Takes a configuration, a home, dates and names; writes into a folder, and goes on where it stopped:

    hindcasts/<model>-<tier>.nc, .json   forecasts, what they were made of, what they cost
    scores/<model>-<tier>/               scores.json and report.html of each (forecast.verify)
    compare.json                         everything the page shows, for machines
    compare.md, compare.html, *.png      the page

A forecaster that uses no weather (persistence, climatology) is run once and stands in each tier.
"""

import hashlib
import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd
import xarray as xr

from forecast import history, model_store, observations, provenance, quality_limits, stations
from forecast.batch import WeatherTier
from forecast.config import CityConfig
from forecast.files import write_text
from forecast.problems import ConfigError, Problem
from forecast.schema import MAX_LEAD, POLLUTANTS
from forecast.verify import run as verify
from forecast.verify import settings as verify_settings
from training import compare_budget, compare_heavy, compare_page, fit
from training.compare_made import Job, made

NO_WEATHER: Final = ("persistence", "climatology")
SCHEMA_VERSION: Final = 1
_HOUR: Final = pd.Timedelta(hours=1)


@dataclass(frozen=True)
class CompareReport:
    """What was made."""

    out: Path
    models: tuple[str, ...]
    tiers: tuple[WeatherTier, ...]
    issue_times: int
    seconds: float

    def lines(self) -> list[str]:
        """The report in words."""
        what = f"{', '.join(self.models)}; weather {', '.join(self.tiers)}"
        return [
            f"{self.out / 'compare.html'}: {what}",
            f"{self.issue_times} issue times, {self.seconds:.0f} s",
        ]


def run(
    config: CityConfig,
    *,
    home: Path,
    start: pd.Timestamp,
    end: pd.Timestamp,
    every: int,
    tiers: Sequence[WeatherTier],
    models: Sequence[str],
    references: Sequence[str],
    out: Path,
    say: Callable[[str], None],
    isolated: bool = True,
    client: Any = None,
) -> CompareReport:
    """Compare forecasters.

    Args:
        config: The city.
        home: Where observations and fitted models lie.
        start: First issue time: 00:00 local of the first date, as naive UTC.
        end: 00:00 local of the last date; its issue times are made, too.
        every: Hours between issue times.
        tiers: Weather tiers, each with a table of its own.
        models: Names of forecasters; several networks as `network:TAG` or `network@FOLDER`.
        references: Those among `models` that every other is compared with in pairs.
        out: Folder.
        say: Told what is done.
        isolated: Each hindcast in a process of its own, which is what peak memory needs.
        client: Of `forecast.engine.connected`: hindcasts are made there, block by block; their
            peak memory is then not measured.

    Raises:
        ConfigError: Unknown, doubled or no names; a reference that is not among the models.
        DataError: No readings before `start`, or none to score.
    """
    began = time.monotonic()
    _check(tiers, models, references)
    obs = _scored(home, config, start, end)
    digest = provenance.data_hash(_known(home, config, end))
    chosen = verify_settings.load()
    jobs: dict[tuple[str, WeatherTier], Job] = {}
    cost: dict[str, Any] = {}
    for model in models:
        for tier in ("none",) if model in NO_WEATHER else tiers:
            name = f"{_plain(model)}-{tier}"
            path = out / "hindcasts" / f"{name}.nc"
            job = Job(config, home, start, end, every, tier, model, path)
            jobs[model, tier] = job
            cost[f"{model}-{tier}"] = made(job, digest, isolated=isolated, say=say, client=client)
    found: dict[str, Any] = {}
    for tier in tiers:
        files = {m: jobs[m, "none" if m in NO_WEATHER else tier].out for m in models}
        for model, path in files.items():
            others = {r: files[r] for r in references if r != model}
            found.setdefault(tier, {})[model] = _scores(
                path, others, home, out / "scores" / f"{_plain(model)}-{tier}", obs, chosen, say
            )
    result = {
        "schema_version": SCHEMA_VERSION, "city": config.city.id, "models": list(models),
        "tiers": list(tiers), "references": list(references),
        "window": {"start": start.isoformat(), "end": end.isoformat(), "every_hours": every},
        "code_revision": provenance.code_revision(), "data_hash": digest,
        "config_hash": config.digest, "conventions": verify.CONVENTIONS,
        "budget": {
            m: compare_budget.words(m, fit.folder_of(config, home, m, tiers[0], start))
            for m in models
        },
        "cost": {k: v["cost"] for k, v in cost.items()}, "systems": found,
    }  # fmt: skip
    write_text(out / "compare.json", json.dumps(result, ensure_ascii=False, indent=1) + "\n")
    compare_page.write(result, out)
    n = next(iter(cost.values()))["cost"]["issue_times"]
    return CompareReport(out, tuple(models), tuple(tiers), n, time.monotonic() - began)


def _plain(model: str) -> str:
    """A model's name as part of a file's; a folder's path becomes its end and a digest."""
    if not re.search(r"[^\w-]", model):
        return model
    end = re.sub(r"[^\w-]+", "-", model)[-40:].strip("-")
    return f"{end}-{hashlib.sha256(model.encode()).hexdigest()[:8]}"


def _check(tiers: Sequence[str], models: Sequence[str], references: Sequence[str]) -> None:
    problems = [
        Problem("--models", repr(m), f"one of {fit.NAMES}, network:TAG or network@FOLDER")
        for m in models
        if m not in fit.NAMES and not model_store.is_network(m)
    ]
    problems += [
        Problem("--reference", repr(r), f"one of the models, {tuple(models)}")
        for r in references
        if r not in models
    ]
    for option, names in (("--models", models), ("--weather", tiers)):
        if len(set(names)) != len(names) or not names:
            problems.append(Problem(option, str(list(names)), "at least one name, each once"))
    if problems:
        raise ConfigError(problems)


def _known(home: Path, config: CityConfig, end: pd.Timestamp) -> xr.Dataset:
    """What the hindcasts read: the same call as theirs."""
    register = stations.load(config.stations)
    limits = quality_limits.load(config.quality)
    last = end + _HOUR * (24 + MAX_LEAD + 24)
    return history.load(home, register, limits, end=last, calibrated=config.calibrate).usable


def _scored(home: Path, config: CityConfig, start: pd.Timestamp, end: pd.Timestamp) -> xr.Dataset:
    """Observations of the days forecast, and two before, as `lantian verify` reads them."""
    first, last = start - 48 * _HOUR, end + (24 + MAX_LEAD) * _HOUR
    register = stations.load(config.stations)
    return observations.load(home, first, last, register, variables=POLLUTANTS)


def _scores(
    path: Path, others: dict[str, Path], home: Path, folder: Path, obs: xr.Dataset,
    chosen: verify_settings.VerifySettings, say: Callable[[str], None],
) -> dict[str, Any]:  # fmt: skip
    """Scores of a file and its differences to others: kept where the files are the same."""
    key = {
        "settings": chosen.model_dump(mode="json"),
        "files": {str(p.name): _sha(p) for p in (path, *others.values())},
    }
    store = folder / "compare.json"
    try:
        kept: dict[str, Any] = json.loads(store.read_text(encoding="utf-8"))
        if kept["key"] == key:
            say(f"{folder.name}: scores kept")
            return kept["scores"]  # type: ignore[no-any-return]
    except (OSError, ValueError, KeyError):
        pass
    full = verify.run(path, home=home, out=folder, references=others, builtin=False)
    scores = {k: full[k] for k in ("issue_times", "stations", "areas", "comparison")}
    scores["heavy_days"] = compare_heavy.scores(path, obs, chosen)
    write_text(store, json.dumps({"key": key, "scores": scores}, ensure_ascii=False) + "\n")
    say(f"{folder.name}: scored")
    return scores


def _sha(path: Path) -> str:
    said: dict[str, Any] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    return str(said["sha256"])
