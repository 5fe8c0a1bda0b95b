"""Forecasts of the simulated weather as a model would have issued them, wrong as models are.

Takes a Regional, an issue time and stations; gives one vintage as forecast/weather.py keeps it.
A vintage is the physics of weather_physics.py on a wrong large scale: read at shifted hours (fronts
come early or late), with winds too strong or turned, too warm or too dry, now and then without a
front that comes or with one that does not, and without the small disturbances nobody can foresee.
Errors are autoregressive in lead; they hang on the seed and the issue time alone.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd
import xarray as xr
from scipy.ndimage import gaussian_filter1d

from forecast.problems import ConfigError, Problem
from forecast.schema import WEATHER, dataset
from twin.config_weather import Vintages
from twin.seeds import rng
from twin.weather import Regional
from twin.weather_fields import Ground, fields
from twin.weather_physics import MARGIN_HOURS, derive
from twin.weather_regimes import CHANNELS, HOUR, NOISE, SYNOPTIC, State, ar1

SOURCE: Final = "twin"
_MIDDLES: Final = np.arange(12.5, 120, 24)  # leads in the middle of days 1..5
_AFTER = 12  # hours computed past the reach, which the physics smooths over
_FALSE_FRONT: Final = {  # what a front brings that never comes, at its height
    "upper_u": 6.0, "upper_v": -6.0, "t2m": -3.0, "d2m": -5.0, "sp": 500.0, "cloud": -0.1,
}  # fmt: skip


def issues(regional: Regional) -> pd.DatetimeIndex:
    """Issue times of the period: every 12 h from 00 UTC (or as configured), first to last hour."""
    every = regional.config.vintages.every_hours
    first, last = regional.times[0].ceil("D"), regional.times[-1]
    before = (first - regional.times[0]) // (every * HOUR)
    return pd.date_range(first - before * every * HOUR, last, freq=f"{every}h", unit="ns")


def vintage(
    regional: Regional,
    issue_time: pd.Timestamp,
    stations: pd.DataFrame,
    place: Ground,
    *,
    seed: int | None = None,
) -> xr.Dataset:
    """The forecast issued at one time.

    Args:
        regional: The true weather.
        issue_time: Naive UTC full hour within the period.
        stations: Index = station id, columns as schema.STATION_COORDS.
        place: The ground at these stations (weather_fields.points), same order.
        seed: Another seed of the errors than the weather's.

    Returns:
        Dataset (time = leads 1..reach, station) of schema.WEATHER, float32, with scalar coordinates
        issue_time and available_time and attrs simulated, source, kind: as forecast.weather.save
        takes it.

    Raises:
        ConfigError: The issue time is no full hour of the period.
    """
    if issue_time not in regional.times:
        expected = f"a full hour of {regional.times[0]} .. {regional.times[-1]}, naive UTC"
        raise ConfigError([Problem("simulated vintage: issue time", str(issue_time), expected)])
    settings = regional.config.vintages
    wrong = forecast_regional(regional, issue_time, seed=seed)
    made = fields(wrong, slice(0, settings.reach_hours), place, disturbed=False)
    ds = dataset(wrong.times, stations, {name: made[name] for name in WEATHER})
    available = issue_time + pd.Timedelta(hours=settings.delay_hours)
    ds = ds.assign_coords(
        issue_time=((), np.asarray(issue_time.to_datetime64(), dtype="datetime64[ns]")),
        available_time=((), np.asarray(available.to_datetime64(), dtype="datetime64[ns]")),
    )
    ds.attrs |= {"simulated": regional.simulated, "source": SOURCE, "kind": "forecast"}
    return ds


def all_vintages(
    regional: Regional, stations: pd.DataFrame, place: Ground
) -> Iterator[tuple[pd.Timestamp, xr.Dataset]]:
    """Every vintage of the period, oldest first: (issue time, dataset)."""
    for issue in issues(regional):
        yield issue, vintage(regional, issue, stations, place)


def forecast_regional(
    regional: Regional, issue_time: pd.Timestamp, *, seed: int | None = None
) -> Regional:
    """The region's weather as forecast: leads 1..reach."""
    settings = regional.config.vintages
    seed = regional.seed if seed is None else seed
    random = rng(seed, "weather", "vintage", issue_time.strftime("%Y%m%dT%H"))
    now = int((issue_time - regional.state.times[0]) / HOUR)
    stop = now + settings.reach_hours + _AFTER + 1
    first = now - MARGIN_HOURS
    believed = regional.state.between(first, stop)
    table = believed.table.copy()
    leads = np.arange(1, stop - now)
    table[MARGIN_HOURS + 1 :] = _believed(regional, now, leads, random)
    depth = np.exp(_by_lead(settings.blh, leads) * ar1(random, len(leads), settings.memory_hours))
    derived = derive(State(believed.times, table, believed.regime, believed.drift), regional.config)
    kept = slice(MARGIN_HOURS + 1, MARGIN_HOURS + 1 + settings.reach_hours)
    values = {name: series[kept] for name, series in derived.items()}
    physics = regional.config.physics
    values["blh"] = np.clip(
        values["blh"] * depth[: settings.reach_hours], physics.blh_least_m, physics.blh_lid_m
    )
    return Regional(
        config=regional.config,
        seed=seed,
        simulated=regional.simulated,
        times=believed.times[kept],
        values=values,
        regime=believed.regime[kept],
        drift=believed.drift[kept],
        state=believed,
    )


def _believed(
    regional: Regional, now: int, leads: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """The channels (lead, CHANNELS) a model has in mind, `now` being the row of the issue time."""
    settings, state = regional.config.vintages, regional.state
    count, memory = len(leads), settings.memory_hours

    def error() -> np.ndarray:
        return ar1(random, count, memory)

    hours = now + leads + _shift(settings, leads, random)
    hours = np.clip(np.maximum.accumulate(hours), 0, len(state.times) - 1)
    low = np.minimum(hours.astype(np.int64), len(state.times) - 2)
    part = (hours - low)[:, None]
    table = (1 - part) * state.table[low] + part * state.table[low + 1]
    columns = {name: CHANNELS.index(name) for name in CHANNELS}
    # Small disturbances are known for some hours, in their own time, and then not at all.
    noise = slice(len(SYNOPTIC), len(SYNOPTIC) + len(NOISE))
    known = np.exp(-leads / settings.meso_known_hours)[:, None]
    shower = table[:, columns["shower"]].copy()
    table[:, noise] = known * state.table[now + leads][:, noise]
    keep = np.minimum(_by_lead(settings.rain_keep, leads), 1.0)
    fresh = ar1(random, count, regional.config.noise.rain_hours)
    table[:, columns["shower"]] = keep * shower + np.sqrt(1 - keep**2) * fresh
    table = _without_missed(regional, table, now, leads, random)
    table = _with_false(regional, table, leads, random)
    factor = settings.wind_gain * np.exp(_by_lead(settings.amplitude, leads) * error())
    turn = np.radians(_by_lead(settings.direction_degrees, leads)) * error()
    u, v = table[:, columns["upper_u"]].copy(), table[:, columns["upper_v"]].copy()
    size = _by_lead(settings.wind_m_s, leads)
    table[:, columns["upper_u"]] = factor * (u * np.cos(turn) - v * np.sin(turn)) + size * error()
    table[:, columns["upper_v"]] = factor * (u * np.sin(turn) + v * np.cos(turn)) + size * error()
    warm = error()
    table[:, columns["t2m"]] += _by_lead(settings.t2m_k, leads) * warm
    # Air that is too warm is mostly too moist as well: half of the variance is shared.
    moist = np.sqrt(0.5) * (warm + error())
    table[:, columns["d2m"]] += _by_lead(settings.d2m_k, leads) * moist
    table[:, columns["sp"]] += _by_lead(settings.sp_pa, leads) * error()
    table[:, columns["cloud"]] += _by_lead(settings.cloud, leads) * error()
    return table


def _shift(settings: Vintages, leads: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Hours by which the forecast reads the wrong moment (lead,), smooth in lead."""
    pad = int(4 * settings.timing_smooth_hours)
    white = random.standard_normal(len(leads) + 2 * pad)
    smooth = gaussian_filter1d(white, settings.timing_smooth_hours, mode="wrap")[pad:-pad]
    # The filter leaves white noise with this standard deviation.
    unit = smooth * np.sqrt(2 * np.sqrt(np.pi) * settings.timing_smooth_hours)
    limit = settings.timing_limit_hours
    return np.asarray(np.clip(_by_lead(settings.timing_hours, leads) * unit, -limit, limit))


def _without_missed(
    regional: Regional, table: np.ndarray, now: int, leads: np.ndarray,
    random: np.random.Generator,
) -> np.ndarray:  # fmt: skip
    """Weaken a front that comes: the air before it seems to stay."""
    cleans = [r.stagnation[1] == 0 for r in regional.config.regimes.values()]
    here = np.asarray(cleans)[regional.state.regime[now + leads]]
    starts = np.flatnonzero(here[1:] & ~here[:-1]) + 1
    chances = _by_lead(regional.config.vintages.missed_front, leads)
    drawn = random.random(len(leads))  # one for each lead: a draw must not depend on the weather
    out = table.copy()
    for start in starts[drawn[starts] < chances[starts]]:
        before = table[max(start - 6, 0), : len(SYNOPTIC)]
        weight = 0.7 * _bump(leads, leads[start] - 6, 8.0, 30.0)[:, None]
        synoptic = out[:, : len(SYNOPTIC)]
        out[:, : len(SYNOPTIC)] = (1 - weight) * synoptic + weight * before
    return out


def _with_false(
    regional: Regional, table: np.ndarray, leads: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Add a weak front that never comes, at most one a forecast day."""
    chances = regional.config.vintages.false_front
    drawn, place = random.random(len(chances)), random.random(len(chances))
    out = table.copy()
    for day in np.flatnonzero(drawn < np.asarray(chances)):
        weight = _bump(leads, 24 * (day + place[day]), 5.0, 16.0)
        for name, size in _FALSE_FRONT.items():
            out[:, CHANNELS.index(name)] += size * weight
        for name in ("stagnation", "inversion"):
            out[:, CHANNELS.index(name)] *= 1 - 0.7 * weight
    return out


def _bump(leads: np.ndarray, begins: float, rise: float, fall: float) -> np.ndarray:
    """0 before, up to 1 within `rise` hours, back with e-folding `fall` (lead,)."""
    since = leads - begins
    return np.asarray(np.clip(since / rise, 0, 1) * np.exp(-np.maximum(since - rise, 0) / fall))


def _by_lead(days: tuple[float, ...], leads: np.ndarray) -> np.ndarray:
    """Values by day along lead (lead,): straight lines, on to the issue time."""
    first = max(days[0] - 0.5 * (days[1] - days[0]), 0.0)
    return np.asarray(np.interp(leads, [0.0, *_MIDDLES], [first, *days]))
