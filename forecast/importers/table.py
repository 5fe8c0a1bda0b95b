"""Generic table, source name `csv`: the layout to export to when no other fits.

File: CSV with a header row; also gzipped, in folders, in zips. Columns, in any order:

    time      ISO 8601 with date and hour, 2026-01-31T14:00+08:00; the END of its hour. Without an
              offset it is local time, UTC+8. 24:00 is 00:00 of the next date.
    station   code, name or alias of the register
    pm25 pm10 so2 no2 o3 [ug m-3]  co [mg m-3]
    u10 v10 [m s-1]  t2m d2m [K]  sp [Pa]  tp [kg m-2]  blh [m]  ssrd [W m-2]

A column may carry its units in brackets behind its name, `co [mg m-3]`; other units than these
are reported and the column is left out: nothing is converted. Missing is an empty cell or NA.
Columns of other names are passed over with a note.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.importers.rows import Imported, Rows, assemble, known_stations
from forecast.importers.sources import Source, sources
from forecast.importers.tables import cells, implausible, listed, numbers
from forecast.problems import Problem
from forecast.schema import VARIABLES
from forecast.timing import BEIJING_OFFSET, in_nanoseconds

SUFFIXES: Final = (".csv",)
SIGNED: Final = frozenset({"u10", "v10"})
# Medians outside these spans mean another unit (ug/m3, degC, hPa), not another climate.
MEDIANS: Final = {
    "co": (0.0, 40.0, "mg m-3"),
    "t2m": (200.0, 330.0, "K"),
    "d2m": (190.0, 320.0, "K"),
    "sp": (40_000.0, 110_000.0, "Pa"),
}
_SPELLINGS = {
    "ug m-3": ("ug/m3", "ug/m^3", "ug m^-3"),
    "mg m-3": ("mg/m3", "mg/m^3", "mg m^-3"),
    "m s-1": ("m/s", "m s^-1"),
    "kg m-2": ("kg/m2", "mm"),
    "W m-2": ("W/m2",),
}
_HEADER = re.compile(r"^\s*(?P<name>[A-Za-z0-9_]+)\s*(?:[\[(](?P<units>.*)[\])])?\s*$")
_OFFSET = r"\d[T ]\d{2}(?::?\d{2})?(?::?\d{2}(?:\.\d+)?)?\s*(?:Z|[+-]\d{2}(?::?\d{2})?)$"


def read(paths: Sequence[Path], stations: pd.DataFrame) -> Imported:
    """Read files of this layout; what is wrong is reported and costs nothing else."""
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
        if not source.named and "time" not in frame.columns:
            notes.append(f"csv: {source.name} is of another kind and was passed over")
            continue
        part, more, said = _rows(source, frame, stations)
        problems += [*found, *more]
        notes += said
        count += len(frame)
        files[source.file] = source.sha256
        parts += part
    dataset, clashes, said = assemble(parts, stations)
    return Imported(dataset, (*problems, *clashes), (*notes, *said), count, tuple(files.items()))


def same_units(found: str, expected: str) -> bool:
    """True where two spellings mean the same units: ug/m3 is ug m-3; mm of rain is kg m-2."""
    plain = found.strip().replace("³", "3").replace("²", "2")
    plain = plain.replace("\N{MICRO SIGN}", "u").replace("\N{GREEK SMALL LETTER MU}", "u")
    return plain == expected or plain in _SPELLINGS.get(expected, ())


def _rows(
    source: Source, frame: pd.DataFrame, stations: pd.DataFrame
) -> tuple[list[Rows], list[Problem], list[str]]:
    absent = [c for c in ("time", "station") if c not in frame.columns]
    if absent:
        expected = "the columns time and station"
        return [], [Problem(source.name, f"no column {absent}", expected)], []
    columns, problems, notes = _columns(source.name, list(frame.columns))
    time, found, local = stamps(frame["time"], where=source.name)
    problems += found
    if local:
        notes.append(
            f"csv: {source.name}: stamps without an offset taken as local time, UTC+8, "
            "ends of hours"
        )
    codes, found = known_stations(frame["station"], stations, where=source.name)
    problems += found
    named = frame[list(columns)].rename(columns=columns)
    read, found = numbers(named, list(named.columns), where=source.name, signed=SIGNED)
    problems += found
    for column, problem in implausible(read, MEDIANS, where=source.name):
        problems.append(problem)
        del read[column]
    known = ~pd.isna(codes)
    kept = {name: v[known] for name, v in read.items()}
    rows = frame.index.to_numpy()[known]
    return [Rows(source.name, time[known], codes[known], rows, kept)], problems, notes


def _columns(where: str, header: list[str]) -> tuple[dict[str, str], list[Problem], list[str]]:
    """Header field -> variable, for the fields that are one in the right units."""
    columns: dict[str, str] = {}
    problems, passed, unsaid = [], [], []
    for field in header:
        match = _HEADER.match(field)
        name = match["name"].lower() if match else ""
        if field in ("time", "station"):
            continue
        if match is None or name not in VARIABLES:
            passed.append(field)
            continue
        units = VARIABLES[name].units
        if match["units"] is None:
            unsaid.append(f"{name} in {units}")
        elif not same_units(match["units"], units):
            found = f"units {match['units']!r}"
            problems.append(Problem(f"{where}: {name}", found, f"{units!r}; column left out"))
            continue
        if name in columns.values():
            problems.append(Problem(f"{where}: {name}", "the column twice", "once; first kept"))
            continue
        columns[field] = name
    notes = []
    if unsaid:
        notes.append(f"csv: {where}: no units in the header, taken as {', '.join(unsaid)}")
    if passed:
        notes.append(f"csv: {where}: columns {passed} are no variables and were passed over")
    if not columns:
        problems.append(Problem(where, f"columns {header}", f"one of {list(VARIABLES)}"))
    return columns, problems, notes


def stamps(
    text: "pd.Series[str]", *, where: str
) -> tuple[NDArray[np.datetime64], list[Problem], bool]:
    """ISO stamps as naive UTC.

    Returns:
        Stamps, NaT where it is no full hour; the problem, if any; whether any stamp had no
        offset of its own and was taken as UTC+8.
    """
    clean = text.str.strip()
    midnight = clean.str.contains(r"^\d{4}-?\d{2}-?\d{2}[T ]24(?::?00)*(?!:?\d)", regex=True)
    clean = clean.str.replace(r"^(\d{4}-?\d{2}-?\d{2}[T ])24", r"\g<1>00", regex=True)
    hourly = clean.str.contains(r"\d[T ]\d{2}", regex=True)
    parsed = pd.to_datetime(clean.where(hourly), format="ISO8601", errors="coerce", utc=True)
    time = in_nanoseconds(parsed.dt.tz_localize(None).to_numpy())
    own = clean.str.contains(_OFFSET, regex=True).to_numpy(dtype=bool)
    time = np.where(own, time, time - BEIJING_OFFSET.to_timedelta64())
    time = np.where(midnight.to_numpy(dtype=bool), time + np.timedelta64(24, "h"), time)
    whole = time.astype("datetime64[h]").astype("datetime64[ns]") == time
    wrong = np.isnat(time) | ~whole | (text.str.contains(r"[T ]24") & ~midnight).to_numpy()
    time = time.astype("datetime64[ns]")
    time[wrong] = np.datetime64("NaT")
    problems = []
    if wrong.any():
        found = f"{text[wrong].iloc[0]!r} in {listed(text.index.to_numpy()[wrong])}"
        expected = "an ISO date and full hour; rows left out"
        problems.append(Problem(f"{where}: time", found, expected))
    return time, problems, bool((~own & ~wrong).any())
