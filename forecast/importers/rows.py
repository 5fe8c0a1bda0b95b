"""Rows of readings -> one dataset on the register's stations, every clash reported by row.

All importers end here. A row is one station and one hour. Where two rows of a file are of the same
hour the first present value of each variable is kept, and both rows are reported; rows out of
order are put in order and reported. Where two files tell of the same hour the later file's
present values are kept, as they would be if it had been imported later (an inbox may hold
corrections beside what they correct), and a note counts those that differ.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from forecast import schema
from forecast.importers.tables import listed
from forecast.problems import Problem

HOUR_NS = 3_600_000_000_000


@dataclass(frozen=True)
class Imported:
    """What an importer read."""

    dataset: xr.Dataset  # schema.dataset: (time, station); time has only the hours that occur
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]  # what a reader of the data must know: shifts, conversions
    rows: int  # records read, good or bad
    files: tuple[tuple[str, str], ...] = ()  # name and sha256 of every file on disk


@dataclass(frozen=True)
class Rows:
    """Readings of one file, one row per station and hour; all arrays of one length."""

    file: str
    time: NDArray[np.datetime64]  # UTC end of the hour, ns; NaT: the stamp could not be read
    station: NDArray[np.object_]  # code in the register
    row: NDArray[np.int64]  # in the file, header = 1
    values: Mapping[str, NDArray[np.float64]]  # variable -> schema units, NaN = missing


def assemble(
    parts: Sequence[Rows], stations: pd.DataFrame
) -> tuple[xr.Dataset, list[Problem], list[str]]:
    """Put rows of several files on one grid of hours and stations.

    Args:
        parts: One per file, the later ones going before the earlier ones.
        stations: Register; only its stations may occur in `parts`.

    Returns:
        Dataset (time, station) of the variables that occur, stations in the register's order
        without those that have no row; the problems; notes.
    """
    problems = [p for part in parts for p in _disorder(part)]
    kept = [(part, ~np.isnat(part.time)) for part in parts]
    time = _joined([p.time[k].astype("datetime64[ns]") for p, k in kept], "datetime64[ns]")
    code = _joined([p.station[k] for p, k in kept], object)
    row = _joined([p.row[k] for p, k in kept], np.int64)
    file = _joined([np.full(int(k.sum()), i) for i, (_, k) in enumerate(kept)], np.int64)
    present = stations.index[stations.index.isin(pd.unique(code))]
    hours, at = np.unique(time, return_inverse=True)
    of = pd.Index(present).get_indexer(pd.Index(code)) if len(code) else np.empty(0, np.int64)
    cell = at.astype(np.int64) * max(len(present), 1) + of
    names = [p.file for p in parts]
    problems += _doubles(cell, names, file, row, code, time)
    order = np.lexsort((-np.arange(len(cell)), file))  # what is to stay comes last
    values: dict[str, NDArray[np.float64]] = {}
    differ = np.zeros(len(cell), dtype=np.int64)
    for name in [v for v in schema.VARIABLES if any(v in part.values for part in parts)]:
        flat = np.full(len(hours) * len(present), np.nan)
        owner = np.full(len(flat), -1)
        read = _joined(
            [p.values[name][k] if name in p.values else np.full(k.sum(), np.nan) for p, k in kept],
            np.float64,
        )
        last = order[~np.isnan(read[order])]
        flat[cell[last]] = read[last]  # of equal cells the last assignment stays
        owner[cell[last]] = file[last]
        differ += ~np.isnan(read) & (flat[cell] != read) & (owner[cell] != file)
        values[name] = flat.reshape(len(hours), len(present))
    notes = [
        f"{names[i]}: {int(differ[file == i].sum())} values give way to those of a later file "
        f"({listed(np.sort(row[(file == i) & (differ > 0)]))})"
        for i in np.unique(file[differ > 0])
    ]
    return schema.dataset(hours, stations.loc[present], values), problems, notes


def known_stations(
    names: "pd.Series[str]", stations: pd.DataFrame, *, where: str
) -> tuple[NDArray[np.object_], list[Problem]]:
    """Codes of the names a file uses for its stations.

    Args:
        names: Code, name or alias per row.

    Returns:
        The code per row, None where the register has no or more than one such station; one
        problem per such name, with the number of its rows.
    """
    codes = codes_of(stations)
    result = names.map(lambda n: _only(codes.get(str(n).strip()))).to_numpy(dtype=object, copy=True)
    result[pd.isna(result)] = None
    problems = []
    unknown = names[pd.isna(result)]
    for name, count in unknown.value_counts(sort=False).items():
        several = codes.get(str(name).strip())
        found = f"station {str(name)!r} in {count} row{'s' if count > 1 else ''}"
        if several:
            found += f", which is each of {sorted(several)}"
        problems.append(Problem(where, found, "one station of the register; rows left out"))
    return result, problems


def codes_of(stations: pd.DataFrame) -> dict[str, frozenset[str]]:
    """Every code, name and alias of a register -> the codes it may mean.

    A code always means itself, whatever other stations are called.
    """
    names: dict[str, set[str]] = {}
    alias = stations["alias"] if "alias" in stations.columns else pd.Series("", stations.index)
    for code, name, others in zip(stations.index, stations["name"], alias, strict=True):
        for word in (str(name), *str(others).split("|")):
            if word.strip():
                names.setdefault(word.strip(), set()).add(str(code))
    named = {name: frozenset(codes) for name, codes in names.items()}
    return named | {str(code): frozenset({str(code)}) for code in stations.index}


def _only(codes: frozenset[str] | None) -> str | None:
    return next(iter(codes)) if codes and len(codes) == 1 else None


def _joined(arrays: list[NDArray[Any]], dtype: Any) -> NDArray[Any]:
    return np.concatenate(arrays) if arrays else np.empty(0, dtype=dtype)


def _disorder(part: Rows) -> list[Problem]:
    """Rows whose hour is before that of the row above them, station by station."""
    time = part.time.astype("datetime64[ns]").astype(np.int64)
    good = ~np.isnat(part.time)
    group = pd.Categorical(part.station).codes
    by_station = np.lexsort((np.arange(len(time)), group))
    by_station = by_station[good[by_station]]
    back = (np.diff(time[by_station]) < 0) & (np.diff(group[by_station]) == 0)
    problems = []
    late = by_station[1:][back]
    for code in dict.fromkeys(part.station[late]):
        rows = np.sort(part.row[late[part.station[late] == code]])
        found = f"station {code}: {listed(rows)} before the hour above"
        problems.append(Problem(part.file, found, "hours in order; put in order, values kept"))
    return problems


def _doubles(
    cell: NDArray[np.int64],
    files: list[str],
    file: NDArray[np.int64],
    row: NDArray[np.int64],
    code: NDArray[np.object_],
    time: NDArray[np.datetime64],
) -> list[Problem]:
    """One problem per file and station with hours that occur more than once in the file."""
    key = file * (cell.max(initial=0) + 1) + cell
    _, first_at, inverse = np.unique(key, return_index=True, return_inverse=True)
    second = np.flatnonzero(first_at[inverse] != np.arange(len(cell)))
    if not len(second):
        return []
    first = first_at[inverse][second]
    pairs = pd.DataFrame({"code": code[second], "file": file[second]})
    problems = []
    for _, group in pairs.groupby(["code", "file"], sort=False):
        at = group.index.to_numpy()
        stamp = pd.Timestamp(time[second[at[0]]])
        found = (
            f"station {group['code'].iloc[0]}: {listed(np.sort(row[second[at]]))} for the same "
            f"hour{'s' if len(at) > 1 else ''} as {listed(np.sort(row[first[at]]))} "
            f"(the first is {stamp:%Y-%m-%dT%H:%MZ})"
        )
        expected = "each hour once; kept: the first present value of each variable"
        problems.append(Problem(files[int(group["file"].iloc[0])], found, expected))
    return problems
