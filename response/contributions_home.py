"""Contributions of a home's units to its stations on D+1 .. D+3, calibrated by the days before.

Takes the register, the newest weather forecast available at an issue time, the forecast file's
ozone and NO2 and the observations up to then; gives daily contributions and in words what they
rest on. The days before are modelled from the weather forecasts of their own eves; these sums are
kept in the home's contributions/ by what they were made from, and made again where they are gone.
What is not there (ozone, earlier weather, observations) is left out and said.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr

from forecast import (
    areas,
    files,
    forecast_file,
    history,
    quality_limits,
    stations,
    timing,
    weather,
    weather_points,
)
from forecast.config import CityConfig
from forecast.problems import DataError
from forecast.weather import Vintage
from response import dispersion, plume_calibration, plume_settings
from response.plume_calibration import CALIBRATED
from response.plume_inputs import EMITTED
from response.plume_settings import Settings
from response.register import Register
from response.rules import Words

DAYS_BEFORE: Final = 7  # of which the calibration is made
LEAD_IN_H: Final = 23  # hours of emission before a day that is modelled for itself
_LEAST_HOURS: Final = 20  # of a day's mean, GB 3095
_DAY: Final = pd.Timedelta(days=1)
_HOUR: Final = pd.Timedelta(hours=1)


@dataclass(frozen=True)
class Before:
    """Modelled days before, whole register at full load; one row per day that could be made."""

    level: pd.DataFrame  # mean of the reference stations
    increment: pd.DataFrame  # reference stations less a low percentile of the network


def receptor_contributions(
    config: CityConfig, home: Path, register: Register, issue_time: pd.Timestamp,
    receptors: pd.DataFrame, units: pd.Index | None = None,
) -> tuple[xr.Dataset | None, tuple[Words, ...]]:  # fmt: skip
    """What each unit adds to each receptor on D+1 .. D+3, and in words what that rests on.

    Args:
        config, home: The city's.
        register: Whole: the calibration is about all of its units.
        issue_time: Naive UTC; nothing later is read.
        receptors: Stations of the city's table.
        units: Those wanted; None: all.

    Returns:
        dispersion.VARIABLES (unit, receptor, day), calibrated; None where no weather forecast was
        available or it ends before D+3.
    """
    limit = config.weather.max_age_hours
    vintage = weather.latest(home, config.weather.sources, issue_time, limit)
    if vintage is None:
        return None, (
            Words(
                zh="没有可用的天气预报，未计算各单元贡献：方案只按排放量和损失选择。",
                en="no usable weather forecast, so no contributions: the plan goes by emissions "
                "and loss only",
            ),
        )
    notes = [Words(zh=n.zh, en=n.en) for n in vintage.notes]
    settings = plume_settings.load()
    network = _network(config, receptors)
    air = _forecast_air(config, home, issue_time, network, notes)
    until = issue_time + timing.last_lead(issue_time, config.offset) * _HOUR
    try:
        points = _points(vintage, network).sel(time=slice(None, until))
        hourly = dispersion.contributions(
            register, points, network, settings=settings, after=issue_time, air=air
        )
        daily = dispersion.daily(hourly, issue_time, settings=settings)
    except DataError as error:
        first = error.problems[0]
        said = Words(
            zh=f"天气预报不能用于计算贡献：{first}", en=f"weather unfit for contributions: {first}"
        )
        return None, (*notes, said)
    when = f"{vintage.source} {vintage.issue_time:%Y-%m-%d %H:%M}Z"
    notes.append(
        Words(zh=f"各单元贡献所用天气预报：{when}", en=f"contributions under weather of {when}")
    )
    seen = _seen(config, home, issue_time, network)
    before = _before(
        config, home, register, issue_time, network, settings, seen, with_air=air is not None
    )
    observed = increments(seen, config, issue_time, network, settings)
    made = _calibrated(daily, before, observed, network, settings, notes)
    kept = units if units is not None else register.units.index
    return made.sel(receptor=list(receptors.index), unit=list(map(str, kept))), tuple(notes)


def _network(config: CityConfig, receptors: pd.DataFrame) -> pd.DataFrame:
    """The city's stations outside background sites, and the receptors."""
    table = stations.load(config.stations)
    return table[~table["background"].astype(bool) | table.index.isin(receptors.index)]


def _points(vintage: Vintage, network: pd.DataFrame) -> xr.Dataset:
    fields = weather_points.at_stations(weather.read(vintage), network, where=str(vintage.path))
    at = {k: ("point", network[k].to_numpy(dtype=float)) for k in ("latitude", "longitude")}
    return fields.rename(station="point").assign_coords(at)


def _forecast_air(
    config: CityConfig, home: Path, issue: pd.Timestamp, network: pd.DataFrame, notes: list[Words]
) -> xr.Dataset | None:
    """Median ozone and NO2 of the city by hour up to D+3; None (and said) where not complete."""
    path = home / "forecasts" / f"{issue:%Y%m%dT%H%MZ}.nc"
    own = network.index[areas.points(network)].astype(str)
    try:
        with forecast_file.read_stations(path) as group:
            part = group[["o3", "no2"]].sel(issue_time=issue, quantile=0.5)
            ids = part["station"].to_numpy().astype(str)
            kept = part.isel(station=np.flatnonzero(np.isin(ids, own)))
            mean = forecast_file.loaded(kept, path).mean("station")
        last = timing.last_lead(issue, config.offset)
        times = timing.lead_times(issue)[:last]
        gases = {n: ("time", mean[n].to_numpy().astype(float)[:last]) for n in ("o3", "no2")}
        air = xr.Dataset(gases, {"time": times})
        whole = bool(np.isfinite(air.to_array()).all()) and len(ids) > 0
    except (DataError, KeyError, ValueError):
        whole = False
    if whole:
        return air
    notes.append(
        Words(
            zh="缺少臭氧和二氧化氮逐时预报，二氧化氮按冬季平均比例计算。",
            en="no hourly forecast of ozone and NO2: NO2 by a mean of winter",
        )
    )
    return None


def _before(
    config: CityConfig, home: Path, register: Register, issue: pd.Timestamp,
    network: pd.DataFrame, settings: Settings, seen: xr.Dataset | None, *, with_air: bool,
) -> Before:  # fmt: skip
    """The last days up to the issue's own, each under the weather forecast of its eve.

    Levels of NO2 are compared only where all of them follow ozone, or none.
    """
    rows: dict[pd.Timestamp, dict[str, Any]] = {}
    same = _digest(register, network, settings)
    for back in range(DAYS_BEFORE, 0, -1):
        eve = issue - back * _DAY
        vintage = weather.latest(
            home, config.weather.sources, eve, config.weather.max_age_hours
        )  # fmt: skip
        if vintage is None:
            continue
        first, last = timing.day_leads(eve, config.offset)[0]
        begin, end = eve + (first - 1) * _HOUR, eve + last * _HOUR
        content = hashlib.sha256(vintage.path.read_bytes()).hexdigest()
        air = seen_air(seen, network, begin, end) if with_air else None
        used = "" if air is None else air.to_dataframe().to_csv()
        key = hashlib.sha256(f"{same}{content}{begin}{used}".encode()).hexdigest()[:16]
        path = home / "contributions" / f"{begin:%Y%m%dT%H%MZ}-{key}.json"
        row = _kept(path)
        if row is None:
            row = _modelled(register, vintage, network, settings, begin, end, air)
            if row is None:
                continue
            _keep(path, row)
        if with_air and air is None:
            row["level"]["no2"] = None
        rows[(begin + config.offset).normalize()] = row
    index = pd.DatetimeIndex(list(rows), name="day")
    parts = [
        pd.DataFrame([r[n] for r in rows.values()], index=index, columns=list(CALIBRATED))
        for n in ("level", "increment")
    ]
    return Before(*(p.astype(float) for p in parts))


def _modelled(
    register: Register, vintage: Vintage, network: pd.DataFrame, settings: Settings,
    begin: pd.Timestamp, end: pd.Timestamp, air: xr.Dataset | None,
) -> dict[str, Any] | None:  # fmt: skip
    try:
        points = _points(vintage, network)
        window = points.sel(time=slice(begin - LEAD_IN_H * _HOUR, end))
        hourly = dispersion.contributions(
            register, window, network, settings=settings, after=begin, air=air
        )  # fmt: skip
    except DataError:
        return None
    if hourly.sizes["time"] < 24:
        return None
    total = hourly[list(CALIBRATED)].sum("unit").mean("time").rename(receptor="station")
    total = total.expand_dims(day=pd.DatetimeIndex([begin]))
    reference = areas.points(network)
    level = plume_calibration.city_sum(total, reference).iloc[0]
    local = plume_calibration.increment(total, reference, settings=settings).iloc[0]
    return {
        "level": {k: float(v) for k, v in level.items()},
        "increment": {k: None if np.isnan(v) else float(v) for k, v in local.items()},
    }


def _kept(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    whole = all(set(found.get(n, ())) == set(CALIBRATED) for n in ("level", "increment"))
    return found if whole else None


def _keep(path: Path, row: dict[str, Any]) -> None:
    try:
        files.write_text(path, json.dumps(row) + "\n")
    except OSError:  # a home that cannot be written to is still read
        return


def _digest(register: Register, network: pd.DataFrame, settings: Settings) -> str:
    parts = (
        register.units[[*EMITTED, "pm25_share", "profile"]].to_csv(),
        register.stacks.to_csv(),
        network[["latitude", "longitude", "reference", "background"]].to_csv(),
        settings.model_dump_json(),
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _calibrated(
    daily: xr.Dataset, before: Before, observed: pd.DataFrame, network: pd.DataFrame,
    settings: Settings, notes: list[Words],
) -> xr.Dataset:  # fmt: skip
    dates = pd.DatetimeIndex(daily["date"].to_numpy())
    total = daily[list(CALIBRATED)].sum("unit").rename(receptor="station")
    ahead = plume_calibration.city_sum(total.assign_coords(day=dates), areas.points(network))
    level = pd.concat([before.level, ahead]) if len(before.level) else ahead
    made = plume_calibration.by_day(
        daily, settings=settings, level=level, observed=observed, modelled=before.increment
    )
    seen = observed.reindex(before.increment.index)["pm25"].notna()
    both = int((seen & before.increment["pm25"].notna()).sum())
    notes.append(calibration_words(made, len(before.level), both))
    return made


def calibration_words(made: xr.Dataset, days: int, both: int) -> Words:
    """By how much contributions were calibrated, from how many days, and those with increments."""
    said = ", ".join(f"{f:.2f}" for f in made["pm25"].attrs["calibration"])
    return Words(
        zh=f"贡献已订正（PM2.5各日系数{said}）：依据此前{days}天的模拟，"
        f"其中{both}天有观测增量；订正参数为假设。",
        en=f"contributions calibrated (PM2.5 by {said}) from {days} modelled "
        f"days before, {both} of them with observed increments; its settings are assumptions",
    )


def _seen(
    config: CityConfig, home: Path, until: pd.Timestamp, network: pd.DataFrame
) -> xr.Dataset | None:
    """Usable readings of the days before; None where there are none."""
    return readings(config, home, network, until - (DAYS_BEFORE + 3) * _DAY, until)


def readings(
    config: CityConfig, home: Path, network: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp
) -> xr.Dataset | None:
    """Usable readings of a stretch of time; None where there are none."""
    limits = quality_limits.load(config.quality)
    try:
        return history.load(home, network, limits, start=start, end=end).usable
    except DataError:
        return None


def seen_air(
    seen: xr.Dataset | None, network: pd.DataFrame, begin: pd.Timestamp, end: pd.Timestamp
) -> xr.Dataset | None:
    """Observed ozone and NO2 of the city over the hours after `begin`; None where not complete.

    Gaps of up to three hours are bridged.
    """
    if seen is None:
        return None
    times = pd.date_range(begin + _HOUR, end, freq="h")
    own = seen[["o3", "no2"]].isel(station=np.flatnonzero(areas.points(network)))
    table = own.mean("station").to_dataframe()[["o3", "no2"]].reindex(times).interpolate(limit=3)
    if table.isna().any(axis=None):
        return None
    return xr.Dataset({n: ("time", table[n].to_numpy()) for n in table}, {"time": times})


def increments(
    seen: xr.Dataset | None, config: CityConfig, until: pd.Timestamp, network: pd.DataFrame,
    settings: Settings,
) -> pd.DataFrame:  # fmt: skip
    """Observed local increments of the whole days before a moment; empty where there are none."""
    nothing = pd.DataFrame(columns=list(CALIBRATED), dtype=float, index=pd.DatetimeIndex([]))
    if seen is None:
        return nothing
    midnight = (until + config.offset).normalize() - config.offset
    kept = seen[list(CALIBRATED)].sel(time=slice(midnight - DAYS_BEFORE * _DAY + _HOUR, midnight))
    if not kept.sizes["time"]:
        return nothing
    local = pd.DatetimeIndex(kept["time"].to_numpy()) + config.offset - _HOUR
    grouped = kept.assign_coords(day=("time", local.normalize())).groupby("day")
    daily = grouped.mean().where(grouped.count() >= _LEAST_HOURS)
    return plume_calibration.increment(daily, areas.points(network), settings=settings)
