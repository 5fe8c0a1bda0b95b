"""Cells that a spreadsheet would take for a formula, in every table the house hands out."""

import csv
import io
from pathlib import Path

import pandas as pd
import pytest
from openpyxl import load_workbook

from response import register_cells, register_write
from serving.rest import runs

BAD = ("=cmd|'/C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "'=1")


def table() -> pd.DataFrame:
    return pd.DataFrame({"unit": BAD, "loss": [-1.5] * len(BAD)})


def test_text_is_made_inert_and_numbers_stay_numbers() -> None:
    made = register_cells.inert(table())
    assert all(v.startswith("'") for v in made["unit"])
    assert [register_cells.unsafe(v) for v in made["unit"]] == list(BAD)
    assert made["loss"].tolist() == [-1.5] * len(BAD)
    assert table()["unit"].tolist() == list(BAD)  # the given table is not changed


def test_a_workbook_has_no_formula(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(register_write.excel_bytes({"orders": register_cells.inert(table())}))
    sheet = load_workbook(path)["orders"]
    assert {c.data_type for row in sheet.iter_rows(min_row=2) for c in row} == {"s", "n"}


def test_the_apis_csv_has_no_formula() -> None:
    content = runs.as_csv([{"station": bad, "value": -1.5} for bad in BAD]).decode()
    rows = list(csv.reader(io.StringIO(content, newline="")))[1:]
    assert all(r[0].startswith("'") for r in rows)
    assert {r[1] for r in rows} == {"-1.5"}


@pytest.mark.parametrize("source", ["response/controls_tables.py", "response/resume_home.py",
                                    "serving/console/plan.py", "serving/rest/runs.py"])  # fmt: skip
def test_each_maker_of_tables_for_people_uses_it(source: str) -> None:
    text = (Path(__file__).resolve().parents[2] / source).read_text(encoding="utf-8")
    assert "inert(" in text or "safe(" in text
