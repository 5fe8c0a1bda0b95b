"""Beyond the forecast: climatological members and contributions for the days after D+3.

The base of those days is drawn from past years by blocks (response/season_blocks.py); what a unit
adds there is its mean of the forecast days. Both are assumptions and are shown as such.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from forecast.problems import ConfigError, DataError, Problem
from forecast.schema import CITY_AREA, POLLUTANTS
from response import season_blocks
from response.budget_config import Resampling
from response.resumption_records import Base

Doubles = NDArray[np.float64]


def base_of(
    daily: Doubles,
    areas: Sequence[str],
    first: pd.Timestamp,
    *,
    standard: str = "auto",
    past: Doubles | None = None,
    past_first: pd.Timestamp | None = None,
    extra_days: int = 0,
    resampling: Resampling | None = None,
    rng: np.random.Generator | None = None,
) -> Base:
    """Members of the forecast days, and of climatological days after them.

    Args:
        daily: (area, member, day, POLLUTANTS), as AreaForecast.daily.
        areas: Their names.
        first: Local date of the first day.
        standard: Edition of the index, or auto.
        past: (day, area, POLLUTANTS) of all days known, NaN = missing; needed for extra days.
        past_first: Local date of its first row.
        extra_days: Climatological days after the forecast.
        resampling: How they are drawn.
        rng: Random generator.

    Raises:
        ConfigError: Extra days without a past.
        DataError: The past holds no complete block of the season.
    """
    _, members, days, _ = daily.shape
    dates = pd.date_range(first, periods=days + extra_days, freq="D")
    conc = np.asarray(daily, dtype=np.float64)
    if extra_days:
        if past is None or past_first is None or resampling is None or rng is None:
            raise ConfigError([Problem("extra days", "no past", "past days and a resampling")])
        drawn = season_blocks.draw(
            past, past_first, dates[days:], resampling, count=members, rng=rng
        )  # (member, day, area, pollutant)
        conc = np.concatenate([conc, np.moveaxis(drawn, 2, 0)], axis=2)
    return Base(tuple(areas), tuple(d.date() for d in dates), conc, days, standard)


def contributions(
    ds: xr.Dataset,
    units: Sequence[str],
    receptors: pd.Series,
    areas: Sequence[str],
    days: int,
) -> Doubles:
    """What each unit adds to each area at full load.

    Args:
        ds: dims (unit, receptor, day), perhaps member; pm25 pm10 so2 no2 [ug m-3], co
            [mg m-3], perhaps o3; day 0 is the first judged day.
        units: Whose contributions are wanted.
        receptors: Index = receptor, value = area. The area "city" is the mean of all receptors
            listed; a receptor that is not listed is not used.
        areas: Order of the result.
        days: Days of the result; days after those of `ds` get the mean of `ds`.

    Returns:
        (unit, area, member or 1, day, POLLUTANTS), 0 for a pollutant that is not given.

    Raises:
        DataError: Units, receptors or pollutants that are not there, wrong units; all at once.
    """
    problems = [
        Problem("contributions", f"no {p}", "pm25, pm10, so2, no2, co")
        for p in POLLUTANTS
        if p not in ds and p != "o3"
    ]
    for p in POLLUTANTS:
        expected = "mg m-3" if p == "co" else "ug m-3"
        if p in ds and ds[p].attrs.get("units") != expected:
            found = f"units {ds[p].attrs.get('units')!r}"
            problems.append(Problem(f"contributions: {p}", found, repr(expected)))
    have = {d: set(ds[d].to_numpy().astype(str)) for d in ("unit", "receptor")}
    if lost := [u for u in units if u not in have["unit"]]:
        problems.append(Problem("contributions", f"none of units {lost[:10]}", "every unit asked"))
    used = receptors[[str(r) in have["receptor"] for r in receptors.index]]
    for area in areas:
        if not len(used if area == CITY_AREA else used[used == area]):
            problems.append(Problem(f"contributions: area {area}", "no receptor", "one or more"))
    if problems:
        raise DataError(problems)
    picked = ds.sel(unit=list(units), receptor=list(used.index))
    weights = np.array([used.to_numpy() == a if a != CITY_AREA else np.ones(len(used), bool)
                        for a in areas], dtype=np.float64)  # fmt: skip
    weights /= weights.sum(axis=1, keepdims=True)
    members = picked.sizes.get("member", 1)
    known = picked.sizes["day"]
    out = np.zeros((len(units), len(areas), members, days, len(POLLUTANTS)))
    for at, name in enumerate(POLLUTANTS):
        if name not in picked:
            continue
        array = picked[name]
        array = array if "member" in array.dims else array.expand_dims("member")
        values = array.transpose("unit", "receptor", "member", "day").to_numpy()
        by_area = np.einsum("ar,urmd->uamd", weights, values)
        out[..., : min(known, days), at] = by_area[..., :days]
        out[..., known:, at] = by_area.mean(axis=-1, keepdims=True)
    return out
