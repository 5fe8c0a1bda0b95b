"""The command `lantian aqi`: a CSV of concentrations in, the same with its index out.

Columns in: time (ISO; local where no offset is given), station (where there are several), pm25
pm10 so2 no2 co o3 in the schema's units; an empty cell, NA or NaN is missing; other columns are
carried along, except to days. Columns added: iaqi_<pollutant>, aqi, level (1-6), category (the
standard's Chinese name), primary (joined by +); empty where there is none.

A stamp is the end of its hour, so 00:00 (or 24:00) belongs to the day before. Row 1 is the
header. A wrong cell is reported and counts as missing; nothing is guessed or converted.
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast import aqi, validity
from forecast.files import write_text
from forecast.problems import ConfigError, Problem
from forecast.schema import POLLUTANTS, VARIABLES
from forecast.standards import EDITIONS, for_date, load
from forecast.timing import BEIJING_OFFSET

KINDS: Final = ("hourly", "daily", "hourly-to-daily")
ADDED: Final = (*(f"iaqi_{p}" for p in POLLUTANTS), "aqi", "level", "category", "primary")
_EMPTY: Final = ("", "na", "nan")
_NUMBER: Final = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_ZONE: Final = r"(?:Z|[+-]\d\d(?::?\d\d)?)"
_STAMP: Final = r"\d{4}-\d\d-\d\d[T ]\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?" + _ZONE + "?"
_DATE: Final = r"\d{4}-\d\d-\d\d(?:[T ]00:00(?::00)?)?"
_MIDNIGHT: Final = (
    r"([T ])24((?::00)*(?:\.0+)?" + _ZONE + "?)$"
)  # 24:00, which pandas does not read
_EXPECTED: Final = {
    True: "the end of an hour, as 2026-03-01T08:00 (local) or 2026-03-01T00:00Z",
    False: "a date, as 2026-03-01",
}


@dataclass(frozen=True)
class _Table:
    """The file as it was, with what was understood of it."""

    path: Path
    names: tuple[str, ...]  # of its columns
    cells: pd.DataFrame  # text; index = number of the row in the file
    conc: NDArray[np.float64]  # (row, 6), NaN where missing or wrong

    @property
    def stations(self) -> "pd.Series[str]":
        """Station of each row; one and the same where there is no such column."""
        if "station" in self.names:
            return self.cells["station"]
        return pd.Series("", index=self.cells.index, dtype="str")


def run(table: Path, *, kind: str, standard: str, out: Path) -> list[Problem]:
    """Write the index of a table of concentrations.

    Args:
        table: The CSV (UTF-8, with or without byte-order mark).
        kind: hourly: 1-h values, o3 the 1-h value; daily: daily means, o3 the MDA8, time a date;
            hourly-to-daily: days made of hourly rows by natural day, with the validity rules.
        standard: An edition, or auto: the one that holds for the row's natural day.
        out: The CSV to write; whole or not at all. Concentrations stay as they were written;
            of hourly-to-daily they are the unrounded means (6 decimals), one row per station
            and natural day with any hour of it.

    Returns:
        What is wrong in the data, by file, row and column; all else was done.

    Raises:
        ConfigError: The file, a column, the kind or the standard is wrong; nothing was written.
    """
    _check_call(kind, standard)
    source, problems = _read(table)
    stamps, days, wrong = _times(source, hourly=kind != "daily")
    twice = _repeated(source, days if kind == "daily" else stamps)
    problems += wrong + [
        Problem(f"{table}: row {row}", "a time that was there before", "each time once a station")
        for row in source.cells.index[twice]
    ]
    rows, conc, highest_ozone = source.cells, source.conc, None
    if kind == "hourly-to-daily":
        usable = stamps.notna().to_numpy() & ~twice
        rows, conc, highest_ozone = _to_days(source, stamps, days, usable)
        days = pd.to_datetime(rows["time"]).astype("datetime64[ns]")
    added = _index_cells(conc, days, highest_ozone, hourly=kind == "hourly", standard=standard)
    result = pd.concat([rows, added.set_index(rows.index)], axis="columns")
    write_text(out, result.to_csv(index=False, lineterminator="\n"))
    return problems


def _check_call(kind: str, standard: str) -> None:
    problems = []
    if kind not in KINDS:
        problems.append(Problem("--kind", repr(kind), f"one of {list(KINDS)}"))
    if standard not in ("auto", *EDITIONS):
        problems.append(Problem("--standard", repr(standard), f"one of {['auto', *EDITIONS]}"))
    if problems:
        raise ConfigError(problems)


def _read(path: Path) -> tuple[_Table, list[Problem]]:
    """Every row of the file, even a wrong one; a short row lacks its last cells."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            lines = list(csv.reader(handle))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError([Problem(str(path), str(error), "a readable CSV in UTF-8")]) from error
    names = tuple(n.strip() for n in lines[0]) if lines else ()
    _check_columns(path, names)
    numbered = [(n, line) for n, line in enumerate(lines[1:], start=2) if line]
    problems = [
        Problem(f"{path}: row {n}", f"{len(line)} cells", f"{len(names)} cells")
        for n, line in numbered
        if len(line) != len(names)
    ]
    width = len(names)
    # Cells of a row that is too long may be shifted: none but those before the values are safe.
    safe = min(names.index(p) for p in POLLUTANTS)
    kept = [line[: safe if any(line[width:]) else width] for _, line in numbered]
    cells = pd.DataFrame(
        [line + [""] * (width - len(line)) for line in kept],
        columns=list(names),
        index=[n for n, _ in numbered],
        dtype="str",
    )
    conc = np.full((len(cells), len(POLLUTANTS)), np.nan)
    for p, name in enumerate(POLLUTANTS):
        text = cells[name].str.strip()
        number = text.where(text.str.fullmatch(_NUMBER)).astype("float64").to_numpy()
        good = (number >= 0) & (number < np.inf)
        conc[good, p] = number[good]
        wrong = ~good & ~text.str.lower().isin(_EMPTY).to_numpy()
        expected = f"a number of 0 or more ({VARIABLES[name].units}), or nothing"
        problems += [
            Problem(f"{path}: row {n}, column {name}", repr(cell), expected)
            for n, cell in cells.loc[wrong, name].items()
        ]
    return _Table(path, names, cells, conc), problems


def _check_columns(path: Path, names: tuple[str, ...]) -> None:
    where = f"{path}: header"
    problems = [
        Problem(where, f"no column {n}", "the columns time " + " ".join(POLLUTANTS))
        for n in ("time", *POLLUTANTS)
        if n not in names
    ]
    problems += [
        Problem(where, f"column {n} {names.count(n)} times", "each column once")
        for n in dict.fromkeys(names)
        if names.count(n) > 1
    ]
    problems += [
        Problem(where, f"column {n}", "no column of a name that this command adds")
        for n in ADDED
        if n in names
    ]
    if problems:
        raise ConfigError(problems)


def _times(
    source: _Table, *, hourly: bool
) -> tuple["pd.Series[pd.Timestamp]", "pd.Series[pd.Timestamp]", list[Problem]]:
    """Local stamps and natural days of the rows; NaT where wrong (and reported).

    A stamp within an hour is wrong as well, but its day is known.
    """
    text = source.cells["time"].str.strip()
    like = {True: text.str.fullmatch(_STAMP), False: text.str.fullmatch(_DATE)}
    if len(text) and not like[hourly].any() and like[not hourly].any():
        found = f"{text.iloc[0]!r} in its first row, and the like in all others"
        raise ConfigError([Problem(f"{source.path}: time", found, _EXPECTED[hourly])])
    stamps = pd.Series(pd.NaT, index=text.index, dtype="datetime64[ns]")
    plain = text.where(like[hourly]).str.replace(_MIDNIGHT, r"\g<1>00\g<2>", regex=True)
    zoned = plain.str.contains("[T ].*" + _ZONE + "$", na=False)
    naive = pd.to_datetime(plain[~zoned], format="ISO8601", errors="coerce")
    stamps[~zoned] = naive.astype("datetime64[ns]")
    aware = pd.to_datetime(plain[zoned], format="ISO8601", errors="coerce", utc=True)
    stamps[zoned] = aware.dt.tz_localize(None).astype("datetime64[ns]") + BEIJING_OFFSET
    if hourly:
        stamps = stamps + pd.to_timedelta(text.str.contains("[T ]24").astype("int64"), unit="D")
        days = (stamps.dt.ceil("h") - pd.Timedelta(hours=1)).dt.normalize()
        stamps = stamps.where(stamps == stamps.dt.floor("h"))
    else:
        days = stamps
    problems = [
        Problem(f"{source.path}: row {n}, column time", repr(cell), _EXPECTED[hourly])
        for n, cell in source.cells.loc[stamps.isna(), "time"].items()
    ]
    return stamps, days, problems


def _repeated(source: _Table, times: "pd.Series[pd.Timestamp]") -> NDArray[np.bool_]:
    """Rows whose station and time were there before."""
    keys = pd.DataFrame({"station": source.stations, "time": times})
    return np.asarray((keys.duplicated() & times.notna()).to_numpy(bool))


def _to_days(
    source: _Table,
    stamps: "pd.Series[pd.Timestamp]",
    days: "pd.Series[pd.Timestamp]",
    usable: NDArray[np.bool_],
) -> tuple[pd.DataFrame, NDArray[np.float64], NDArray[np.float64]]:
    """Rows (time, station if any, six means as text), means (day, 6), highest 1-h ozone (day)."""
    keys = pd.DataFrame({"station": source.stations, "day": days})[usable]
    grouped = keys.groupby(["station", "day"], sort=True)
    first = keys.drop_duplicates().sort_values(["station", "day"])
    hours = np.full((len(first), validity.HOURS, len(POLLUTANTS)), np.nan)
    hour = ((stamps - days) / pd.Timedelta(hours=1)).to_numpy()[usable].astype(np.intp) - 1
    hours[grouped.ngroup().to_numpy(), hour] = source.conc[usable]
    conc = np.asarray(validity.day_values(hours, axis=1), dtype=np.float64)
    ozone = hours[..., validity.OZONE]
    highest = np.where(np.isnan(ozone), -1.0, ozone).max(axis=1)  # -1 reads as missing
    rows = pd.DataFrame({"time": first["day"].dt.strftime("%Y-%m-%d").to_numpy()}, dtype="str")
    if "station" in source.names:
        rows["station"] = first["station"].to_numpy()
    for p, name in enumerate(POLLUTANTS):
        rows[name] = [_number(v) for v in conc[:, p]]
    return rows, conc, highest


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.6f}".rstrip("0").rstrip(".")


def _index_cells(
    conc: NDArray[np.float64],
    days: "pd.Series[pd.Timestamp]",
    highest_ozone: NDArray[np.float64] | None,
    *,
    hourly: bool,
    standard: str,
) -> pd.DataFrame:
    """The columns ADDED, as text, each row by the edition of its day; empty where unknown."""
    added = {name: np.full(len(conc), "", dtype=object) for name in ADDED}
    known = {day: for_date(day.date()) for day in days.dropna().unique()}
    editions = days.map(known).to_numpy() if standard == "auto" else np.full(len(conc), standard)
    for edition in EDITIONS:
        rows = np.flatnonzero(editions == edition)
        edition_rules = load(edition)
        if hourly:
            index = aqi.hourly(conc[rows], edition_rules)
        else:
            ozone = None if highest_ozone is None else highest_ozone[rows]
            index = aqi.daily(conc[rows], edition_rules, o3_1h=ozone)
        level = aqi.levels(index.aqi, edition_rules)
        names = np.array(["", *(c.zh for c in edition_rules.categories.levels)])
        columns = {f"iaqi_{name}": _whole(index.iaqi[:, p]) for p, name in enumerate(POLLUTANTS)}
        columns["aqi"] = _whole(index.aqi)
        columns["level"] = np.array(["", "1", "2", "3", "4", "5", "6"])[level]
        columns["category"] = names[level]
        columns["primary"] = aqi.primary_text(index.primary)
        for name, values in columns.items():
            added[name][rows] = values
    return pd.DataFrame(added, dtype="str")


def _whole(values: NDArray[np.float32]) -> NDArray[np.str_]:
    """Indices as text, "" for NaN."""
    texts = np.array(["", *map(str, range(501))])
    return np.asarray(texts[np.where(np.isnan(values), 0, values + 1).astype(np.intp)])
