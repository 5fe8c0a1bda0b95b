"""Time in forecast files: valid times, and fields given every few hours brought to each hour.

Takes raw datasets whose coordinates carry our names and arrays (time, ...); knows nothing of
variables. Instantaneous fields are interpolated, accumulated ones differenced and spread evenly.
"""

from typing import Final

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from forecast.problems import DataError, Problem

Doubles = NDArray[np.float64]
HOUR: Final = pd.Timedelta(hours=1)
_PACKING: Final = 0.01  # a fall by less than this share of the field's maximum is packing noise


def valid_times(
    ds: xr.Dataset, *, where: str, issue_time: pd.Timestamp | None = None
) -> tuple[pd.DatetimeIndex, str, pd.Timestamp | None]:
    """Valid times of a file, the dimension they lie along, and the issue time if it names one.

    The issue time is the scalar `reference` coordinate, the attribute issue_time or
    forecast_reference_time, wgrib2's time:reference_date, or the scalar time beside steps
    (cfgrib's layout); `issue_time` stands in where the file says nothing.

    Raises:
        DataError: No decoded times, broken hours, wrong order, or several issues in one file.
    """
    issue = _stated_issue(ds, where)
    if "step" in ds.dims:
        if issue is None and "time" in ds.variables and ds["time"].size == 1:
            issue = _one(ds["time"])
        issue = issue if issue is not None else issue_time
        if issue is None:
            expected = "one issue time: a scalar time or reference time"
            raise DataError([Problem(f"{where}: step", "steps without it", expected)])
        return _increasing(pd.DatetimeIndex(issue + _steps(ds, where)), where), "step", issue
    issue = issue if issue is not None else issue_time
    dim = next((d for d in ("valid_time", "time") if d in ds.dims), None)
    if dim is None or ds[dim].dtype.kind != "M":
        found = f"dims {sorted(map(str, ds.dims))}"
        raise DataError([Problem(f"{where}: time", found, "decoded valid times or steps")])
    times = pd.DatetimeIndex(ds[dim].values.astype("datetime64[ns]"))
    return _increasing(times, where), dim, issue


def interpolated(
    values: Doubles, times: pd.DatetimeIndex, hourly: pd.DatetimeIndex, *, longest_hours: int
) -> Doubles:
    """Values (time, ...) at each hour, linear between neighbours.

    NaN outside the times, next to a NaN, and inside gaps of more than `longest_hours`.
    """
    position = _hours(hourly, times[0])
    known = _hours(times, times[0])
    right = np.clip(np.searchsorted(known, position, side="left"), 0, len(known) - 1)
    left = np.where(known[right] == position, right, np.maximum(right - 1, 0))
    width = known[right] - known[left]
    share = np.where(width > 0, (position - known[left]) / np.maximum(width, 1), 0.0)
    share = share.reshape((-1, *(1,) * (values.ndim - 1)))
    with np.errstate(invalid="ignore", over="ignore"):  # what no weather has is refused later
        between = values[left] * (1 - share) + values[right] * share
    out = np.where(share > 0, between, values[left])
    lost = (position < known[0]) | (position > known[-1]) | (width > longest_hours)
    out[lost] = np.nan
    return np.asarray(out, dtype=np.float64)


def deaccumulated(
    values: Doubles,
    times: pd.DatetimeIndex,
    hourly: pd.DatetimeIndex,
    *,
    issue_time: pd.Timestamp | None,
    reset_hours: int | None,
    mean: bool,
    longest_hours: int,
) -> tuple[Doubles, pd.Timestamp | None]:
    """Amount per hour of a field that accumulates from its last restart.

    Args:
        values: (time, ...), the amount since the last restart (`mean`: the mean over the hours
            since then).
        hourly: The hours wanted; each is the hour that ends at its stamp.
        issue_time: The first restart; None: every stamp is a restart's end (hourly fields).
        reset_hours: Hours between restarts; None = none after the issue time.
        longest_hours: An amount over more hours than this is not spread; its hours are NaN.

    Returns:
        (hour, ...) per hour, NaN where no amount covers it; and the first stamp at which the
        field falls without a restart, None if it nowhere does.
    """
    out = np.full((len(hourly), *values.shape[1:]), np.nan)
    tolerance = _PACKING * float(np.nanmax(np.abs(values), initial=0.0))
    origin = issue_time if issue_time is not None else times[0]
    elapsed = _hours(times, origin)
    first_row = _hours(hourly[:1], origin)[0]
    falls: pd.Timestamp | None = None
    amounts = values
    if issue_time is None:
        restarts = elapsed - (reset_hours or 1)
    elif reset_hours is None:
        restarts = np.zeros_like(elapsed)
    else:
        restarts = (elapsed - 1) // reset_hours * reset_hours
    if mean:
        amounts = values * (elapsed - restarts).reshape((-1, *(1,) * (values.ndim - 1)))
    for i, end in enumerate(elapsed):  # over the file's steps, whole fields at a time
        start, amount = restarts[i], amounts[i]
        if i and elapsed[i - 1] > start:
            start, amount = elapsed[i - 1], amounts[i] - amounts[i - 1]
        hours = end - start
        if hours <= 0 or hours > longest_hours or (issue_time is not None and end <= 0):
            continue
        if falls is None and bool((amount < -tolerance).any()):
            falls = times[i]
        rows = np.arange(start + 1, end + 1) - first_row
        out[rows[(rows >= 0) & (rows < len(hourly))]] = np.maximum(amount, 0.0) / hours
    return out, falls


def time_notes(times: pd.DatetimeIndex, *, longest_hours: int) -> list[str]:
    """What was done to the steps of a file, in words."""
    steps = np.diff(_hours(times, times[0]))
    if not len(steps) or steps.max() == 1:
        return []
    usual = sorted({int(s) for s in steps if 1 < s <= longest_hours})
    notes = []
    if usual:
        every = ", ".join(f"{s}-hourly" for s in usual)
        notes.append(f"{every} steps: interpolated to hours, accumulations spread evenly")
    if (long := steps[steps > longest_hours]).size:
        widest = f"{long.size} gaps of up to {long.max()} h"
        notes.append(f"{widest} are wider than {longest_hours} h and stay empty")
    return notes


def _stated_issue(ds: xr.Dataset, where: str) -> pd.Timestamp | None:
    if "reference" in ds.variables and ds["reference"].dtype.kind == "M":
        if ds["reference"].size != 1:
            problem = Problem(f"{where}: reference time", "several", "one issue in a file")
            raise DataError([problem])
        return _one(ds["reference"])
    stated = ds.attrs.get("issue_time") or ds.attrs.get("forecast_reference_time")
    if not stated and "time" in ds.variables:  # wgrib2 -netcdf writes 2026.01.01 00:00:00 UTC
        stated = str(ds["time"].attrs.get("reference_date", "")).replace(".", "-")
    if not stated:
        return None
    try:
        stamp = pd.Timestamp(str(stated).removesuffix(" UTC"))
    except ValueError as error:
        problem = Problem(f"{where}: issue time", repr(stated), "an ISO time in UTC")
        raise DataError([problem]) from error
    return stamp.tz_convert("UTC").tz_localize(None) if stamp.tzinfo is not None else stamp


def _steps(ds: xr.Dataset, where: str) -> pd.TimedeltaIndex:
    step = ds["step"]
    if step.dtype.kind == "m":
        return pd.TimedeltaIndex(step.values.astype("timedelta64[ns]"))
    units = str(step.attrs.get("units", "hours"))
    if units not in ("h", "hr", "hour", "hours"):
        raise DataError([Problem(f"{where}: step", f"units {units!r}", "hours")])
    return pd.to_timedelta(step.values.astype(float), unit="h")


def _increasing(times: pd.DatetimeIndex, where: str) -> pd.DatetimeIndex:
    if len(times) == 0 or times.has_duplicates or not times.is_monotonic_increasing:
        found = "empty, repeated or out of order"
        raise DataError([Problem(f"{where}: time", found, "increasing times")])
    if (times != times.floor("h")).any():
        raise DataError([Problem(f"{where}: time", "broken hours", "full hours")])
    return times


def _one(stamp: xr.DataArray) -> pd.Timestamp:
    return pd.Timestamp(stamp.values.astype("datetime64[ns]").ravel()[0])


def _hours(times: pd.DatetimeIndex, origin: pd.Timestamp) -> NDArray[np.int64]:
    return np.asarray((times - origin) // HOUR, dtype=np.int64)
