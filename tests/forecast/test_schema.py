import numpy as np
import pytest
import xarray as xr

from forecast import schema
from forecast.problems import DataError


def test_mock_is_the_same_for_the_same_seed_and_says_what_it_is() -> None:
    a = schema.mock_observations(hours=100, seed=3)
    b = schema.mock_observations(hours=100, seed=3)
    xr.testing.assert_identical(a, b)
    assert a.attrs["simulated"] == "mock"
    assert not np.array_equal(a["pm25"], schema.mock_observations(hours=100, seed=4)["pm25"])


def test_units_are_checked_all_at_once() -> None:
    ds = schema.mock_observations(hours=5)
    ds["co"].attrs["units"] = "ug m-3"
    with pytest.raises(DataError) as caught:
        schema.check_units(ds.drop_vars("o3"), schema.POLLUTANTS, where="x.nc")
    assert [p.where for p in caught.value.problems] == ["x.nc: co", "x.nc: o3"]


def test_stations_go_round() -> None:
    table = schema.stations_frame(schema.mock_observations(hours=5, stations=4))
    assert list(table["tier"]) == list(schema.TIERS)
    assert list(table["reference"]) == [True, False, False, False]
