"""The home's observations as forecasters may see them: loaded, flagged, failed values set aside.

Takes a home, a register and the limits of quality; gives a dataset on a complete hourly grid. The
flags of an hour use that hour and earlier ones only (forecast.quality), so flagging a whole
series once tells a forecast nothing of its future.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import xarray as xr

from forecast import calibration_config, observations, quality, quality_limits, transfer
from forecast.problems import DataError, Problem
from forecast.schema import POLLUTANTS

_HOUR = pd.Timedelta(hours=1)


@dataclass(frozen=True)
class History:
    """Readings with their flags, and the copy forecasters see."""

    flagged: xr.Dataset  # values as they came, with <variable>_flag and <variable>_tests
    usable: xr.Dataset  # failed values are NaN
    calibration: xr.Dataset | None = None  # transfer.calibrate_network, where values were corrected

    def until(self, last: pd.Timestamp) -> "History":
        """The same up to and with an hour."""
        part = slice(None, last)
        made = None if self.calibration is None else self.calibration.sel(time=part)
        return History(self.flagged.sel(time=part), self.usable.sel(time=part), made)


def span(home: Path) -> tuple[pd.Timestamp, pd.Timestamp]:
    """First and last hour the store of a home could hold: whole months.

    Raises:
        DataError: The home holds no observations.
    """
    months = sorted(p.stem for p in (home / "observations").glob("????-??.nc"))
    if not months:
        where = str(home / "observations")
        raise DataError([Problem(where, "no month of observations", "lantian import first")])
    first, last = pd.Timestamp(months[0]), pd.Timestamp(months[-1])
    return first, last + pd.offsets.MonthBegin(1) - _HOUR


def load(
    home: Path,
    stations: pd.DataFrame,
    limits: quality_limits.Limits,
    *,
    start: pd.Timestamp | None = None,
    end: pd.Timestamp | None = None,
    calibrated: bool = False,
) -> History:
    """Observations of a home between two hours (UTC, inclusive; default: all there is).

    Args:
        home: LANTIAN_HOME.
        stations: Register.
        limits: Of the quality tests.
        start: First hour.
        end: Last hour.
        calibrated: Correct the lower tiers through the references (forecast.transfer: strictly
            online); sensors that are out are then missing from `usable`.

    Raises:
        DataError: No observations, or a month that cannot be read.
    """
    first, last = span(home)
    raw = observations.load(home, start or first, end or last, stations)
    flagged = quality.flag(raw, limits)
    usable = quality.usable(flagged)
    if not calibrated:
        return History(flagged, usable)
    made = transfer.calibrate_network(usable, calibration_config.load().network)
    better = {p: made[p].transpose("time", "station") for p in POLLUTANTS if p in made}
    return History(flagged, usable.assign(better), made)
