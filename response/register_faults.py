"""What is wrong with a list: sheet, row as Excel shows it, column, found, expected.

Takes faults, gives problems for the command line and an error sheet (Excel or CSV) that goes back
to whoever keeps the list. Texts in found and expected are in Chinese and English.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from forecast import files
from forecast.problems import DataError, Problem
from response.register_cells import safe

COLUMNS: Final = ("sheet", "row", "column", "found", "expected")


@dataclass(frozen=True)
class Fault:
    """One faulty cell, row or sheet; row 0: the sheet as a whole."""

    sheet: str
    row: int
    column: str
    found: str
    expected: str

    def problem(self, path: Path) -> Problem:
        """The same for the command line."""
        where = f"{path}: {self.sheet}" if self.sheet else str(path)
        if self.row:
            where += f" row {self.row}"
        if self.column:
            where += f" {self.column}"
        return Problem(where, self.found, self.expected)


class ListError(DataError):
    """A list that was refused, with every fault of it."""

    def __init__(self, path: Path, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__([f.problem(path) for f in faults])


def table(faults: Sequence[Fault]) -> pd.DataFrame:
    """Error sheet: COLUMNS, one row per fault, in the order of sheets and rows."""
    rows = [tuple(getattr(f, c) for c in COLUMNS) for f in faults]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def write(folder: Path, faults: Sequence[Fault], *, stem: str = "errors") -> tuple[Path, Path]:
    """Write the error sheet as <stem>.xlsx and <stem>.csv; cells are made harmless."""
    from openpyxl import Workbook  # type: ignore[import-untyped]

    made = table(faults)
    for column in ("sheet", "column", "found", "expected"):
        made[column] = made[column].map(safe)
    book = Workbook(write_only=True)
    sheet = book.create_sheet("错误 errors")
    sheet.freeze_panes = "A2"
    for name, width in zip("ABCDE", (12, 8, 24, 40, 60), strict=True):
        sheet.column_dimensions[name].width = width
    sheet.append(list(COLUMNS))
    for row in made.itertuples(index=False):
        sheet.append(list(row))
    memory = io.BytesIO()
    book.save(memory)
    excel, csv = folder / f"{stem}.xlsx", folder / f"{stem}.csv"
    files.write_bytes(excel, memory.getvalue())
    text = "\ufeff" + made.to_csv(index=False, lineterminator="\r\n")
    files.write_bytes(csv, text.encode())
    return excel, csv
