"""Rows for tree models: what an IssueBatch says about one station at one lead.

Takes an IssueBatch and leads, gives named columns; knows no model. Everything about the past
comes from batch.history and batch.history_weather, everything about the future from
batch.future_weather, so a column cannot see more than the batch was given. `city` columns are
means over the reference stations (over all stations where none of them reports).

Accumulations (running means of wind, ventilation, humidity, rain) run across the issue time:
measured hours before it, forecast hours after it, because air remembers the days before. Wind run
and recirculation follow Allwine and Whiteman (1994), Atmos. Environ. 28, 713-721.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.batch import Floats, IssueBatch
from forecast.schema import POLLUTANTS, TIERS, WEATHER

DAYS_BACK = 7  # same-hour values of this many days
HOURS_BACK = 24 * DAYS_BACK  # a shorter history is taken as missing before its start
MEAN_HOURS = (3, 6, 12, 24, 72)
FRESH_HOURS = 6  # an older value is not "the last value"
# Hours of running means of the weather, at the station and over the city.
HERE_SPANS: Final[Mapping[str, tuple[int, ...]]] = MappingProxyType(
    {"speed": (3, 24), "u10": (6,), "v10": (6,), "ventilation": (24,)}
)
CITY_SPANS: Final[Mapping[str, tuple[int, ...]]] = MappingProxyType(
    {
        "speed": (3, 6, 24, 72),
        "u10": (3, 6, 24),
        "v10": (3, 6, 24),
        "humidity": (3, 24),
        "tp": (6, 24),
        "t2m": (24,),
        "ventilation": (6, 24),
        "ssrd": (6,),
    }
)
_PER_HOUR = np.timedelta64(1, "h")


@dataclass(frozen=True)
class Columns:
    """Named columns, each broadcastable to (issue, lead, station)."""

    values: Mapping[str, Floats]
    shape: tuple[int, int, int]

    @property
    def names(self) -> tuple[str, ...]:
        """Names in the order of `matrix`."""
        return tuple(self.values)

    def beside(self, other: "Columns") -> "Columns":
        """These columns, then the other's."""
        return Columns({**self.values, **other.values}, self.shape)

    def matrix(self) -> Floats:
        """All columns side by side, (issue x lead x station, column), float32, NaN = unknown."""
        out = np.empty((*self.shape, len(self.values)), dtype=np.float32)
        for i, column in enumerate(self.values.values()):
            out[..., i] = column
        return out.reshape(-1, len(self.values))


@dataclass(frozen=True)
class Past:
    """Concentrations of the last days, NaN = missing."""

    here: Floats  # (issue, HOURS_BACK, station, POLLUTANTS)
    city: Floats  # (issue, HOURS_BACK, 1, POLLUTANTS), mean over the reference stations


def shared(batch: IssueBatch, leads: NDArray[np.int64]) -> Columns:
    """Columns that do not depend on the pollutant: calendar, place, weather.

    Args:
        batch: The issue times. Future weather is left out for tier `none`; where it is None for
            another tier, the columns are there and NaN.
        leads: Hours after the issue time, 1..96.
    """
    shape = (len(batch.issue_times), len(leads), len(batch.stations))
    columns = {**_calendar(batch, leads), **_place(batch.stations), **_past_weather(batch)}
    if batch.tier != "none":
        columns |= _future_weather(batch, leads)
    return Columns(columns, shape)


def past_of(batch: IssueBatch) -> Past:
    """The last DAYS_BACK days of a batch, once for all pollutants."""
    here = padded(batch.history, HOURS_BACK)
    return Past(here, city_mean(here, batch.stations))


def own(past: Past, pollutant: str, leads: NDArray[np.int64]) -> Columns:
    """Columns of one pollutant: its past at the station and in the city, and the others' levels.

    Args:
        past: `past_of` a batch.
        pollutant: One of schema.POLLUTANTS.
        leads: Hours after the issue time, 1..96.
    """
    shape = (past.here.shape[0], len(leads), past.here.shape[2])
    i = POLLUTANTS.index(pollutant)
    city = past.city
    here, town = past.here[..., i], city[..., i]
    columns = _levels("own", here) | _same_hour("own", here, leads)
    columns |= {
        "own_max24": _lead_axis(_extreme(here[:, -24:], np.fmax)),
        "own_min24": _lead_axis(_extreme(here[:, -24:], np.fmin)),
        "own_max72": _lead_axis(_extreme(here[:, -72:], np.fmax)),
        "own_trend6": _lead_axis(mean(here[:, -3:]) - mean(here[:, -6:-3])),
        "own_trend24": _lead_axis(mean(here[:, -24:]) - mean(here[:, -48:-24])),
        "own_mean168": _lead_axis(mean(here)),
    }
    town_levels = _levels("city", town) | _same_hour("city", town, leads)
    columns |= {k: v for k, v in town_levels.items() if k not in ("city_mean3", "city_mean12")}
    columns["city_trend6"] = _lead_axis(mean(town[:, -3:]) - mean(town[:, -6:-3]))
    columns["city_mean168"] = _lead_axis(mean(town))
    for j, other in enumerate(POLLUTANTS):
        if other != pollutant:
            columns[f"{other}_last"] = _lead_axis(_last(city[..., j]))
            columns[f"{other}_mean24"] = _lead_axis(mean(city[:, -24:, :, j]))
    return Columns(columns, shape)


def names(pollutant: str, *, weather: bool) -> tuple[str, ...]:
    """Names of the columns of a model, shared ones first.

    Args:
        pollutant: One of schema.POLLUTANTS.
        weather: Whether future weather is among them (every tier but `none`).
    """
    blank = np.full((1, 1, 1, len(POLLUTANTS)), np.nan, dtype=np.float32)
    air = np.full((1, 1, 1, len(WEATHER)), np.nan, dtype=np.float32)
    place = pd.DataFrame(
        {"latitude": [0.0], "longitude": [0.0], "tier": ["city"], "reference": [True]}
    )
    batch = IssueBatch(
        pd.DatetimeIndex(["2000-01-01"]), pd.Timedelta(0), place, blank, air, None,
        "perfect" if weather else "none",
    )  # fmt: skip
    leads = np.array([1])
    return shared(batch, leads).names + own(past_of(batch), pollutant, leads).names


def city_mean(values: Floats, stations: pd.DataFrame) -> Floats:
    """Mean over the reference stations, over all where none of them has a value.

    Args:
        values: (issue, hour, station, variable), NaN = missing.
        stations: One row per station; background sites are left out where others report.

    Returns:
        (issue, hour, 1, variable), NaN where no station has a value.
    """
    everyone = mean(values, axis=2)
    kept = stations["reference"].to_numpy(dtype=bool)
    if "background" in stations:
        kept = kept & ~stations["background"].to_numpy(dtype=bool)
    if kept.any():
        few = mean(values[:, :, kept], axis=2)
        everyone = np.where(np.isnan(few), everyone, few)
    return everyone[:, :, None, :]


# The past of a pollutant: arrays (issue, hour, station) in, (issue, lead or 1, station) out.


def _levels(prefix: str, past: Floats) -> dict[str, Floats]:
    found = {f"{prefix}_last": _lead_axis(_last(past))}
    for hours in MEAN_HOURS:
        found[f"{prefix}_mean{hours}"] = _lead_axis(mean(past[:, -hours:]))
    return found


def _same_hour(prefix: str, past: Floats, leads: NDArray[np.int64]) -> dict[str, Floats]:
    """Values at the local hour of the valid time, on the last days before the issue time."""
    newest = past.shape[1] - 1 + leads - 24 * -(-leads // 24)
    days = past[:, newest[:, None] - 24 * np.arange(DAYS_BACK)[None, :]]  # issue lead day station
    return {
        f"{prefix}_hour_1d": days[:, :, 0],
        f"{prefix}_hour_3d": mean(days[:, :, :3], axis=2),
        f"{prefix}_hour_7d": mean(days, axis=2),
    }


def _last(past: Floats) -> Floats:
    out = past[:, -1].copy()
    for back in range(2, FRESH_HOURS + 1):
        out = np.where(np.isnan(out), past[:, -back], out)
    return out


# Calendar and place.


def _calendar(batch: IssueBatch, leads: NDArray[np.int64]) -> dict[str, Floats]:
    issue = (batch.issue_times + batch.offset).to_numpy().astype("datetime64[h]")
    # A stamp ends its hour: the hour before the stamp says which day and weekday it belongs to.
    began = issue[:, None] + (leads - 1)[None, :] * _PER_HOUR
    days = began.astype("datetime64[D]")
    angle = (days - days.astype("datetime64[Y]")).astype(np.float64) / 365.25 * 2 * np.pi
    hour = (began - days).astype(np.float64)
    weekday = (days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    columns = {
        "lead": np.broadcast_to(leads.astype(np.float64), hour.shape),
        "hour": hour,
        "weekday": weekday.astype(np.float64),
        "year_sin": np.sin(angle),
        "year_cos": np.cos(angle),
    }
    return {k: v[:, :, None].astype(np.float32) for k, v in columns.items()}


def _place(stations: pd.DataFrame) -> dict[str, Floats]:
    tier = stations["tier"].map({t: i for i, t in enumerate(TIERS)}).to_numpy(dtype=np.float32)
    return {
        "latitude": stations["latitude"].to_numpy(dtype=np.float32)[None, None, :],
        "longitude": stations["longitude"].to_numpy(dtype=np.float32)[None, None, :],
        "tier": tier[None, None, :],
    }


# Weather. A series is (issue, hour, station or 1); its hours end `after` hours past the issue.


def _past_weather(batch: IssueBatch) -> dict[str, Floats]:
    air = derived(city_mean(padded(batch.history_weather, 72), batch.stations))
    found = {
        "past_speed6": mean(air["speed"][:, -6:]),
        "past_speed24": mean(air["speed"][:, -24:]),
        "past_speed72": mean(air["speed"]),
        "past_u24": mean(air["u10"][:, -24:]),
        "past_v24": mean(air["v10"][:, -24:]),
        "past_t2m24": mean(air["t2m"][:, -24:]),
        "past_depression24": mean(air["depression"][:, -24:]),
        "past_depression3": mean(air["depression"][:, -3:]),
        "past_sp3": mean(air["sp"][:, -3:]),
        "past_sp_change24": mean(air["sp"][:, -3:]) - mean(air["sp"][:, -27:-24]),
        "past_rain24": mean(air["tp"][:, -24:]),
    }
    return {k: _lead_axis(v) for k, v in found.items()}


def _future_weather(batch: IssueBatch, leads: NDArray[np.int64]) -> dict[str, Floats]:
    before = padded(batch.history_weather, 72)
    future = batch.future_weather
    if future is None:
        future = np.full((before.shape[0], int(leads.max()), *before.shape[2:]), np.nan, np.float32)
    air = np.concatenate([before, future], axis=1)
    now = before.shape[1] - 1
    at = now + leads
    here = derived(air)
    town = derived(city_mean(air, batch.stations))
    columns = {f"at_{k}": here[k][:, at] for k in here if k != "humidity"}
    columns |= {f"here_{k}": v for k, v in _running(here, at, HERE_SPANS).items()}
    columns |= {f"city_{k}": v for k, v in _running(town, at, CITY_SPANS).items()}
    # 1 - distance between ends / path: near 1 the same air comes back.
    for hours in (24, 72):
        path = _window_mean(town["speed"], at, hours)
        u, v = (_window_mean(town[k], at, hours) for k in ("u10", "v10"))
        net = np.hypot(u, v)
        columns[f"city_recirculation_{hours}"] = _float32(1 - net / np.maximum(path, 0.1))
    columns["city_sp_change6"] = town["sp"][:, at] - town["sp"][:, at - 6]
    columns["city_sp_change24"] = town["sp"][:, at] - town["sp"][:, at - 24]
    columns["city_sp_since"] = town["sp"][:, at] - town["sp"][:, now : now + 1]
    columns["city_t2m_change24"] = town["t2m"][:, at] - town["t2m"][:, at - 24]
    ahead = {k: v[:, now + 1 :] for k, v in town.items()}
    step = leads - 1
    for name, key in (("speed", "speed"), ("u", "u10"), ("v", "v10"), ("rain", "tp")):
        columns[f"since_{name}"] = _since(ahead[key])[:, step]
    columns["since_max_speed"] = np.fmax.accumulate(ahead["speed"], axis=1)[:, step]
    return columns


def derived(air: Floats) -> dict[str, Floats]:
    """Series of WEATHER and what follows from them: speed, depression, humidity, ventilation."""
    found = {name: air[..., i] for i, name in enumerate(WEATHER) if name != "d2m"}
    d2m = air[..., WEATHER.index("d2m")]
    speed = np.hypot(found["u10"], found["v10"])
    return found | {
        "speed": speed,
        "depression": found["t2m"] - d2m,
        "humidity": 100 * np.exp(_magnus(d2m) - _magnus(found["t2m"])),
        "ventilation": speed * found["blh"],
    }


def _magnus(kelvin: Floats) -> Floats:
    """Log of saturation vapour pressure over water (WMO-No. 8, annex 4.B), constant left out."""
    celsius = kelvin - np.float32(273.15)
    return np.asarray(17.62 * celsius / (243.12 + celsius), dtype=np.float32)


def _running(
    air: Mapping[str, Floats], at: NDArray[np.int64], spans: Mapping[str, tuple[int, ...]]
) -> dict[str, Floats]:
    return {
        f"{name}_{hours}": _window_mean(air[name], at, hours)
        for name, many in spans.items()
        for hours in many
    }


def _window_mean(series: Floats, at: NDArray[np.int64], hours: int) -> Floats:
    """Mean of the `hours` hours that end at index `at`, of those that are known; NaN below half."""
    known = np.isfinite(series)
    zero = np.zeros_like(series[:, :1], dtype=np.float64)
    total = np.concatenate([zero, np.cumsum(np.where(known, series, 0.0), axis=1)], axis=1)
    count = np.concatenate([zero, np.cumsum(known, axis=1)], axis=1)
    first = np.maximum(at + 1 - hours, 0)
    n = count[:, at + 1] - count[:, first]
    mean = (total[:, at + 1] - total[:, first]) / np.maximum(n, 1)
    return np.where(2 * n >= hours, mean, np.nan).astype(np.float32)


def _since(series: Floats) -> Floats:
    """Mean from lead 1 to each lead, of known hours."""
    known = np.isfinite(series)
    n = np.cumsum(known, axis=1)
    mean = np.cumsum(np.where(known, series, 0.0), axis=1) / np.maximum(n, 1)
    return np.where(n > 0, mean, np.nan).astype(np.float32)


def padded(history: Floats, hours: int) -> Floats:
    """The last `hours` hours, NaN before the start of a shorter history."""
    have = history.shape[1]
    if have >= hours:
        return history[:, have - hours :]
    blank = np.full((history.shape[0], hours - have, *history.shape[2:]), np.nan, np.float32)
    return np.concatenate([blank, history], axis=1)


def mean(values: Floats, axis: int = 1) -> Floats:
    """Mean of known values, NaN where none is known."""
    known = np.isfinite(values)
    n = known.sum(axis=axis)
    mean = np.where(known, values, 0.0).sum(axis=axis) / np.maximum(n, 1)
    return np.where(n > 0, mean, np.nan).astype(np.float32)


def _extreme(values: Floats, ufunc: np.ufunc) -> Floats:
    return np.asarray(ufunc.reduce(values, axis=1), dtype=np.float32)


def _float32(values: NDArray[Any]) -> Floats:
    return np.asarray(values, dtype=np.float32)


def _lead_axis(values: Floats) -> Floats:
    return values[:, None]
