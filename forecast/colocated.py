"""A micro-station that stood beside a reference: its table, checked and in the order of time.

Columns: time (ISO, stamps of hours), the sensor's pm25 pm10 co no2 so2 o3, ref_<pollutant> (the
reference beside it; an empty cell = none known), and, optional, wind_speed (m s-1), pressure (hPa),
rain_counter (mm, cumulative), temperature (degC), relative_humidity (%). ug m-3, CO mg m-3. An
empty cell, NA or NaN is missing. A wrong cell is reported and counts as missing; a row without a
usable time, or with a time that was there before, is reported and takes no part. Row 1 is the
header.
"""

import csv
import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.problems import ConfigError, Problem
from forecast.schema import VARIABLES

POLLUTANTS: Final = ("pm25", "pm10", "co", "no2", "so2", "o3")  # the order of the micro-station
WEATHER: Final = ("wind_speed", "pressure", "rain_counter", "temperature", "relative_humidity")
WEATHER_UNITS: Final = ("m s-1", "hPa", "mm", "degC", "%")
_EMPTY: Final = ("", "na", "nan")
_STAMP: Final = r"\d{4}-\d\d-\d\d[T ]\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?(?:Z|[+-]\d\d(?::?\d\d)?)?"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Colocated:
    """Readings in the order of time, each time once. NaN = missing.

    hours increase strictly; sensor and reference are (row, pollutant) in POLLUTANTS' order and
    units; weather is (row, WEATHER).
    """

    hours: Floats  # [h] since 1970-01-01
    sensor: Floats
    reference: Floats
    weather: Floats


@dataclass(frozen=True)
class Table:
    """The file's rows in their own order, and where each lies in the readings."""

    time: "pd.Series[str]"  # as written; index = number of the row in the file
    position: NDArray[np.int64]  # of each row in `readings`; -1 = takes no part
    readings: Colocated


def read(path: Path) -> tuple[Table, list[Problem]]:
    """Read a table, packed (.gz) or not.

    Returns:
        The table, and what is wrong in it by file, row and column.

    Raises:
        ConfigError: The file cannot be read, or lacks the time or every pollutant.
    """
    try:
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding="utf-8-sig", newline="") as handle:
            lines = list(csv.reader(handle))
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError([Problem(str(path), str(error), "a readable CSV in UTF-8")]) from error
    names = [n.strip() for n in lines[0]] if lines else []
    _check_columns(path, names)
    numbered = [(n, line) for n, line in enumerate(lines[1:], start=2) if line]
    width = len(names)
    problems = [
        Problem(f"{path}: row {n}", f"{len(line)} cells", f"{width} cells")
        for n, line in numbered
        if len(line) != width
    ]
    # Cells of a row of another length may be shifted: none but its time is taken.
    first = names.index("time") + 1
    kept = [line if len(line) == width else line[:first] for _, line in numbered]
    cells = pd.DataFrame(
        [line + [""] * (width - len(line)) for line in kept],
        columns=names,
        index=[n for n, _ in numbered],
        dtype="str",
    )
    values, wrong = _numbers(path, cells)
    hours, untimed = _hours(path, cells["time"])
    return _ordered(path, cells["time"], hours, values, problems + wrong + untimed)


def _check_columns(path: Path, names: list[str]) -> None:
    where = f"{path}: header"
    problems = [
        Problem(where, f"column {n!r} {names.count(n)} times", "each column once")
        for n in sorted(set(names))
        if names.count(n) > 1
    ]
    if "time" not in names:
        problems.append(Problem(where, str(names), "a column time"))
    if not set(POLLUTANTS) & set(names):
        problems.append(Problem(where, str(names), f"one or more of {list(POLLUTANTS)}"))
    if problems:
        raise ConfigError(problems)


def _numbers(path: Path, cells: pd.DataFrame) -> tuple[Floats, list[Problem]]:
    """(row, sensor + reference + weather), NaN where absent, empty or wrong."""
    units = [VARIABLES[p].units for p in POLLUTANTS]
    columns = [
        *zip(POLLUTANTS, units, strict=True),
        *((f"ref_{p}", u) for p, u in zip(POLLUTANTS, units, strict=True)),
        *zip(WEATHER, WEATHER_UNITS, strict=True),
    ]
    values = np.full((len(cells), len(columns)), np.nan)
    problems = []
    for column, (name, unit) in enumerate(columns):
        if name not in cells:
            continue
        text = cells[name].str.strip()
        number = pd.to_numeric(text, errors="coerce").to_numpy(dtype=np.float64)
        low, high = _span(name)
        with np.errstate(invalid="ignore"):
            good = (number >= low) & (number <= high)
        values[good, column] = number[good]
        wrong = ~good & ~text.str.lower().isin(_EMPTY).to_numpy()
        problems += [
            Problem(
                f"{path}: row {n}, column {name}",
                repr(cell),
                f"a number of {low:g} to {high:g} ({unit}), or nothing",
            )
            for n, cell in cells.loc[wrong, name].items()
        ]
    return values, problems


def _span(name: str) -> tuple[float, float]:
    """What a cell can be at all; beyond it, it is no reading."""
    spans = {"temperature": (-60.0, 70.0), "relative_humidity": (0.0, 105.0)}
    return spans.get(name, (0.0, 1e5))


def _hours(path: Path, time: "pd.Series[str]") -> tuple[Floats, list[Problem]]:
    text = time.str.strip()
    stamps = pd.to_datetime(
        text.where(text.str.fullmatch(_STAMP)), format="ISO8601", errors="coerce", utc=True
    )
    unread = stamps.isna().to_numpy()
    nanoseconds = stamps.dt.tz_localize(None).to_numpy().astype("datetime64[ns]").astype(np.int64)
    expected = "a time, as 2026-03-01 08:00"
    problems = [Problem(f"{path}: row {n}", repr(c), expected) for n, c in time[unread].items()]
    return np.where(unread, np.nan, nanoseconds / 3.6e12), problems


def _ordered(
    path: Path, time: "pd.Series[str]", hours: Floats, values: Floats, problems: list[Problem]
) -> tuple[Table, list[Problem]]:
    """Each time once (its first row), in order; what moved is said."""
    usable = np.flatnonzero(~np.isnan(hours))
    _, first = np.unique(hours[usable], return_index=True)
    rows = usable[first]
    position = np.full(len(hours), -1)
    position[rows] = np.arange(len(rows))
    numbers = time.index.to_numpy()
    latest = np.maximum.accumulate(hours[usable]) if len(usable) else hours[usable]
    for row, top in zip(usable, latest, strict=True):
        where = f"{path}: row {numbers[row]}"
        if position[row] < 0:
            problems.append(Problem(where, "a time that was there before", "each time once"))
        elif hours[row] < top:
            problems.append(Problem(where, "a time before an earlier row's", "increasing times"))
    width = len(POLLUTANTS)
    kept = values[rows]
    readings = Colocated(
        hours=hours[rows],
        sensor=kept[:, :width],
        reference=kept[:, width : 2 * width],
        weather=kept[:, 2 * width :],
    )
    return Table(time, position, readings), problems
