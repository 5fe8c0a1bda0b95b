"""Statistics that a real and a simulated record are compared by. Takes tables, knows no files.

Daily tables: index = local days without gaps, columns = schema.POLLUTANTS (ozone: MDA8). Hourly
tables: index = local time at the BEGINNING of the hour, without gaps. NaN is missing everywhere.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Final

import numpy as np
import pandas as pd

from forecast import aqi, validity
from forecast.schema import POLLUTANTS
from forecast.standards import load

HEAVY: Final = 200  # AQI above it: heavily polluted
WINTER: Final = (11, 12, 1, 2, 3)
SEASONS: Final = {
    "spring": (3, 4, 5),
    "summer": (6, 7, 8),
    "autumn": (9, 10, 11),
    "winter": (12, 1, 2),
}
_EARTH_KM = 6371.0


def daily_of(hourly: pd.DataFrame) -> pd.DataFrame:
    """Daily means, and MDA8 of ozone, by the rules of validity; whole natural days."""
    first = hourly.index[0]
    values = validity.daily_from_hourly(
        hourly[list(POLLUTANTS)].to_numpy(), first_hour=first.hour + 1, axis=0
    )
    days = pd.date_range(first.normalize(), periods=len(values), freq="D")
    return pd.DataFrame(values, index=days, columns=list(POLLUTANTS))


def heavy_days(daily: pd.DataFrame) -> pd.Series:
    """1.0 where the day's AQI (HJ 633-2012, from concentrations) is above 200, NaN where none."""
    index = aqi.daily(daily[list(POLLUTANTS)].to_numpy(), load("hj633-2012")).aqi
    return pd.Series(np.where(np.isnan(index), np.nan, index > HEAVY), daily.index)


def episodes(heavy: pd.Series) -> list[tuple[int, int]]:
    """Runs of heavy days in winter (November to March).

    A day without a value neither ends an episode nor lengthens it.

    Returns:
        (winter, days) of each run; a winter is named by the year of its January.
    """
    found: list[tuple[int, int]] = []
    running = 0
    known = heavy.dropna()
    for day, now in known.items():
        stamp = pd.Timestamp(str(day))
        inside = stamp.month in WINTER
        winter = stamp.year + (stamp.month >= 11)
        if inside and now:
            running += 1
            if running == 1:
                found.append((winter, 1))
            else:
                found[-1] = (found[-1][0], running)
        else:
            running = 0
    return found


def winters(heavy: pd.Series) -> float:
    """How many winters a record covers, in parts."""
    known = heavy.dropna()
    days = sum(31 if m != 2 else 28.25 for m in WINTER) - 1  # November has 30
    return float(pd.DatetimeIndex(known.index).month.isin(WINTER).sum() / days)


def autocorrelation(values: np.ndarray, lag: int) -> float:
    """Correlation of a series with itself `lag` steps on; columns (time, station) are averaged."""
    table = values[:, None] if values.ndim == 1 else values
    each = [_correlation(column[:-lag], column[lag:]) for column in table.T]
    return float(np.nanmean(each))


def by_hour(hourly: pd.Series) -> np.ndarray:
    """Mean of each local hour relative to the mean of all 24 (24,)."""
    means = hourly.groupby(pd.DatetimeIndex(hourly.index).hour).mean().reindex(range(24)).to_numpy()
    return np.asarray(means / np.nanmean(means))


def weekend(daily: pd.Series) -> float:
    """Mean of Saturdays and Sundays relative to that of the other days, each week for itself.

    Each day is first divided by the mean of the 7 days around it, so that seasons and episodes
    longer than a week do not count.
    """
    around = daily.rolling(7, center=True, min_periods=5).mean()
    relative = daily / around
    rest = pd.DatetimeIndex(daily.index).day_of_week >= 5
    return float(relative[rest].mean() / relative[~rest].mean())


def correlations(daily: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Correlation of every pair of pollutants."""
    return {
        (a, b): _correlation(daily[a].to_numpy(), daily[b].to_numpy())
        for a, b in combinations(POLLUTANTS, 2)
    }


def by_distance(
    values: np.ndarray, latitude: np.ndarray, longitude: np.ndarray, edges_km: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean correlation between stations by the distance between them.

    Args:
        values: (time, station), NaN = missing.
        latitude: (station,) degrees.
        longitude: (station,) degrees.
        edges_km: Rising limits of the bins.

    Returns:
        Mean correlation per bin (NaN without a pair), and the number of pairs.
    """
    pairs = list(combinations(range(values.shape[1]), 2))
    km = np.array([_km(latitude, longitude, i, j) for i, j in pairs])
    r = np.array([_correlation(values[:, i], values[:, j]) for i, j in pairs])
    place = np.digitize(km, edges_km) - 1
    known = np.isfinite(r)
    mean, count = [], []
    for b in range(len(edges_km) - 1):
        mine = r[(place == b) & known]
        mean.append(mine.mean() if mine.size else np.nan)
        count.append(mine.size)
    return np.array(mean), np.array(count)


def season_hours(hourly: pd.Series) -> pd.DataFrame:
    """Mean by season and local hour: rows SEASONS, columns 0..23."""
    index = pd.DatetimeIndex(hourly.index)
    rows = {}
    for season, months in SEASONS.items():
        mine = np.isin(index.month, months)
        rows[season] = hourly[mine].groupby(index[mine].hour).mean().reindex(range(24))
    return pd.DataFrame(rows).T


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < 10:
        return float("nan")
    x, y = a[both].astype(float), b[both].astype(float)
    x, y = x - x.mean(), y - y.mean()
    size = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / size) if size > 0 else float("nan")


def _km(latitude: np.ndarray, longitude: np.ndarray, i: int, j: int) -> float:
    north = np.radians(latitude[i] - latitude[j])
    middle = np.radians((latitude[i] + latitude[j]) / 2)
    east = np.radians(longitude[i] - longitude[j]) * np.cos(middle)
    return float(_EARTH_KM * np.hypot(north, east))
