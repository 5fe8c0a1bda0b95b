"""The table of requests: Excel and CSV, every fault at once."""

from pathlib import Path

import pandas as pd
import pytest

from forecast.problems import ConfigError, DataError
from response import resumption_requests

HEAD = "生产单元,申请复产时间,爬坡时间(h),日产值(元)\n"


def test_csv_and_excel_say_the_same(tmp_path: Path) -> None:
    text = HEAD + 'U1,2026-12-01 08:00,12,"1,000"\nU2,2026-12-01T00:00+00:00,0,\n'
    plain = tmp_path / "a.csv"
    plain.write_text("\ufeff" + text.replace("(h)", "（h）"), encoding="utf-8")
    got = resumption_requests.read(plain)
    assert got.index.tolist() == ["U1", "U2"]
    assert (got["wished"] == pd.Timestamp("2026-12-01 00:00")).all()  # UTC
    assert got["ramp_hours"].tolist() == [12, 0]
    assert got["value_yuan_d"].isna().tolist() == [False, True]
    sheet = tmp_path / "a.xlsx"
    pd.DataFrame(
        {
            "生产单元": ["U1", "U2"],
            "申请复产时间": [pd.Timestamp("2026-12-01 08:00"), "2026-12-01 08:00"],
            "爬坡时间(h)": [12, 0],
            "日产值(元)": [1000, None],
        }
    ).to_excel(sheet, index=False)
    pd.testing.assert_frame_equal(resumption_requests.read(sheet), got)


def test_every_fault_with_row_and_column(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        HEAD + "U1,soon,12,1\nU1,2026-12-01,-1,x\n,2026-12-01,1,1\n\nU4,20261201,,1\n",
        encoding="utf-8",
    )
    with pytest.raises(DataError) as caught:
        resumption_requests.read(path)
    places = [p.where.split(": ")[1] for p in caught.value.problems]
    assert sorted(places) == sorted(
        [
            "row 2, 申请复产时间", "row 3, 生产单元", "row 3, 爬坡时间(h)",
            "row 3, 日产值(元)", "row 4, 生产单元", "row 6, 爬坡时间(h)",
        ]
    )  # fmt: skip


def test_missing_columns_and_files(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("生产单元\nU1\n", encoding="utf-8")
    with pytest.raises(DataError, match="申请复产时间"):
        resumption_requests.read(path)
    path.write_text(HEAD, encoding="utf-8")
    with pytest.raises(DataError, match="no request"):
        resumption_requests.read(path)
    with pytest.raises(ConfigError):
        resumption_requests.read(tmp_path / "none.csv")
