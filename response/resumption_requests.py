"""The table of requests to go back to work: Excel or CSV with Chinese column names.

    生产单元 unit   申请复产时间 wished (local, UTC+8)   爬坡时间(h) ramp_hours
    日产值(元) value_yuan_d, optional: empty takes the register's

Times without an offset are local (UTC+8). Every fault is told with row, column, what was found and
what was expected, all at once; a faulty table gives no request at all.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from forecast import unpacking
from forecast.problems import ConfigError, DataError, Problem
from forecast.timing import BEIJING_OFFSET, to_utc

COLUMNS: Final = {
    "生产单元": "unit", "申请复产时间": "wished", "爬坡时间(h)": "ramp_hours",
    "日产值(元)": "value_yuan_d",
}  # fmt: skip
_OPTIONAL: Final = ("日产值(元)",)
_MOST: Final = {"ramp_hours": 8784.0, "value_yuan_d": 1e12}


def read(path: Path) -> pd.DataFrame:
    """Requests: index = unit; wished (naive UTC), ramp_hours, value_yuan_d (NaN = register's).

    Raises:
        ConfigError: The file cannot be read.
        DataError: Every fault of the table.
    """
    raw = _cells(path)
    names = [str(c).strip().replace("（", "(").replace("）", ")") for c in raw.columns]
    raw.columns = pd.Index(names)
    known = [n for n in names if n in COLUMNS]
    absent = [c for c in COLUMNS if c not in names and c not in _OPTIONAL]
    twice = sorted({n for n in known if names.count(n) > 1})
    if absent or twice:
        found = f"no columns {absent}" if absent else f"columns {twice} twice"
        raise DataError([Problem(f"{path}: row 1", found, f"{list(COLUMNS)}, each once")])
    table = raw[known].rename(columns=COLUMNS)
    table = table[(table != "").any(axis=1)]
    if table.empty:
        raise DataError([Problem(str(path), "no request", "one row per unit")])
    problems: list[Problem] = []
    unit = table["unit"].astype(str).str.strip()
    bad = (unit == "") | unit.duplicated()
    problems += [_fault(path, r, "unit", unit[r], "each unit once") for r in unit.index[bad]]
    stamps, wrong = _column(path, table["wished"], _time, "a time such as 2026-12-01 08:00")
    problems += wrong
    numbers = {}
    for field, most in _MOST.items():
        if field not in table:
            numbers[field] = pd.Series(np.nan, table.index)
            continue
        cells = table[field]
        given = cells[cells != ""] if field == "value_yuan_d" else cells
        expected = f"a number, 0 .. {most:g}"
        numbers[field], wrong = _column(path, given, partial(_number, most=most), expected)
        problems += wrong
    if problems:
        raise DataError(problems)
    out = pd.DataFrame({"wished": stamps, **numbers}, index=table.index)
    out["wished"] = pd.to_datetime(out["wished"])
    return out.astype(dict.fromkeys(_MOST, float)).set_axis(pd.Index(unit, name="unit"), axis=0)


def _column(
    path: Path, cells: pd.Series, read_cell: Callable[[Any], Any], expected: str
) -> tuple[pd.Series, list[Problem]]:
    """Values of a column, and a problem per cell that has none."""
    values: dict[Any, Any] = {row: read_cell(cell) for row, cell in cells.items()}
    wrong = [row for row, v in values.items() if v is None]
    return pd.Series(values, dtype=object), [
        _fault(path, int(r), str(cells.name), cells.loc[r], expected) for r in wrong
    ]


def _fault(path: Path, row: int, field: str, found: object, expected: str) -> Problem:
    column = next(zh for zh, name in COLUMNS.items() if name == field)
    return Problem(f"{path}: row {row}, {column}", repr(found), expected)


def _cells(path: Path) -> pd.DataFrame:
    """Cells, "" where empty; index = row in the file, the header being row 1."""
    try:
        if path.suffix.lower() == ".xlsx":
            unpacking.check_book(path)
            raw = pd.read_excel(path, dtype=object)
        else:
            raw = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig",
                              skip_blank_lines=False)  # fmt: skip
    except DataError as error:
        raise ConfigError(error.problems) from error
    except (OSError, ValueError, KeyError, pd.errors.ParserError) as error:
        raise ConfigError([Problem(str(path), str(error), "a readable .xlsx or .csv")]) from error
    raw = raw.astype(object).where(raw.notna(), "")
    raw = raw.map(lambda c: c.strip() if isinstance(c, str) else c)
    raw.index = pd.RangeIndex(2, len(raw) + 2)
    return raw


def _time(cell: Any) -> pd.Timestamp | None:
    """Naive UTC of a cell, a date cell of Excel or text; None where it is no time."""
    if isinstance(cell, str) and not cell[:4].isdigit():
        return None
    if isinstance(cell, int | float):  # a bare number is no date, though pandas would take it
        return None
    try:
        stamp = pd.Timestamp(cell)
    except (ValueError, TypeError):
        return None
    plain = isinstance(cell, str) and len(cell) < len("2026-1-1")
    return None if plain or pd.isna(stamp) else to_utc(stamp, BEIJING_OFFSET)


def _number(cell: Any, most: float) -> float | None:
    try:
        value = float(str(cell).replace(",", "").replace("，", ""))
    except ValueError:
        return None
    return value if 0 <= value <= most else None
