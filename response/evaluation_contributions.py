"""Contributions on the days of an episode under observed weather, calibrated by the days before.

Takes a home's readings and its register; gives daily contributions at the city's reference
stations, or None with the reason. Unlike a plan's (contributions_home.py) nothing here is a
forecast: weather, ozone and NO2 are observed. Increments of days with orders are not used, because
the register did not run at full load then.
"""

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import xarray as xr

from forecast import areas, stations
from forecast.config import CityConfig
from response import contributions_home, dispersion, plume_calibration, plume_settings
from response.contributions_home import DAYS_BEFORE, LEAD_IN_H
from response.evaluation import POLLUTANTS
from response.plume_calibration import CALIBRATED
from response.plume_settings import Settings
from response.register import Register
from response.rules import Words

_DAY: Final = pd.Timedelta(days=1)
_HOUR: Final = pd.Timedelta(hours=1)
_NEEDED: Final = ("u10", "v10", "t2m", "d2m", "tp")
_MOST_POINTS: Final = 60


def contributions(
    register: Register, home: Path, config: CityConfig,
    days: pd.DatetimeIndex, notes: list[Words],
) -> xr.Dataset | None:  # fmt: skip
    """Daily contributions (unit, receptor, day) at full load, POLLUTANTS, ug m-3.

    Args:
        register, home, config: The city's.
        days: Local days of the episode, adjoining; the first day of orders is the first.
        notes: Told what the result rests on, or why there is none.
    """
    table = stations.load(config.stations)
    network = table[~table["background"].astype(bool)]
    settings = plume_settings.load()
    seen = _seen(home, config, network, days[0] - DAYS_BEFORE * _DAY, days[-1])
    every = pd.date_range(days[0] - DAYS_BEFORE * _DAY, days[-1])
    points = None
    while points is None and len(every) >= len(days) and seen is not None:
        begin = every[0] - config.offset - LEAD_IN_H * _HOUR
        points = _points(seen.sel(time=slice(begin, None)))
        if points is None:  # a gap before the episode costs days of calibration, not the effect
            every = every[1:] if len(every) > len(days) else every[:0]
    if points is None or seen is None:
        notes.append(
            Words(
                zh="站点气象观测不全，无法计算贡献，未估计管控效果。",
                en="Observed weather has gaps: no contributions, no effect.",
            )
        )
        return None
    airs = [_air(seen, network, day, config.offset) for day in every]
    follow = all(a is not None for a in airs)
    parts, totals = [], []
    for day, air in zip(every, airs, strict=True):
        begin = day - config.offset
        window = points.sel(time=slice(begin - LEAD_IN_H * _HOUR, begin + _DAY))
        hourly = dispersion.contributions(
            register, window, network, settings=settings, after=begin, air=air if follow else None
        )
        mean = hourly[list(CALIBRATED)].mean("time", keep_attrs=True)
        totals.append(mean.sum("unit").rename(receptor="station"))
        if day >= days[0]:
            parts.append(mean)
    index = pd.DatetimeIndex(every, name="day")
    total = xr.concat(totals, dim=index)
    own = xr.concat(parts, dim=pd.DatetimeIndex(days, name="day")).transpose(..., "day")
    made = _calibrated(own, total, seen, network, days, config, settings, notes)
    chosen = network.index[areas.points(network)].astype(str)
    return made[list(POLLUTANTS)].sel(receptor=list(chosen))


def _seen(
    home: Path, config: CityConfig, network: pd.DataFrame,
    first: pd.Timestamp, last: pd.Timestamp,
) -> xr.Dataset | None:  # fmt: skip
    """Usable readings from a lead-in before the first local day to the end of the last."""
    start, end = first - config.offset - LEAD_IN_H * _HOUR, last + _DAY - config.offset
    found = contributions_home.readings(config, home, network, start, end)
    if found is None or any(n not in found for n in _NEEDED):
        return None
    return found.reindex(time=pd.date_range(start, end, freq="h"))


def _air(
    seen: xr.Dataset, network: pd.DataFrame, day: pd.Timestamp, offset: pd.Timedelta
) -> xr.Dataset | None:
    begin = day - offset
    return contributions_home.seen_air(seen, network, begin, begin + _DAY)


def _calibrated(
    own: xr.Dataset, total: xr.Dataset, seen: xr.Dataset, network: pd.DataFrame,
    days: pd.DatetimeIndex, config: CityConfig, settings: Settings, notes: list[Words],
) -> xr.Dataset:  # fmt: skip
    reference = areas.points(network)
    level = plume_calibration.city_sum(total, reference)
    modelled = plume_calibration.increment(total, reference, settings=settings)
    begin = days[0] - config.offset
    observed = contributions_home.increments(seen, config, begin, network, settings)
    made = plume_calibration.by_day(
        own.assign_coords(date=("day", days)), settings=settings, level=level, observed=observed,
        modelled=modelled[modelled.index < days[0]],
    )  # fmt: skip
    both = int((observed["pm25"].notna() & observed.index.isin(modelled.index)).sum())
    words = contributions_home.calibration_words(made, len(level) - len(days), both)
    notes.append(Words(zh=words.zh, en=f"{words.en[0].upper()}{words.en[1:]}."))
    return made


def _points(obs: xr.Dataset) -> xr.Dataset | None:
    """Weather of stations without gaps over three hours; None where there is no such station."""
    filled = {
        n: pd.DataFrame(obs[n].transpose("time", "station").to_numpy()).interpolate(limit=3)
        for n in _NEEDED
    }
    whole = np.logical_and.reduce([t.notna().all(axis=0).to_numpy() for t in filled.values()])
    if not whole.any():
        return None
    at = np.flatnonzero(whole)
    at = at[:: max(1, len(at) // _MOST_POINTS)]
    data = {n: (("time", "point"), t.to_numpy()[:, at], obs[n].attrs) for n, t in filled.items()}
    coords = {c: ("point", obs[c].to_numpy()[at].astype(float)) for c in ("latitude", "longitude")}
    return xr.Dataset(data, {"time": obs["time"].to_numpy(), **coords})
