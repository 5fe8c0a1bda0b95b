"""Text of a CSV file -> cells, numbers and stamps, with every bad cell reported by file and row.

Row numbers count records, the header being row 1: in a file without line breaks inside quotes
that is the line number. Missing is NaN; the words for missing are MISSING. Nothing is guessed: a
cell that is neither a number nor a word for missing is reported and left missing.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.importers.sources import Source, text_of
from forecast.problems import Problem

MISSING: Final = ("", "NA", "N/A", "NaN", "nan", "-", "--", "—", "null", "NULL", "None")
_NAMED_ROWS = 12  # that many rows are named in one problem, the rest are counted


def cells(source: Source) -> tuple[pd.DataFrame, list[Problem]] | Problem:
    """All cells of a CSV as text.

    Returns:
        One column per header field, index = row number (the first record is row 2), and a
        problem for the records with too many or too few cells, which are left out; or one
        Problem where the file is no table at all.
    """
    text = text_of(source)
    if isinstance(text, Problem):
        return text
    text = text.lstrip("\ufeff").rstrip()
    try:
        header = next(csv.reader(io.StringIO(text[: 1 << 20], newline="")), [])
    except csv.Error as error:
        return Problem(source.name, f"header unreadable: {error}", "a CSV with a header row")
    header = [name.strip() for name in header]
    if len(header) < 2:
        return Problem(source.name, f"header {header}", "a CSV with a header row")
    if len(set(header)) < len(header):
        twice = sorted({name for name in header if header.count(name) > 1})
        return Problem(source.name, f"columns {twice} twice", "each column once")
    lines = text.count("\n") + 1
    # The quick reader fills short records silently, so it is used only where every record has
    # all its commas and no quoted cell can hide one.
    if "\r" not in text.replace("\r\n", "") and text.count(",") == (len(header) - 1) * lines:
        try:
            table = pd.read_csv(
                io.StringIO(text), dtype=str, keep_default_na=False, na_filter=False,
                skip_blank_lines=False,
            )  # fmt: skip
        except pd.errors.ParserError:
            table = None
        if table is not None and len(table) == lines - 1:
            table.columns = pd.Index(header)
            table.index = pd.RangeIndex(2, len(table) + 2, name="row")
            return table, []
    return _slowly(source.name, text, header)


def numbers(
    table: pd.DataFrame, columns: Iterable[str], *, where: str, signed: frozenset[str] = frozenset()
) -> tuple[dict[str, NDArray[np.float64]], list[Problem]]:
    """Columns of text as numbers.

    Args:
        table: Text cells, index = row number.
        signed: Columns in which a value below zero is possible.

    Returns:
        Column -> values, NaN where missing; problems name the rows whose cell is no finite
        number, or is negative where that cannot be: those cells are left missing.
    """
    values: dict[str, NDArray[np.float64]] = {}
    problems: list[Problem] = []
    rows = table.index.to_numpy()
    for column in columns:
        text = table[column]
        parsed = pd.to_numeric(text, errors="coerce").to_numpy(dtype="float64", na_value=np.nan)
        parsed = parsed.copy()
        parsed[np.isinf(parsed)] = np.nan
        wrong = np.isnan(parsed)
        if wrong.any():  # missing words only need a look where there is no number
            wrong[wrong] = ~text[wrong].str.strip().isin(MISSING).to_numpy()
        if wrong.any():
            found = f"{text[wrong].iloc[0]!r} in {listed(rows[wrong])}"
            problems.append(Problem(f"{where}: {column}", found, "a number or NA; left missing"))
        negative = parsed < 0
        if column not in signed and negative.any():
            found = f"{parsed[negative][0]:g} in {listed(rows[negative])}"
            problems.append(Problem(f"{where}: {column}", found, "no value below 0; left missing"))
            parsed[negative] = np.nan
        values[column] = parsed
    return values, problems


def implausible(
    values: Mapping[str, NDArray[np.float64]],
    medians: Mapping[str, tuple[float, float, str]],
    *,
    where: str,
) -> list[tuple[str, Problem]]:
    """Columns whose median shows that they are in other units than the layout's.

    Args:
        medians: Column -> lowest and highest median that can be, and the units.
    """
    found = []
    for column, (low, high, units) in medians.items():
        present = values[column][~np.isnan(values[column])] if column in values else np.empty(0)
        if not len(present):
            continue
        median = float(np.median(present))
        if not low <= median <= high:
            expected = f"{units} (a median of {low:g} to {high:g}); the column is left out"
            found.append((column, Problem(f"{where}: {column}", f"median {median:g}", expected)))
    return found


def listed(rows: NDArray[np.int64]) -> str:
    """Row numbers in words: runs are joined, beyond a dozen runs only the count is given."""
    rows = np.asarray(rows)
    cuts = np.flatnonzero(np.diff(rows) != 1) + 1
    runs = np.split(rows, cuts) if len(rows) < 100_000 else [rows[:1]]
    words = [f"{r[0]}-{r[-1]}" if len(r) > 1 else str(r[0]) for r in runs[:_NAMED_ROWS]]
    shown = sum(len(r) for r in runs[:_NAMED_ROWS])
    rest = f" and {len(rows) - shown} more" if shown < len(rows) else ""
    return f"row{'s' if len(rows) > 1 else ''} {', '.join(words)}{rest}"


def _slowly(
    name: str, text: str, header: list[str]
) -> tuple[pd.DataFrame, list[Problem]] | Problem:
    """The same through the csv module, which tells records from lines."""
    try:
        records = list(csv.reader(io.StringIO(text, newline="")))
    except csv.Error as error:
        return Problem(name, f"unreadable: {error}", "a CSV file")
    numbered = [(i, r) for i, r in enumerate(records[1:], start=2) if r]
    good = [(i, r) for i, r in numbered if len(r) == len(header)]
    bad = [(i, len(r)) for i, r in numbered if len(r) != len(header)]
    problems = []
    if bad:
        rows = listed(np.array([i for i, _ in bad]))
        found = f"{bad[0][1]} cells in {rows}"
        problems.append(Problem(name, found, f"{len(header)} cells; the row is left out"))
    table = pd.DataFrame(
        [r for _, r in good], columns=header, index=pd.Index([i for i, _ in good], name="row"),
        dtype=str,
    )  # fmt: skip
    return table, problems
