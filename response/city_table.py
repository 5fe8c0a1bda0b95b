"""A city's hourly concentrations from a CSV, with or without members, onto a full hourly grid.

Columns: time (ISO, end of the hour; local UTC+8 where it has no offset), pm25 pm10 so2 no2
[ug m-3], co [mg m-3], and where there are any o3 [ug m-3], member, dust (true where the hour was
determined to be dust); others are not read. Empty, NA, NaN and dashes are missing. Hours that
are not there are missing hours: time is never closed up. A wrong cell or row is reported by file
and row and costs nothing but itself.
"""

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.problems import ConfigError, DataError, Problem
from forecast.schema import POLLUTANTS
from forecast.timing import BEIJING_OFFSET, to_utc
from response.rules import PARTICLES_AND_GASES

MAX_CELLS: Final = 4_000_000  # members x hours; more is a wrong date rather than a table
_SHOWN: Final = 20  # problems of one kind named singly
_MISSING: Final = frozenset({"", "na", "nan", "null", "none", "-", "--", "—"})
_TRUTH: Final = {"true": 1.0, "1": 1.0, "false": 0.0, "0": 0.0, "": 0.0}
_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d)(?::?(\d\d)(?::?(\d\d)(?:\.0+)?)?)?)?"
    r"\s?(Z|[+-]\d\d(?::?\d\d)?)?"
)


@dataclass(frozen=True)
class CityTable:
    """Hourly values of members; times are naive UTC without a gap."""

    hourly: NDArray[np.float64]  # (member, hour, 6), NaN = missing
    times: pd.DatetimeIndex
    members: tuple[str, ...]
    dust: NDArray[np.bool_] | None  # (member, hour), where the column is there
    local_assumed: bool  # True: times without an offset were read as UTC+8


def read(path: Path) -> tuple[CityTable, tuple[Problem, ...]]:
    """Read a city's table.

    Returns:
        The table, and everything that was wrong in it and left out.

    Raises:
        ConfigError: The file cannot be read.
        DataError: It holds nothing to work on; with all problems found.
    """
    frame = _frame(path)
    where = str(path)
    absent = [c for c in PARTICLES_AND_GASES if c not in frame]
    problems = [
        Problem(where, f"no column {c}", "it; the index is that of the others") for c in absent
    ]
    if "time" not in frame or len(absent) == len(PARTICLES_AND_GASES):
        raise DataError([Problem(where, f"columns {list(frame)}", "time, pm25 pm10 so2 no2 co")])
    stations = sorted(set(frame["station"])) if "station" in frame else []
    if len(stations) > 1:
        found = f"stations {', '.join(stations[:3])} ..."
        raise DataError([Problem(where, found, "the city's values, one row per hour")])
    rows, assumed, found_here = _rows(frame, where)
    problems += found_here
    values = {}
    for name in POLLUTANTS:
        if name in frame:
            values[name], found_here = _numbers(frame[name], where, name)
            problems += found_here
    if "dust" in frame:
        flags = frame["dust"].str.strip().str.lower()
        values["dust"] = flags.map(_TRUTH).astype(np.float64)
        wrong = values["dust"].isna()
        problems += _listed(wrong, where, "dust", flags, "true, false or empty")
    if rows.empty:
        raise DataError([*problems, Problem(where, "no usable row", "hourly rows")])
    kept = {name: v.loc[rows.index] for name, v in values.items()}
    return _grid(where, rows["time"], rows["member"], kept, assumed), tuple(problems)


def _rows(frame: pd.DataFrame, where: str) -> tuple[pd.DataFrame, bool, list[Problem]]:
    """Time (naive UTC) and member of the usable rows, whether local time was assumed, the rest."""
    text = frame["time"].str.strip()
    parsed = {t: _time(t) for t in text.unique()}
    time = pd.to_datetime(text.map({t: v[0] for t, v in parsed.items() if v}))
    named = "member" in frame
    member = frame["member"].str.strip() if named else pd.Series("", frame.index, dtype=str)
    uneven = time.notna() & (time != time.dt.floor("h"))
    nameless = (member == "") & named
    problems = _listed(time.isna(), where, "time", text, "an ISO time such as 2024-12-17T08:00")
    problems += _listed(uneven, where, "time", text, "a full hour")
    problems += _listed(nameless, where, "member", member, "the name of a member")
    rows = pd.DataFrame({"time": time, "member": member})[~(time.isna() | uneven | nameless)]
    again = rows.duplicated()
    problems += _listed(again, where, "time", text, "each hour once; the first row counts")
    return rows[~again], any(v is not None and v[1] for v in parsed.values()), problems


def _frame(path: Path) -> pd.DataFrame:
    """Cells as text; index = row in the file, the header being row 1; short rows are filled."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            rows = list(csv.reader(handle))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError([Problem(str(path), str(error), "a readable CSV (UTF-8)")]) from error
    if not rows:
        raise DataError([Problem(str(path), "an empty file", "a header and hourly rows")])
    header = [c.strip().lower() for c in rows[0]]
    if twice := sorted({c for c in header if header.count(c) > 1}):
        raise DataError([Problem(f"{path}: row 1", f"columns {twice} twice", "each once")])
    width = len(header)
    kept = {n: r for n, r in enumerate(rows[1:], start=2) if any(c.strip() for c in r)}
    filled = [(r + [""] * width)[:width] for r in kept.values()]
    return pd.DataFrame(filled, columns=header, index=list(kept), dtype=str)


def _time(text: str) -> tuple[pd.Timestamp, bool] | None:
    """Naive UTC of an ISO time, and whether it had no offset; None where it is none."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    date, hour, minute, second, zone = match.groups()
    clock = (int(hour or 0), int(minute or 0), int(second or 0))
    whole_day = clock == (24, 0, 0)  # 24:00 closes the day
    h, m, s = (0, 0, 0) if whole_day else clock
    try:
        stamp = pd.Timestamp(f"{date}T{h:02d}:{m:02d}:{s:02d}{zone or ''}")
    except ValueError:
        return None
    return to_utc(stamp, BEIJING_OFFSET) + pd.Timedelta(days=int(whole_day)), zone is None


def _numbers(cells: "pd.Series[str]", where: str, name: str) -> tuple[Any, list[Problem]]:
    """Values of a column, NaN where missing or wrong, and what was wrong."""
    text = cells.str.strip()
    missing = text.str.lower().isin(_MISSING)
    values = pd.to_numeric(text.where(~missing), errors="coerce").astype(np.float64)
    wrong = ~missing & ~(np.isfinite(values) & (values >= 0))
    return values.where(~wrong), _listed(wrong, where, name, text, "a number of 0 or more")


def _listed(
    mask: "pd.Series[bool]", where: str, column: str, values: "pd.Series[str]", expected: str
) -> list[Problem]:
    """One problem per marked row; the many of one kind end in a count."""
    rows = [int(i) for i in mask.index[mask]]
    out = [
        Problem(f"{where}: row {i}, {column}", repr(values.loc[i]), expected) for i in rows[:_SHOWN]
    ]
    if len(rows) > _SHOWN:
        found = f"the same in {len(rows) - _SHOWN} more rows"
        out.append(
            Problem(f"{where}: rows {rows[_SHOWN]} to {rows[-1]}, {column}", found, expected)
        )
    return out


def _grid(
    where: str, time: Any, member: "pd.Series[str]", values: dict[str, Any], assumed: bool
) -> CityTable:
    """Rows put onto every hour from the first to the last."""
    codes, names = pd.factorize(member)
    hour = ((time - time.min()) // pd.Timedelta(hours=1)).to_numpy()
    hours = int(hour.max()) + 1
    if hours * len(names) > MAX_CELLS:
        found = f"{len(names)} members from {time.min()} to {time.max()} UTC"
        raise DataError([Problem(where, found, f"at most {MAX_CELLS} member hours")])
    times = pd.date_range(time.min(), periods=hours, freq="h")
    hourly = np.full((len(names), hours, len(POLLUTANTS)), np.nan)
    for p, name in enumerate(POLLUTANTS):
        if name in values:
            hourly[codes, hour, p] = values[name].to_numpy()
    dust = None
    if "dust" in values:
        dust = np.zeros(hourly.shape[:2], dtype=bool)
        dust[codes, hour] = values["dust"].to_numpy() > 0
    return CityTable(hourly, times, tuple(str(n) for n in names), dust, assumed)
