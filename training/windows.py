"""Training examples: an issue time with what was known then, and what came.

Takes observations and a way to future weather by tier, gives arrays for the network and targets.
Examples are cut on the fly, the same way as the daily run cuts them (forecast.batch,
forecast.network_inputs), so training cannot see more than a run does. Knows no torch.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import xarray as xr

from forecast import boosting_rows, network_inputs, weather_perturb, weather_tiers
from forecast.batch import Floats, FutureWeather, IssueBatch, WeatherTier, leads_of, stacked
from forecast.network_inputs import Inputs, Scales
from forecast.schema import MAX_LEAD, POLLUTANTS, WEATHER, stations_frame

_HOUR = pd.Timedelta(hours=1)


@dataclass(frozen=True)
class Holes:
    """How often parts of what was known are hidden while training."""

    stations: float = 0.05  # share of station histories
    network: float = 0.03  # share of issues whose last hours are missing
    levels: float = 0.0  # standard deviation of the log of a factor on an issue's emissions
    many: float = 0.1  # share of issues that lose 10 to 60 % of their stations


@dataclass(frozen=True)
class Record:
    """A record of observations to cut examples from."""

    values: Floats  # (time, station, POLLUTANTS)
    weather: Floats  # (time, station, WEATHER)
    origin: pd.Timestamp
    stations: pd.DataFrame
    offset: pd.Timedelta
    history_hours: int
    rows: np.ndarray  # of its stations in the whole record

    @classmethod
    def of(cls, obs: xr.Dataset, offset: pd.Timedelta, history_hours: int) -> "Record":
        """A record of a dataset on a complete hourly grid."""
        return cls(
            stacked(obs, POLLUTANTS),
            stacked(obs, WEATHER),
            pd.Timestamp(obs["time"].values[0]),
            stations_frame(obs),
            offset,
            history_hours,
            np.arange(obs.sizes["station"]),
        )

    def only(self, rows: np.ndarray) -> "Record":
        """The same record of some of its stations."""
        return replace(
            self,
            values=self.values[:, rows],
            weather=self.weather[:, rows],
            stations=self.stations.iloc[rows],
            rows=self.rows[rows],
        )

    def issue_times(self, first: pd.Timestamp, last: pd.Timestamp) -> pd.DatetimeIndex:
        """Hourly issue times whose targets end by `last` and that have a day of history."""
        begin = max(first, self.origin + 24 * _HOUR)
        end = min(last, self.origin + (len(self.values) - 1) * _HOUR) - MAX_LEAD * _HOUR
        return pd.date_range(begin, end, freq="h")

    def cut(
        self, issue_times: pd.DatetimeIndex, future: Floats | None, tier: WeatherTier
    ) -> IssueBatch:
        """What was known at issue times."""
        last = ((issue_times - self.origin) // _HOUR).to_numpy()
        rows = last[:, None] - np.arange(self.history_hours - 1, -1, -1)[None, :]
        inside = (rows >= 0)[..., None, None]
        rows = np.maximum(rows, 0)
        history = np.where(inside, self.values[rows], np.nan)
        air = np.where(inside, self.weather[rows], np.nan)
        return IssueBatch(issue_times, self.offset, self.stations, history, air, future, tier)

    def targets(self, issue_times: pd.DatetimeIndex) -> Floats:
        """Observed (issue, lead, station, POLLUTANTS), NaN = missing."""
        return leads_of(self.values, self.origin, issue_times)


# Future weather of a tier for issue times of a record, with errors drawn anew where it has some.
Weather = Callable[[Record, WeatherTier, pd.DatetimeIndex, np.random.Generator], Floats | None]


def mixed(
    record: Record,
    issue_times: pd.DatetimeIndex,
    weather: Weather,
    shares: Mapping[str, float],
    scales: Scales,
    holes: Holes,
    rng: np.random.Generator,
) -> tuple[Inputs, Floats]:
    """A training batch in which each issue time has its weather in one tier, drawn by share."""
    tiers = [cast("WeatherTier", t) for t in shares]
    drawn = rng.choice(len(tiers), len(issue_times), p=np.array(list(shares.values())))
    parts, order = [], []
    observed = record.targets(issue_times)
    factor = _factors(len(issue_times), holes.levels, rng)
    for k, tier in enumerate(tiers):
        at = np.flatnonzero(drawn == k)
        if not len(at):
            continue
        times = issue_times[at]
        batch = record.cut(times, weather(record, tier, times, rng), tier)
        batch = replace(batch, history=batch.history * factor[at, None, None])
        parts.append(network_inputs.inputs(_holed(batch, holes, rng), scales))
        order.append(at)
    at = np.argsort(np.concatenate(order))
    return _joined(parts, at), observed * factor[:, None, None]


@dataclass(frozen=True)
class Vintages:
    """Where real forecasts lie, so that a process of its own can find them."""

    home: Path
    sources: tuple[str, ...]
    max_age_hours: float

    def of(self, stations: pd.DataFrame) -> FutureWeather:
        """The tier `archived`; all vintages read once are kept in memory."""
        return weather_tiers.archived(
            self.home, self.sources, stations, max_age_hours=self.max_age_hours, keep=4096
        )


def observed(vintages: FutureWeather | None = None) -> Weather:
    """Future weather made of the record's own: perfect, perturbed with new errors at every call.

    Args:
        vintages: Real forecasts for the tier `archived`, for all stations of the record.
    """
    sizes = weather_perturb.magnitudes()

    def future(
        record: Record, tier: WeatherTier, times: pd.DatetimeIndex, rng: np.random.Generator
    ) -> Floats | None:
        if tier == "none":
            return None
        if tier == "perfect":
            return leads_of(record.weather, record.origin, times)
        if tier == "archived" and vintages is not None:
            found = vintages(times)
            return None if found is None else found[:, :, record.rows]
        return weather_perturb.perturbed_weather(
            record.weather, record.origin, times, seed=int(rng.integers(1 << 31)),
            magnitudes=sizes,
        )  # fmt: skip

    return future


def _factors(n: int, spread: float, rng: np.random.Generator) -> Floats:
    """Factors (n, POLLUTANTS) on all concentrations of an issue, past and future alike.

    What emissions will be next year is not known; what the air makes of them is nearly linear but
    for ozone, whose factor is 1. The network learns to take the level from the last days.
    """
    together = rng.normal(0, spread, (n, 1)) + rng.normal(0, spread / 2, (n, len(POLLUTANTS)))
    together[:, POLLUTANTS.index("o3")] = 0.0
    return np.exp(together if spread else np.zeros_like(together)).astype(np.float32)


def _holed(batch: IssueBatch, holes: Holes, rng: np.random.Generator) -> IssueBatch:
    made = boosting_rows.holed(batch, holes.network, rng) if holes.network else batch
    n, _, s, _ = made.history.shape
    hidden = rng.random((n, s)) < holes.stations
    for i in np.flatnonzero(rng.random(n) < holes.many):
        hidden[i] |= rng.random(s) < rng.uniform(0.1, 0.6)
    if not hidden.any():
        return made
    history = made.history.copy()
    history[np.broadcast_to(hidden[:, None, :], history.shape[:3])] = np.nan
    return replace(made, history=history)


def _joined(parts: Sequence[Inputs], at: np.ndarray) -> Inputs:
    def put(name: str) -> np.ndarray:
        return np.asarray(np.concatenate([getattr(p, name) for p in parts])[at])

    names = ("past", "field", "future", "station", "hours", "same_hour", "recent", "wind", "trust")
    return Inputs(**{k: put(k) for k in names}, place=parts[0].place)
