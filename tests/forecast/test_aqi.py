"""The index: vectors of the standard, exactness over all values, rules, and the published feed."""

import gzip
from collections.abc import Callable
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from aqi_hub.aqi_cn.aqi import cal_iaqi_cn
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from forecast import aqi
from forecast.problems import ConfigError, DataError
from forecast.schema import POLLUTANTS
from forecast.standards import COLUMNS, DAILY, HOURLY, Column, Standard, load

OLD, NEW = load("hj633-2012"), load("hj633-2026")
BOTH = pytest.mark.parametrize("standard", [OLD, NEW], ids=lambda s: s.edition)
NONE = None

VECTORS = [  # column, concentration, IAQI of 2012, IAQI of 2026
    ("pm25_24h", 35, 50, 50),
    ("pm25_24h", 36, 52, 52),
    ("pm25_24h", 60, 82, 100),
    ("pm25_24h", 61, 83, 101),
    ("pm25_24h", 75, 100, 114),
    ("pm25_24h", 76, 102, 115),
    ("pm25_24h", 115, 150, 150),
    ("pm25_24h", 116, 152, 152),
    ("pm25_24h", 150, 200, 200),
    ("pm25_24h", 151, 201, 201),
    ("pm25_24h", 250, 300, 300),
    ("pm25_24h", 251, 301, 301),
    ("pm25_24h", 500, 500, 500),
    ("pm25_24h", 800, 500, 500),
    ("pm10_24h", 120, 85, 100),
    ("pm10_24h", 121, 86, 101),
    ("pm10_24h", 150, 100, 112),
    ("pm10_24h", 151, 101, 112),
    ("pm10_24h", 250, 150, 150),
    ("pm10_24h", 600, 500, 500),
    ("so2_1h", 475, 97, 97),
    ("so2_1h", 800, 200, 200),
    ("so2_1h", 801, NONE, 200),
    ("o3_8h", 161, 101, 101),
    ("o3_8h", 800, 300, 300),
    ("o3_8h", 801, NONE, 300),
    ("o3_1h", 1200, 500, 500),
    ("no2_1h", 350, 115, 115),
    ("co_24h", 1.2, 30, 30),
    ("co_24h", 4.1, 101, 101),
]


@pytest.mark.parametrize(("column", "conc", "old", "new"), VECTORS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_vector(column: Column, conc: float, old: int | None, new: int | None, dtype: Any) -> None:
    for standard, expected in ((OLD, old), (NEW, new)):
        got = aqi.iaqi(np.array([conc], dtype=dtype), column, standard)[0]
        assert np.isnan(got) if expected is None else got == expected


def test_2026_rounds_first_and_2012_does_not() -> None:
    pm25 = np.array([115.4, 115.5, 116.5])  # 116.5 is a tie: 116, as 115.5 is
    assert aqi.iaqi(pm25, "pm25_24h", OLD).tolist() == [151, 151, 153]
    assert aqi.iaqi(pm25, "pm25_24h", NEW).tolist() == [150, 152, 152]


def test_ties_go_to_even_on_the_decimal_value() -> None:
    # 0.05, 0.15, 0.25, 0.35, 2.05, 4.05 mg -> 0.0 0.2 0.2 0.4 2.0 4.0; none is a binary tie.
    co = np.array([0.05, 0.15, 0.25, 0.35, 2.05, 4.05])
    for dtype in (np.float64, np.float32):
        got = aqi.iaqi(co.astype(dtype), "co_24h", NEW)
        assert got.tolist() == [0, 5, 5, 10, 50, 100]


def test_float_noise_does_not_lift_an_exact_index() -> None:
    # 2.2 mg is 55 exactly, and 0.1 + 0.2 is 0.30000000000000004: 8 by 7.5, never 8.0...1 -> 9
    assert aqi.iaqi(np.array([2.2, 0.1 + 0.2]), "co_24h", OLD).tolist() == [55, 8]
    mean = np.mean(np.full(24, 75.8))  # 101 exactly, whatever the sum does
    assert aqi.iaqi(np.array([mean, 75.8, 75.801]), "pm25_24h", OLD).tolist() == [101, 101, 102]


def exact(text: str, column: Column, standard: Standard) -> int | None:
    """IAQI of a decimal by the formula of the standard, in fractions."""
    c = Fraction(text)
    if standard is NEW:
        units = 10 if column.startswith("co") else 1
        c = Fraction(round(c * units), units)  # Fraction rounds ties to even
    nodes = standard.breakpoints.columns[column]
    index = standard.breakpoints.index
    for i in range(1, len(nodes)):
        low, high = Fraction(nodes[i - 1]), Fraction(nodes[i])
        if c <= high:
            i_low, i_high = Fraction(index[i - 1]), Fraction(index[i])
            return ceil((i_high - i_low) / (high - low) * (c - low) + i_low)
    if len(nodes) == len(index):
        return 500
    if standard is NEW:
        return {"so2_1h": 200, "o3_8h": 300}[column]
    return None


@BOTH
@pytest.mark.parametrize("column", sorted(COLUMNS))
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_every_representable_concentration_is_exact(
    column: Column, standard: Standard, dtype: Any
) -> None:
    top = int(standard.breakpoints.columns[column][-1])
    if column.startswith("co"):
        texts = [f"{k // 10}.{k % 10}" for k in range((top + 5) * 10)]
    else:
        texts = [str(k) for k in range(top + 50)]
    got = aqi.iaqi(np.array([float(t) for t in texts], dtype=dtype), column, standard)
    expected = [exact(t, column, standard) for t in texts]
    assert_array_equal(got, np.array(expected, dtype=np.float64))


@BOTH
@pytest.mark.parametrize("column", sorted(COLUMNS))
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_random_decimals_are_exact(column: Column, standard: Standard, dtype: Any) -> None:
    rng = np.random.default_rng(7)
    top = int(standard.breakpoints.columns[column][-1])
    texts = []
    for decimals in (1, 2, 3):
        whole = rng.integers(0, (top + 2) * 10**decimals, 1500)
        texts += [f"{k // 10**decimals}.{k % 10**decimals:0{decimals}d}" for k in whole]
    got = aqi.iaqi(np.array([float(t) for t in texts], dtype=dtype), column, standard)
    expected = [exact(t, column, standard) for t in texts]
    assert_array_equal(got, np.array(expected, dtype=np.float64))


RIGHT_IN_AQI_HUB = sorted(COLUMNS - {"so2_24h"})  # its SO2 24-h table starts with 1-h limits


@pytest.mark.parametrize("column", RIGHT_IN_AQI_HUB)
def test_agrees_with_an_independent_implementation(column: Column) -> None:
    top = NEW.breakpoints.columns[column][-1]
    conc = np.arange(0, top + 20, 1.0)  # whole numbers: it does not round first
    expected = [cal_iaqi_cn(column.upper(), float(c)) for c in conc]
    assert_array_equal(aqi.iaqi(conc, column, NEW), np.array(expected, dtype=np.float64))


def row(**given: float) -> np.ndarray:
    """Six concentrations: those given, the others clean."""
    clean = {"pm25": 10.0, "pm10": 20.0, "so2": 5.0, "no2": 10.0, "co": 0.4, "o3": 40.0}
    return np.array([{**clean, **given}[p] for p in POLLUTANTS])


@BOTH
def test_primary_pollutants_tie_and_vanish(standard: Standard) -> None:
    tied = aqi.daily(row(pm25=150, pm10=350), standard)  # 200 and 200
    assert tied.aqi == 200
    assert aqi.primary_names(int(tied.primary)) == ("pm25", "pm10")
    assert aqi.daily(row(pm25=35), standard).aqi == 50
    assert aqi.daily(row(pm25=35), standard).primary == 0
    assert aqi.primary_names(int(aqi.daily(row(pm25=36), standard).primary)) == ("pm25",)


def test_primary_text() -> None:
    masks = np.array([[0, 1], [3, 63]], dtype=np.uint8)
    assert aqi.primary_text(masks).tolist() == [["", "pm25"], ["pm25+pm10", "+".join(POLLUTANTS)]]


@pytest.mark.parametrize("compute", [aqi.daily, aqi.hourly])
def test_a_missing_item(compute: Callable[..., aqi.Index]) -> None:
    light = row(pm25=100, so2=np.nan)  # 132 in 2012, 137 in 2026
    clean = row(so2=np.nan)
    assert compute(light, OLD).aqi == 132
    assert compute(clean, OLD).aqi == 20  # PM10
    assert compute(light, NEW).aqi == 137
    assert np.isnan(compute(clean, NEW).aqi)
    assert compute(clean, NEW).primary == 0
    assert np.isnan(compute(clean, NEW).iaqi[POLLUTANTS.index("so2")])
    assert compute(clean, NEW).iaqi[POLLUTANTS.index("pm10")] == 20


def test_a_missing_item_at_exactly_100_does_not_stand() -> None:
    assert np.isnan(aqi.daily(row(pm25=60, co=np.nan), NEW).aqi)
    assert aqi.daily(row(pm25=61, co=np.nan), NEW).aqi == 101
    # and its primary pollutant goes with it
    assert aqi.daily(row(pm25=60, co=np.nan), NEW).primary == 0


@BOTH
def test_nothing_measured_is_no_index(standard: Standard) -> None:
    nothing = np.full((2, 6), np.nan)
    for result in (aqi.daily(nothing, standard), aqi.hourly(nothing, standard)):
        assert np.isnan(result.aqi).all()
        assert not result.primary.any()


def test_so2_above_800_in_an_hour() -> None:
    conc = row(so2=801)
    alone = aqi.hourly(conc, OLD)
    assert np.isnan(alone.iaqi[POLLUTANTS.index("so2")])
    assert alone.aqi == 20  # of the rest
    with_day = aqi.hourly(conc, OLD, so2_24h=np.array(475.0))
    assert with_day.iaqi[POLLUTANTS.index("so2")] == 150
    assert with_day.aqi == 150
    assert aqi.hourly(conc, NEW).aqi == 200
    assert aqi.hourly(conc, NEW, so2_24h=np.array(475.0)).aqi == 200
    below = aqi.hourly(row(so2=800), OLD, so2_24h=np.array(475.0))
    assert below.aqi == 200  # the 24-h value is used above 800 only
    missing = aqi.hourly(row(so2=np.nan), OLD, so2_24h=np.array(475.0))
    assert np.isnan(missing.iaqi[POLLUTANTS.index("so2")])


def test_ozone_above_800_in_eight_hours() -> None:
    conc = np.stack([row(o3=801), row(o3=800)])
    assert aqi.daily(conc, OLD).aqi.tolist() == [20, 300]
    got = aqi.daily(conc, OLD, o3_1h=np.array([1000.0, 1000.0]))
    assert got.aqi.tolist() == [400, 300]
    assert aqi.daily(conc, NEW, o3_1h=np.array([1000.0, 1000.0])).aqi.tolist() == [300, 300]


@BOTH
def test_above_the_last_node_is_500(standard: Standard) -> None:
    assert aqi.daily(row(pm25=5000), standard).aqi == 500
    assert aqi.hourly(row(o3=1300, pm10=1963), standard).aqi == 500


def test_clean_air_is_at_least_1_from_2026() -> None:
    zero = np.zeros(6)
    assert aqi.daily(zero, OLD).aqi == 0
    assert aqi.daily(zero, NEW).aqi == 1
    assert aqi.daily(zero, NEW).iaqi.tolist() == [0] * 6
    assert aqi.levels(aqi.daily(zero, OLD).aqi) == 1


@BOTH
def test_any_24_hours_leaves_ozone_out(standard: Standard) -> None:
    result = aqi.any_24h(np.stack([row(pm25=36, o3=900), row(pm25=36, o3=np.nan)]), standard)
    assert result.aqi.tolist() == [52, 52]
    assert np.isnan(result.iaqi[:, POLLUTANTS.index("o3")]).all()
    assert [aqi.primary_names(int(m)) for m in result.primary] == [("pm25",), ("pm25",)]


def test_hourly_and_daily_use_their_own_columns() -> None:
    assert (DAILY[2], HOURLY[2], DAILY[5], HOURLY[5]) == ("so2_24h", "so2_1h", "o3_8h", "o3_1h")
    conc = row(so2=475, o3=200)
    assert aqi.daily(conc, NEW).iaqi[[2, 5]].tolist() == [150, 137]  # 100 + 50/55*40 = 136.4
    assert aqi.hourly(conc, NEW).iaqi[[2, 5]].tolist() == [97, 100]


def test_leading_dims_and_blocks() -> None:
    rng = np.random.default_rng(1)
    conc = rng.uniform(0, 400, (3, 50, 300, 6))  # more than one block
    conc[rng.random(conc.shape) < 0.1] = np.nan
    before = conc.copy()
    whole = aqi.hourly(conc, NEW)
    assert whole.iaqi.shape == conc.shape
    assert whole.aqi.shape == whole.primary.shape == (3, 50, 300)
    for at in [(0, 0, 0), (1, 20, 7), (2, 49, 299)]:
        one = aqi.hourly(conc[at], NEW)
        assert_array_equal(one.iaqi, whole.iaqi[at])
        assert_array_equal(one.aqi, whole.aqi[at])
        assert one.primary == whole.primary[at]
    assert_array_equal(conc, before)
    empty = aqi.hourly(np.empty((0, 6)), NEW)
    assert empty.aqi.shape == (0,)


def test_levels() -> None:
    values = np.array([0, 1, 50, 51, 100, 101, 150, 151, 200, 201, 300, 301, 500, np.nan])
    for standard in (None, OLD, NEW):
        got = aqi.levels(values, standard).tolist()
        assert got == [1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 0]


def test_border_names_every_wrong_pollutant() -> None:
    conc = np.stack([row(pm25=-1), row(o3=np.inf), row(so2=np.nan)])
    with pytest.raises(DataError) as caught:
        aqi.checked(conc, where="in.csv")
    assert [p.where for p in caught.value.problems] == ["in.csv: pm25", "in.csv: o3"]
    good = conc[2:]
    assert aqi.checked(good, where="in.csv") is good
    with pytest.raises(DataError, match="shape"):
        aqi.checked(np.zeros((2, 5)), where="in.csv")
    with pytest.raises(ConfigError, match="shape"):
        aqi.daily(np.zeros((2, 5)), NEW)


@BOTH
def test_a_negative_value_counts_as_missing_in_the_hot_path(standard: Standard) -> None:
    result = aqi.daily(row(pm25=200, so2=-999), standard)
    assert np.isnan(result.iaqi[POLLUTANTS.index("so2")])
    assert result.aqi == 250


@BOTH
def test_ensemble_equals_its_parts(standard: Standard) -> None:
    rng = np.random.default_rng(3)
    conc = rng.lognormal(4, 0.7, (4, 72, 5, 6)).astype(np.float32)
    result = aqi.ensemble(conc, standard, first_hour=1)
    assert_array_equal(result.hourly_aqi, aqi.hourly(conc, standard).aqi)
    assert_array_equal(result.hourly_primary, aqi.hourly(conc, standard).primary)
    means = conc.reshape(4, 3, 24, 5, 6).mean(axis=2, dtype=np.float64)
    assert result.daily_conc.shape == (4, 3, 5, 6)
    np.testing.assert_allclose(result.daily_conc[..., :5], means[..., :5], rtol=1e-6)
    assert_array_equal(result.daily.aqi, aqi.daily(result.daily_conc, standard).aqi)


concentrations = st.floats(0, 1e5, allow_nan=False)


@BOTH
@given(column=st.sampled_from(sorted(COLUMNS)), a=concentrations, b=concentrations)
def test_never_falls_as_the_concentration_rises(
    standard: Standard, column: Column, a: float, b: float
) -> None:
    low, high = aqi.iaqi(np.array(sorted((a, b))), column, standard)
    assert np.isnan(high) or low <= high


@BOTH
@given(values=st.lists(concentrations | st.just(float("nan")), min_size=6, max_size=6))
def test_bounds(standard: Standard, values: list[float]) -> None:
    for compute in (aqi.daily, aqi.hourly, aqi.any_24h):
        result = compute(np.array(values), standard)
        if np.isnan(result.aqi):
            assert result.primary == 0
            continue
        assert standard.aqi_range.low <= result.aqi <= 500
        assert result.aqi == max(np.nanmax(result.iaqi), standard.aqi_range.low)
        assert (result.primary == 0) == (result.aqi <= 50)
        assert 1 <= aqi.levels(result.aqi) <= 6


PUBLISHED = {
    "细颗粒物(PM2.5)": "pm25", "颗粒物(PM10)": "pm10", "二氧化硫": "so2", "二氧化氮": "no2",
    "一氧化碳": "co", "臭氧1小时": "o3",
}  # fmt: skip


@pytest.fixture(scope="module")
def feed(shared_data: Path) -> pd.DataFrame:
    """The published hours of spring 2020 that have an AQI."""
    path = shared_data / "cnemc-2020-spring" / "hourly.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="") as handle:
        table = pd.read_csv(handle)  # quoted cells hold line ends
    assert len(table) == 142407
    return table[table["AQI"].notna()]


def published(feed: pd.DataFrame) -> tuple[np.ndarray, list[set[str]]]:
    """Concentrations in the order of POLLUTANTS, and the primary pollutants as sets."""
    conc = feed[["PM2.5", "PM10", "SO2", "NO2", "CO", "O3_1h"]].to_numpy(float)
    texts = feed["PrimaryPollution"].fillna("").str.replace(",", " ").str.split()
    return conc, [{PUBLISHED[name] for name in names} for names in texts]


def test_every_complete_published_hour(feed: pd.DataFrame) -> None:
    conc, primaries = published(feed)
    complete = ~np.isnan(conc).any(axis=1)
    assert complete.sum() == 112136
    index = aqi.hourly(conc, OLD)
    assert_array_equal(index.aqi[complete], feed["AQI"].to_numpy()[complete])
    names = np.array(["", *(c.zh for c in OLD.categories.levels)])
    assert_array_equal(names[aqi.levels(index.aqi)][complete], feed["Level"].to_numpy()[complete])
    ours = [set(aqi.primary_names(int(m))) for m in index.primary]
    single = [i for i in np.flatnonzero(complete) if len(primaries[i]) <= 1]
    joint = [i for i in np.flatnonzero(complete) if len(primaries[i]) > 1]
    assert [i for i in single if ours[i] != primaries[i]] == []
    assert [i for i in joint if ours[i] != primaries[i]] == []
    assert (len(single), len(joint)) == (110984, 1152)


def test_an_incomplete_published_hour_is_the_maximum_of_the_rest(feed: pd.DataFrame) -> None:
    conc, _ = published(feed)
    partial = np.isnan(conc).any(axis=1)
    assert partial.sum() == 13052
    assert_array_equal(aqi.hourly(conc[partial], OLD).aqi, feed["AQI"].to_numpy()[partial])
