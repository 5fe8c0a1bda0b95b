"""NetCDF in the schema's shape, source name `netcdf`: what another part or a partner wrote.

File: variables of forecast.schema with their `units` attribute, dims (time, station); `time` is
CF time in UTC, ends of hours; `station` holds codes, names or aliases of the register. Units that
differ are reported and the variable is left out: nothing is converted. Rows in reports count
stamps, the first being 1.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from forecast.importers.rows import Imported, Rows, assemble, known_stations
from forecast.importers.sources import Source, sources
from forecast.importers.table import MEDIANS, SIGNED, same_units
from forecast.importers.tables import implausible, listed
from forecast.problems import Problem
from forecast.schema import VARIABLES
from forecast.timing import in_nanoseconds

SUFFIXES: Final = (".nc", ".nc4")
NOTES: Final = ("netcdf: stamps taken as UTC ends of hours",)


def read(paths: Sequence[Path], stations: pd.DataFrame) -> Imported:
    """Read files of this shape; what is wrong is reported and costs nothing else.

    Where a file says that it is simulated, so does the result.
    """
    parts: list[Rows] = []
    problems: list[Problem] = []
    files: dict[str, str] = {}
    simulated: list[str] = []
    count = 0
    for source in sources(paths, suffixes=SUFFIXES):
        if isinstance(source, Problem):
            problems.append(source)
            continue
        opened = _opened(source)
        if isinstance(opened, Problem):
            problems.append(opened)
            continue
        part, found = _rows(source.name, opened, stations)
        problems += found
        parts += part
        count += opened.sizes.get("time", 0)
        files[source.file] = source.sha256
        if opened.attrs.get("simulated"):
            simulated.append(str(opened.attrs["simulated"]))
    dataset, clashes, said = assemble(parts, stations)
    if simulated:
        dataset = dataset.assign_attrs(simulated="+".join(dict.fromkeys(simulated)))
    return Imported(dataset, (*problems, *clashes), (*NOTES, *said), count, tuple(files.items()))


def _opened(source: Source) -> xr.Dataset | Problem:
    import netCDF4

    try:
        with netCDF4.Dataset("memory.nc", memory=source.content) as handle:
            store = xr.backends.NetCDF4DataStore(handle)  # type: ignore[no-untyped-call]
            return xr.open_dataset(store).load()
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        return Problem(source.name, f"unreadable: {error}", "a whole NetCDF file")


def _rows(where: str, ds: xr.Dataset, stations: pd.DataFrame) -> tuple[list[Rows], list[Problem]]:
    shape = {"time", "station"}
    if not shape <= set(ds.coords) or ds["time"].dtype.kind != "M":
        found = f"coordinates {sorted(map(str, ds.coords))}"
        return [], [Problem(where, found, "coordinates time (CF, UTC) and station")]
    problems = []
    arrays: dict[str, NDArray[np.float64]] = {}
    for name in (v for v in VARIABLES if v in ds):
        variable, units = ds[name], VARIABLES[name].units
        found_units = str(variable.attrs.get("units"))
        if not same_units(found_units, units):
            expected = f"{units!r}; variable left out"
            problems.append(Problem(f"{where}: {name}", f"units {found_units!r}", expected))
        elif set(variable.dims) != shape:
            problems.append(Problem(f"{where}: {name}", f"dims {variable.dims}", "time, station"))
        else:
            arrays[name] = variable.transpose("time", "station").to_numpy().astype("float64")
    if not arrays:
        found = f"variables {sorted(map(str, ds.data_vars))}"
        problems.append(Problem(where, found, f"at least one of {list(VARIABLES)}"))
        return [], problems
    time = in_nanoseconds(ds["time"].to_numpy())
    off = np.isnat(time) | (time.astype("datetime64[h]").astype("datetime64[ns]") != time)
    if off.any():
        found = f"{time[off][0]} in {listed(np.flatnonzero(off) + 1)}"
        problems.append(Problem(f"{where}: time", found, "full hours; left out"))
        time = np.where(off, np.datetime64("NaT"), time)
    names = pd.Series(ds["station"].to_numpy().astype(str))
    codes, found_names = known_stations(names, stations, where=where)
    problems += found_names
    for name, array in arrays.items():
        wrong = np.isinf(array) | ((array < 0) & (name not in SIGNED))
        if wrong.any():
            found = f"{array[wrong][0]:g} in {listed(np.flatnonzero(wrong.any(axis=1)) + 1)}"
            expected = "finite values, none below 0; left missing"
            problems.append(Problem(f"{where}: {name}", found, expected))
            arrays[name] = np.where(wrong, np.nan, array)
    flat = {name: a.ravel() for name, a in arrays.items()}
    for name, problem in implausible(flat, MEDIANS, where=where):
        problems.append(problem)
        del flat[name]
    known = np.tile(~pd.isna(codes), len(time))
    part = Rows(
        where,
        np.repeat(time, len(codes))[known],
        np.tile(codes, len(time))[known],
        np.repeat(np.arange(1, len(time) + 1), len(codes))[known],
        {name: v[known] for name, v in flat.items()},
    )
    return [part], problems
