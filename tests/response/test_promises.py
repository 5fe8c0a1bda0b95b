"""Critical concentrations, exact breaches, and the measure of calibration."""

import datetime as dt

import numpy as np
import pytest

from forecast.problems import ConfigError, DataError
from forecast.schema import POLLUTANTS
from response import promises
from response.resumption_settings import Limit

DAYS = (dt.date(2026, 12, 1), dt.date(2026, 12, 2))


def members(pm25: list[list[float]]) -> np.ndarray:
    conc = np.full((1, len(pm25), len(pm25[0]), 6), 1.0)
    conc[0, ..., 0] = pm25
    return conc


def test_the_greatest_pm25_that_keeps_an_aqi_is_where_the_table_says() -> None:
    # HJ 633-2026 rounds to whole ug first: 150.5 is the tie that goes to 150, AQI 200.
    crit = promises.critical(Limit(metric="aqi", above=200, accepted=0.1), DAYS)
    assert crit[0, POLLUTANTS.index("pm25")] == pytest.approx(150.5, abs=1e-6)
    # HJ 633-2012 rounds the index up and not the concentration: 150.0 exactly.
    old = promises.critical(Limit(above=200, accepted=0.1), [dt.date(2015, 1, 1)])
    assert old[0, POLLUTANTS.index("pm25")] == pytest.approx(150.0, abs=1e-6)
    mean = promises.critical(Limit(metric="pm25", above=75, accepted=0.1), DAYS)
    assert mean[0].tolist() == [75.0] + [np.inf] * 5


@pytest.mark.parametrize("day", [dt.date(2015, 1, 1), dt.date(2026, 12, 1)])
def test_the_fast_count_is_the_exact_one(day: dt.date) -> None:
    rng = np.random.default_rng(1)
    conc = rng.gamma(2.0, 60.0, (1, 4000, 1, 6))
    conc[..., POLLUTANTS.index("co")] /= 40
    conc[0, :2000, 0, 0] = np.round(rng.uniform(149, 152, 2000), 2)
    for above in (100, 150, 200):
        limit = Limit(above=above, accepted=0.1)
        fast = (conc[0] > promises.critical(limit, [day])).any(axis=-1)
        np.testing.assert_array_equal(fast, promises.exact(conc, ["city"], [day], limit))


def test_gaps_and_unknown_areas_are_refused() -> None:
    limit = Limit(accepted=0.1, above=200)
    bad = members([[1.0, np.nan]])
    with pytest.raises(DataError, match="1 missing"):
        promises.refuse_gaps(bad, [limit], ["city"])
    with pytest.raises(ConfigError, match="nowhere"):
        promises.refuse_gaps(bad, [limit.model_copy(update={"area": "nowhere"})], ["city"])


def test_calibrated_promises_agree_at_the_stated_rate() -> None:
    rng = np.random.default_rng(7)
    agreed = 0
    bins = 0
    for _ in range(100):
        p = rng.uniform(0, 0.4, 600)
        table = promises.calibration(p, rng.random(600) < p, level=0.9).table
        agreed += int(table["agrees"].sum())
        bins += len(table)
    assert 0.9 <= agreed / bins <= 0.98  # the exact interval covers at least its level


def test_promises_that_are_too_low_are_found() -> None:
    rng = np.random.default_rng(8)
    p = rng.uniform(0.02, 0.1, 800)
    found = promises.calibration(p, rng.random(800) < 3 * p)
    assert not found.agrees
    assert (found.table["realised"] > found.table["promised"]).all()


def test_a_bin_by_hand() -> None:
    table = promises.calibration(
        np.array([0.0, 0.02, 0.3, 0.3]), np.array([False, False, True, False])
    ).table
    assert table["count"].tolist() == [2, 2]
    assert table["promised"].tolist() == pytest.approx([0.01, 0.3])
    assert table["realised"].tolist() == [0.0, 0.5]
    # Clopper-Pearson with 0 of 2: upper end 1 - 0.025 ** (1/2)
    assert table["ci_high"].iloc[0] == pytest.approx(1 - 0.025**0.5)


def test_days_of_one_episode_widen_the_interval() -> None:
    # Ten episodes of 20 days; two of them are bad throughout.
    hit = np.repeat(np.arange(10) < 2, 20)
    p = np.full(200, 0.2)
    plain = promises.calibration(p, hit).table.iloc[0]
    blocks = promises.calibration(p, hit, blocks=np.repeat(np.arange(10), 20)).table.iloc[0]
    assert blocks["ci_high"] > plain["ci_high"] + 0.1
    assert blocks["ci_low"] < plain["ci_low"]


def test_promises_must_be_probabilities() -> None:
    with pytest.raises(DataError):
        promises.calibration(np.array([1.2]), np.array([True]))
