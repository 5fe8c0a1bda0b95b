"""The closed loop's numbers by hand, its forecaster, and that a day goes on where it ended."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast.problems import DataError
from training import closed_loop_page
from training.closed_loop import LEAD_IN
from training.closed_loop_city import REACH
from training.closed_loop_decisions import course
from training.closed_loop_forecast import Fitted, fit
from training.closed_loop_store import (
    Planned,
    Promise,
    Run,
    read_model,
    read_run,
    write_model,
    write_run,
)
from twin.state import State

FIRST = pd.Timestamp("2015-12-06")
#           AQI 58, 232, 182, 182, 58, 58 by HJ 633-2012 (PM2.5 40, 182, 137, 137, 40, 40)
PM25 = (40.0, 182.0, 137.0, 137.0, 40.0, 40.0)


STATE = State(
    7, pd.Timestamp("2015-12-05 07:00"), np.arange(96.0).reshape(2, 12, 2, 2), np.ones((2, 2))
)


def a_run(pm25, load, levels, stops):
    """A run whose days have one PM2.5 and one load, after the lead-in."""
    days = [40.0] * LEAD_IN + list(pm25)
    air = [np.tile([v, 60.0, 10.0, 30.0, 1.0, 20.0], (24, 1)) for v in days]
    loads = [np.ones(2)] * LEAD_IN + [np.array(x) for x in load]
    return Run(0, STATE, np.ones(2), air=air, loads=loads, stops=[0] * LEAD_IN + stops,
               levels=[""] * LEAD_IN + levels)  # fmt: skip


def test_numbers_by_hand():
    whole = [[1.0, 1.0]] * 6
    none = a_run(PM25, whole, [""] * 6, [0] * 6)
    # Orders on day 2 and 3 (right: a heavy day) and on day 6 (nothing came: a false alarm).
    cut = [[1, 1], [0, 0.5], [0, 0.5], [1, 1], [1, 1], [0, 1]]
    flat = a_run((40.0, 137.0, 40.0, 137.0, 40.0, 40.0), cut,
                 ["", "orange", "orange", "", "", "yellow"], [0, 0, 0, 1, 0, 1])  # fmt: skip
    made = closed_loop_page.numbers({"none": none, "flat": flat}, np.array([2e6, 1e6]), FIRST, 6)
    assert made["none"]["heavy_days"] == 1
    assert made["none"]["breaches"] == 3 + 1  # above 150 on three days, above 200 on one of them
    assert made["none"]["lost_output"] == 0
    assert made["flat"]["heavy_days"] == 0
    assert made["flat"]["breaches"] == 2
    assert made["flat"]["lost_output"] == 2 * (2 + 0.5) + 2
    assert made["flat"]["restarts"] == 2
    assert made["flat"]["false_alarms"] == 1
    assert made["flat"]["warned_days"] == 3


def test_json_holds_one_value_per_seed():
    one = dict.fromkeys((*closed_loop_page.METRICS, "warned_days", "pm25", "o3"), 1.0)
    found = [dict.fromkeys(("none", "flat", "lantian", "oracle"), one)] * 2
    said = closed_loop_page.as_json(found)
    assert set(said) == {"none", "flat", "lantian", "oracle"}
    assert said["oracle"] == {m: [1.0, 1.0] for m in closed_loop_page.METRICS}


def test_the_forecaster_finds_what_weather_does_and_its_members_spread():
    rng = np.random.default_rng(1)
    hours = 24 * 40
    times = pd.date_range("2015-01-01 01:00", periods=hours, freq="h")
    blh = np.exp(rng.normal(5.5, 0.6, hours // 24).repeat(24))
    air = np.exp(rng.normal(0, 0.2, (hours, 6))) * (3e4 / (blh[:, None] + 30.0))

    def weather(issue):
        rows = slice(times.get_loc(issue) - 7, times.get_loc(issue) + REACH + 1)
        data = {n: (("time", "station"), np.ones((REACH + 8, 1))) for n in
                ("u10", "v10", "t2m", "d2m", "tp")}  # fmt: skip
        data["blh"] = (("time", "station"), blh[rows][:, None])
        return xr.Dataset(data, {"time": times[rows]})

    issues = pd.DatetimeIndex([times[0] + pd.Timedelta(hours=24 * d + 15) for d in range(2, 35)])
    made = fit(air[:, :], times, issues, weather)
    at = times.get_loc(issues[20]) + 1
    members = made.members(air[:at], weather(issues[20]), issues[20], 25)
    assert members.shape == (25, REACH, 6)
    truth = np.log(air[at : at + REACH, 0])
    error = np.log(made.median(air[:at], weather(issues[20]), issues[20])[0, :, 0]) - truth
    assert np.abs(error).mean() < 0.5 * np.abs(truth - made.climate[0]).mean()
    assert np.log(members[..., 0]).std(axis=0).mean() > 0.1


def test_progress_comes_back_bit_by_bit_and_nothing_in_it_runs(tmp_path):
    run = a_run(PM25, [[0.3, 1.0]] * 6, ["", "red", "", "", "", ""], [0, 1, 0, 0, 0, 0])
    run.orders = [np.full((2, 24), 1 / 3), np.ones((2, 24))]
    run.level, run.day = "red", 11
    run.sums = {"2015-12-03": {"pm25": 0.1 + 0.2}}
    run.promises = [Promise(9, 200, "plan", 1 / 3)]
    run.plans = [Planned(9, "red", "optimal", None, ("the limit of the loss: x",))]
    path = tmp_path / "1.npz"
    assert read_run(path) is None
    write_run(path, run)
    back = read_run(path)
    for name, value in vars(run).items():
        if name == "state":
            assert (back.state.hour, back.state.time) == (7, STATE.time)
            np.testing.assert_array_equal(back.state.mass, STATE.mass)
        elif isinstance(value, list) and value and isinstance(value[0], np.ndarray):
            np.testing.assert_array_equal(getattr(back, name), value)
        else:
            np.testing.assert_equal(getattr(back, name), value)
    with np.load(path, allow_pickle=False) as kept:
        assert not any(kept[n].dtype.hasobject for n in kept.files)
    # A file of the time when progress was a pickle is refused, not run.
    path.write_bytes(b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93\x94.")
    with pytest.raises(DataError, match="progress of a closed loop"):
        read_run(path)
    model = Fitted(*(np.full((2, 2), v) for v in (0.1, 0.2, 0.3, 0.4, 0.5)))
    write_model(path, model)
    np.testing.assert_array_equal(read_model(path).errors, model.errors)
    with pytest.raises(DataError, match="without"):
        read_run(path)


def test_loads_take_their_hours_to_stop_and_restart():
    units = pd.DataFrame({"hours_to_stop": [4.0, 0.0], "hours_to_restart": [2.0, 0.0]})
    target = np.repeat([[0.0], [0.5]], 6, axis=1)
    down = course(units, np.ones(2), target)
    np.testing.assert_allclose(down[0], [0.75, 0.5, 0.25, 0, 0, 0])
    np.testing.assert_allclose(down[1], 0.5)
    np.testing.assert_allclose(course(units, down[:, 1], np.ones((2, 2)))[0], [1, 1])


def test_promises_are_held_against_what_happened():
    run = a_run(PM25, [[1.0, 1.0]] * 6, [""] * 6, [0] * 6)
    # Days 5 .. 10: AQI 58, 232, 182, 182, 58, 58.
    run.promises = [Promise(LEAD_IN + d, 150, "free", 0.5) for d in range(6)]
    run.promises += [Promise(LEAD_IN + 1, 200, "plan", 1.0), Promise(LEAD_IN + 99, 200, "plan", 1)]
    table = closed_loop_page.kept_promises([run], FIRST)
    assert list(table["broken"]) == [False, True, True, True, False, False, True]
    said = "\n".join(closed_loop_page.promise_lines(table))
    assert "| AQI 150 | 0.2 to 0.5 | 6 | 0.500 | 0.500 |" in said
    assert "AQI 200, under a plan: 1 promises, mean 1.000, happened 1.000" in said
