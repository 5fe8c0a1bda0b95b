"""Cells of a list: what an Excel or CSV cell says, and how a value is written to stay a value.

Knows the kinds of register_columns; nothing of sheets' meaning. A text that a spreadsheet could
take for a formula (it begins with = + - @, tab or carriage return) is written with an apostrophe
before it, and read back without. A cell that begins with = is a formula and never read.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Final

import pandas as pd

from response.register_columns import KELVIN, Column

DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r")
_ESCAPED: Final = (*DANGEROUS, "'")
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_MOST_DIGITS: Final = 1e15  # a spreadsheet keeps no more digits of a number
_YES: Final = {"是": True, "否": False, "有": True, "无": False}
DIGITS: Final = 10  # decimals kept where percent or degC are turned into field units and back


def safe(text: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_ESCAPED) else text


def inert(table: pd.DataFrame) -> pd.DataFrame:
    """A table for people's spreadsheets: no text cell is a formula; numbers stay numbers."""
    out = table.copy()
    for column in out.columns[[not pd.api.types.is_numeric_dtype(t) for t in out.dtypes]]:
        out[column] = out[column].map(lambda v: safe(v) if isinstance(v, str) else v)
    return out


def unsafe(text: str) -> str:
    """The text that `safe` made the cell from."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_ESCAPED) else text


def plain(text: str) -> str:
    """Header, sheet name or word in one spelling: full and half width alike, no blanks."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))


def has_control(text: str) -> bool:
    """A character in it that no spreadsheet can hold."""
    return _CONTROL.search(text) is not None


def shown(cell: object) -> str:
    """A cell in an error sheet."""
    if is_empty(cell):
        return "空 (empty)"
    text = str(cell)
    return text if len(text) <= 80 else f"{text[:77]}..."


def is_empty(cell: object) -> bool:
    """Nothing in it, or blanks only."""
    return cell is None or (isinstance(cell, str) and not cell.strip(" \u3000\n"))


def expected(column: Column) -> str:
    """What cells of a column may hold, for the error sheet."""
    if column.kind in ("number", "percent", "celsius"):
        bound = (
            f"{column.low:g} .. {column.high:g}"
            if column.high < float("inf")
            else f"≥ {column.low:g}"
        )
        return f"数字 {bound} (a number)"
    if column.kind == "yes":
        return "是、否 (yes or no)"
    if column.kind == "word":
        return f"{'、'.join(w[0] for w in column.words.values())} (one of these)"
    if column.kind == "id":
        return "编号，无公式 (an identifier, no formula)"
    return "文字，无公式 (text, no formula)"


def read(column: Column, cells: Sequence[object]) -> tuple[list[object], list[int]]:
    """Field values of a column's cells.

    Returns:
        values (None where a cell is faulty), and the positions of faulty cells.
    """
    words = _lookup(column.words) if column.kind == "word" else {}
    values: list[object] = []
    faulty: list[int] = []
    for position, cell in enumerate(cells):
        value: object
        if is_empty(cell):
            value = None if column.filled else column.empty
            bad = column.filled
        elif isinstance(cell, str) and cell.lstrip().startswith("="):
            value, bad = None, True
        else:
            value = _value(column, cell, words)
            bad = value is None
        values.append(value)
        if bad:
            faulty.append(position)
    return values, faulty


def cell(column: Column, value: object) -> object:
    """The cell of a field value: the inverse of `read`; a missing number is an empty cell."""
    if value is None or (isinstance(value, float) and value != value):
        return None
    if column.kind == "percent":
        return _tidy(100 * float(value))  # type: ignore[arg-type]
    if column.kind == "celsius":
        return _tidy(float(value) - KELVIN)  # type: ignore[arg-type]
    if column.kind == "number":
        return value
    if column.kind == "yes":
        return "是" if value else "否"
    if column.kind == "word":
        return column.words[str(value)][0]
    return safe(str(value))


def _tidy(number: float) -> float:
    return round(number, DIGITS)


def _lookup(words: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {plain(w): value for value, spelled in words.items() for w in spelled}


def _value(column: Column, cell: object, words: Mapping[str, str]) -> object:
    """Field value, or None where the cell cannot be read."""
    if column.kind in ("number", "percent", "celsius"):
        number = _number(cell)
        if number is None or not column.low <= number <= column.high:
            return None
        if column.kind == "percent":
            return round(number / 100, DIGITS + 2)
        return _tidy(number + KELVIN) if column.kind == "celsius" else number
    text = _text(cell)
    if text is None:
        return None
    if column.kind == "yes":
        return _YES.get(plain(text))
    if column.kind == "word":
        return words.get(plain(text))
    return text


def _number(cell: object) -> float | None:
    if isinstance(cell, bool):
        return None
    if isinstance(cell, (int, float)):
        return float(cell) if abs(cell) < float("inf") else None  # a NaN compares false
    if isinstance(cell, str):
        text = unicodedata.normalize("NFKC", cell).strip()
        number = float(text) if _NUMBER.fullmatch(text) else None
        return number if number is not None and abs(number) < float("inf") else None
    return None


def _text(cell: object) -> str | None:
    if isinstance(cell, (bool, datetime, date, time)):
        return None  # a spreadsheet made something else of the text
    if isinstance(cell, (int, float)):
        return f"{cell:.0f}" if cell == int(cell) and abs(cell) < _MOST_DIGITS else None
    if not isinstance(cell, str) or has_control(cell):
        return None
    return unsafe(cell.strip(" \u3000\n"))
