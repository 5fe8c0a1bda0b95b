"""Register -> the list's sheets, as Excel or a folder of CSV; the inverse of register_read.

Percentages and degrees Celsius are written to ten decimals, so that a list that was read and is
written again has the same cells. Texts that a spreadsheet could take for a formula are written
with an apostrophe before them (register_cells). Knows nothing of the home.
"""

import io
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from forecast import files
from forecast.problems import DataError, Problem
from response import register_cells as cells
from response.register import Register
from response.register_columns import MEASURES, SHEETS, STACKS, UNITS, Column, Sheet


def sheets(register: Register) -> dict[str, pd.DataFrame]:
    """Cells of the four sheets by name, in the order of the file; None: an empty cell.

    Raises:
        DataError: A text that no spreadsheet can hold.
    """
    tables = {s.table: getattr(register, s.table) for s in SHEETS}
    derived = _derived(register)
    problems: list[Problem] = []
    made = {}
    for sheet in SHEETS:
        table = tables[sheet.table].reset_index() if sheet.key else tables[sheet.table]
        columns = {
            c.zh: _cells(sheet, c, table, derived.get((sheet.zh, c.zh)), problems)
            for c in sheet.columns
        }
        made[sheet.zh] = pd.DataFrame(columns, dtype=object)
    if problems:
        raise DataError(problems)
    return made


def write_excel(path: Path, register: Register) -> None:
    """Put the list into one Excel file, whole or not at all."""
    files.write_bytes(path, excel_bytes(sheets(register)))


def write_csv(folder: Path, register: Register) -> None:
    """Put each sheet into <folder>/<name>.csv, UTF-8 with the mark Excel needs."""
    for name, table in sheets(register).items():
        text = "\ufeff" + table.to_csv(index=False, lineterminator="\r\n")
        files.write_bytes(folder / f"{name}.csv", text.encode())


def excel_bytes(tables: Mapping[str, pd.DataFrame]) -> bytes:
    """An Excel file of these sheets; the first row stays in sight."""
    from openpyxl import Workbook  # type: ignore[import-untyped]

    book = Workbook(write_only=True)  # rows are streamed: several times faster than cell by cell
    for name, table in tables.items():
        sheet = book.create_sheet(name)
        sheet.freeze_panes = "A2"
        sheet.append(list(table.columns))
        for row in zip(*(table[c].tolist() for c in table.columns), strict=True):
            sheet.append(row)
    memory = io.BytesIO()
    book.save(memory)
    return memory.getvalue()


def _cells(
    sheet: Sheet, column: Column, table: pd.DataFrame, derived: "pd.Series | None",
    problems: list[Problem],
) -> list[object]:  # fmt: skip
    if derived is not None:
        values = derived.tolist()
    elif column.name in table.columns:
        values = table[column.name].tolist()
    else:
        return [None] * len(table)
    made = [cells.cell(column, v) for v in values]
    for number, one in enumerate(made, start=2):
        if isinstance(one, str) and cells.has_control(one):
            where = f"{sheet.zh} row {number} {column.zh}"
            problems.append(Problem(where, repr(one), "no control characters"))
    return made


def _derived(register: Register) -> dict[tuple[str, str], "pd.Series"]:
    """Columns that repeat what stands elsewhere, so that each sheet reads by itself."""
    units, measures = register.units, register.measures
    name = register.enterprises["name"]
    owner = measures["unit"].map(units["enterprise"])
    main = register.stacks.sort_values("share", ascending=False, kind="stable")
    main = main.drop_duplicates("unit").set_index("unit").reindex(units.index)
    stack = {c.zh: c.name for c in STACKS.columns if c.name in main.columns}
    result = {
        (UNITS.zh, c.zh): main[stack[c.zh]] for c in UNITS.columns if not c.name and c.zh in stack
    }
    return result | {
        (UNITS.zh, "企业名称"): units["enterprise"].map(name),
        (MEASURES.zh, "企业编号"): owner,
        (MEASURES.zh, "企业名称"): owner.map(name),
        (MEASURES.zh, "生产单元名称"): measures["unit"].map(units["name"]),
        (MEASURES.zh, "停产所需小时"): measures["unit"].map(units["hours_to_stop"]),
        (MEASURES.zh, "恢复所需小时"): measures["unit"].map(units["hours_to_restart"]),
    }
