"""Hours, days and leads: UTC inside, local only at the edges.

A stamp is the END of its hour. A natural day is the 24 values stamped 01:00 .. 24:00 local, so
24:00 is written 00:00 of the next date. lead 1 is the first hour after the issue time; D+1 is
the natural day after the one the issue time lies in, and an issue at 00:00 local closes the day
before it: its D+1 is the day that begins (design, section 4).
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.schema import MAX_LEAD

DAYS = 3  # a run reaches the end of D+3
BEIJING_OFFSET = pd.Timedelta(hours=8)  # China keeps one time, UTC+8, without summer time


def in_nanoseconds(times: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """Stamps in ns; NaT before 1950 and from 2150 on, where nobody measures.

    A plain cast of a coarser unit wraps round silently: the year -1 becomes 1752.
    """
    days = times.astype("datetime64[D]")  # of any unit, without wrapping
    out = np.full(times.shape, np.datetime64("NaT"), dtype="datetime64[ns]")
    inside = (days >= np.datetime64("1950-01-01")) & (days < np.datetime64("2150-01-01"))
    out[inside] = times[inside].astype("datetime64[ns]")
    return out


def to_utc(local: pd.Timestamp, offset: pd.Timedelta = BEIJING_OFFSET) -> pd.Timestamp:
    """Naive UTC of a local time; a stamp with an offset of its own keeps that one."""
    if local.tzinfo is not None:
        return local.tz_convert("UTC").tz_localize(None)
    return local - offset


def to_local(utc: pd.Timestamp, offset: pd.Timedelta = BEIJING_OFFSET) -> pd.Timestamp:
    """Naive local time of a naive UTC stamp."""
    return utc + offset


def natural_day(
    times_utc: pd.DatetimeIndex, offset: pd.Timedelta = BEIJING_OFFSET
) -> pd.DatetimeIndex:
    """Local date (midnight stamp) of the natural day each end-of-hour stamp belongs to."""
    return pd.DatetimeIndex(times_utc + offset - pd.Timedelta(hours=1)).normalize()


def day_leads(
    issue_utc: pd.Timestamp, offset: pd.Timedelta = BEIJING_OFFSET
) -> list[tuple[int, int]]:
    """First and last lead of D+1, D+2, D+3: always 24 leads each, the last at most 96."""
    local = to_local(issue_utc, offset)
    rest = (24 - local.hour) % 24  # hours left of the issue's own natural day
    return [(rest + 24 * d + 1, rest + 24 * (d + 1)) for d in range(DAYS)]


def last_lead(issue_utc: pd.Timestamp, offset: pd.Timedelta = BEIJING_OFFSET) -> int:
    """The lead of the last hour of D+3 (72 .. 95)."""
    return day_leads(issue_utc, offset)[-1][1]


def lead_times(issue_utc: pd.Timestamp) -> pd.DatetimeIndex:
    """UTC stamps of leads 1 .. 96."""
    return pd.DatetimeIndex(issue_utc + pd.to_timedelta(np.arange(1, MAX_LEAD + 1), unit="h"))
