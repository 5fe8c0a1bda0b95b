"""`lantian verify F.nc --out DIR`: scores.json and report.html of a forecast file.

Takes a forecast file, observations and optional reference files of the same layout; writes both
products whole or not at all. Scores that other weather tiers cannot have (observed weather as a
forecast) carry the tier's name; a simulated city is called so.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr

from forecast import areas, baselines, forecast_file, observations
from forecast.batch import Forecaster
from forecast.files import write_text
from forecast.problems import ConfigError, DataError, Problem
from forecast.schema import MAX_LEAD, POLLUTANTS, STATION_COORDS, stations_frame
from forecast.verify import daily, observed, report, scoring, settings, systems
from forecast.verify.daily import DailyForecast
from forecast.verify.settings import VerifySettings
from forecast.verify.systems import System

SCHEMA_VERSION: Final = 1
MIN_HISTORY: Final = 24 * 30  # hours
CONVENTIONS: Final = {
    "cases": "hours with an observation and a complete forecast; nothing filled in is scored; "
    "a day without one of the six pollutants is scored only above 100 (HJ 633-2026, 5.3.1); "
    "paired differences stand on the cases both could be scored on",
    "groups": "h1_24 .. h73_96 are hours after the issue time, D1 .. D3 natural days ahead",
    "mae": "mean |median - observed|",
    "bias": "mean (median - observed)",
    "rmse": "sqrt(mean squared error of the forecast mean), pooled over all cases of the group",
    "crps": "2 sum_k w_k pinball_k over nine quantiles, w_k = probability nearest to level k; "
    "of the daily index: over members",
    "twcrps": "the same, counting differences above the threshold only",
    "csi": "hits / (hits + misses + false alarms); hourly: median at or above the threshold; "
    "daily index: median of members above it",
    "level": "level of the median of members (a half rounded up) = observed level; _probable: "
    "the level most members have; _mean: of the mean of members",
    "primary": "pollutant most members name, on observed days above 50; any: one in common; "
    "exact: the same set",
    "ranks": "observed share of each rank beside the expected one; ties spread evenly",
    "difference": "own - reference; skill = 1 - own / reference",
    "interval": "circular block bootstrap over days of issue times, central percentile interval",
    "episodes": "runs of days above the threshold at one hour of issue, short gaps bridged; "
    "errors in days, late > 0",
}


def run(
    file: Path,
    *,
    home: Path,
    out: Path,
    config: Path | None = None,
    references: Mapping[str, Path] | None = None,
    builtin: bool = True,
) -> dict[str, Any]:
    """Score a forecast file against the home's observations; write scores.json and report.html.

    Args:
        file: Forecast or hindcast.
        home: LANTIAN_HOME, whose observations are read.
        out: Folder of the products.
        config: Verification settings; configs/verify/default.yaml if left out.
        references: Name -> forecast file to compare with, on the same issue times.
        builtin: Also compare with persistence and climatology made from the observations.

    Returns:
        The content of scores.json.

    Raises:
        DataError: The file is damaged, or nothing was observed in its period.
        ConfigError: The settings are wrong, or a reference takes a built-in name.
    """
    chosen = settings.load(config)
    with forecast_file.read_stations(file) as ds:
        times = pd.DatetimeIndex(ds["issue_time"].values)
        frame = _stations(ds)
    first = times[0] - pd.Timedelta(days=chosen.history_days if builtin else 2)
    last = times[-1] + pd.Timedelta(hours=MAX_LEAD)
    obs = observations.load(home, first, last, frame, variables=POLLUTANTS)
    scores = score(file, obs, chosen, references=references or {}, builtin=builtin)
    write_text(out / "scores.json", json.dumps(scores, ensure_ascii=False, indent=1) + "\n")
    write_text(out / "report.html", report.render(scores))
    return scores


def score(
    file: Path,
    obs: xr.Dataset,
    chosen: VerifySettings,
    *,
    references: Mapping[str, Path],
    builtin: bool,
) -> dict[str, Any]:
    """Score a forecast file against a dataset of observations; writes nothing.

    Args:
        obs: schema dataset on a complete hourly grid, with the file's stations; what lies before
            the first issue time is what the built-in references learn from.
    """
    header = forecast_file.attributes(file)
    offset = pd.Timedelta(hours=header.utc_offset_hours)
    with forecast_file.read_stations(file) as ds:
        times = pd.DatetimeIndex(ds["issue_time"].values)
        stations = ds["station"].values.astype(str).tolist()
    obs = obs.sel(station=stations)
    _check(file, obs, times, references, builtin=builtin)
    own = systems.from_file(header.model, file, times, stations)
    names = areas.names(stations_frame(obs))
    days = observed.days(obs, names, header.standard, offset)
    others = [systems.from_file(n, p, times, stations) for n, p in references.items()]
    if builtin:
        found = scoring.builtin_areas(obs, days, names, header.standard, times, offset, chosen)
        others += _builtin(obs, times, offset, found)
    station_part, station_pairs = scoring.station_scores(own, others, obs, times, offset, chosen)
    area_part, area_pairs = scoring.area_scores(own, others, days, names, times, offset, chosen)
    return {
        "schema_version": SCHEMA_VERSION,
        "file": file.name,
        "header": asdict(header),
        "issue_times": {
            "n": len(times),
            "first": f"{times[0]:%Y-%m-%dT%H:%M}Z",
            "last": f"{times[-1]:%Y-%m-%dT%H:%M}Z",
            "days": len(np.unique(daily.target_dates(times, offset)[:, 0])),
        },
        "stations_scored": len(stations),
        "simulated": header.simulated or "simulated" in obs.attrs,
        "settings": chosen.model_dump(mode="json"),
        "conventions": CONVENTIONS,
        "stations": station_part,
        "areas": area_part,
        "comparison": {
            o.name: {"stations": station_pairs.get(o.name, {}), "areas": area_pairs[o.name]}
            for o in others
        },
    }


def _stations(ds: xr.Dataset) -> pd.DataFrame:
    index = pd.Index(ds["station"].values.astype(str), name="station")
    return pd.DataFrame({c: ds[c].values for c in STATION_COORDS}, index=index)


def _check(
    file: Path, obs: xr.Dataset, times: pd.DatetimeIndex, references: Mapping[str, Path], *,
    builtin: bool,
) -> None:  # fmt: skip
    taken = [n for n in references if builtin and n in ("persistence", "climatology")]
    if taken:
        expected = "another name: the built-in references use it"
        raise ConfigError([Problem("reference", n, expected) for n in taken])
    stamps = obs["time"].values
    scored = (stamps > times[0].to_datetime64()) & (
        stamps <= (times[-1] + pd.Timedelta(hours=MAX_LEAD)).to_datetime64()
    )
    if not any(np.isfinite(obs[p].values[scored]).any() for p in POLLUTANTS if p in obs):
        found = f"no observation between {times[0]} and {times[-1]} + 96 h"
        raise DataError(
            [Problem(str(file), found, "observations of its stations (lantian import)")]
        )


def _builtin(
    obs: xr.Dataset, times: pd.DatetimeIndex, offset: pd.Timedelta,
    found: Mapping[str, dict[str, DailyForecast]],
) -> list[System]:  # fmt: skip
    """Persistence and climatology, fitted on what lies before the first issue time.

    With less than MIN_HISTORY hours before it there is nothing to fit: the stations' part is
    left out, and what the areas' part can say stays.
    """
    known = obs.sel(time=slice(None, times[0]))
    if known.sizes["time"] < MIN_HISTORY:
        return [System(name, None, areas) for name, areas in found.items() if areas]
    fits: dict[str, Forecaster] = {
        "persistence": baselines.fit_persistence(obs, times[0], offset),
        "climatology": baselines.fit_climatology(obs, times[0], offset),
    }
    return [
        systems.from_forecaster(
            name, fit, obs, offset, history_hours=baselines.LEVEL_HOURS[-1], areas=found[name]
        )
        for name, fit in fits.items()
    ]
