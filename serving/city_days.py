"""The city's observed days: daily index and primary pollutants from the home's readings.

Only the stations that make the city value are read, so that a page may ask for it; values that
failed a test of quality are left out. A day with a gap has no index unless what there is exceeds
100 (forecast.verify.observed). Readings of hours after `until` are not used.
"""

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from forecast import areas, history, quality_limits, stations
from forecast.config import CityConfig
from forecast.problems import DataError
from forecast.schema import CITY_AREA, POLLUTANTS
from forecast.verify import observed

_DAY: Final = pd.Timedelta(days=1)
_RUN_IN: Final = pd.Timedelta(days=3)  # hours before, for tests of quality that look back


@dataclass(frozen=True)
class CityDay:
    """One observed natural day."""

    aqi: int
    primary: tuple[str, ...]  # none at 50 or less


def between(
    config: CityConfig, home: Path, first: dt.date, last: dt.date, *, until: dt.datetime
) -> dict[dt.date, CityDay]:
    """Observed days from `first` to `last`, those that are over and known.

    Args:
        config: The city.
        home: LANTIAN_HOME.
        first: Local date.
        last: Local date.
        until: Naive UTC; a day that ends later is not over.

    Returns:
        By date; a day that is not over or not known is not in it. Empty without readings.
    """
    over = ((pd.Timestamp(until) + config.offset).normalize() - _DAY).date()
    last = min(last, over)
    if last < first:
        return {}
    source = (config.stations, config.quality, config.standard, config.offset)
    return dict(_between(source, home, first, last, _stamps(home, first, last)))


def _stamps(home: Path, first: dt.date, last: dt.date) -> tuple[tuple[str, int], ...]:
    """The months' files and when they changed: what was read holds until then."""
    months = pd.period_range(
        pd.Timestamp(first) - _RUN_IN - _DAY, pd.Timestamp(last) + _DAY, freq="M"
    )
    files = [home / "observations" / f"{m}.nc" for m in pd.period_range(months[0], months[-1])]
    return tuple((p.name, p.stat().st_mtime_ns) for p in files if p.is_file())


@lru_cache(maxsize=16)
def _between(
    source: tuple[Path, Path, str, pd.Timedelta], home: Path, first: dt.date, last: dt.date,
    stamps: tuple[tuple[str, int], ...],
) -> tuple[tuple[dt.date, CityDay], ...]:  # fmt: skip
    if not stamps:
        return ()
    where, limits, standard, offset = source
    register = stations.load(where)
    own = register[areas.points(register)]
    begin = pd.Timestamp(first) - offset + pd.Timedelta(hours=1)
    end = pd.Timestamp(last) + _DAY - offset
    try:
        known = history.load(
            home, own, quality_limits.load(limits), start=begin - _RUN_IN, end=end
        ).usable.sel(time=slice(begin, end))
    except DataError:
        return ()
    days = observed.days(known, (CITY_AREA,), standard, offset)
    made = []
    for date, value, mask in zip(days.dates, days.aqi[:, 0], days.primary[:, 0], strict=True):
        if np.isfinite(value):
            names = tuple(p for p, on in zip(POLLUTANTS, mask, strict=True) if on)
            made.append((pd.Timestamp(date).date(), CityDay(round(float(value)), names)))
    return tuple(made)
