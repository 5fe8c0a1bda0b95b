"""Beijing multi-site data (UCI data set 501; Zhang et al. 2017, doi 10.1098/rspa.2017.0457).

File: CSV, one station per file or several; also gzipped, in folders, in zips, in zips of zips.
Columns, in any order (others are passed over):

    year month day hour    local time UTC+8, hour 0..23, the END of the hour: only -8 h are shifted
    PM2.5 PM10 SO2 NO2 O3  ug/m3
    CO                     ug/m3, converted to mg m-3
    TEMP DEWP              degC, converted to K
    PRES                   hPa, converted to Pa
    RAIN                   mm in the hour = kg m-2
    wd                     direction the wind blows FROM, 16 points (N, NNE, ...)
    WSPM                   m/s; with wd gives u10, v10 (towards east, north); 0 m/s needs no wd
    station                name, alias or code of the register
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.importers.rows import Imported, Rows, assemble, known_stations
from forecast.importers.sources import Source, sources
from forecast.importers.tables import MISSING, cells, implausible, listed, numbers
from forecast.problems import Problem
from forecast.timing import in_nanoseconds

SUFFIXES = (".csv",)
_CLOCK = ("year", "month", "day", "hour")
_PLAIN = {"PM2.5": "pm25", "PM10": "pm10", "SO2": "so2", "NO2": "no2", "O3": "o3", "RAIN": "tp"}
_NUMBERS = (*_PLAIN, "CO", "TEMP", "PRES", "DEWP", "WSPM")
_COLUMNS = (*_CLOCK, *_NUMBERS, "wd", "station")
_SIGNED = frozenset({"TEMP", "DEWP"})
# Medians outside these spans mean another unit (mg/m3, K, Pa, hPa for degC), not another climate.
_MEDIANS = {
    "CO": (50.0, 20_000.0, "ug/m3"),
    "TEMP": (-60.0, 60.0, "degC"),
    "DEWP": (-70.0, 40.0, "degC"),
    "PRES": (400.0, 1_100.0, "hPa"),
}
_POINTS = (
    "N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE",
    "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW",
)  # fmt: skip
NOTES = (
    "beijing: stamps are ends of hours already; local time UTC+8 is shifted by -8 h to UTC",
    "beijing: CO converted from ug/m3 to mg m-3, TEMP and DEWP from degC to K, PRES from hPa to Pa",
    "beijing: u10 and v10 made from wd (16 points, where the wind comes from) and WSPM",
)


def read(paths: Sequence[Path], stations: pd.DataFrame) -> Imported:
    """Read files of this layout; what is wrong is reported and costs nothing else.

    Args:
        paths: Files, folders or zips.
        stations: Register; `station` cells are looked up among its codes, names and aliases.
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
        if not source.named and not set(_CLOCK) & set(frame.columns):
            notes.append(f"beijing: {source.name} is of another kind and was passed over")
            continue
        part, more = _rows(source, frame, stations)
        problems += [*found, *more]
        count += len(frame)
        files[source.file] = source.sha256
        if part is not None:
            parts.append(part)
    dataset, clashes, said = assemble(parts, stations)
    return Imported(
        dataset, (*problems, *clashes), (*NOTES, *notes, *said), count, tuple(files.items())
    )  # fmt: skip


def wind(
    speed: NDArray[np.float64], direction: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wind towards east and north from speed and the direction it blows from (degrees).

    NaN where either is missing, but a calm (0 m/s) needs no direction.
    """
    angle = np.deg2rad(direction)
    calm = speed == 0
    east = np.where(calm, 0.0, -speed * np.sin(angle))
    north = np.where(calm, 0.0, -speed * np.cos(angle))
    return east, north


def _rows(
    source: Source, frame: pd.DataFrame, stations: pd.DataFrame
) -> tuple[Rows | None, list[Problem]]:
    absent = [c for c in _COLUMNS if c not in frame.columns]
    if set(absent) & {*_CLOCK, "station"}:
        return None, [Problem(source.name, f"no column {absent}", f"columns {list(_COLUMNS)}")]
    problems = []
    if absent:
        expected = f"columns {list(_COLUMNS)}; these are left missing"
        problems.append(Problem(source.name, f"no column {absent}", expected))
    time, found = _stamps(frame, where=source.name)
    problems += found
    codes, found = known_stations(frame["station"], stations, where=source.name)
    problems += found
    have = [c for c in _NUMBERS if c in frame.columns]
    read, found = numbers(frame, have, where=source.name, signed=_SIGNED)
    problems += found
    for column, problem in implausible(read, _MEDIANS, where=source.name):
        problems.append(problem)
        del read[column]
    values = {ours: read[theirs] for theirs, ours in _PLAIN.items() if theirs in read}
    for theirs, ours, divisor, offset in (
        ("CO", "co", 1000.0, 0.0),
        ("TEMP", "t2m", 1.0, 273.15),
        ("DEWP", "d2m", 1.0, 273.15),
        ("PRES", "sp", 0.01, 0.0),
    ):
        if theirs in read:
            # divided, not multiplied by 0.001: 700 ug/m3 is to be 0.7, not 0.7000000000000001
            values[ours] = read[theirs] / divisor + offset
    if "WSPM" in read and "wd" in frame.columns:
        direction, found = _degrees(frame["wd"], where=source.name)
        problems += found
        values["u10"], values["v10"] = wind(read["WSPM"], direction)
    known = ~pd.isna(codes)
    rows = frame.index.to_numpy()
    kept = {name: v[known] for name, v in values.items()}
    return Rows(source.name, time[known], codes[known], rows[known], kept), problems


def _stamps(frame: pd.DataFrame, *, where: str) -> tuple[NDArray[np.datetime64], list[Problem]]:
    """UTC stamps from year, month, day, hour; NaT and a problem where they are no hour."""
    parts = {c: pd.to_numeric(frame[c], errors="coerce") for c in _CLOCK}
    local = pd.to_datetime(pd.DataFrame(parts, index=frame.index), errors="coerce")
    hour = parts["hour"]
    known = in_nanoseconds(local.to_numpy())
    wrong = np.isnat(known) | (~hour.between(0, 23) | (hour % 1 != 0)).to_numpy()
    utc = known - np.timedelta64(8, "h")
    utc[wrong] = np.datetime64("NaT")
    if not wrong.any():
        return utc, []
    shown = " ".join(str(frame[c][wrong].iloc[0]) for c in _CLOCK)
    found = f"{shown!r} in {listed(frame.index.to_numpy()[wrong])}"
    expected = "a date and an hour 0 to 23; rows left out"
    return utc, [Problem(f"{where}: year month day hour", found, expected)]


def _degrees(points: "pd.Series[str]", *, where: str) -> tuple[NDArray[np.float64], list[Problem]]:
    angles = {name: 22.5 * i for i, name in enumerate(_POINTS)}
    clean = points.str.strip()
    degrees = np.asarray(clean.map(angles).to_numpy(dtype="float64"), dtype=np.float64)
    wrong = np.isnan(degrees) & ~clean.isin(MISSING).to_numpy()
    if not wrong.any():
        return degrees, []
    found = f"{points[wrong].iloc[0]!r} in {listed(points.index.to_numpy()[wrong])}"
    return degrees, [Problem(f"{where}: wd", found, f"NA or one of {list(_POINTS)}; left missing")]
