"""One month file of the store of observations: read whole, written whole.

The layout is told in forecast.observations, which alone uses this module.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import netCDF4
import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from forecast import schema
from forecast.files import replace_file
from forecast.problems import DataError, Problem

HOUR: Final = np.timedelta64(1, "h")
IMPORT: Final = ("source", "received", "files", "sha256", "new", "replaced")
REVISION: Final = ("time", "station", "variable", "old", "new", "import")
_EPOCH: Final = np.datetime64("1970-01-01", "ns")
_TIME_UNITS: Final = "hours since 1970-01-01"


@dataclass(frozen=True)
class Month:
    """One file in memory."""

    stations: pd.DataFrame
    values: Mapping[str, NDArray[np.float64]]  # (hour of the month, station)
    imports: pd.DataFrame
    revisions: pd.DataFrame
    simulated: str


def first_hour(stem: str) -> np.datetime64:
    """The first hour of a month named YYYY-MM."""
    return np.datetime64(f"{stem}-01", "ns")


@functools.lru_cache(maxsize=64)
def hours_of(stem: str) -> NDArray[np.datetime64]:
    """Every hour of a month."""
    end = (np.datetime64(stem, "M") + 1).astype("datetime64[ns]")
    hours = np.arange(first_hour(stem), end, HOUR)
    hours.flags.writeable = False
    return hours


def read(path: Path, variables: tuple[str, ...], *, history: bool) -> Month:
    """A month file, with the variables wanted of those it has.

    Raises:
        DataError: It cannot be read, or is no month file of this store.
    """
    try:
        with netCDF4.Dataset(path) as handle:
            handle.set_auto_mask(False)
            return _parsed(path, handle, variables, history=history)
    except (OSError, RuntimeError, KeyError, IndexError, AttributeError, ValueError) as error:
        expected = "a whole month file of the store (restore it, or delete it and import again)"
        raise DataError([Problem(str(path), f"unreadable: {error}", expected)]) from error


def _parsed(path: Path, handle: Any, variables: tuple[str, ...], *, history: bool) -> Month:
    units = handle["time"].units
    grid = _EPOCH + handle["time"][:].astype("int64") * HOUR
    if units != _TIME_UNITS or not np.array_equal(grid, hours_of(path.stem)):
        raise ValueError(f"time is not every hour of {path.stem}")
    table = pd.DataFrame({c: handle[c][:] for c in schema.STATION_COORDS})
    table.index = pd.Index(handle["station"][:].astype(str), name="station")
    for column in ("reference", "background"):
        table[column] = table[column].astype(bool)
    values = {}
    for name in (v for v in variables if v in handle.variables):
        found, expected = handle[name].units, schema.VARIABLES[name].units
        if found != expected:
            raise ValueError(f"{name} has units {found!r}, not {expected!r}")
        values[name] = np.asarray(handle[name][:], dtype=np.float64)
    imports, revisions = pd.DataFrame(columns=[*IMPORT]), pd.DataFrame(columns=[*REVISION])
    if history:
        imports = pd.DataFrame({c: handle[f"import_{c}"][:] for c in IMPORT})
        revisions = pd.DataFrame({c: handle[f"revision_{c}"][:] for c in REVISION})
        for table_, column, unit in ((imports, "received", "s"), (revisions, "time", "h")):
            stamps = table_[column].to_numpy().astype("int64").astype(f"datetime64[{unit}]")
            table_[column] = stamps.astype("datetime64[ns]")
    simulated = str(handle.simulated) if "simulated" in handle.ncattrs() else ""
    return Month(table, values, imports, revisions, simulated)


def write(path: Path, month: Month) -> None:
    """Put a month in the place of its file, whole or not at all."""
    ds = schema.dataset(hours_of(path.stem), month.stations, month.values)
    hours = (hours_of(path.stem) - _EPOCH) // HOUR
    clock = {"standard_name": "time", "units": _TIME_UNITS, "calendar": "standard", "axis": "T"}
    ds = ds.assign_coords(time=("time", hours.astype(np.int64), clock))
    ds["station"].attrs = {"cf_role": "timeseries_id", "long_name": "station code"}
    ds["latitude"].attrs = {"standard_name": "latitude", "units": "degrees_north"}
    ds["longitude"].attrs = {"standard_name": "longitude", "units": "degrees_east"}
    for column in ("reference", "background"):
        ds[column] = ds[column].astype(np.int8).assign_attrs(flag_values=np.array([0, 1], np.int8))
        ds[column].attrs["flag_meanings"] = "no yes"
    for dim, table in (("import", month.imports), ("revision", month.revisions)):
        for column in table.columns:
            ds[f"{dim}_{column}"] = _plain(dim, str(column), table[column])
    ds.attrs["time_stamp"] = "end of hour, UTC"
    if month.simulated:
        ds.attrs["simulated"] = month.simulated
    packed = {"zlib": True, "complevel": 3, "shuffle": True, "fletcher32": True}
    encoding: dict[str, Any] = {str(n): {"_FillValue": None} for n in ds.variables}
    for name in month.values:  # checksums, so that a flipped bit is an error and not a value
        encoding[name] = {**packed, "_FillValue": np.nan}
    replace_file(
        path, lambda p: ds.to_netcdf(p, engine="netcdf4", format="NETCDF4", encoding=encoding)
    )


def _plain(dim: str, column: str, values: "pd.Series[Any]") -> xr.Variable:
    """A column of provenance as a NetCDF variable."""
    if column in ("received", "time"):
        unit, words = ("s", "seconds") if column == "received" else ("h", "hours")
        stamps = values.to_numpy().astype("datetime64[ns]").astype(f"datetime64[{unit}]")
        return xr.Variable(dim, stamps.astype(np.int64), {"units": f"{words} since 1970-01-01"})
    if column in ("old", "new") and dim == "revision":
        return xr.Variable(dim, values.to_numpy(dtype=np.float64))
    if column in ("new", "replaced", "import"):
        return xr.Variable(dim, values.to_numpy(dtype=np.int64))
    return xr.Variable(dim, values.to_numpy(dtype=object))
