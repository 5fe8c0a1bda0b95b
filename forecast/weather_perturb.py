"""Observed weather made as wrong as a forecast: seeded errors that grow with lead.

Takes observed weather around some issue times and the magnitudes of
configs/weather/perturbation.yaml; gives what a weather forecast of those hours might have said.
Knows nothing of files of observations, models or people.

How: the departure of each variable from its daily course (mean, 24 h and 12 h waves over leads
1 .. 96) is read at a shifted time, the same smooth shift for every station and variable, so that
fronts come early or late while the sun keeps its time; wind is scaled and turned; then errors are
added that are first-order autoregressive in lead and common to all stations but for a share of
their variance. Dew point never exceeds temperature, rain is never negative, and what was not
observed stays missing. The errors of an issue come from (seed, issue time) alone.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field
from scipy.signal import lfilter
from scipy.special import ndtri

from forecast import config
from forecast.batch import Floats
from forecast.schema import MAX_LEAD, WEATHER

Positive = Annotated[float, Field(ge=0)]
Days = tuple[Positive, Positive, Positive]
Share = Annotated[float, Field(ge=0, le=1)]
_U, _V, _T, _D, _P, _RAIN, _BLH, _SUN = range(8)
_DAILY: Final = (_U, _V, _T, _D, _P, _BLH)  # variables with a daily course that keeps its time
_MIDDLES: Final = (12.5, 36.5, 60.5)  # leads in the middle of days 1, 2, 3
_SHARED: Final = ("u", "v", "t2m", "d2m", "sp", "rain")  # errors with a part of each station
_COMMON: Final = ("amplitude", "direction", "missed", "drizzle", "blh", "ssrd")
_CHUNK: Final = 128  # issues at a time, to bound the memory


class Target(config.Section):
    """A root mean square error by day."""

    days: Days
    units: str


class Timing(config.Section):
    """The shift in time of everything that passes through."""

    std_hours_at_lead_0: Positive
    std_hours_per_day: Positive
    smooth_hours: float = Field(gt=0)
    limit_hours: int = Field(ge=1, le=24)


class Wind(config.Section):
    """Errors of the wind as a whole."""

    amplitude_std: Days
    direction_std_degrees: Days
    keep: tuple[Share, Share, Share] = (1.0, 1.0, 1.0)


class Rain(config.Section):
    """Errors of rain."""

    factor_std: Days
    missed_share: tuple[Share, Share, Share]
    false_share: tuple[Share, Share, Share]
    false_mm: Positive


class Magnitudes(config.Section):
    """configs/weather/perturbation.yaml."""

    assumption: bool
    source: str
    target_rmse: dict[str, Target]
    own_std: dict[str, Days]
    timing: Timing
    wind: Wind
    rain: Rain
    factor_std: dict[str, Days]
    memory_hours: dict[str, float]
    station_share: Share
    dew_with_temperature: Share


@dataclass(frozen=True)
class _Noise:
    """Unit-variance errors of some issues."""

    shift: Floats  # (issue, lead), smooth
    common: dict[str, Floats]  # (issue, lead)
    by_station: dict[str, Floats]  # (issue, lead, station), common part included


def magnitudes(path: Path | None = None) -> Magnitudes:
    """The stated error magnitudes."""
    path = path or config.configs_dir() / "weather" / "perturbation.yaml"
    return config.validated(Magnitudes, config.read_yaml(path), path=path)


def perturbed_weather(
    values: Floats,
    origin: pd.Timestamp,
    issue_times: pd.DatetimeIndex,
    *,
    seed: int,
    magnitudes: Magnitudes,
) -> Floats:
    """Erroneous forecasts of observed weather.

    Args:
        values: Observed (time, station, WEATHER), hourly from `origin` (naive UTC), NaN = missing.
        issue_times: Naive UTC full hours.
        seed: With the issue time, decides every error.

    Returns:
        (issue, lead 1..96, station, WEATHER). NaN where the hour itself, or an hour it is read
        from, was not observed. Nothing after lead 96 + `timing.limit_hours` is read.
    """
    shape = (len(issue_times), MAX_LEAD, *values.shape[1:])
    out = np.empty(shape, dtype=np.float32)
    last = ((issue_times - origin) // pd.Timedelta(hours=1)).to_numpy().astype(np.int64)
    for start in range(0, len(issue_times), _CHUNK):
        part = slice(start, start + _CHUNK)
        noise = _noise(issue_times[part], values.shape[1], seed, magnitudes)
        out[part] = _perturbed(values, last[part], noise, magnitudes)
    return out


def _perturbed(values: Floats, last: NDArray[np.int64], noise: _Noise, m: Magnitudes) -> Floats:
    limit = m.timing.limit_hours
    leads = np.arange(-limit, MAX_LEAD + limit + 1)
    rows = last[:, None] + leads[None, :]
    window = values[np.clip(rows, 0, len(values) - 1)]
    window[(rows < 0) | (rows >= len(values))] = np.nan
    observed = window[:, limit + 1 : limit + 1 + MAX_LEAD]
    course = _daily_course(observed, leads)
    std = m.timing.std_hours_at_lead_0 + m.timing.std_hours_per_day * _LEADS / 24
    shift = np.clip(noise.shift * std, -limit, limit)
    # Not past the end of what is known: a shifted hour there would be missing for no reason.
    latest = np.maximum(np.minimum(MAX_LEAD + limit, len(values) - 1 - last), 1)[:, None]
    anomaly = _read_at(window - course, np.minimum(_LEADS + shift, latest) + limit)
    anomaly[..., (_U, _V)] *= _by_lead(m.wind.keep)[:, None, None]
    out = anomaly + course[:, limit + 1 : limit + 1 + MAX_LEAD]
    out[..., _SUN] = observed[..., _SUN]  # the sun rises on time

    _add_wind(out, noise, m)
    own = {k: _by_lead(v)[:, None] for k, v in m.own_std.items()}
    warm = noise.by_station["t2m"]
    with_warm = m.dew_with_temperature
    moist = with_warm * warm + np.sqrt(1 - with_warm**2) * noise.by_station["d2m"]
    out[..., _T] += own["t2m"] * warm
    out[..., _D] += own["d2m"] * moist
    out[..., _P] += own["sp"] * noise.by_station["sp"]
    coldest = np.where(np.isnan(out[..., _T]), np.inf, out[..., _T])
    out[..., _D] = np.minimum(out[..., _D], coldest)  # NaN stays NaN
    out[..., _RAIN] = _rain(out[..., _RAIN], noise, m)
    for column, name, floor in ((_BLH, "blh", 10.0), (_SUN, "ssrd", 0.0)):
        factor = _factor(noise.common[name], _by_lead(m.factor_std[name]))[..., None]
        out[..., column] = np.maximum(out[..., column], floor) * factor
    out[np.isnan(observed)] = np.nan
    return out


def _add_wind(out: Floats, noise: _Noise, m: Magnitudes) -> None:
    """Scale and turn the wind as a whole, then add its own errors (in place, on our array)."""
    scale = _factor(noise.common["amplitude"], _by_lead(m.wind.amplitude_std))[..., None]
    degrees = noise.common["direction"] * _by_lead(m.wind.direction_std_degrees)
    turn = np.radians(degrees)[..., None]
    east, north = scale * out[..., _U], scale * out[..., _V]
    own = _by_lead(m.own_std["wind"])[:, None]
    out[..., _U] = east * np.cos(turn) - north * np.sin(turn) + own * noise.by_station["u"]
    out[..., _V] = east * np.sin(turn) + north * np.cos(turn) + own * noise.by_station["v"]


def _rain(amount: Floats, noise: _Noise, m: Magnitudes) -> Floats:
    """Rain off by a factor, missed in spells, and drizzle in spells where none falls."""
    factor = _factor(noise.by_station["rain"], _by_lead(m.rain.factor_std)[:, None])
    missed = noise.common["missed"] < ndtri(_by_lead(m.rain.missed_share))
    false = noise.common["drizzle"] < ndtri(_by_lead(m.rain.false_share))
    rain = np.where(missed[..., None], 0.0, np.maximum(amount, 0.0) * factor)
    rain = np.where(false[..., None], np.maximum(rain, m.rain.false_mm * factor), rain)
    return np.where(np.isnan(amount), np.nan, rain).astype(np.float32)


def _daily_course(observed: Floats, leads: NDArray[np.int64]) -> Floats:
    """Mean and the waves of 24 h and 12 h of leads 1..96, at `leads`: (issue, lead, ...).

    Zero for the variables that have no daily course to keep (rain, radiation).
    """
    known = np.isfinite(observed)
    count = np.maximum(known.sum(axis=1), 1)
    mean = np.where(known, observed, 0.0).sum(axis=1) / count
    rest = np.where(known, observed - mean[:, None], 0.0)
    course = np.broadcast_to(mean[:, None], (len(observed), len(leads), *mean.shape[1:])).copy()
    for period in (24.0, 12.0):
        for wave in (np.cos, np.sin):
            base = wave(2 * np.pi * _LEADS / period)
            size = 2 * np.einsum("l,nlsv->nsv", base, rest) / count
            course += np.einsum("l,nsv->nlsv", wave(2 * np.pi * leads / period), size)
    others = [i for i in range(len(WEATHER)) if i not in _DAILY]
    course[..., others] = 0.0
    return course.astype(np.float32)


def _read_at(window: Floats, position: NDArray[np.floating]) -> Floats:
    """Values (issue, row, ...) at fractional rows (issue, lead), linear between two rows."""
    issue = np.arange(len(window))[:, None]
    low = np.floor(position).astype(np.int64)
    share = (position - low).astype(np.float32)[..., None, None]
    high = np.minimum(low + 1, window.shape[1] - 1)
    before, after = window[issue, low], window[issue, high]
    between = before * (1 - share) + after * share
    return np.asarray(np.where(share > 0, between, before), dtype=np.float32)


def _noise(issue_times: pd.DatetimeIndex, stations: int, seed: int, m: Magnitudes) -> _Noise:
    hours = (issue_times - pd.Timestamp("1970-01-01")) // pd.Timedelta(hours=1)
    count = 1 + len(_COMMON) + len(_SHARED)
    raw = np.empty((len(hours), MAX_LEAD, count + len(_SHARED) * stations), dtype=np.float32)
    for i, hour in enumerate(hours):
        # The common errors are drawn first: they do not depend on how many stations there are.
        rng = np.random.default_rng([seed, int(hour)])
        raw[i, :, :count] = rng.standard_normal((MAX_LEAD, count), dtype=np.float32)
        raw[i, :, count:] = rng.standard_normal((MAX_LEAD, raw.shape[2] - count), dtype=np.float32)
    # einsum, not @: BLAS rounds differently with the number of issues asked for.
    shift = np.einsum("nl,kl->nk", raw[:, :, 0], _smooth(m.timing.smooth_hours))
    common = {
        name: _persistent(raw[:, :, 1 + k], m.memory_hours[_MEMORY[name]])
        for k, name in enumerate(_COMMON)
    }
    own = raw[:, :, count:].reshape(len(hours), MAX_LEAD, len(_SHARED), stations)
    share = m.station_share
    by_station = {}
    for k, name in enumerate(_SHARED):
        memory = m.memory_hours[_MEMORY[name]]
        together = _persistent(raw[:, :, 1 + len(_COMMON) + k], memory)[..., None]
        alone = _persistent(own[:, :, k], memory)
        by_station[name] = np.sqrt(1 - share) * together + np.sqrt(share) * alone
    return _Noise(shift, common, by_station)


_MEMORY: Final = {
    "u": "wind", "v": "wind", "t2m": "t2m", "d2m": "d2m", "sp": "sp", "rain": "rain",
    "amplitude": "wind", "direction": "wind", "missed": "rain", "drizzle": "rain",
    "blh": "blh", "ssrd": "ssrd",
}  # fmt: skip
_LEADS: Final = np.arange(1, MAX_LEAD + 1)


def _persistent(white: Floats, memory_hours: float) -> Floats:
    """White noise (issue, lead, ...) to unit-variance AR(1) in lead, stationary from lead 1."""
    phi = np.exp(-1.0 / memory_hours)
    shocks = white * np.float32(np.sqrt(1 - phi**2))
    shocks[:, 0] = white[:, 0]
    return np.asarray(lfilter([1.0], [1.0, -phi], shocks, axis=1), dtype=np.float32)


@lru_cache(maxsize=4)
def _smooth(hours: float) -> Floats:
    """Square root of a Gaussian covariance over leads: unit variance, smooth paths."""
    distance = _LEADS[:, None] - _LEADS[None, :]
    covariance = np.exp(-0.5 * (distance / hours) ** 2)
    root = np.linalg.cholesky(covariance + 1e-6 * np.eye(MAX_LEAD))
    return np.asarray(root, dtype=np.float32)


def _by_lead(days: tuple[float, float, float]) -> NDArray[np.float32]:
    """A value for every lead: linear through the middles of days 1 to 3, and on beyond them."""
    first, second, third = days
    (a, b, c), x = _MIDDLES, _LEADS
    early = first + (second - first) * (x - a) / (b - a)
    late = second + (third - second) * (x - b) / (c - b)
    return np.maximum(np.where(x <= b, early, late), 0.0).astype(np.float32)


def _factor(noise: Floats, std: NDArray[np.float32]) -> Floats:
    """A log-normal factor of mean 1."""
    return np.asarray(np.exp(noise * std - std**2 / 2), dtype=np.float32)
