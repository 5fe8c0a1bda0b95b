"""What the network is given: an IssueBatch as plain arrays, scaled and free of NaN.

Takes an IssueBatch and the scales of a training record; gives arrays. Knows no torch and no file.
Everything comes through `forecast.features`, so the network sees exactly what the trees see: the
past up to the issue time, and future weather as the batch's tier gives it.

A missing value is 0 after scaling (the training mean) and a channel beside it says how much was
known. `reach` is how far the weather can be trusted: its tier, and per hour whether it is there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast import calendar, features
from forecast.batch import Floats, IssueBatch, WeatherTier
from forecast.schema import MAX_LEAD, POLLUTANTS, TIERS

PATCH: Final = 3  # hours per step of the recurrent trunk
STEPS: Final = MAX_LEAD // PATCH
PAST_STEPS: Final = features.HOURS_BACK // PATCH
TRUST: Final[Mapping[WeatherTier, int]] = {
    "none": 0, "perturbed": 1, "archived": 1, "perfect": 2,
}  # fmt: skip
_ALL_LEADS: Final = np.arange(1, MAX_LEAD + 1)
_N: Final = len(POLLUTANTS)
_PAST_AIR: Final = ("speed", "u10", "v10", "t2m", "depression", "sp", "tp", "ventilation")
_FIELD_AIR: Final = ("speed", "u10", "v10", "t2m", "depression", "sp")
_LEVEL_HOURS: Final = (1, 3, 6, 12, 24, 72, 168)
_EARTH_KM: Final = 111.2


@dataclass(frozen=True)
class Scales:
    """Centres and widths, from the training record alone."""

    pollutant_centre: tuple[float, ...]  # POLLUTANTS: median, schema units
    pollutant_width: tuple[float, ...]  # interquartile range
    city: Mapping[str, tuple[float, float]]  # mean and standard deviation of a column
    station: Mapping[str, tuple[float, float]]
    past: Mapping[str, tuple[float, float]]

    def z(self, conc: Floats) -> Floats:
        """asinh((c - centre) / width) over a last dim POLLUTANTS: linear low, logarithmic high."""
        centre, width = self._arrays()
        return np.asarray(np.arcsinh((conc - centre) / width), dtype=np.float32)

    def concentration(self, z: Floats) -> Floats:
        """The inverse of `z`, never below 0."""
        centre, width = self._arrays()
        return np.asarray(np.maximum(np.sinh(z) * width + centre, 0), dtype=np.float32)

    def _arrays(self) -> tuple[Floats, Floats]:
        return (
            np.asarray(self.pollutant_centre, dtype=np.float32),
            np.asarray(self.pollutant_width, dtype=np.float32),
        )


@dataclass(frozen=True)
class Inputs:
    """Arrays of n issue times and s stations, float32 without NaN."""

    past: Floats  # (n, PAST_STEPS, PATCH x channels) of the city
    field: Floats  # (n, PAST_STEPS, s, PATCH x channels): readings and weather at each station
    future: Floats  # (n, STEPS, PATCH x channels) of the city
    station: Floats  # (n, s, channels): levels of the last days, place
    hours: Floats  # (n, lead, s, channels): weather at the station
    same_hour: Floats  # (n, 24, s, channels): the last days at the hour of leads 1..24
    recent: Floats  # (n, s, POLLUTANTS + 1): what neighbours hand on, and whether they know
    wind: Floats  # (n, STEPS, 2): city wind, m s-1, 0 where unknown
    trust: NDArray[np.int64]  # (n,): TRUST of the tier
    place: Floats  # (s, 2): km east and north of the network's centre

    def channels(self) -> dict[str, int]:
        """Sizes of the last dims, to build a network for."""
        return {
            f.name: getattr(self, f.name).shape[-1]
            for f in fields(self)
            if f.name not in ("trust", "wind", "place")
        }


def inputs(batch: IssueBatch, scales: Scales) -> Inputs:
    """Arrays of a batch; future weather counts for nothing where the tier is `none`."""
    seen = batch if batch.tier != "none" else replace(batch, future_weather=None)
    # features leaves future weather out for `none`; the network wants it there and missing.
    columns = features.shared(replace(seen, tier="perfect"), _ALL_LEADS).values
    past = features.past_of(seen)
    here, town = scales.z(past.here), scales.z(past.city)
    n, s = len(seen.issue_times), len(seen.stations)
    known = np.isfinite(columns["city_speed_3"])
    future = _stack(columns, scales.city, (n, MAX_LEAD, 1))[:, :, 0]
    clock = calendar.channels(seen.issue_times, seen.offset, _ALL_LEADS)
    lead = np.broadcast_to(_ALL_LEADS[None, :, None] / MAX_LEAD, (n, MAX_LEAD, 1))
    future = np.concatenate([future, clock, lead, known[..., 0, None]], axis=-1)
    return Inputs(
        past=_patches(_past_city(seen, town, scales)),
        field=_field(seen, here, scales),
        future=_patches(future),
        station=_station(here, town, seen.stations),
        hours=_hours(columns, scales.station, (n, MAX_LEAD, s)),
        same_hour=_same_hour(here, town),
        recent=_recent(here),
        wind=_wind(columns),
        trust=np.full(n, TRUST[seen.tier], dtype=np.int64),
        place=_place(seen.stations),
    )


def fit_scales(conc: Floats, batch: IssueBatch) -> Scales:
    """Scales of a training record.

    Args:
        conc: (time, station, POLLUTANTS) of the training part only, NaN = missing.
        batch: Issue times spread over the training part, with perfect weather.
    """
    flat = conc.reshape(-1, _N)
    low, centre, high = np.nanpercentile(flat, [25, 50, 75], axis=0)
    columns = features.shared(replace(batch, tier="perfect"), _ALL_LEADS).values
    city = [k for k in columns if k.startswith(("city_", "since_", "past_"))]
    station = [k for k in columns if k.startswith(("at_", "here_"))]
    air = features.derived(features.city_mean(batch.history_weather, batch.stations))
    return Scales(
        tuple(map(float, centre)),
        tuple(float(max(b - a, 1e-3)) for a, b in zip(low, high, strict=True)),
        {k: _moments(columns[k]) for k in city},
        {k: _moments(columns[k]) for k in station},
        {k: _moments(air[k]) for k in _PAST_AIR},
    )


def _moments(values: Floats) -> tuple[float, float]:
    """Mean and standard deviation; (0, 1) of a variable the record never has."""
    known = values[np.isfinite(values)]
    if not known.size:
        return 0.0, 1.0
    return float(known.mean()), float(max(known.std(), 1e-3))


def _scaled(values: Floats, moments: tuple[float, float]) -> Floats:
    mean, std = moments
    return np.asarray(np.nan_to_num(np.clip((values - mean) / std, -6, 6), nan=0.0))


def _stack(
    columns: Mapping[str, Floats],
    scales: Mapping[str, tuple[float, float]],
    shape: tuple[int, int, int],
) -> Floats:
    out = np.empty((*shape, len(scales)), dtype=np.float32)
    for i, (name, moments) in enumerate(scales.items()):
        out[..., i] = _scaled(columns[name], moments)
    return out


def _past_city(batch: IssueBatch, town: Floats, scales: Scales) -> Floats:
    """(n, HOURS_BACK, channels): city concentrations, how many stations report, weather, hour."""
    air = features.derived(
        features.city_mean(
            features.padded(batch.history_weather, features.HOURS_BACK), batch.stations
        )
    )
    weather = np.stack([_scaled(air[k][..., 0], m) for k, m in scales.past.items()], axis=-1)
    share = np.isfinite(features.padded(batch.history, features.HOURS_BACK)).mean(axis=2)
    back = -np.arange(features.HOURS_BACK - 1, -1, -1)
    clock = calendar.hour_of_day(batch.issue_times, batch.offset, back)
    parts = [np.nan_to_num(town[:, :, 0]), share, weather, clock]
    return np.concatenate(parts, axis=-1).astype(np.float32)


def _field(batch: IssueBatch, here: Floats, scales: Scales) -> Floats:
    """(n, PAST_STEPS, s, PATCH x channels): what each station saw; gradients across the city."""
    air = features.derived(features.padded(batch.history_weather, features.HOURS_BACK))
    weather = np.stack([_scaled(air[k], scales.past[k]) for k in _FIELD_AIR], axis=-1)
    known = np.isfinite(here)
    values = np.concatenate([np.where(known, here, 0), known, weather], axis=-1)
    n, hours, s, channels = values.shape
    patched = values.reshape(n, hours // PATCH, PATCH, s, channels).swapaxes(2, 3)
    return np.ascontiguousarray(patched.reshape(n, hours // PATCH, s, -1), dtype=np.float32)


def _station(here: Floats, town: Floats, stations: pd.DataFrame) -> Floats:
    """(n, s, channels): means over the last hours at the station and in the city, and place."""
    n, _, s, _ = here.shape
    parts = []
    for hours in _LEVEL_HOURS:
        own, city = features.mean(here[:, -hours:]), features.mean(town[:, -hours:])
        parts += [own - city, np.broadcast_to(city, own.shape)]
        if hours in (1, 24):
            parts.append(np.isfinite(own).astype(np.float32))
    trend = features.mean(here[:, -3:]) - features.mean(here[:, -6:-3])
    parts += [trend, features.mean(here[:, -24:]) - features.mean(here[:, -48:-24])]
    tier = stations["tier"].map({t: i for i, t in enumerate(TIERS)}).to_numpy(dtype=np.int64)
    flags = np.concatenate(
        [np.eye(len(TIERS))[tier], stations[["reference", "background"]].to_numpy(dtype=float)],
        axis=1,
    )
    where = np.concatenate([_place(stations) / 30.0, flags], axis=1)
    parts.append(np.broadcast_to(where, (n, s, where.shape[1])))
    return np.nan_to_num(np.concatenate(parts, axis=-1)).astype(np.float32)


def _hours(
    columns: Mapping[str, Floats],
    scales: Mapping[str, tuple[float, float]],
    shape: tuple[int, int, int],
) -> Floats:
    known = np.isfinite(columns["at_speed"]).astype(np.float32)
    stacked = _stack(columns, scales, shape)
    return np.concatenate([stacked, np.broadcast_to(known, shape)[..., None]], axis=-1)


def _same_hour(here: Floats, town: Floats) -> Floats:
    """(n, 24, s, channels): z at the hours of leads 1..24: yesterday, over 3 and 7 days."""
    n, hours, s, _ = here.shape
    own = here.reshape(n, hours // 24, 24, s, _N)
    city = town.reshape(n, hours // 24, 24, 1, _N)
    parts = [own[:, -1], features.mean(own[:, -3:]), features.mean(own)]
    mean = np.broadcast_to(features.mean(city[:, -3:]), parts[0].shape)
    return np.asarray(np.nan_to_num(np.concatenate([*parts, mean], axis=-1)), dtype=np.float32)


def _recent(here: Floats) -> Floats:
    last = features.mean(here[:, -3:])
    known = np.isfinite(last).any(axis=-1, keepdims=True)
    return np.concatenate([np.nan_to_num(last), known], axis=-1).astype(np.float32)


def _wind(columns: Mapping[str, Floats]) -> Floats:
    last = slice(PATCH - 1, None, PATCH)
    wind = [columns[f"city_{k}_3"][:, last, 0] for k in ("u10", "v10")]
    return np.nan_to_num(np.stack(wind, axis=-1)).astype(np.float32)


def _place(stations: pd.DataFrame) -> Floats:
    lat, lon = (stations[k].to_numpy(dtype=float) for k in ("latitude", "longitude"))
    east = (lon - lon.mean()) * np.cos(np.radians(lat.mean())) * _EARTH_KM
    return np.stack([east, (lat - lat.mean()) * _EARTH_KM], axis=-1).astype(np.float32)


def _patches(values: Floats) -> Floats:
    """(n, hours, channels) -> (n, hours / PATCH, PATCH x channels)."""
    n, hours, channels = values.shape
    return np.ascontiguousarray(values.reshape(n, hours // PATCH, PATCH * channels), np.float32)
