"""National network (CNEMC): the two layouts in which its hourly feed is passed on in public.

Both: CSV (also .gz, folders, zips); local time UTC+8, the stamp is the END of its hour ("the mean
of 16:00 is that of 15:00-16:00", release notes of the national platform), so that hour 0 closes
the day before it: only -8 h are shifted. CO in mg/m3, the others in ug/m3: nothing is converted.

Wide (china_sites_YYYYMMDD.csv): date (YYYYMMDD), hour (0..23), type, then one column per station
code. Of `type` only PM2.5 PM10 SO2 NO2 O3 CO are read: the 24-h and 8-h means and the AQI follow
from these.

Long: Date (YYYYMMDD), Hour, WatchPoint (name of the station), PM2.5, PM10, CO, NO2, O3_1h, SO2,
city (pinyin or Chinese); other columns are passed over. Names of stations are unique within a city
at best, so the city must be known. It is given (`cities`), or it is found: the one in which more
of the register's names occur than in any other city, at least two. If neither, nothing is read.
A record that recurs unchanged in more than 12 hours beside another, changing one of the same
station is the last reading of an instrument that is gone (the feed of 2020 has such): it is
reported and left out.

Stations that are not in the register are passed over with a note, for the feed is of all China;
in the long layout those of the register's own cities are reported.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.importers.rows import Imported, Rows, assemble, codes_of, known_stations
from forecast.importers.sources import Source, sources
from forecast.importers.tables import cells, implausible, listed, numbers
from forecast.problems import Problem
from forecast.timing import in_nanoseconds

SUFFIXES: Final = (".csv",)
_WIDE = ("date", "hour", "type")
_TYPES = {"PM2.5": "pm25", "PM10": "pm10", "SO2": "so2", "NO2": "no2", "O3": "o3", "CO": "co"}
_DERIVED = frozenset(
    {"AQI", "PM2.5_24h", "PM10_24h", "SO2_24h", "NO2_24h", "O3_24h", "O3_8h", "O3_8h_24h", "CO_24h"}
)
_LONG = {
    "PM2.5": "pm25", "PM10": "pm10", "SO2": "so2", "NO2": "no2", "O3_1h": "o3", "CO": "co",
}  # fmt: skip
_LONG_KEYS = ("Date", "Hour", "WatchPoint", "city")
_CO_MEDIAN = (0.0, 40.0, "mg/m3")
_FROZEN_HOURS = 12
NOTES: Final = (
    "cnemc: stamps are ends of hours already; local time UTC+8 is shifted by -8 h to UTC",
)


def read(paths: Sequence[Path], stations: pd.DataFrame, *, cities: Sequence[str] = ()) -> Imported:
    """Read files of either layout; what is wrong is reported and costs nothing else.

    Args:
        paths: Files, folders or zips.
        stations: Register; a column `city`, where it has one, groups its stations by city.
        cities: City of the register as the long layout writes it, in each of its spellings.
    """
    parts: list[Rows] = []
    problems: list[Problem] = []
    notes: list[str] = []
    files: dict[str, str] = {}
    count = 0
    for source in sources(paths, suffixes=SUFFIXES):
        if isinstance(source, Problem):
            problems.append(source)
            continue
        table = cells(source)
        if isinstance(table, Problem):
            problems.append(table)
            continue
        frame, found = table
        columns = set(frame.columns)
        if set(_WIDE) <= columns:
            part, more, said = _wide(source, frame, stations)
        elif set(_LONG_KEYS) <= columns:
            part, more, said = _long(source, frame, stations, cities)
        elif source.named:
            expected = f"columns {list(_WIDE)} and codes, or {list(_LONG_KEYS)} and pollutants"
            problems.append(Problem(source.name, f"columns {sorted(columns)[:12]}", expected))
            continue
        else:
            notes.append(f"cnemc: {source.name} is of another kind and was passed over")
            continue
        problems += [*found, *more]
        notes += said
        count += len(frame)
        files[source.file] = source.sha256
        parts += part
    dataset, clashes, said = assemble(parts, stations)
    return Imported(
        dataset, (*problems, *clashes), (*NOTES, *notes, *said), count, tuple(files.items())
    )  # fmt: skip


def _wide(
    source: Source, frame: pd.DataFrame, stations: pd.DataFrame
) -> tuple[list[Rows], list[Problem], list[str]]:
    codes = [c for c in frame.columns if c in stations.index]
    others = len(frame.columns) - len(_WIDE) - len(codes)
    if not codes:
        found = f"{others} stations, none of the register"
        return [], [Problem(source.name, found, f"one of {list(stations.index)[:12]}")], []
    notes = [
        f"cnemc: {source.name}: {others} stations are not in the register and were passed over"
    ]
    kind = frame["type"].str.strip()
    unknown = kind[~kind.isin([*_TYPES, *_DERIVED])]
    problems = []
    for name, number in unknown.value_counts(sort=False).items():
        found = f"type {str(name)!r} in {number} row{'s' if number > 1 else ''}"
        problems.append(Problem(source.name, found, f"one of {list(_TYPES)}; rows left out"))
    frame = frame[kind.isin(_TYPES)]
    time, found_stamps = _stamps(frame["date"], frame["hour"], where=source.name)
    read, found_numbers = numbers(frame, codes, where=source.name)
    problems += [*found_stamps, *found_numbers]
    kind = kind[kind.isin(_TYPES)]
    part, clashes = _by_hour(source.name, time, kind, np.column_stack([read[c] for c in codes]))
    for theirs in _TYPES:
        if not (kind == theirs).any():
            clashes.append(Problem(source.name, f"no rows of type {theirs}", "rows of each type"))
    wrong = implausible({"CO": part["co"].ravel()}, {"CO": _CO_MEDIAN}, where=source.name)
    values = {v: x.ravel() for v, x in part.items() if not (v == "co" and wrong)}
    problems += [*clashes, *(p for _, p in wrong)]
    hours, at = _hours(time)
    first = frame.index.to_numpy()[np.unique(at[at >= 0], return_index=True)[1]]
    return (
        [
            Rows(
                source.name,
                np.repeat(hours, len(codes)),
                np.tile(np.array(codes, dtype=object), len(hours)),
                np.repeat(first, len(codes)),
                values,
            )
        ],
        problems,
        notes,
    )


def _hours(
    time: NDArray[np.datetime64],
) -> tuple[NDArray[np.datetime64], NDArray[np.int64]]:
    """The hours that occur, in order, and which of them each row is of (-1: none)."""
    hours = np.unique(time[~np.isnat(time)])
    at = np.searchsorted(hours, time).astype(np.int64)
    at[np.isnat(time)] = -1
    return hours, at


def _by_hour(
    where: str, time: NDArray[np.datetime64], kind: "pd.Series[str]", table: NDArray[np.float64]
) -> tuple[dict[str, NDArray[np.float64]], list[Problem]]:
    """Rows of (hour, type) as one array (hour, station) per pollutant.

    Args:
        table: (row, station).
    """
    hours, at = _hours(time)
    row = kind.index.to_numpy()
    values, again, back = {}, [], []
    for theirs, ours in _TYPES.items():
        mine = np.flatnonzero((kind == theirs).to_numpy() & (at >= 0))
        twice = pd.Series(at[mine]).duplicated().to_numpy()
        again.append(row[mine[twice]])
        back.append(row[mine[1:][np.diff(at[mine]) < 0]])
        wide = np.full((len(hours), table.shape[1]), np.nan)
        for repeat in mine[twice][::-1]:  # rare: a row that repeats an hour fills gaps at most
            _keep_first(wide, at[repeat], table[repeat])
        first = mine[~twice]
        wide[at[first]] = np.where(np.isnan(table[first]), wide[at[first]], table[first])
        values[ours] = wide
    problems = []
    if len(rows := np.sort(np.concatenate(again))):
        found = f"{listed(rows)} for an hour and type that came before"
        problems.append(Problem(where, found, "each hour once; kept: the first present values"))
    if len(rows := np.sort(np.concatenate(back))):
        found = f"{listed(rows)} before the hour above"
        problems.append(Problem(where, found, "hours in order; put in order, values kept"))
    return values, problems


def _keep_first(wide: NDArray[np.float64], at: int, values: NDArray[np.float64]) -> None:
    present = ~np.isnan(values)
    wide[at, present] = values[present]


def _long(
    source: Source, frame: pd.DataFrame, stations: pd.DataFrame, cities: Sequence[str]
) -> tuple[list[Rows], list[Problem], list[str]]:
    city, name = frame["city"].str.strip(), frame["WatchPoint"].str.strip()
    groups = stations["city"] if "city" in stations.columns else pd.Series("", stations.index)
    code = np.full(len(frame), None, dtype=object)
    taken = np.zeros(len(frame), dtype=bool)
    problems: list[Problem] = []
    notes: list[str] = []
    for _, group in stations.groupby(groups):
        mine = tuple(cities) or _cities(city, name, group)
        if not mine:
            continue
        here = city.isin(mine).to_numpy() & ~taken
        found_codes, found = known_stations(name[here], group, where=source.name)
        code[here], taken = found_codes, taken | here
        problems += found
        if not cities:
            told = f"{source.name}: city taken to be {' = '.join(mine)}, by its stations' names"
            notes.append(f"cnemc: {told}")
    if not taken.any():
        found_none = "no city in which two of the register's station names occur"
        expected = f"the city named (option city), one of {sorted(set(city))[:12]}..."
        return [], [Problem(f"{source.name}: city", found_none, expected)], notes
    notes.append(f"cnemc: {source.name}: {int((~taken).sum())} rows of other cities passed over")
    known = ~pd.isna(code)
    frame, code = frame[known], code[known]
    time, found = _stamps(frame["Date"], frame["Hour"], where=source.name)
    problems += found
    read, found = numbers(frame, [c for c in _LONG if c in frame.columns], where=source.name)
    problems += found
    absent = [c for c in _LONG if c not in frame.columns]
    if absent:
        expected = f"columns {list(_LONG)}; these are left missing"
        problems.append(Problem(source.name, f"no column {absent}", expected))
    for column, problem in implausible(read, {"CO": _CO_MEDIAN}, where=source.name):
        problems.append(problem)
        del read[column]
    values = {_LONG[c]: v for c, v in read.items()}
    stale = _stale(code, time, values)
    rows = frame.index.to_numpy()
    if stale.any():
        names = sorted(set(name[known][stale]))
        found_stale = f"{names}: one record over and over beside others in {listed(rows[stale])}"
        expected = "one record for an hour; the one that never changes is left out"
        problems.append(Problem(source.name, found_stale, expected))
    kept = {v: x[~stale] for v, x in values.items()}
    return [Rows(source.name, time[~stale], code[~stale], rows[~stale], kept)], problems, notes


def _cities(city: "pd.Series[str]", name: "pd.Series[str]", stations: pd.DataFrame) -> list[str]:
    """The spellings of the city that holds most of a register's names, at least two of them."""
    codes = codes_of(stations)
    hit = name.isin(list(codes))
    meant = name[hit].map(lambda n: min(codes[n]))
    count = meant.groupby(city[hit]).nunique()
    if not len(count) or count.max() < 2:
        return []
    return sorted(map(str, count.index[count == count.max()]))


def _stale(
    code: NDArray[np.object_], time: NDArray[np.datetime64], values: dict[str, NDArray[np.float64]]
) -> NDArray[np.bool_]:
    """Records that are no reading but the last one of an instrument long dead.

    True where all values (four or more present) of a station recur in more than 12 hours, and in
    one of these hours at least the station has another record that does not recur so.
    """
    table = pd.DataFrame(values).assign(code=code, time=time)
    record = table.groupby(["code", *values], dropna=False)["time"]
    enough = table[list(values)].notna().sum(axis=1) >= 4
    frozen = (record.transform("nunique") > _FROZEN_HOURS) & enough
    live = (~frozen).groupby([table["code"], table["time"]], dropna=False).transform("any")
    same = record.ngroup()
    return (frozen & same.isin(same[frozen & live])).to_numpy(dtype=bool)


def _stamps(
    date: "pd.Series[str]", hour: "pd.Series[str]", *, where: str
) -> tuple[NDArray[np.datetime64], list[Problem]]:
    """UTC stamps of local dates and hours; NaT and a problem where they are none."""
    day = pd.to_datetime(date.str.strip(), format="%Y%m%d", errors="coerce")
    number = pd.to_numeric(hour, errors="coerce")
    date_ns = in_nanoseconds(day.to_numpy())
    wrong = np.isnat(date_ns) | (~number.between(0, 23) | (number % 1 != 0)).to_numpy()
    past = number.where(~wrong, 0).to_numpy(dtype="int64") - 8
    time = date_ns + past.astype("timedelta64[h]")
    time[wrong] = np.datetime64("NaT")
    if not wrong.any():
        return time, []
    found = f"{date[wrong].iloc[0]!r} {hour[wrong].iloc[0]!r} in"
    rows = listed(date.index.to_numpy()[wrong])
    expected = "a date YYYYMMDD and an hour 0 to 23; rows left out"
    return time, [Problem(f"{where}: date hour", f"{found} {rows}", expected)]
