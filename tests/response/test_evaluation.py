"""What the measures did: hand-derived effects, the split, Bayes' rule, outcomes and cost."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast import standards
from forecast.problems import DataError
from forecast.schema import POLLUTANTS
from response import evaluation, evaluation_events
from response.evaluation_settings import DEFAULT

DAYS = pd.DatetimeIndex(["2016-01-05", "2016-01-06"])
SURE = replace(DEFAULT, contribution_common=0.01, contribution_day=0.01)


def contributions() -> xr.Dataset:
    """U1 adds 10 and 20, U2 adds 5 and 5 ug m-3, the same at both receptors."""
    values = np.array([[10.0, 20.0], [5.0, 5.0]])[:, None, :].repeat(2, axis=1)
    coords = {"unit": ["U1", "U2"], "receptor": ["A", "B"], "day": DAYS}
    return xr.Dataset({"pm25": (("unit", "receptor", "day"), values)}, coords)


def loads(first: float = 0.5) -> pd.DataFrame:
    return pd.DataFrame([[first, first], [0.0, 1.0]], ["U1", "U2"], DAYS)


def table(**columns: list[float]) -> dict[str, pd.DataFrame]:
    return {"pm25": pd.DataFrame(columns, DAYS)}


def past(count: int = 40, spread: float = 0.1) -> dict[str, pd.DataFrame]:
    days = pd.date_range("2015-11-01", periods=count)
    error = spread * np.where(np.arange(count) % 2, 1.0, -1.0)
    return {"pm25": pd.DataFrame({"observed": 100 * np.exp(error), "rerun": 100.0}, days)}


def test_contributions_times_the_load_shed() -> None:
    found = evaluation.effect(
        table(observed=[100.0, 90.0]), contributions(), loads(), settings=SURE
    )
    # Day 1: 10 * 0.5 + 5 * 1; day 2: 20 * 0.5 + 5 * 0.
    assert found.of("pm25", DAYS[0])["a_mid"] == pytest.approx(10, rel=0.01)
    assert found.of("pm25", DAYS[1])["mid"] == pytest.approx(10, rel=0.01)
    assert found.of("pm25")["mid"] == pytest.approx(10, rel=0.01)
    assert np.isnan(found.of("pm25")["b_mid"])  # no re-run: nothing is claimed


def test_the_split_adds_up() -> None:
    found = evaluation.effect(
        table(observed=[100.0, 90.0], forecast=[130.0, 120.0], rerun=[115.0, 104.0]),
        contributions(), loads(), past=past(), settings=SURE,
    )  # fmt: skip
    for _, row in found.table.iterrows():
        total = row["weather_error"] + row["mid"] + row["model_error"]
        assert total == pytest.approx(row["forecast"] - row["observed"])
    assert found.of("pm25", DAYS[0])["weather_error"] == pytest.approx(15)


def test_both_ways_are_narrower_than_each_and_lean_to_the_surer() -> None:
    wide = replace(DEFAULT, contribution_common=0.8, samples=20000)
    days = table(observed=[200.0, 200.0], rerun=[240.0, 240.0])
    found = evaluation.effect(
        days, contributions(), loads(), past=past(spread=0.03), settings=wide
    ).of("pm25")
    assert 10 < found["mid"] < 40
    assert found["mid"] > found["a_mid"]
    agree = evaluation.effect(
        table(observed=[200.0, 200.0], rerun=[210.0, 210.0]),
        contributions(), loads(), past=past(spread=0.03), settings=wide,
    ).of("pm25")  # fmt: skip
    for way in ("a_", "b_"):
        assert agree["high"] - agree["low"] < agree[f"{way}high"] - agree[f"{way}low"]
    sure = evaluation.effect(
        days, contributions(), loads(), past=past(spread=0.5), settings=SURE
    ).of("pm25")
    assert sure["mid"] == pytest.approx(10, rel=0.05)  # a re-run that knows little moves nothing


def test_too_few_past_days_leave_the_rerun_out() -> None:
    found = evaluation.effect(
        table(observed=[100.0, 90.0], rerun=[140.0, 130.0]),
        contributions(), loads(), past=past(5), settings=SURE,
    )  # fmt: skip
    assert np.isnan(found.of("pm25")["b_mid"])
    assert not found.errors


def test_an_unknown_observation_is_not_filled() -> None:
    found = evaluation.effect(
        table(observed=[np.nan, 90.0]), contributions(), loads(), settings=SURE
    )
    assert np.isnan(found.of("pm25", DAYS[0])["mid"])
    assert np.isnan(found.of("pm25")["mid"])
    assert np.isfinite(found.of("pm25", DAYS[1])["mid"])
    assert "无法" in found.words().zh


def test_all_problems_at_once() -> None:
    bad = loads()
    bad.loc["U1", DAYS[0]] = np.nan
    with pytest.raises(DataError) as error:
        evaluation.effect(
            {**table(observed=[100.0, -1.0]), "so2": table(observed=[1.0, 1.0])["pm25"]},
            contributions(), bad,
        )  # fmt: skip
    text = str(error.value)
    assert "so2" in text
    assert "below zero" in text
    assert "loads: U1" in text


def test_the_same_seed_gives_the_same_numbers() -> None:
    days = table(observed=[100.0, 90.0], rerun=[115.0, 104.0])
    one, two = (
        evaluation.effect(days, contributions(), loads(), past=past(), seed=3) for _ in range(2)
    )
    pd.testing.assert_frame_equal(one.table, two.table)


def test_interval_of_the_rerun_covers_as_often_as_it_says() -> None:
    random = np.random.default_rng(5)
    inside = []
    for k in range(60):
        days = pd.date_range("2015-10-01", periods=60)
        error = 0.2 * random.standard_normal(60)
        before = pd.DataFrame({"observed": 100 * np.exp(error), "rerun": 100.0}, days)
        true = 10 * np.exp(0.4 * random.standard_normal())
        clean = 100 * np.exp(0.2 * random.standard_normal()) - true
        one = {"pm25": pd.DataFrame({"observed": [clean], "rerun": [100.0]}, DAYS[:1])}
        row = evaluation.effect(
            one, contributions(), loads(), past={"pm25": before}, seed=k,
            settings=replace(DEFAULT, samples=800, contribution_common=0.35),
        ).of("pm25")  # fmt: skip
        inside.append(row["low"] <= true <= row["high"])
    assert 0.68 <= np.mean(inside) <= 0.95


def test_a_day_kept_below_the_line_is_no_false_alarm() -> None:
    days = pd.DataFrame(
        {"aqi": [180.0, 190.0, 250.0, 120.0, 210.0], "probability_without": [0.1, 0.7, 1, 0.0, 1]},
        pd.date_range("2016-01-05", periods=5),
    )
    warnings = pd.DataFrame(
        {
            "id": ["W1", "W2", "W3"],
            "issued": pd.to_datetime(["2016-01-04 15:00", "2016-01-06 15:00", "2016-01-07 20:00"]),
            "start": pd.to_datetime(["2016-01-05", "2016-01-07", "2016-01-08"]),
            "end": pd.to_datetime(["2016-01-06", "2016-01-07", "2016-01-08"]),
        }
    )
    found = evaluation_events.outcomes(warnings, days, line=200)
    assert [o.outcome for o in found] == ["averted", "hit", "false_alarm", "miss"]
    assert found[1].lead_hours == 9  # 15:00 to midnight
    assert found[0].lead_hours == 33  # to the second day, which would have passed the line
    assert found[3].start == pd.Timestamp("2016-01-09")


def test_index_without_the_measures() -> None:
    observed = pd.DataFrame([[74.0, 80.0, 20.0, 40.0, 1.0, 50.0]], DAYS[:1], list(POLLUTANTS))
    drawn = {"pm25": np.array([[0.0], [41.0]])}
    index = evaluation_events.index_without(observed, drawn, standards.load("hj633-2012"))
    # 75 is index 100, 115 is 150 (HJ 633-2012, table 1).
    assert index[:, 0].tolist() == [99.0, 150.0]


def test_cost_counts_adjoining_orders_as_one_stretch() -> None:
    stamps = pd.to_datetime(["2016-01-05", "2016-01-06", "2016-01-07"])
    orders = pd.DataFrame(
        {"unit": ["U1", "U1", "U2"], "start": [stamps[0], stamps[1], stamps[0]],
         "end": [stamps[1], stamps[2], stamps[1]], "load": [0.0, 0.0, 0.5]}
    )  # fmt: skip
    units = pd.DataFrame({"value_yuan_d": [2400.0, 240.0], "hours_to_restart": [10.0, 0.0]},
                         ["U1", "U2"])  # fmt: skip
    found = evaluation_events.cost(orders, units)
    # U1: two days and half of ten hours of 100 yuan; U2: half a day of 240 yuan.
    assert found.lost_output_yuan == pytest.approx(4800 + 500 + 120)
    assert (found.orders, found.units, found.restarts) == (3, 2, 1)
