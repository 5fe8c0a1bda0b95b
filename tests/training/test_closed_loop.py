"""The closed loop's numbers by hand, its forecaster, and that a day goes on where it ended."""

import numpy as np
import pandas as pd
import xarray as xr

from training import closed_loop_page
from training.closed_loop import LEAD_IN, Run
from training.closed_loop_city import REACH
from training.closed_loop_forecast import fit

FIRST = pd.Timestamp("2015-12-06")
#           AQI 58, 232, 182, 182, 58, 58 by HJ 633-2012 (PM2.5 40, 182, 137, 137, 40, 40)
PM25 = (40.0, 182.0, 137.0, 137.0, 40.0, 40.0)


def a_run(pm25, load, levels, stops):
    """A run whose days have one PM2.5 and one load, after the lead-in."""
    days = [40.0] * LEAD_IN + list(pm25)
    air = [np.tile([v, 60.0, 10.0, 30.0, 1.0, 20.0], (24, 1)) for v in days]
    loads = [np.ones(2)] * LEAD_IN + [np.array(x) for x in load]
    return Run(0, None, np.ones(2), air=air, loads=loads, stops=[0] * LEAD_IN + stops,
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
