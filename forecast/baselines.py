"""Climatology and damped persistence: the yardsticks, and what is left when all else fails.

Both are fitted in seconds on an observation dataset and know no weather. Both answer for
stations they have never seen (from the area, else the network) and across gaps. They work on
weeks of data as on years: a season that was never observed is filled from the nearest one.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from forecast.batch import Floats, IssueBatch
from forecast.schema import MAX_LEAD, POLLUTANTS, QUANTILES, stations_frame
from forecast.seasons import (
    ALL_LEADS,
    by_day,
    mean,
    quantiles_of,
    season_hour,
    season_table,
    valid_times,
)

MIN_VALUES = 12  # fewer values of a station: its area's quantiles
LEVEL_HOURS = (3, 24)  # the two anomalies persistence starts from
LEAD_NODES = (1, 3, 6, 12, 24, 48, 72, 96)  # spread of its errors is known here
MIN_LEVEL = 6  # known hours of the last day without which there is no anomaly
MIN_ERRORS = 200  # fewer errors of a block: those of the whole day
MAX_ROWS = 300_000  # station x issue time that the dampings are fitted on
FOLDS = 5  # for its own errors it is fitted without the days in question,
FOLD_DAYS = 30  # in blocks of so many days at most
HOUR_BLOCK = 6  # and for each block of so many hours of the day
_N = len(POLLUTANTS)
_HOUR = pd.Timedelta(hours=1)


@dataclass(frozen=True)
class Climatology:
    """Quantiles by season, hour of the day and station."""

    trained_until: pd.Timestamp
    offset: pd.Timedelta
    stations: tuple[str, ...]
    areas: tuple[str, ...]
    # (season, hour, station + area + 1, POLLUTANTS, QUANTILES): stations, areas, network last.
    table: Floats

    @property
    def name(self) -> str:
        """The name in files and tables."""
        return "climatology"

    def quantiles(self, batch: IssueBatch) -> Floats:
        """Quantiles (issue, lead, station, POLLUTANTS, QUANTILES); NaN where nobody ever measured
        a pollutant."""
        return self.at(batch.issue_times, batch.stations)

    def at(self, issue_times: pd.DatetimeIndex, stations: pd.DataFrame) -> Floats:
        """The same for issue times and stations, known or not."""
        valid = valid_times(issue_times)
        season, hour = season_hour(valid, self.offset)
        rows = self.rows(stations)
        return self.table[season[:, :, None], hour[:, :, None], rows[None, None, :]]

    def rows(self, stations: pd.DataFrame) -> NDArray[np.int64]:
        """Rows of the table: the station, else its area, else the network."""
        order = {s: i for i, s in enumerate(self.stations)}
        area = {a: len(order) + i for i, a in enumerate(self.areas)}
        last = len(order) + len(area)
        pairs = zip(stations.index.astype(str), stations["area"].astype(str), strict=True)
        return np.array([order.get(s, area.get(a, last)) for s, a in pairs])


@dataclass(frozen=True)
class DampedPersistence:
    """Climatology plus the anomaly of the last hours and of the last day, damped with lead.

    Works on z = log(1 + c / scale of the pollutant), where errors of all levels are alike. The
    two dampings are least squares by pollutant and lead; quantiles are those of its own errors
    by lead and block of the day. A station that reported nothing in the last day gets the
    climatology.
    """

    trained_until: pd.Timestamp
    climatology: Climatology
    scale: Floats  # (POLLUTANTS)
    level: Floats  # (season, hour, station + area + 1, POLLUTANTS), mean z
    damping: Floats  # (2, lead, POLLUTANTS) of LEVEL_HOURS
    errors: Floats  # (LEAD_NODES, hour block, POLLUTANTS, QUANTILES), in z

    @property
    def name(self) -> str:
        """The name in files and tables."""
        return "persistence"

    def quantiles(self, batch: IssueBatch) -> Floats:
        """Quantiles (issue, lead, station, POLLUTANTS, QUANTILES)."""
        rows = self.climatology.rows(batch.stations)
        offset = self.climatology.offset
        past = _z(batch.history[:, -LEVEL_HOURS[-1] :], self.scale)
        hours = past.shape[1]
        back = np.arange(hours - 1, -1, -1) * np.timedelta64(1, "h")
        then = batch.issue_times.to_numpy()[:, None] - back[None, :]
        season, hour = season_hour(then, offset)
        anomaly = past - self.level[season, hour][:, :, rows]
        start = np.stack([_recent(anomaly, h) for h in LEVEL_HOURS])
        season, hour = season_hour(valid_times(batch.issue_times), offset)
        middle = self.level[season, hour][:, :, rows]
        middle = middle + np.einsum("klp,kisp->ilsp", self.damping, start)
        spread = self._spread(hour)
        found = _concentration(middle[..., None] + spread[:, :, None], self.scale[:, None])
        plain = self.climatology.at(batch.issue_times, batch.stations)
        return np.where(np.isfinite(found), found, plain).astype(np.float32)

    def _spread(self, hour: NDArray[np.int64]) -> Floats:
        """Errors (issue, lead, POLLUTANTS, QUANTILES), linear in lead between the nodes."""
        node = np.array(LEAD_NODES)
        upper = np.clip(np.searchsorted(node, ALL_LEADS), 1, len(node) - 1)
        weight = (ALL_LEADS - node[upper - 1]) / (node[upper] - node[upper - 1])
        w = weight[None, :, None, None].astype(np.float32)
        block = hour // HOUR_BLOCK
        low, high = self.errors[upper - 1, block], self.errors[upper, block]
        return np.asarray((1 - w) * low + w * high, dtype=np.float32)


def fit_climatology(obs: xr.Dataset, until: pd.Timestamp, offset: pd.Timedelta) -> Climatology:
    """Fit a climatology.

    Args:
        obs: Schema dataset on a complete hourly grid, NaN = missing.
        until: Last hour used (naive UTC).
        offset: Local time minus UTC.

    Raises:
        DataError: No hour up to `until`.
    """
    days, first = by_day(obs, until, offset)
    stations = stations_frame(obs)
    areas = tuple(sorted(set(stations["area"].astype(str))))
    table = season_table(days, first, stations, areas, lambda x: quantiles_of(x, MIN_VALUES))
    return Climatology(until, offset, tuple(stations.index.astype(str)), areas, table)


def fit_persistence(
    obs: xr.Dataset, until: pd.Timestamp, offset: pd.Timedelta
) -> DampedPersistence:
    """Fit damped persistence; arguments as `fit_climatology`.

    Raises:
        DataError: No hour up to `until`.
    """
    climatology = fit_climatology(obs, until, offset)
    days, first = by_day(obs, until, offset)
    middle = quantiles_of(days.reshape(-1, _N), 1)[:, QUANTILES.index(0.5)]
    scale = np.where(middle > 0, middle, 1.0).astype(np.float32)
    days = _z(days, scale)
    level = season_table(days, first, stations_frame(obs), climatology.areas, mean)
    anomaly = _held_out_anomaly(days, first, stations_frame(obs), climatology.areas)
    hour = np.tile(np.arange(24), len(days))
    damping, errors = _damping(anomaly, hour)
    return DampedPersistence(until, climatology, scale, level, damping, errors)


def _held_out_anomaly(
    days: Floats, first: pd.Timestamp, stations: pd.DataFrame, areas: tuple[str, ...]
) -> Floats:
    """Anomaly (hour, station, POLLUTANTS) of each day from a level that did not know its days.

    Against a level that had seen them, errors would look smaller than those to come.
    """
    length = int(np.clip(len(days) // FOLDS, 1, FOLD_DAYS))
    fold = np.arange(len(days)) // length % FOLDS
    ends = pd.date_range(first + _HOUR, periods=len(days), freq="D")
    season, _ = season_hour(ends, pd.Timedelta(0))
    out = np.full_like(days, np.nan)
    for f in range(FOLDS):
        others = np.where((fold == f)[:, None, None, None], np.nan, days)
        level = season_table(others, first, stations, areas, mean)[:, :, : days.shape[2]]
        out[fold == f] = days[fold == f] - level[season[fold == f]]
    return out.reshape(-1, *days.shape[2:])


def _damping(anomaly: Floats, hour: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Dampings (2, lead, POLLUTANTS) and errors (LEAD_NODES, hour block, POLLUTANTS, QUANTILES).

    Args:
        anomaly: (hour, station, POLLUTANTS) in z.
        hour: Hour of the day of each.
    """
    stations = max(anomaly.shape[1], 1)
    # An odd step, prime to 24, so that every hour of the day is an issue time now and then.
    step = max(1, len(anomaly) * stations // MAX_ROWS)
    step += next(k for k in range(24) if np.gcd(step + k, 24) == 1)
    issues = np.arange(LEVEL_HOURS[-1] - 1, len(anomaly) - 1, step)
    start = np.stack([_recent_at(anomaly, issues, h) for h in LEVEL_HOURS])
    damping = np.zeros((len(LEVEL_HOURS), MAX_LEAD, _N), dtype=np.float32)
    blocks = 24 // HOUR_BLOCK
    errors = np.zeros((len(LEAD_NODES), blocks, _N, len(QUANTILES)), dtype=np.float32)
    for lead in ALL_LEADS:
        kept = issues + lead < len(anomaly)
        a, y = start[:, kept], anomaly[issues[kept] + lead]
        damping[:, lead - 1] = _least_squares(a, y)
        if lead not in LEAD_NODES:
            continue
        e = y - np.einsum("kp,kisp->isp", damping[:, lead - 1], a)
        block = hour[issues[kept] + lead] // HOUR_BLOCK
        whole = quantiles_of(e.reshape(-1, _N), 1)
        for b in range(blocks):
            part = quantiles_of(e[block == b].reshape(-1, _N), MIN_ERRORS)
            errors[LEAD_NODES.index(lead), b] = np.where(np.isnan(part), whole, part)
    # A lead longer than the record has no error of its own: the longest one known before it.
    for n in range(1, len(LEAD_NODES)):
        errors[n] = np.where(np.isnan(errors[n]), errors[n - 1], errors[n])
    return damping, errors


def _least_squares(a: Floats, y: Floats) -> Floats:
    """Two dampings (2, POLLUTANTS) of starts a (2, issue, station, p) for y (issue, station, p)."""
    known = np.isfinite(y) & np.isfinite(a).all(axis=0)
    a0, a1 = (np.where(known, x, 0.0).astype(np.float64) for x in a)
    y0 = np.where(known, y, 0.0)
    axis = (0, 1)
    s00, s11, s01 = ((u * v).sum(axis=axis) for u, v in ((a0, a0), (a1, a1), (a0, a1)))
    r0, r1 = ((u * y0).sum(axis=axis) for u in (a0, a1))
    ridge = 1.0  # in z squared: no damping from a handful of hours
    s00, s11 = s00 + ridge, s11 + ridge
    det = s00 * s11 - s01**2
    return np.stack([(s11 * r0 - s01 * r1) / det, (s00 * r1 - s01 * r0) / det])


def _recent_at(anomaly: Floats, issues: NDArray[np.int64], hours: int) -> Floats:
    longest = LEVEL_HOURS[-1]
    rows = issues[:, None] - np.arange(longest - 1, -1, -1)[None, :]
    out = np.empty((len(issues), *anomaly.shape[1:]), dtype=np.float32)
    for part in range(0, len(issues), 200):  # bounds memory for large networks
        out[part : part + 200] = _recent(anomaly[rows[part : part + 200]], hours)
    return out


def _recent(anomaly: Floats, hours: int) -> Floats:
    """Mean anomaly of the last `hours` hours; of the last day where they are missing.

    Args:
        anomaly: (issue, hour, station, p), a day long.

    Returns:
        (issue, station, p); NaN where fewer than MIN_LEVEL hours of the day are known.
    """
    day = mean(np.moveaxis(anomaly, 1, 0))
    day = np.where(np.isfinite(anomaly).sum(axis=1) >= MIN_LEVEL, day, np.nan)
    last = mean(np.moveaxis(anomaly[:, -hours:], 1, 0))
    return np.where(np.isfinite(last) & np.isfinite(day), last, day).astype(np.float32)


def _z(conc: Floats, scale: Floats) -> Floats:
    return np.asarray(np.log1p(np.maximum(conc, 0) / scale), dtype=np.float32)


def _concentration(z: Floats, scale: Floats) -> Floats:
    return np.asarray(np.maximum(np.expm1(z), 0) * scale, dtype=np.float32)
