from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecast import schema
from forecast.importers import netcdf, table

REGISTER = schema.mock_stations(count=3).assign(alias=["a", "b|c", ""])


def test_offsets_local_time_and_24_hours(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "time,station,pm25 [µg/m³],co [mg m-3]\n"
        "2026-01-01T00:00Z,M001,1,0.1\n"
        "2026-01-01T09:00+08:00,a,2,0.2\n"  # 01:00 UTC
        "2026-01-01 10:00,模拟站1,3,0.3\n"  # local: 02:00 UTC
        "2026-01-01T24:00+08:00,M001,4,NA\n"  # 16:00 UTC
        "2026-01-01T24:00,c,5,\n"  # local: the same hour
    )
    got = table.read([path], REGISTER)
    assert got.problems == ()
    assert list(got.dataset["time"].dt.hour.values) == [0, 1, 2, 16]
    np.testing.assert_array_equal(got.dataset["pm25"].sel(station="M001"), [1, 2, 3, 4])
    np.testing.assert_array_equal(got.dataset["pm25"].sel(station="M002")[-1], 5)
    assert any("taken as local time, UTC+8" in n for n in got.notes)


@pytest.mark.parametrize(
    "stamp", ["2026-01-01", "2026-01-01T10:30", "2026-13-01T10:00", "2026-01-01T25:00", "x", ""]
)
def test_stamps_that_are_no_full_hour(stamp: str) -> None:
    time, problems, _ = table.stamps(pd.Series([stamp], index=[2]), where="f")
    assert np.isnat(time[0])
    assert "row 2" in problems[0].found


def test_wrong_units_cost_their_column_only(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "time,station,pm25,co [ug m-3],t2m,colour\n2026-01-01T00:00Z,M001,1,300,5,red\n"
    )
    got = table.read([path], REGISTER)
    assert list(got.dataset.data_vars) == ["pm25"]
    found = {p.where.split(": ")[1]: p.found for p in got.problems}
    assert found == {"co": "units 'ug m-3'", "t2m": "median 5"}  # 5 degC, not 5 K
    assert any("no units in the header, taken as pm25 in ug m-3" in n for n in got.notes)
    assert any("'colour'" in n for n in got.notes)


def test_quoted_cells_and_crlf(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(
        b'time,station,pm25,remark\r\n2026-01-01T00:00Z,M001,1,"a,b"\r\n'
        b"2026-01-01T01:00Z,M001,inf,c\r\n"
    )
    got = table.read([path], REGISTER)
    np.testing.assert_array_equal(got.dataset["pm25"].values, [[1], [np.nan]])
    assert [p.found for p in got.problems] == ["'inf' in row 3"]


def test_an_ambiguous_name_is_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("time,station,pm25\n2026-01-01T00:00Z,x,1\n2026-01-01T00:00Z,M003,2\n")
    got = table.read([path], REGISTER.assign(alias=["x", "x", "M001"]))
    assert got.dataset["pm25"].shape == (1, 1)
    assert "each of ['M001', 'M002']" in got.problems[0].found


def test_gb18030_text(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("time,station,pm25\n2026-01-01T00:00Z,模拟站2,7\n".encode("gb18030"))
    assert table.read([path], REGISTER).dataset["pm25"].item() == 7


def test_netcdf_checks_units_and_keeps_the_rest(tmp_path: Path) -> None:
    ds = schema.mock_observations(hours=3, stations=4)
    ds["co"].attrs["units"] = "ug m-3"
    ds["so2"].values[1, 0] = -2
    ds.to_netcdf(tmp_path / "a.nc")
    (tmp_path / "b.nc").write_bytes((tmp_path / "a.nc").read_bytes()[:2000])
    got = netcdf.read([tmp_path], REGISTER)
    assert "co" not in got.dataset
    assert got.dataset.attrs["simulated"] == "mock"
    np.testing.assert_array_equal(got.dataset["pm25"], ds["pm25"][:, :3])
    assert np.isnan(got.dataset["so2"].values[1, 0])
    assert got.dataset["time"].values[0] == ds["time"].values[0]
    assert [p.where.split("/")[-1] for p in got.problems] == [
        "a.nc: co", "a.nc", "a.nc: so2", "b.nc",
    ]  # fmt: skip
    assert "'M004' in 1 row" in got.problems[1].found
