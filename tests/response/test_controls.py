"""Control plans of tiny cities whose optimum is known by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecast import aqi, standards
from forecast.problems import ConfigError, DataError
from response import controls, controls_chance, controls_solve
from response.controls_config import SPECIES
from response.controls_highs import Answer, minimise
from tests.response.controls_cases import (
    DAYS,
    NONE,
    case,
    city,
    config,
    effects,
    line_case,
    members,
    modes,
)


def test_the_cheapest_unit_that_suffices_stops():
    plan = controls.plan(case({"value_yuan_d": 3e5}, {"value_yuan_d": 1e5}))
    assert modes(plan) == ["normal", "measure"]
    assert plan.feasible
    assert plan.loss_yuan == pytest.approx(2e5)
    assert plan.status == "optimal"
    assert plan.gap == pytest.approx(0, abs=1e-6)


def test_two_small_units_beat_one_large_where_they_are_cheaper():
    # 100 kg/d are needed: 60 + 50 for 1.5e5 a day, or 100 for 2e5.
    units = (
        {"value_yuan_d": 2e5},
        {"pm": 60.0, "value_yuan_d": 1e5},
        {"pm": 50.0, "value_yuan_d": 5e4},
    )
    plan = controls.plan(case(*units))
    assert modes(plan) == ["normal", "measure", "measure"]
    assert plan.loss_yuan == pytest.approx(2 * 1.5e5)
    assert plan.totals.query("species == 'pm'")["reached"].tolist() == pytest.approx([11, 11])


@pytest.mark.parametrize(
    "protected",
    [{"grade": "A"}, {"grade": "A+"}, {"grade": "leading"}, {"kind": "key_project"},
     {"kind": "minor"}],
)  # fmt: skip
def test_protected_units_are_left_alone_though_cheaper(protected):
    plan = controls.plan(case({"value_yuan_d": 1.0} | protected, {"value_yuan_d": 1e6}))
    assert modes(plan) == ["normal", "measure"]


def test_guaranteed_supply_keeps_its_listed_load():
    plan = controls.plan(
        case({"kind": "guarantee", "load": 0.7, "value_yuan_d": 1.0}, ratio={"pm": 0.05})
    )
    assert set(plan.orders["load"]) == {0.7}  # never the stop of a stricter level
    assert plan.shortfalls[0].reached == pytest.approx(3.0)
    assert plan.shortfalls[0].required == pytest.approx(5.0)


def test_minor_sources_come_in_last_and_as_little_as_will_do():
    units = (
        {"pm": 80.0, "value_yuan_d": 9e6},
        {"pm": 20.0, "kind": "minor", "value_yuan_d": 100.0},
        {"pm": 30.0, "kind": "minor", "value_yuan_d": 150.0},
    )
    enough = controls.plan(case(*units, ratio={"pm": 0.08}))
    assert modes(enough) == ["measure", "normal", "normal"]
    assert not enough.minor_used
    more = controls.plan(case(*units, ratio={"pm": 0.1}))
    assert modes(more) == ["measure", "measure", "normal"]
    assert more.minor_used
    assert more.feasible


def test_so2_and_nox_are_traded_within_the_floor():
    # 10 % each; SO2 cut costs little, NOx much. With trading 15 % + 5 % will do.
    units = (
        {"so2": 100.0, "pm": 0.0, "value_yuan_d": 1e4},
        {"so2": 50.0, "pm": 0.0, "value_yuan_d": 1e4},
        {"nox": 50.0, "pm": 0.0, "value_yuan_d": 1e6},
        {"nox": 50.0, "pm": 0.0, "value_yuan_d": 2e6},
    )
    ratio = {"so2": 0.1, "nox": 0.1}
    without = controls.plan(case(*units, ratio=ratio))
    assert modes(without) == ["measure", "normal", "measure", "measure"]
    traded = config(trading={"allowed": True, "floor_share": 0.5})
    assert modes(controls.plan(case(*units, ratio=ratio, config=traded))) == [
        "measure", "measure", "measure", "normal",
    ]  # fmt: skip
    free = config(trading={"allowed": True, "floor_share": 0.0})
    plan = controls.plan(case(*units, ratio=ratio, config=free))
    assert modes(plan) == ["measure", "measure", "measure", "normal"]  # the sum must still hold
    assert plan.feasible


def test_dust_and_mobile_measures_count():
    half = {level: NONE | {"pm": 0.05} for level in ("yellow", "orange", "red")}
    units = ({"pm": 50.0, "value_yuan_d": 1e5}, {"pm": 100.0, "value_yuan_d": 3e5})
    plan = controls.plan(case(*units, config=config(other_measures={"levels": half})))
    assert modes(plan) == ["measure", "normal"]


def test_no_load_between_nothing_and_the_minimum():
    plan = controls.plan(
        case({"load": 0.3, "min_load": 0.6, "red": 0.3, "pm": 1000.0}, ratio={"pm": 0.3})
    )
    assert set(plan.orders["load"]) == {0.6}


def test_a_slow_unit_does_not_stop_for_a_short_warning():
    slow = {"hours_to_stop": 30.0, "value_yuan_d": 1.0, "pm": 200.0}
    one = controls.plan(case(slow, {"value_yuan_d": 1e6}, days=DAYS[:1]))
    assert modes(one) == ["normal", "measure"]
    # Two days: 48 - 30 = 18 h stand still, more than 12. Day 1 still emits: mean load 0.6.
    two = controls.plan(case(slow, ratio={"pm": 0.08}))
    assert modes(two) == ["measure"]
    # 24 h down from 1 to 0.2: mean 0.6; then 6 h from 0.2 to 0: 0.6 h of 24.
    assert two.orders["mean_load"].tolist() == pytest.approx([0.6, 0.025])
    assert two.orders["cut_pm"].tolist() == pytest.approx([80.0, 195.0])


def test_ramp_and_restart_cost_what_they_cost():
    unit = {"hours_to_stop": 12.0, "hours_to_restart": 24.0, "value_yuan_d": 1e5, "pm": 500.0}
    plan = controls.plan(case(unit, ratio={"pm": 0.3}, config=config(costs={"restart_share": 0.1})))
    # Day 1: half a day's ramp loses a quarter, the rest half: 0.75; day 2: 1, restart 0.1, and
    # 24 h of rise after the warning lose half a day.
    assert plan.orders["loss_yuan"].tolist() == pytest.approx([0.75e5, 1.6e5])


def test_nobody_stops_starts_and_stops_again():
    days = tuple(pd.date_range("2026-12-01", periods=3))
    found = controls.options(*city({}), level="orange", days=3, config=config()).schedules
    reduced = found != 0
    assert all((np.diff(np.r_[0, row, 0].astype(int)) == 1).sum() <= 1 for row in reduced)
    assert len(found) == 1 + 5 * 6  # normal, and five modes in six stretches of three days
    assert len(days) == 3


def test_burden_is_shared_between_equals():
    cheap, dear = {"value_yuan_d": 1e5}, {"value_yuan_d": 1.1e5}
    fair = config(fairness={"bound_days": 3.0})
    plan = controls.plan(case(cheap, dear, config=fair))
    assert modes(plan) == ["measure", "normal"]
    season = pd.Series({"e0": 2.0})
    later = controls.plan(case(cheap, dear, config=fair, season=season))
    assert modes(later) == ["normal", "measure"]
    # Unequal grade: no comparison.
    other = controls.plan(case(cheap, dear | {"grade": "D"}, config=fair, season=season))
    assert modes(other) == ["measure", "normal"]


def test_most_effect_within_the_budget():
    units = ({"value_yuan_d": 1e5}, {"value_yuan_d": 1e5}, {"value_yuan_d": 1e5})
    asked = case(
        *units, goal="most_effect", budget_yuan=4.5e5, effects=effects([1.0, 3.0, 2.0]),
        ratio={"pm": 0.05},
    )  # fmt: skip
    plan = controls.plan(asked)
    assert modes(plan) == ["normal", "measure", "measure"]
    assert plan.effect["pm25"].tolist() == pytest.approx([5.0, 5.0])
    assert plan.loss_yuan == pytest.approx(4e5)


def test_the_budget_goes_to_the_day_on_which_it_matters_most():
    # One unit, one day's stop affordable; the second day's microgram is worth more.
    asked = case(
        {"value_yuan_d": 1e5}, goal="most_effect", budget_yuan=1.5e5, effects=effects([1.0]),
        ratio={}, day_weights=np.array([0.5, 1.0]),
    )  # fmt: skip
    for weights, ordered in (([0.5, 1.0], "normal measure"), ([1.0, 0.5], "measure normal")):
        plan = controls.plan(replace(asked, day_weights=np.array(weights)))
        assert plan.modes.loc["u0"].tolist() == ordered.split()
    with pytest.raises(ConfigError, match="day_weights"):
        controls.plan(replace(asked, day_weights=np.array([1.0])))


def test_a_day_counts_by_the_lines_it_may_cross():
    # AQI 150 and 200 are PM2.5 115 and 150: day 1 far below both, day 2 has two of four members
    # within 10 of a line, day 3 one of four.
    made = np.tile(members([50.0] * 4)[:, :1], (1, 3, 1))
    made[:, 1, 0] = [110, 130, 145, 300]
    made[:, 2, 0] = [90, 130, 130, 155]
    standard = standards.load("hj633-2012")
    found = controls_chance.day_weights(made, standard, lines=(150, 200), near_ug=10)
    assert found.tolist() == pytest.approx([0.2, 1.0, 0.5])
    found = controls_chance.day_weights(made[:, :1], standard, lines=(150, 200), near_ug=10)
    assert found.tolist() == [1.0]


@pytest.mark.parametrize(
    ("accepted", "ordered", "promised"),
    [
        (0.6, ["normal", "normal"], 0.6),  # three of five are above, and may be
        (0.4, ["measure", "normal"], 0.4),  # 155 - 10 passes
        (0.2, ["normal", "measure"], 0.2),  # 170 - 30 passes, 190 does not
        (0.0, ["measure", "measure"], 0.0),  # 190 - 40 = 150
    ],
)
def test_the_bottom_line_is_kept_at_least_loss(accepted, ordered, promised):
    plan = controls.plan(line_case(probability=accepted))
    assert modes(plan) == ordered
    assert plan.promised == pytest.approx((promised, promised))
    assert plan.without == pytest.approx((0.6, 0.6))
    assert plan.feasible


def test_a_line_out_of_reach_is_missed_by_as_little_as_can_be():
    plan = controls.plan(line_case(probability=0.0, members=members([140, 160, 180, 195, 230])))
    assert not plan.feasible
    assert plan.promised == pytest.approx((0.4, 0.4))  # 195 and 230 stay above
    first = plan.shortfalls[0]
    assert (first.target, first.required, first.reached) == ("bottom_line", 0.0, 0.4)
    assert "40%" in first.text.zh
    assert plan.conflicts == ("bottom_line",)
    assert modes(plan) == ["normal", "measure"]  # 180 - 30; the other saves nobody more


@pytest.mark.parametrize("edition", ["hj633-2012", "hj633-2026"])
@pytest.mark.parametrize("line", [100, 150, 200, 300])
def test_the_limit_of_a_line_is_the_last_concentration_that_keeps_it(edition, line):
    standard = standards.load(edition)
    for name in ("pm25", "pm10", "so2", "no2"):
        top = controls_chance.limit(name, line, standard)
        at, above = aqi.iaqi(np.array([top - 1e-6, top + 1e-3]), f"{name}_24h", standard)
        assert at <= line < above


def test_the_nearest_plan_names_what_is_missed_and_what_conflicts():
    plan = controls.plan(case({"pm": 60.0}, {"pm": 20.0}, ratio={"pm": 0.1}))
    assert not plan.feasible
    assert modes(plan) == ["measure", "measure"]
    assert [(s.target, s.day) for s in plan.shortfalls] == [("ratio_pm", d) for d in DAYS]
    assert plan.shortfalls[0].reached == pytest.approx(8.0)
    assert plan.conflicts == ("ratio_pm",)
    assert "颗粒物" in plan.conflict_text.zh


def test_law_goes_before_the_budget_and_both_are_named():
    asked = case({"value_yuan_d": 1e5}, budget_yuan=1e5, ratio={"pm": 0.1})
    plan = controls.plan(asked)
    assert modes(plan) == ["measure"]
    assert [s.target for s in plan.shortfalls] == ["budget"]
    assert plan.shortfalls[0].reached == pytest.approx(2e5)
    assert plan.conflicts == ("budget", "ratio_pm")


def test_slow_stops_are_named_where_they_stand_in_the_way():
    slow = {"hours_to_stop": 23.0, "pm": 300.0}
    fine = controls.plan(case(slow, days=DAYS[:1], ratio={"pm": 0.1}))
    assert fine.feasible
    plan = controls.plan(case({"hours_to_stop": 30.0, "pm": 300.0}, days=DAYS[:1]))
    assert not plan.feasible
    assert plan.conflicts == ("ratio_pm", "slow_units")


def test_one_order_by_hand_changes_no_more_than_it_must():
    units = tuple({"value_yuan_d": 1e5 + 100 * i} for i in range(5))
    asked = case(*units, ratio={"pm": 0.2})
    former = controls.plan(asked)
    assert modes(former) == ["measure", "measure", "normal", "normal", "normal"]
    again = controls.replan(asked, former, {"u0": "normal"})
    assert modes(again) == ["normal", "measure", "measure", "normal", "normal"]
    part = controls.plan(asked, fixed={"u4": {1: "measure"}})
    assert modes(part, 1)[4] == "measure"


def test_orders_that_cannot_be_given_by_hand_are_refused_together():
    asked = case({"grade": "A"}, {})
    with pytest.raises(ConfigError) as error:
        controls.plan(asked, fixed={"u0": "measure", "nobody": "normal", "u1": {9: "normal"}})
    assert len(error.value.problems) == 3


def test_every_order_says_why():
    plan = controls.plan(case({"value_yuan_d": 3e5}, {"value_yuan_d": 1e5}, {"grade": "A"}))
    why = plan.orders[plan.orders["day"] == DAYS[0]].set_index("unit")
    assert "test list" in why.loc["u1", "reason_en"]
    assert "第1/" in why.loc["u1", "reason_zh"]
    assert "不需要" in why.loc["u0", "reason_zh"]
    assert "自主减排" in why.loc["u2", "reason_zh"]


def test_a_faulty_register_is_refused_at_once():
    asked = case({}, {})
    broken = asked.units.assign(enterprise=["e0", "nobody"], min_load=[2.0, 0.0])
    with pytest.raises(DataError) as error:
        controls.plan(replace(asked, units=broken))
    assert len(error.value.problems) == 2


def test_without_time_there_is_still_an_honest_plan():
    plan = controls.plan(case({}, {}, ratio={"pm": 0.2}), time_limit_s=1e-9)
    assert plan.status in ("optimal", "time_limit", "fallback")
    assert plan.feasible == (not plan.shortfalls)


units_strategy = st.lists(
    st.fixed_dictionaries(
        {
            "so2": st.floats(0, 200), "nox": st.floats(0, 200), "pm": st.floats(0, 200),
            "voc": st.floats(0, 200), "min_load": st.sampled_from([0.0, 0.4, 0.8]),
            "hours_to_stop": st.sampled_from([0.0, 6.0, 30.0, 60.0]),
            "hours_to_restart": st.sampled_from([0.0, 8.0, 48.0]),
            "value_yuan_d": st.floats(0, 1e6), "trucks_d": st.sampled_from([0.0, 20.0]),
            "grade": st.sampled_from(["A", "B", "C", "D"]),
            "kind": st.sampled_from(["ordinary", "minor", "guarantee", "key_project"]),
            "load": st.sampled_from([0.0, 0.5, 0.8, 1.0]),
        }
    ),
    min_size=1, max_size=6,
)  # fmt: skip


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(units_strategy, st.floats(0, 0.15), st.integers(1, 3))
def test_every_feasible_plan_keeps_every_hard_rule(units, ratio, days):
    stamps = tuple(pd.date_range("2026-12-01", periods=days))
    loose = config(trading={"allowed": True}, solver={"gap": 0.05, "threads": 1})
    asked = case(*units, ratio=dict.fromkeys(SPECIES, ratio), days=stamps, config=loose)
    plan = controls.plan(asked)
    orders = plan.orders
    least = asked.units["min_load"].loc[orders["unit"]].to_numpy()
    load = orders["load"].to_numpy()
    assert ((load == 0) | (load >= least - 1e-9)).all()
    assert (load[orders["rule"].isin(["autonomous", "key_project"])] == 1).all()
    listed = asked.measures.query("level == 'orange'").set_index("unit")["load"]
    supply = orders[orders["rule"] == "guarantee"]
    assert (supply["load"].to_numpy() >= listed.loc[supply["unit"]].to_numpy() - 1e-9).all()
    for unit, table in orders.groupby("unit"):
        reduced = (table["mode"] != "normal").to_numpy()
        assert (np.diff(np.r_[0, reduced, 0].astype(int)) == 1).sum() <= 1
        hours = asked.units.loc[unit, "hours_to_stop"]
        stopped = 24 * int((table["load"] == 0).sum())
        assert stopped == 0 or stopped > hours
    if not plan.minor_used:
        assert (orders.loc[orders["rule"] == "minor", "mode"] == "normal").all()
    if plan.feasible:
        wide = plan.totals.pivot(index="day", columns="species", values="reached")
        assert (wide[["pm", "voc"]] >= 100 * ratio - 1e-3).all(axis=None)
        assert (wide[["so2", "nox"]] >= 50 * ratio - 1e-3).all(axis=None)
        assert (wide["so2"] + wide["nox"] >= 200 * ratio - 1e-3).all()
    else:
        assert plan.shortfalls


def test_the_same_case_gives_the_same_plan():
    asked = case(*({"value_yuan_d": 1e5 + i % 3, "pm": 30.0 + i % 5} for i in range(12)))
    one, two = controls.plan(asked), controls.plan(asked)
    pd.testing.assert_frame_equal(one.orders, two.orders)


def test_when_the_time_is_up_before_anything_is_settled_the_relaxation_is_rounded_up(monkeypatch):
    def slow(model, goal, solver, *, gap, limit_s):
        if limit_s < controls_solve._LAST_RESORT_S:
            return Answer("time_limit", None, np.nan, None)
        return minimise(model, goal, solver, gap=gap, limit_s=limit_s)

    monkeypatch.setattr(controls_solve, "minimise", slow)
    units = ({"value_yuan_d": 3e5}, {"value_yuan_d": 1e5}, {"value_yuan_d": 2e5})
    plan = controls.plan(case(*units, ratio={"pm": 0.15}), time_limit_s=1)
    assert (plan.status, plan.gap) == ("fallback", None)
    # 150 kg/d: the cheapest whole, half of the next: rounded up; the dear one runs.
    assert modes(plan) == ["normal", "measure", "measure"]
    assert plan.feasible
    # Out of reach: as near as can be, and said.
    plan = controls.plan(case(*units, ratio={"pm": 0.5}), time_limit_s=1)
    assert modes(plan) == ["measure", "measure", "measure"]
    assert [s.target for s in plan.shortfalls] == ["ratio_pm", "ratio_pm"]
