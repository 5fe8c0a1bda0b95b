"""City and area values: who counts, and when enough of them are there."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from forecast import stations
from forecast.areas import area_mean, area_means, names, points
from forecast.config import configs_dir
from forecast.problems import ConfigError

NAN = np.nan


def register(count: int = 5) -> pd.DataFrame:
    """`count` points in two areas, one background site, one township station."""
    total = count + 2
    return pd.DataFrame(
        {
            "area": ["north" if i % 2 else "south" for i in range(total)],
            "reference": [True] * (count + 1) + [False],
            "background": [False] * count + [True, False],
        },
        index=[f"S{i}" for i in range(total)],
    )


def test_who_counts() -> None:
    table = register()
    assert points(table).tolist() == [True] * 5 + [False, False]
    assert points(table, "north").tolist() == [False, True, False, True, False, False, False]
    assert names(table) == ("city", "north", "south")


def test_jiaozuo_leaves_its_background_site_out() -> None:
    table = stations.load(configs_dir() / "stations" / "jiaozuo.csv")
    counted = table.index[points(table)]
    assert "1830A" not in counted
    assert len(counted) == 4
    assert names(table)[0] == "city"


def test_an_area_with_no_point_has_no_value() -> None:
    table = register(2)
    table["area"] = ["a", "b", "only background", "only township"]
    assert names(table) == ("city", "a", "b")
    with pytest.raises(ConfigError, match="only background"):
        area_mean(np.ones((4, 6)), table, "only background")
    table["reference"] = False
    assert names(table) == ()


def test_the_mean_is_of_the_points_that_are_there() -> None:
    values = np.array([1.0, 2, 3, NAN, 6, 1000, 1000])
    got = area_mean(values, register(), axis=0)
    assert got == 3  # (1 + 2 + 3 + 6) / 4, four of five


@pytest.mark.parametrize(
    ("count", "valid", "counts"),
    [
        (8, 6, True),  # 75 %
        (8, 5, False),
        (5, 4, True),
        (5, 3, False),
        (4, 3, True),
        (4, 2, False),
        (3, 2, True),  # below four points 50 % does
        (3, 1, False),
        (2, 1, True),
        (1, 1, True),
        (1, 0, False),
    ],
)
def test_share_of_points_needed(count: int, valid: int, counts: bool) -> None:
    values = np.full(count + 2, 7.0)
    values[valid:count] = NAN
    got = area_mean(values, register(count), axis=0)
    assert_array_equal(got, 7.0 if counts else NAN)


def test_dims_and_areas() -> None:
    rng = np.random.default_rng(0)
    values = rng.uniform(0, 100, (3, 10, 7, 6)).astype(np.float32)
    before = values.copy()
    got = area_means(values, register(), ["city", "south"])
    assert got.shape == (3, 10, 2, 6)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got[:, :, 0], values[:, :, :5].mean(axis=2), rtol=1e-6)
    np.testing.assert_allclose(got[:, :, 1], values[:, :, [0, 2, 4]].mean(axis=2), rtol=1e-6)
    assert_array_equal(values, before)
    first = np.moveaxis(values, 2, 0)
    assert_array_equal(
        area_means(first, register(), ["city", "south"], axis=0), np.moveaxis(got, 2, 0)
    )


def test_an_array_that_does_not_fit_the_register() -> None:
    with pytest.raises(ConfigError, match="6 stations"):
        area_mean(np.ones((6, 6)), register())
