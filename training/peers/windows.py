"""Windows of a peer: what was known at an issue time, in the shape neuralforecast's networks take.

The library's own data set holds one value per (series, time), so it cannot say what a forecast
of the same hour was at different issue times, and would train on weather no issue time had. The
windows are therefore cut here, from an IssueBatch as everywhere in this project: past hours with
measured weather, coming hours with the weather the tier gives at that issue time. Networks and
loss are the library's (training.peers.networks).

Every channel is scaled by the training record and a missing one is 0 there, with a channel beside
it that says so. Knows no torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import xarray as xr

from forecast import calendar
from forecast.batch import Floats, IssueBatch, stacked
from forecast.schema import MAX_LEAD, POLLUTANTS, TIERS, WEATHER

N: Final = len(POLLUTANTS)
AIR: Final = ("speed", "u10", "v10", "t2m", "depression", "sp", "rain", "blh", "ssrd")
PLACE: Final = 3 + len(TIERS)  # latitude, longitude, reference, tier


@dataclass(frozen=True)
class Scale:
    """Centres and widths from the training record alone."""

    centre: tuple[float, ...]  # POLLUTANTS, schema units: median
    width: tuple[float, ...]  # POLLUTANTS: interquartile range
    spread: tuple[float, ...]  # POLLUTANTS: mean absolute deviation from the median
    air: Mapping[str, tuple[float, float]]  # mean and standard deviation of what was ever measured
    place: tuple[float, float]  # middle of the network, degrees

    @classmethod
    def of(cls, obs: xr.Dataset, stations: pd.DataFrame) -> "Scale":
        """Scales of a record; weather that was never measured has no scale and no channel."""
        flat = stacked(obs, POLLUTANTS).reshape(-1, N)
        low, mid, high = np.nanquantile(flat, [0.25, 0.5, 0.75], axis=0)
        spread = np.nanmean(np.abs(flat - mid), axis=0)
        columns = _air(stacked(obs, WEATHER))
        air = {
            name: (float(np.nanmean(c)), max(float(np.nanstd(c)), 1e-6))
            for name, c in columns.items()
            if np.isfinite(c).any()
        }
        middle = (float(stations["latitude"].mean()), float(stations["longitude"].mean()))
        return cls(
            tuple(map(float, mid)), tuple(map(float, np.maximum(high - low, 1e-3))),
            tuple(map(float, np.maximum(spread, 1e-3))), air, middle,
        )  # fmt: skip

    def z(self, conc: Floats) -> Floats:
        """asinh((c - centre) / width), last dim POLLUTANTS."""
        gap = (conc - np.array(self.centre)) / np.array(self.width)
        return np.asarray(np.arcsinh(gap), dtype=np.float32)

    def concentration(self, z: Floats) -> Floats:
        """The inverse, of (..., POLLUTANTS, QUANTILES), never below 0."""
        width, centre = np.array(self.width)[:, None], np.array(self.centre)[:, None]
        return np.asarray(np.maximum(np.sinh(np.clip(z, -6, 6)) * width + centre, 0), np.float32)

    def future_channels(self) -> int:
        """Channels of `Windows.future`."""
        return len(self.air) + 1 + calendar.CHANNELS


@dataclass(frozen=True)
class Windows:
    """Arrays of n issue times, float32 without NaN."""

    past: Floats  # (n, hour, station, POLLUTANTS) in z, 0 = missing
    known: Floats  # (n, hour, station, POLLUTANTS): 0 or 1
    future: Floats  # (n, hour + MAX_LEAD, station, channels): weather, whether known, calendar
    place: Floats  # (station, PLACE)


def windows(batch: IssueBatch, scale: Scale, hours: int) -> Windows:
    """Cut a batch to the last `hours` of history and all leads.

    Future weather counts for nothing where the tier is `none`.
    """
    z = scale.z(batch.history[:, -hours:])
    known = np.isfinite(z)
    coming = batch.future_weather if batch.tier != "none" else None
    if coming is None:
        shape = (len(batch.issue_times), MAX_LEAD, len(batch.stations), len(WEATHER))
        coming = np.full(shape, np.nan, dtype=np.float32)
    weather = _air(np.concatenate([batch.history_weather[:, -hours:], coming], axis=1))
    scaled = np.stack([(weather[k] - m) / s for k, (m, s) in scale.air.items()], axis=-1)
    there = np.isfinite(scaled).mean(axis=-1, keepdims=True)
    clock = calendar.channels(batch.issue_times, batch.offset, np.arange(1 - hours, MAX_LEAD + 1))[
        :, :, None
    ]
    clock = np.broadcast_to(clock, (*scaled.shape[:3], clock.shape[-1]))
    future = np.concatenate([np.clip(np.nan_to_num(scaled), -8, 8), there, clock], axis=-1)
    return Windows(
        np.where(known, z, 0).astype(np.float32), known.astype(np.float32),
        future.astype(np.float32), _place(batch.stations, scale),
    )  # fmt: skip


def _air(weather: Floats) -> dict[str, Floats]:
    """Columns AIR of weather (..., WEATHER): rain as log(1 + mm), dew point as a depression."""
    c = {name: weather[..., i] for i, name in enumerate(WEATHER)}
    return {
        "speed": np.hypot(c["u10"], c["v10"]), "u10": c["u10"], "v10": c["v10"], "t2m": c["t2m"],
        "depression": c["t2m"] - c["d2m"], "sp": c["sp"],
        "rain": np.log1p(np.maximum(c["tp"], 0)), "blh": c["blh"], "ssrd": c["ssrd"],
    }  # fmt: skip


def _place(stations: pd.DataFrame, scale: Scale) -> Floats:
    lat, lon = scale.place
    tier = stations["tier"].to_numpy().astype(str)
    columns = [
        stations["latitude"].to_numpy(dtype=float) - lat,
        stations["longitude"].to_numpy(dtype=float) - lon,
        stations["reference"].to_numpy(dtype=float),
        *(tier == t for t in TIERS),
    ]
    return np.stack([np.asarray(c, dtype=np.float32) for c in columns], axis=-1)
