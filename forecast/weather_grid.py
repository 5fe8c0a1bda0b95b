"""Gridded files of other makers -> the schema's hourly fields.

Takes an opened dataset under ERA5, ECMWF or GFS names and gives one of the schema on
(time, latitude, longitude): both coordinates increasing, longitudes -180 .. 180, hourly valid
times. Which names, units and ways to accumulate are known is data: configs/weather/names.yaml.
Everything converted, spread or left out is said in notes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import numpy as np
import pandas as pd
import xarray as xr

from forecast import config
from forecast.problems import DataError, Problem
from forecast.schema import WEATHER, attrs_of
from forecast.weather_hours import HOUR, deaccumulated, interpolated, time_notes, valid_times

Family = Literal["era5", "ecmwf", "gfs"]
_GRID: Final = ("time", "latitude", "longitude")
_SECONDS: Final = 3600.0


class Field(config.Section):
    """How one of our variables appears outside."""

    kind: Literal["instantaneous", "sum", "flux"]
    names: dict[Literal["ecmwf", "gfs"], tuple[str, ...]]
    units: dict[str, tuple[float, float]]  # found -> factor, offset
    refused: tuple[str, ...] = ()
    refused_because: str = ""

    @property
    def every_name(self) -> tuple[str, ...]:
        """The names of all families."""
        return tuple(n for family in self.names.values() for n in family)


class Accumulation(config.Section):
    """When an accumulated field restarts."""

    reset_hours: int | None
    source: str


class Names(config.Section):
    """configs/weather/names.yaml."""

    variables: dict[str, Field]
    dimensions: dict[str, tuple[str, ...]]
    accumulation: dict[Family, Accumulation]
    max_step_hours: int


@dataclass(frozen=True)
class Fields:
    """One file's fields in the schema's names, units and hours."""

    data: xr.Dataset  # (time, latitude, longitude)
    family: Family
    issue_time: pd.Timestamp | None  # None: the file names no issue, it is an analysis
    notes: tuple[str, ...]


@lru_cache(maxsize=1)
def names() -> Names:
    """The table of names, units and accumulations."""
    path = config.configs_dir() / "weather" / "names.yaml"
    return config.validated(Names, config.read_yaml(path), path=path)


def harmonised(raw: xr.Dataset, *, where: str, issue_time: pd.Timestamp | None = None) -> Fields:
    """Bring a gridded dataset under the schema.

    Instantaneous fields are interpolated linearly to hours; accumulated ones become the sum (tp)
    or the mean flux (ssrd) of each hour, spread evenly over the step they were given for. A gap
    of more than `max_step_hours` stays NaN.

    Args:
        issue_time: Stands in where the file does not say (naive UTC).

    Raises:
        DataError: Unknown layout, units or variables, or an accumulated field that falls; each
            with file, variable, found and expected.
    """
    ds = _our_coordinates(raw, where)
    times, dim, issue = valid_times(ds, where=where, issue_time=issue_time)
    table = names()
    found = {v: n for v, f in table.variables.items() for n in f.every_name if n in ds}
    problems = _refusals(ds, found, where)
    if not found:
        have = f"variables {sorted(map(str, raw.data_vars))}"
        problems.append(Problem(where, have, "weather under ERA5, ECMWF or GFS names"))
    gfs = raw.attrs.get("GRIB_centre") == "kwbc" or any(  # cfgrib names all makers' fields alike
        n in table.variables[v].names.get("gfs", ()) for v, n in found.items()
    )
    family: Family = "gfs" if gfs else "ecmwf" if issue is not None else "era5"
    hourly = _hours_wanted(times, issue, table.max_step_hours)
    notes: list[str] = []
    arrays: dict[str, xr.DataArray] = {}
    for variable, name in found.items():
        units = str(ds[name].attrs.get("units"))
        if set(ds[name].dims) != {dim, "latitude", "longitude"}:
            expected = f"({dim}, latitude, longitude)"
            problems.append(Problem(f"{where}: {name}", f"dims {ds[name].dims}", expected))
        elif units not in table.variables[variable].units:
            expected = f"one of {sorted(table.variables[variable].units)}"
            problems.append(Problem(f"{where}: {name}", f"units {units!r}", expected))
        else:
            values = ds[name].transpose(dim, "latitude", "longitude").values.astype(np.float64)
            out, said, wrong = _hourly(values, units, variable, times, hourly, issue, family)
            notes += [f"{name}: {s}" for s in said]
            problems += [Problem(f"{where}: {name}", *w) for w in wrong]
            coords = {d: ds[d].values for d in ("latitude", "longitude")}
            arrays[variable] = xr.DataArray(
                out.astype(np.float32), {"time": hourly, **coords}, _GRID, attrs=attrs_of(variable)
            )
    if problems:
        raise DataError(problems)
    notes += time_notes(times, longest_hours=table.max_step_hours)
    if absent := [v for v in WEATHER if v not in arrays]:
        notes.append(f"not in the file: {' '.join(absent)}")
    data = xr.Dataset({v: arrays[v] for v in WEATHER if v in arrays})
    return Fields(_sorted_grid(_trimmed(data)), family, issue, tuple(notes))


def _hourly(
    values: np.ndarray,
    units: str,
    variable: str,
    times: pd.DatetimeIndex,
    hourly: pd.DatetimeIndex,
    issue: pd.Timestamp | None,
    family: Family,
) -> tuple[np.ndarray, list[str], list[tuple[str, str]]]:
    """One field in our unit at each hour, what was done to it, and what is wrong with it."""
    spec, rule = names().variables[variable], names().accumulation[family]
    longest = names().max_step_hours
    factor, offset = spec.units[units]
    said = [f"{units} converted to {attrs_of(variable)['units']}"] if factor != 1 or offset else []
    values = values * factor + offset
    if spec.kind == "instantaneous":
        return interpolated(values, times, hourly, longest_hours=longest), said, []
    mean = units.startswith("W")
    if mean:  # a mean of W m-2 over hours, times 3600, is the amount per hour that J m-2 is
        values = values * _SECONDS
    out, falls = deaccumulated(
        values,
        times,
        hourly,
        issue_time=issue,
        reset_hours=rule.reset_hours,
        mean=mean,
        longest_hours=longest,
    )
    how = "mean since the last restart" if mean else "accumulated"
    said.append(f"{how} ({rule.source}); ours is the {spec.kind} of each hour")
    if spec.kind == "flux":
        out = out / _SECONDS
    expected = f"no fall before a restart ({family}: every {rule.reset_hours or 'run'})"
    return out, said, [(f"a fall at {falls}", expected)] if falls is not None else []


def _hours_wanted(
    times: pd.DatetimeIndex, issue: pd.Timestamp | None, longest: int
) -> pd.DatetimeIndex:
    """From the first hour an amount may cover to the last valid time."""
    first = times[0]
    if issue is not None and first > issue:
        first = max(issue + HOUR, first - (longest - 1) * HOUR)
    return pd.date_range(first, times[-1], freq="h")


def _our_coordinates(raw: xr.Dataset, where: str) -> xr.Dataset:
    """Our names for the coordinates; dims of length 1 (member, level, surface) are dropped."""
    table = names().dimensions
    ds, problems = raw, []
    for ours in ("latitude", "longitude", "step", "reference"):
        theirs = next((n for n in table[ours] if n in ds.variables), None)
        if theirs is not None and theirs != ours:
            ds = ds.rename({theirs: ours})
        if ours in ("latitude", "longitude") and (theirs is None or ds[ours].ndim != 1):
            found = "absent" if theirs is None else f"dims {ds[ours].dims}"
            expected = f"one axis, named one of {list(table[ours])}"
            problems.append(Problem(f"{where}: {ours}", found, expected))
    if problems:
        raise DataError(problems)
    times = {"step"} if "step" in ds.dims else {"time", "valid_time"}
    keep = {"latitude", "longitude"} | times
    ds = ds.squeeze([d for d, n in ds.sizes.items() if n == 1 and d not in keep])
    for dim in ("time", "valid_time"):
        if dim in ds.dims and "step" in ds.dims:
            problems.append(Problem(f"{where}: {dim}", f"{ds.sizes[dim]} issues", "one in a file"))
    if problems:
        raise DataError(problems)
    return ds


def _refusals(ds: xr.Dataset, found: Mapping[str, str], where: str) -> list[Problem]:
    """Fields that look like ours and are not, where the right one is absent."""
    return [
        Problem(f"{where}: {name}", spec.refused_because, f"one of {list(spec.every_name)}")
        for variable, spec in names().variables.items()
        if variable not in found
        for name in spec.refused
        if name in ds
    ]


def _trimmed(ds: xr.Dataset) -> xr.Dataset:
    """Without the hours at either end in which nothing is known; gaps inside stay."""
    known = np.zeros(ds.sizes["time"], dtype=bool)
    for field in ds.data_vars.values():
        known |= np.isfinite(field.values).any(axis=(1, 2))
    rows = np.flatnonzero(known)
    return ds.isel(time=slice(int(rows[0]), int(rows[-1]) + 1)) if rows.size else ds


def _sorted_grid(ds: xr.Dataset) -> xr.Dataset:
    wrapped = (ds["longitude"].values.astype(np.float64) + 180.0) % 360.0 - 180.0
    attrs = {
        "latitude": {"units": "degrees_north", "standard_name": "latitude"},
        "longitude": {"units": "degrees_east", "standard_name": "longitude"},
    }
    moved = ds.assign_coords(
        latitude=("latitude", ds["latitude"].values.astype(np.float64), attrs["latitude"]),
        longitude=("longitude", wrapped, attrs["longitude"]),
    )
    return moved.sortby(["latitude", "longitude"])
