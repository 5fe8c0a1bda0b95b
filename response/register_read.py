"""A list's sheets -> Register. Everything wrong is collected first; a faulty list gives nothing.

Excel or a folder of CSV (UTF-8 with or without mark, or GB 18030). The header is the first of the
first rows that names the key columns, so a title above it does no harm; columns may come in any
order; unknown ones are left alone and named in the notes. What the sheets mean together is checked
in register_check.
"""

import csv
import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zipfile import BadZipFile

import pandas as pd

from forecast import unpacking
from forecast.problems import DataError, Problem
from response import register_cells as cells
from response.register import Register
from response.register_check import Box, check
from response.register_columns import SHEETS, Column, Sheet
from response.register_faults import Fault, ListError

HEADER_ROWS: Final = 6  # a title and remarks may stand above the header
_EXCEL: Final = (".xlsx", ".xlsm")
SIMULATED: Final = "simulated: credit codes with SIM"


@dataclass(frozen=True)
class Read:
    """A list that was read: the register, and what is odd about it but no fault."""

    register: Register
    notes: tuple[Fault, ...]


@dataclass(frozen=True)
class _Raw:
    """Cells of one sheet below its header, and the row of each as Excel shows it."""

    header: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    numbers: tuple[int, ...]


def load(path: Path) -> Register:
    """The register of a list; see response.register.load."""
    return read(path).register


def read(path: Path, *, box: Box | None = None) -> Read:
    """Read a list from an Excel file or a folder of CSV files.

    Args:
        path: .xlsx or .xlsm, or a folder with 企业.csv, 生产单元.csv, 排放口.csv, 措施.csv.
        box: Where the city lies; None: anywhere in China.

    Raises:
        ListError: Every fault of every sheet (a DataError).
        DataError: No such file, or one that cannot be read at all.
    """
    raw = _excel(path) if path.suffix.lower() in _EXCEL and path.is_file() else _folder(path)
    faults: list[Fault] = []
    notes: list[Fault] = []
    tables: dict[str, pd.DataFrame] = {}
    for sheet in SHEETS:
        if sheet.zh not in raw:
            faults.append(Fault(sheet.zh, 0, "", "无此工作表 (no such sheet)", "一张 (one sheet)"))
            continue
        found = _header(sheet, raw[sheet.zh])
        tables[sheet.table] = _table(sheet, found, faults, notes)
    order = [s.zh for s in SHEETS]
    more_faults, more_notes = check(tables, box=box)
    faults += more_faults
    if faults:
        raise ListError(path, sorted(set(faults), key=lambda f: (order.index(f.sheet), f.row)))
    return Read(_register(tables), tuple(notes + more_notes))


def _register(tables: dict[str, pd.DataFrame]) -> Register:
    people = tables["enterprises"].drop(columns="row").set_index("enterprise")
    simulated = people["credit_code"].str.contains("SIM").any()  # no real code has S or I
    return Register(
        people,
        tables["units"].drop(columns="row").set_index("unit"),
        tables["stacks"].drop(columns="row").set_index("stack"),
        tables["measures"].drop(columns="row"),
        SIMULATED if simulated else "",
    )


def _table(sheet: Sheet, raw: _Raw, faults: list[Fault], notes: list[Fault]) -> pd.DataFrame:
    """Typed columns and `row`; faulty cells are None and told."""
    place = {name: i for i, name in reversed(list(enumerate(raw.header)))}
    columns: dict[str, object] = {"row": list(raw.numbers)}
    for column in sheet.columns:
        position = place.get(cells.plain(column.zh))
        if position is None:
            if column.required:
                said = "无此列 (no such column)"
                faults.append(Fault(sheet.zh, 0, column.zh, said, cells.expected(column)))
            if column.name:
                columns[column.name] = [None if column.required else column.empty] * len(raw.rows)
            continue
        held = [row[position] if position < len(row) else None for row in raw.rows]
        values, faulty = cells.read(column, held)
        for p in faulty:
            said, wanted = cells.shown(held[p]), cells.expected(column)
            faults.append(Fault(sheet.zh, raw.numbers[p], column.zh, said, wanted))
        if column.name:
            columns[column.name] = values
    known = {cells.plain(c.zh) for c in sheet.columns}
    for name in raw.header:
        if name and name not in known:
            notes.append(Fault(sheet.zh, 0, name, "未知列 (unknown column)", "未读取 (not read)"))
    for name in sorted({n for n in raw.header if n in known and raw.header.count(n) > 1}):
        faults.append(Fault(sheet.zh, 0, name, "列重复 (column twice)", "一列 (one)"))
    return _typed(pd.DataFrame(columns), sheet.columns)


def _typed(table: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    """Numbers as float64 and yes as bool wherever no cell is faulty."""
    for column in columns:
        if column.name and column.kind in ("number", "percent", "celsius"):
            table[column.name] = table[column.name].astype("float64")
        elif column.name and column.kind == "yes" and table[column.name].notna().all():
            table[column.name] = table[column.name].astype(bool)
    return table


def _header(sheet: Sheet, rows: Sequence[tuple[int, tuple[object, ...]]]) -> _Raw:
    """The header is the one of the first rows that names most of the columns."""
    known = {cells.plain(c.zh) for c in sheet.columns}
    first = [
        tuple(cells.plain(str(c)) if c is not None else "" for c in r)
        for _, r in rows[:HEADER_ROWS]
    ]
    if not first:
        return _Raw((), (), ())
    best = max(range(len(first)), key=lambda i: len(known & set(first[i])))
    body = [(n, r) for n, r in rows[best + 1 :] if not all(cells.is_empty(c) for c in r)]
    return _Raw(first[best], tuple(r for _, r in body), tuple(n for n, _ in body))


def _excel(path: Path) -> dict[str, list[tuple[int, tuple[object, ...]]]]:
    """Rows of each known sheet, numbered from 1; formulas as their text, never their value."""
    from openpyxl import load_workbook  # type: ignore[import-untyped]

    unpacking.check_book(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # drop-down lists and styles do not matter
        try:
            book = load_workbook(path, read_only=True, data_only=False, keep_links=False)
        except (OSError, BadZipFile, KeyError, ValueError) as error:
            raise DataError([Problem(str(path), str(error), "a readable Excel file")]) from error
        try:
            result = {}
            for sheet in book.worksheets:
                sheet.reset_dimensions()  # some programs state a wrong extent
                rows = list(enumerate(sheet.iter_rows(values_only=True), start=1))
                result[cells.plain(sheet.title)] = rows
            return result
        finally:
            book.close()


def _folder(path: Path) -> dict[str, list[tuple[int, tuple[object, ...]]]]:
    """Rows of each CSV file of a folder, numbered as a spreadsheet numbers them."""
    if not path.is_dir():
        found = "no such file or folder" if not path.exists() else f"a file {path.suffix!r}"
        raise DataError([Problem(str(path), found, "an .xlsx file or a folder of CSV files")])
    result: dict[str, list[tuple[int, tuple[object, ...]]]] = {}
    for file in sorted(path.glob("*.csv")):
        text = _decoded(file)
        try:
            rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        except csv.Error as error:
            raise DataError([Problem(str(file), str(error), "a readable CSV file")]) from error
        result[cells.plain(file.stem)] = [(n, tuple(r)) for n, r in enumerate(rows, start=1)]
    return result


def _decoded(file: Path) -> str:
    content = file.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise DataError([Problem(str(file), "neither", "UTF-8 or GB 18030")])
