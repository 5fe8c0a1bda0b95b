"""The store of observations: LANTIAN_HOME/observations/YYYY-MM.nc, one file per month (UTC).

Takes datasets of the schema, gives complete hourly grids; knows nothing of importers or quality.
File (NetCDF-4, CF discrete sampling geometry, featureType timeSeries):

    time (time)                  every hour of the month, 00:00 of the 1st to 23:00 of the last, UTC
    station (station)            code, cf_role timeseries_id; with the STATION_COORDS of the schema
    <variable> (time, station)   float64, units of the schema, NaN = missing
    import_* (import)            every import that changed the month: source, received (UTC),
                                 files (names, one a line), sha256 (one a line), new, replaced
    revision_* (revision)        every value that was replaced: time, station, variable, old, new,
                                 import (index into import_*: its source and time of receipt)

A value present in a later import replaces an older one and leaves a revision; a missing value
never erases a present one. A month that would not change is not written. Each month is replaced
whole (forecast.files), so that a kill leaves every month as it was or as it should be, and the
same import again finishes the rest.
"""

import fcntl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from forecast import schema
from forecast.month_file import HOUR, IMPORT, REVISION, Month, first_hour, hours_of, read, write
from forecast.problems import DataError, Problem

VARIABLES: Final = (*schema.POLLUTANTS, "u10", "v10", "t2m", "d2m", "sp", "tp")


@dataclass(frozen=True)
class MergeReport:
    """What a merge did to the store, in values."""

    new: int
    replaced: int
    same: int
    months: tuple[str, ...]  # files written, YYYY-MM


def merge(
    home: Path,
    ds: xr.Dataset,
    *,
    source: str,
    received: pd.Timestamp,
    files: Sequence[tuple[str, str]] = (),
) -> MergeReport:
    """Put a dataset into the store.

    Args:
        home: LANTIAN_HOME.
        ds: Dataset of the schema, any hours in any order, each once; units checked. Where its
            attrs say `simulated`, the months it changes say so from then on.
        source: Name of the importer or part it comes from.
        received: Naive UTC time of receipt.
        files: Name and sha256 of the files it was read from.

    Raises:
        DataError: A stamp that is no full hour or occurs twice, a wrong unit, or a month of the
            store that cannot be read; nothing was written.
    """
    _check(ds)
    folder = home / "observations"
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        return _merge(folder, ds, {"source": source, "received": received, "files": files})


def load(
    home: Path,
    start: pd.Timestamp,
    end: pd.Timestamp,
    stations: pd.DataFrame,
    *,
    variables: Sequence[str] = VARIABLES,
) -> xr.Dataset:
    """Observations on a complete hourly grid.

    Args:
        home: LANTIAN_HOME.
        start: First and
        end: last stamp, both included: naive UTC, full hours.
        stations: Register; the result has its stations in its order and its coordinates.

    Returns:
        schema.dataset (time, station), NaN where nothing is stored; attrs["simulated"] where any
        of the months read holds simulated values.

    Raises:
        DataError: Month files that cannot be read, all of them named; or start, end that are no
            full hours in order.
    """
    first, last = (np.datetime64(t, "ns") for t in (start, end))
    if first > last or any(t.astype("datetime64[h]") != t for t in (first, last)):
        raise DataError([Problem("observations", f"{start} to {end}", "full hours in order")])
    times = np.arange(first, last + HOUR, HOUR)
    codes = pd.Index(stations.index.astype(str))
    out = {v: np.full((len(times), len(codes)), np.nan) for v in variables}
    problems: list[Problem] = []
    simulated: list[str] = []
    for path, rows in _months(home / "observations", times):
        if not path.is_file():
            continue
        try:
            month = read(path, tuple(variables), history=False)
        except DataError as error:
            problems += error.problems
            continue
        at = codes.get_indexer(month.stations.index)
        grid = times[rows]
        own = ((grid - first_hour(path.stem)) // HOUR).astype(np.int64)
        for name, array in month.values.items():
            out[name][rows, at[at >= 0]] = array[own[0] : own[-1] + 1][:, at >= 0]
        simulated += [month.simulated] if month.simulated else []
    if problems:
        raise DataError(problems)
    result = schema.dataset(times, stations, out)
    if simulated:
        result.attrs["simulated"] = "+".join(dict.fromkeys(simulated))
    return result


def history(home: Path, month: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Imports and revisions of a month (YYYY-MM), as tables with the columns of the file.

    Raises:
        DataError: There is no such month, or it cannot be read.
    """
    path = home / "observations" / f"{month}.nc"
    if not path.is_file():
        raise DataError([Problem(str(path), "no such file", "a month of the store")])
    found = read(path, (), history=True)
    return found.imports, found.revisions


def _check(ds: xr.Dataset) -> None:
    stored = [v for v in schema.VARIABLES if v in ds]
    schema.check_units(ds, stored, where="observations")
    time = ds["time"].to_numpy().astype("datetime64[ns]")
    problems = []
    if (time.astype("datetime64[h]") != time).any():
        problems.append(Problem("observations: time", "stamps off the hour", "full hours"))
    for name in ("time", "station"):
        if not ds.indexes[name].is_unique:
            problems.append(Problem(f"observations: {name}", "duplicates", "each once"))
    if problems:
        raise DataError(problems)


def _merge(folder: Path, ds: xr.Dataset, about: Mapping[str, Any]) -> MergeReport:
    time = ds["time"].to_numpy().astype("datetime64[ns]")
    order = np.argsort(time)
    data = {
        v: ds[v].transpose("time", "station").to_numpy().astype("float64")[order]
        for v in schema.VARIABLES
        if v in ds
    }
    stations = schema.stations_frame(ds)
    simulated = str(ds.attrs.get("simulated", ""))
    merged: list[tuple[Path, Month]] = []
    total = np.zeros(3, dtype=np.int64)
    for path, rows in _months(folder, time[order]):
        if not any(np.isfinite(array[rows]).any() for array in data.values()):
            continue
        old = read(path, tuple(schema.VARIABLES), history=True) if path.is_file() else None
        at = ((time[order][rows] - first_hour(path.stem)) // HOUR).astype(np.int64)
        new = {v: a[rows] for v, a in data.items()}
        month, counts = _merged(path.stem, old, at, stations, new, about, simulated)
        total += counts
        if counts[:2].any():
            merged.append((path, month))
    for path, month in merged:
        write(path, month)
    return MergeReport(
        int(total[0]), int(total[1]), int(total[2]), tuple(p.stem for p, _ in merged)
    )


def _merged(
    stem: str,
    old: Month | None,
    at: NDArray[np.int64],
    stations: pd.DataFrame,
    new: Mapping[str, NDArray[np.float64]],
    about: Mapping[str, Any],
    simulated: str,
) -> tuple[Month, NDArray[np.int64]]:
    """A month with new values in it; counts of new, replaced and same values.

    Args:
        at: Hour of the month of each row of `new`.
    """
    hours = len(hours_of(stem))
    if old is None:
        old = Month(
            stations.iloc[:0], {}, pd.DataFrame(columns=[*IMPORT]),
            pd.DataFrame(columns=[*REVISION]), "",
        )  # fmt: skip
    codes = old.stations.index.append(stations.index.difference(old.stations.index, sort=False))
    # Descriptions of stations are those of the newest import that changes anything.
    table = pd.concat([old.stations.drop(stations.index, errors="ignore"), stations]).loc[codes]
    column = codes.get_indexer(stations.index)
    number = len(old.imports)
    values, revised, counts = {}, [], np.zeros(3, dtype=np.int64)
    for name in [v for v in schema.VARIABLES if v in old.values or v in new]:
        full = np.full((hours, len(codes)), np.nan)
        if name in old.values:
            full[:, : old.values[name].shape[1]] = old.values[name]
        if name in new:
            cell = np.ix_(at, column)
            before, after = full[cell], new[name]
            given, had = ~np.isnan(after), ~np.isnan(before)
            changed = given & had & (before != after)
            counts += [(given & ~had).sum(), changed.sum(), (given & had & ~changed).sum()]
            full[cell] = np.where(given, after, before)
            row, station = np.nonzero(changed)
            revised.append(
                pd.DataFrame(
                    {
                        "time": hours_of(stem)[at[row]],
                        "station": stations.index.to_numpy()[station].astype(object),
                        "variable": name,
                        "old": before[changed],
                        "new": after[changed],
                        "import": number,
                    }
                )
            )
        values[name] = full
    record = {
        "source": about["source"],
        "received": np.datetime64(about["received"], "ns"),
        "files": "\n".join(name for name, _ in about["files"]),
        "sha256": "\n".join(digest for _, digest in about["files"]),
        "new": counts[0],
        "replaced": counts[1],
    }
    imports = _stacked([old.imports, pd.DataFrame([record])])
    revisions = _stacked([old.revisions, *revised])
    kept = "+".join(dict.fromkeys(word for word in (old.simulated, simulated) if word))
    return Month(table, values, imports, revisions, kept), counts


def _stacked(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    full = [t for t in tables if len(t)]
    return pd.concat(full, ignore_index=True) if full else tables[0]


def _months(folder: Path, times: NDArray[np.datetime64]) -> Iterator[tuple[Path, slice]]:
    """Files of increasing stamps, and which of the stamps lie in each."""
    months = times.astype("datetime64[M]")
    names, starts = np.unique(months, return_index=True)
    for name, start, stop in zip(names, starts, [*starts[1:], len(times)], strict=True):
        yield folder / f"{name}.nc", slice(int(start), int(stop))


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One merge at a time: two that read and write the same month would lose values."""
    with (folder / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
