"""A small list that is right: two enterprises, three units, four stacks; tests break it."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from response import register_write
from response.credit_code import check_character
from response.register import Register

Sheets = dict[str, pd.DataFrame]
CODES = ["91410800MA44" + n + check_character("91410800MA44" + n) for n in ("00001", "00002")]


def made() -> Register:
    """Two enterprises, E2 with slow kiln; stated sums are right; all three levels listed."""
    people = pd.DataFrame(
        {
            "name": ["甲水泥", "乙铸造"],
            "credit_code": CODES,
            "permit": ["P1", ""],
            "area": ["沁阳市", "武陟县"],
            "town": ["", "某镇"],
            "longitude": [112.9, 113.4],
            "latitude": [35.1, 35.0],
            "contact": ["张三", "李四"],
            "phone": ["03911234567", "+86 391 1"],
            "code": ["3011", "3391"],
            "industry": ["水泥熟料", "铸造"],
            "key_industry": ["水泥", "铸造"],
            "grade": ["C", "B-"],
            "kind": ["ordinary", "ordinary"],
            "positive_list": [True, False],
            "voc": [False, True],
            "value_yuan_d": [1e6, 2e5],
            "trucks_d": [100.0, 12.0],
            "responsible": ["张三", ""],
        },
        index=pd.Index(["E1", "E2"], name="enterprise"),
    )
    units = pd.DataFrame(
        {
            "enterprise": ["E1", "E1", "E2"],
            "name": ["1#熟料窑", "2#熟料窑", "1#熔炼炉"],
            "line": [True, True, True],
            "profile": ["continuous", "continuous", "two_shift"],
            "so2": [100.0, 80.0, 3.0],
            "nox": [900.5, 700.0, 4.0],
            "pm": [60.0, 50.0, 9.0],
            "voc": [0.0, 0.0, 7.25],
            "co": [1.0, 2.0, 300.0],
            "pm25_share": [0.6, 0.07, 0.333],
            "value_yuan_d": [6e5, 4e5, 2e5],
            "trucks_d": [60.0, 40.0, 12.0],
            "min_load": [0.75, 0.75, 0.0],
            "hours_to_stop": [12.0, 12.0, 3.0],
            "hours_to_restart": [36.0, 36.0, 6.0],
            "proof": ["窑尾 CEMS", "窑尾 CEMS", "用电量"],
        },
        index=pd.Index(["E1-U1", "E1-U2", "E2-U1"], name="unit"),
    )
    stacks = pd.DataFrame(
        {
            "unit": ["E1-U1", "E1-U1", "E1-U2", "E2-U1"],
            "share": [0.85, 0.15, 1.0, 1.0],
            "height_m": [95.0, 40.0, 95.0, 20.0],
            "diameter_m": [4.0, 3.2, 4.0, 0.9],
            "temperature_k": [380.15, 370.15, 380.15, 350.15],
            "speed_m_s": [13.0, 11.0, 13.0, 12.0],
            "longitude": [112.9, 112.9, 112.9, 113.4],
            "latitude": [35.1, 35.1, 35.1, 35.0],
        },
        index=pd.Index(["S1", "S2", "S3", "S4"], name="stack"),
    )
    rows = [
        (unit, level, action, load, trucks)
        for unit, steps in {
            "E1-U1": (("half_lines", 1.0, 30.0), ("stop", 0.0, 12.0), ("stop", 0.0, 12.0)),
            "E1-U2": (("half_lines", 0.0, 20.0), ("stop", 0.0, 8.0), ("stop", 0.0, 8.0)),
            "E2-U1": (("cut", 0.5, 6.0), ("stop", 0.0, 2.4), ("stop", 0.0, 0.0)),
        }.items()
        for level, (action, load, trucks) in zip(("yellow", "orange", "red"), steps, strict=True)
    ]
    measures = pd.DataFrame(rows, columns=["unit", "level", "action", "load", "trucks_after"])
    measures = measures.assign(proof="用电量", source="一厂一策", assumption=False)
    return Register(people, units, stacks, measures)


def sheets() -> Sheets:
    """The same as sheets, cells as they are written."""
    return register_write.sheets(made())


def write(path: Path, tables: Sheets) -> Path:
    """Sheets as an Excel file, cells as given: formulas stay formulas."""
    path.write_bytes(register_write.excel_bytes(tables))
    return path


def write_folder(folder: Path, tables: Sheets, *, encoding: str = "utf-8-sig") -> Path:
    """Sheets as a folder of CSV."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False, encoding=encoding)
    return folder


def broken(change: Callable[[Sheets], None]) -> Sheets:
    """The sheets after a change."""
    tables = sheets()
    change(tables)
    return tables


def put(tables: Sheets, sheet: str, row: int, column: str, value: object) -> None:
    """Write a cell; row as Excel shows it (the header is row 1)."""
    tables[sheet].loc[row - 2, column] = value
