"""Orders, meters and monitors as files: local times, gaps, and every fault at once."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast.problems import ConfigError, DataError
from response import evaluation_meters as meters

OFFSET = pd.Timedelta(hours=8)


def put(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_times_are_local_where_no_offset_is_given(tmp_path: Path) -> None:
    path = put(
        tmp_path / "orders.csv",
        "unit,start,end,load\nU1,2016-01-05T00:00,2016-01-07T00:00,0.5\n"
        "U2,2016-01-05T00:00Z,2016-01-06T00:00Z,0\n",
    )
    found = meters.orders(path, offset=OFFSET)
    assert found["start"].tolist() == [
        pd.Timestamp("2016-01-04 16:00"),
        pd.Timestamp("2016-01-05"),
    ]
    assert found["load"].tolist() == [0.5, 0.0]


def test_faults_of_orders_are_told_at_once(tmp_path: Path) -> None:
    path = put(tmp_path / "orders.csv", "unit,start,end,load\nU1,soon,2016-01-07,x\n")
    with pytest.raises(DataError) as error:
        meters.orders(path, offset=OFFSET)
    assert "'soon'" in str(error.value)
    assert "'x'" in str(error.value)
    with pytest.raises(DataError, match="no columns"):
        meters.orders(put(tmp_path / "b.csv", "unit,start\nU1,2016-01-01\n"), offset=OFFSET)
    with pytest.raises(ConfigError):
        meters.orders(tmp_path / "absent.csv", offset=OFFSET)


def test_an_absent_hour_stays_unknown(tmp_path: Path) -> None:
    path = put(
        tmp_path / "meters.csv",
        "time,unit,production\n2016-01-05T01:00,U1,10\n2016-01-05T03:00,U1,12\n"
        "2016-01-05T03:00,U2,\n",
    )
    found = meters.electricity(path, offset=OFFSET)
    assert found.sizes == {"time": 3, "unit": 2}
    np.testing.assert_array_equal(found["production"].sel(unit="U1"), [10, np.nan, 12])
    assert np.isnan(found["production"].sel(unit="U2")).all()
    again = put(tmp_path / "twice.csv", path.read_text() + "2016-01-05T03:00,U1,9\n")
    with pytest.raises(DataError, match="twice"):
        meters.electricity(again, offset=OFFSET)


def test_monitors_in_calibration_say_nothing(tmp_path: Path) -> None:
    times = pd.date_range("2016-01-05", periods=2, freq="h")
    data = {n: (("time", "stack"), np.ones((2, 1))) for n in meters.EMISSIONS}
    ds = xr.Dataset(
        {**data, "calibrating": (("time", "stack"), [[True], [False]])},
        {"time": times, "stack": ["S1"], "unit": ("stack", ["U1"])},
    )
    ds.to_netcdf(tmp_path / "cems.nc")
    found = meters.monitors(tmp_path / "cems.nc", offset=OFFSET)
    np.testing.assert_array_equal(found["emission_so2"][:, 0], [np.nan, 1])
    ds.drop_vars("emission_pm").to_netcdf(tmp_path / "less.nc")
    with pytest.raises(DataError, match="emission_pm"):
        meters.monitors(tmp_path / "less.nc", offset=OFFSET)
    text = "time,stack,unit,emission_so2,emission_nox,emission_pm\n2016-01-05T01:00,S1,U1,1,2,3\n"
    table = meters.monitors(put(tmp_path / "cems.csv", text), offset=OFFSET)
    assert table["unit"].to_numpy().tolist() == ["U1"]
    assert float(table["emission_pm"][0, 0]) == 3
