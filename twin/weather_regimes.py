"""Synoptic regimes of the simulated city: a semi-Markov chain and the smooth state it drives.

Takes the weather configuration, a seed and hours; gives the hourly state of the large scale and the
noise below it. Knows nothing of the hour of the day, of the ground, or of what people measure: that
is weather_physics.py. The state of an hour depends on the seed and that hour alone, not on the
period asked for: it is made in years from 1 July, each a stream of its own, faded over one day.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from twin.config_weather import Regime, WeatherConfig
from twin.seeds import rng
from twin.weather_clock import mean3, monthly, year_angle

SYNOPTIC: Final = (
    "upper_u", "upper_v", "t2m", "d2m", "sp", "cloud", "wet", "convective", "inversion", "dust",
    "stagnation",
)  # fmt: skip
NOISE: Final = (
    "wind_u", "wind_v", "meso_t2m", "meso_d2m", "meso_sp", "meso_cloud", "above_u", "above_v",
    "shower",
)  # fmt: skip
CHANNELS: Final = (*SYNOPTIC, *NOISE)
ANOMALIES: Final = ("t2m", "d2m", "sp")
HOUR: Final = pd.Timedelta(hours=1)
_WARM_UP: Final = 15 * 24  # hours before a year of its own, so that its start is forgotten
_FADE: Final = 24
_ABOVE_SHARE: Final = 0.7  # eddies drift with this part of the wind above


@dataclass(frozen=True)
class State:
    """The large scale and the noise below it, hour by hour."""

    times: pd.DatetimeIndex  # naive UTC, ends of hours
    table: np.ndarray  # (hour, CHANNELS); m/s, K, Pa, shares, unit variance of the noise
    regime: np.ndarray  # (hour,) index into the configuration's regimes
    drift: np.ndarray  # (hour, 2) m, how far the air above has moved east and north

    def channel(self, name: str) -> np.ndarray:
        """One channel (hour,)."""
        return np.asarray(self.table[:, CHANNELS.index(name)])

    def between(self, first: int, stop: int) -> "State":
        """The rows first..stop-1."""
        rows = slice(first, stop)
        return State(self.times[rows], self.table[rows], self.regime[rows], self.drift[rows])


def state(
    config: WeatherConfig, start: pd.Timestamp, end: pd.Timestamp, *, seed: int, raw: bool = False
) -> State:
    """The state of the hours start..end, both included (naive UTC, full hours).

    Args:
        config: The weather's settings.
        start: First hour's end.
        end: Last hour's end.
        seed: The city's seed.
        raw: Leave the anomalies as the regimes make them, uncalibrated (for the fit).
    """
    years = range(_year_of(start), _year_of(end) + 1)
    parts = [_year(config, year, seed) for year in years]
    for before, after in pairwise(parts):
        weight = ((np.arange(_FADE) + 0.5) / _FADE)[:, None]
        tail = before.table[-_FADE:]
        after.table[:_FADE] = weight * after.table[:_FADE] + (1 - weight) * tail
    whole = [part.between(0, len(part.times) - _FADE) for part in parts]
    times = pd.DatetimeIndex(np.concatenate([p.times.to_numpy() for p in whole]))
    joined = State(
        times,
        np.concatenate([p.table for p in whole]),
        np.concatenate([p.regime for p in whole]),
        np.concatenate([p.drift for p in whole]),
    )
    first = int((start - times[0]) / HOUR)
    part = joined.between(first, first + int((end - start) / HOUR) + 1)
    return part if raw else State(part.times, _calibrated(config, part), part.regime, part.drift)


def stays(regime: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Runs of equal regimes: their index and length in hours, the first and last cut off."""
    edges = np.flatnonzero(np.diff(regime)) + 1
    starts = np.concatenate([[0], edges])
    lengths = np.diff(np.concatenate([starts, [len(regime)]]))
    return regime[starts][1:-1], lengths[1:-1]


def _year_of(time: pd.Timestamp) -> int:
    return time.year if time.month >= 7 else time.year - 1


def _year(config: WeatherConfig, year: int, seed: int) -> State:
    """One year from 1 July 00 UTC and the day after it, to fade into the next."""
    first = pd.Timestamp(year=year, month=7, day=1)
    last = pd.Timestamp(year=year + 1, month=7, day=1) + (_FADE - 1) * HOUR
    times = pd.date_range(first - _WARM_UP * HOUR, last, freq="h", unit="ns")
    synoptic, regime = _chain(config, times, rng(seed, "weather", "regimes", str(year)))
    noise = _noise(config, len(times), seed, year)
    table = np.concatenate([synoptic, noise], axis=1)
    slow = rng(seed, "weather", "slow", str(year))
    for name, size in (
        ("t2m", config.noise.slow["t2m"]),
        ("d2m", config.noise.slow["d2m"]),
        ("sp", 100 * config.noise.slow["sp_hpa"]),
    ):
        column = CHANNELS.index(name)
        table[:, column] += size * ar1(slow, len(times), config.noise.slow_hours)
    wind = table[:, :2] + config.noise.upper_m_s * _columns(table, "above_u", "above_v")
    drift = np.cumsum(_ABOVE_SHARE * 3600 * wind, axis=0)
    kept = slice(_WARM_UP, None)
    return State(times[kept], table[kept], regime[kept], drift[kept])


def ar1(random: np.random.Generator, hours: int, memory_hours: float) -> np.ndarray:
    """First-order autoregressive noise (hour,) of unit variance."""
    phi = np.exp(-1 / memory_hours)
    shocks = random.standard_normal(hours)
    shocks[1:] *= np.sqrt(1 - phi**2)
    return np.asarray(lfilter([1.0], [1.0, -phi], shocks))


def _noise(config: WeatherConfig, hours: int, seed: int, year: int) -> np.ndarray:
    memory = dict.fromkeys(NOISE, config.noise.meso_hours) | {
        "wind_u": config.noise.gust_hours,
        "wind_v": config.noise.gust_hours,
        "above_u": config.noise.upper_hours,
        "above_v": config.noise.upper_hours,
        "shower": config.noise.rain_hours,
    }
    columns = [ar1(rng(seed, "weather", name, str(year)), hours, memory[name]) for name in NOISE]
    return np.stack(columns, axis=1)


def _columns(table: np.ndarray, *names: str) -> np.ndarray:
    return table[:, [CHANNELS.index(name) for name in names]]


def _chain(
    config: WeatherConfig, times: pd.DatetimeIndex, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The synoptic channels (hour, SYNOPTIC) and the regime of each hour (hour,)."""
    names = list(config.regimes)
    season = np.stack([_seasonal(r.season, times) for r in config.regimes.values()], axis=1)
    table = np.empty((len(times), len(SYNOPTIC)))
    index = np.empty(len(times), dtype=np.int64)
    now = int(random.choice(len(names), p=season[0] / season[0].sum()))
    reached = 0
    last: np.ndarray | None = None
    while reached < len(times):
        regime = config.regimes[names[now]]
        length = min(_length(regime, random), len(times) - reached)
        rows = slice(reached, reached + length)
        table[rows] = _event(regime, length, last, random)
        index[rows] = now
        last = table[reached + length - 1]
        reached += length
        weights = np.array([regime.next.get(name, 0.0) for name in names])
        weights = weights * season[min(reached, len(times) - 1)]
        now = int(random.choice(len(names), p=weights / weights.sum()))
    return table, index


def _length(regime: Regime, random: np.random.Generator) -> int:
    stay = regime.hours
    drawn = random.gamma(stay.shape, stay.mean / stay.shape)
    return round(float(np.clip(drawn, stay.least, stay.most)))


def _event(
    regime: Regime, length: int, last: np.ndarray | None, random: np.random.Generator
) -> np.ndarray:
    """One stay in a regime (hour, SYNOPTIC): from where the last one ended towards its course."""
    share = (np.arange(length) + 0.5) / length
    spread = np.sqrt(np.log1p(regime.strength_cv**2))
    strength = np.exp(spread * random.standard_normal() - spread**2 / 2)
    begin, end = regime.from_degrees
    turn = (end - begin + 180) % 360 - 180
    shift = regime.degrees_std * random.standard_normal()
    uneven = 1 + 0.4 * random.standard_normal(3)  # no two fronts cool and dry alike

    def course(pair: tuple[float, float]) -> np.ndarray:
        return pair[0] + (pair[1] - pair[0]) * share

    angle = np.radians(begin + turn * share + shift)
    speed = course(regime.wind_m_s) * strength
    memory = regime.memory_hours
    columns = (
        (-speed * np.sin(angle), memory.wind),
        (-speed * np.cos(angle), memory.wind),
        (course(regime.t2m) * strength * uneven[0], memory.t2m),
        (course(regime.d2m) * strength * uneven[1], memory.d2m),
        (100 * course(regime.sp_hpa) * strength * uneven[2], memory.sp),
        (course(regime.cloud), memory.cloud),
        (course(regime.wet), memory.rain),
        (np.full(length, regime.convective), memory.rain),
        (course(regime.inversion_k), memory.cloud),
        (course(regime.dust), memory.dust),
        (course(regime.stagnation), memory.stagnation),
    )
    targets = np.stack([values for values, _ in columns], axis=1)
    if last is None:
        return targets
    hours = np.arange(1, length + 1)[:, None]
    fading = np.exp(-hours / np.array([memory_hours for _, memory_hours in columns]))
    return np.asarray(targets + (last - targets[0]) * fading)


def _seasonal(weights: tuple[float, ...], times: pd.DatetimeIndex) -> np.ndarray:
    """Weight of each hour (hour,): the seasons' values stand in mid-January, mid-April, ..."""
    middles = 2 * np.pi * (np.arange(4) * 0.25 + 15 / 365.25)
    return np.asarray(np.interp(year_angle(times), middles, weights, period=2 * np.pi))


def _calibrated(config: WeatherConfig, part: State) -> np.ndarray:
    """The table with anomalies of the fitted mean (none) and standard deviation."""
    table = part.table.copy()
    angle = year_angle(part.times)
    climate = config.climate
    for name in ANOMALIES:
        column = CHANNELS.index(name)
        mean = monthly(climate.calibration.mean[name], part.times)
        std = monthly(climate.calibration.std[name], part.times)
        wanted = mean3(climate.day_std[name], angle)
        table[:, column] = (table[:, column] - mean) * wanted / std
    return table
