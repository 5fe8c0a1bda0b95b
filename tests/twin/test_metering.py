"""Compliance, stack monitors, meters: by hand; who fakes is seen at the meter."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from forecast.config import configs_dir
from forecast.problems import DataError
from twin import compliance, config, enterprises, geography, metering
from twin.compliance import Behaviour
from twin.config_sensors import SensorsConfig

OFFSET = pd.Timedelta(hours=8)
CONFIG = SensorsConfig().metering
TIMES = pd.date_range("2015-12-01 16:00", periods=24 * 12, freq="h") + pd.Timedelta(hours=1)
PEOPLE = pd.DataFrame(
    {"compliance": [1.0, 0.6, 0.2], "evades": ["no", "day", "night"]}, index=["E1", "E2", "E3"]
)
UNITS = pd.DataFrame(
    {
        "enterprise": ["E1", "E2", "E3"],
        "hours_to_stop": [4.0, 1.0, 1.0],
        "hours_to_restart": [10.0, 1.0, 1.0],
        "so2": 240.0, "nox": 480.0, "pm": 48.0, "pm25_share": 0.5, "voc": 0.0, "co": 0.0,
        "nh3": 0.0, "value_yuan_d": 24_000.0,
    },
    index=["U1", "U2", "U3"],
)  # fmt: skip
STACKS = pd.DataFrame(
    {"unit": ["U1", "U2", "U3"], "share": 1.0, "diameter_m": 2.0, "speed_m_s": 10.0,
     "temperature_k": 393.15},
    index=["S1", "S2", "S3"],
)  # fmt: skip
RATES = np.tile(enterprises.mean_rates(UNITS)[:, None, :], (1, len(TIMES), 1))
HALF = np.full((3, len(TIMES)), 0.5)


def plain(late: float = 0.0, fakes: tuple[bool, bool, bool] = (False, False, True)) -> Behaviour:
    made = compliance.behaviour(PEOPLE, UNITS, CONFIG, seed=1)
    return Behaviour(made.day, made.night, np.array([0, late, late]), np.array(fakes),
                     made.hours_to_stop, made.hours_to_restart)  # fmt: skip


def test_over_a_day_each_does_its_share() -> None:
    acts = plain()
    run = compliance.actual_scale(acts, HALF, TIMES, CONFIG, offset=OFFSET)
    days = run[:, 48:].reshape(3, -1, 24).mean(axis=(1, 2))
    assert_allclose(days, [0.5, 1 - 0.6 / 2, 1 - 0.2 / 2], atol=0.01)
    dark = compliance.is_night(TIMES, CONFIG, offset=OFFSET)
    assert dark.mean() == pytest.approx(8 / 24)
    assert_allclose(run[2, 48:][dark[48:]], 1.0)
    assert_allclose(run[1, 48:][dark[48:]], 0.5)


def test_stopping_and_starting_take_their_time() -> None:
    orders = np.ones((3, len(TIMES)))
    orders[:, 10:30] = 0.0
    run = compliance.actual_scale(plain(), orders, TIMES, CONFIG, offset=OFFSET)
    assert_allclose(run[0, 9:15], [1, 0.75, 0.5, 0.25, 0, 0])
    assert_allclose(run[0, 29:41], [0, *np.arange(1, 11) / 10, 1], atol=1e-12)


def test_late_ones_begin_late() -> None:
    orders = np.ones((3, len(TIMES)))
    orders[:, 30:] = 0.5
    run = compliance.actual_scale(plain(late=5), orders, TIMES, CONFIG, offset=OFFSET)
    assert_allclose(run[1, 30:35], 1)
    assert run[1, 35] < 1


def test_who_complies_is_neither_late_nor_fakes() -> None:
    many = pd.DataFrame({"compliance": [1.0, 0.5] * 200, "evades": ["no", "day"] * 200})
    units = pd.DataFrame({"enterprise": many.index, "hours_to_stop": 1, "hours_to_restart": 1})
    acts = compliance.behaviour(many, units, CONFIG, seed=2)
    assert not acts.fakes[::2].any()
    assert not acts.late_hours[::2].any()
    assert_allclose(acts.fakes[1::2].mean(), CONFIG.fake_share, atol=0.1)
    assert_allclose(np.median(acts.late_hours[1::2]), CONFIG.late_hours, atol=1.5)


def monitors(actual: np.ndarray, ordered: np.ndarray, acts: Behaviour) -> "metering.xr.Dataset":
    return metering.stack_monitors(
        STACKS, UNITS, RATES, actual, ordered, acts, TIMES, CONFIG, seed=4, simulated="twin:x:4"
    )


def test_monitor_by_hand_at_full_load() -> None:
    ones = np.ones(HALF.shape)
    ds = monitors(ones, ones, plain())
    flow = np.pi * 10 * 3600 * 273.15 / 393.15  # 2 m wide, 10 m/s, 120 degC
    assert_allclose(ds["flow"].median(), flow, rtol=0.02)
    assert_allclose(ds["nox"].median("time"), 20e6 / flow, rtol=0.06)  # 480 kg a day
    assert_allclose(ds["truth_pm"], 2.0, rtol=1e-6)
    assert_allclose(ds["emission_so2"].median("time"), 10.0, rtol=0.06)
    gaps = np.isnan(ds["so2"]).mean()
    assert CONFIG.calibration_hours / (CONFIG.calibration_days * 24) * 0.7 < gaps < 0.1
    assert np.isnan(ds["so2"].to_numpy()[ds["calibrating"].to_numpy()]).all()
    assert ds.attrs["simulated"] == "twin:x:4"


def test_a_faked_monitor_shows_the_order_and_the_meter_the_load() -> None:
    ones = np.ones(HALF.shape)
    acts = plain()
    ds = monitors(ones, HALF, acts)
    shown = ds["emission_nox"].median("time").to_numpy()
    assert_allclose(shown, [20, 20, 10], rtol=0.06)
    assert_array_equal(ds["faked"].any("time").to_numpy(), [False, False, True])
    assert_allclose(ds["truth_nox"], 20, rtol=1e-6)
    power = metering.electricity(
        UNITS, ones, ones, acts, HALF, TIMES, CONFIG, seed=4, simulated="t"
    )
    usual = 24_000 * CONFIG.kwh_per_yuan / 24
    assert_allclose(power["production"].mean("time"), usual * (1 - CONFIG.treatment_share),
                    rtol=0.01)  # fmt: skip
    clean = power["abatement"].mean("time").to_numpy()
    assert_allclose(clean[2] / clean[0], 0.3, rtol=0.02)


def test_a_standing_unit_draws_idle_power_alone() -> None:
    acts, off = plain(), np.zeros(HALF.shape)
    power = metering.electricity(UNITS, HALF + 0.5, off, acts, off, TIMES, CONFIG, seed=4,
                                 simulated="t")  # fmt: skip
    usual = 24_000 * CONFIG.kwh_per_yuan / 24 * (1 - CONFIG.treatment_share)
    assert_allclose(power["production"].mean(), usual * CONFIG.idle_share, rtol=0.01)
    ds = monitors(off, off, acts)
    assert float(ds["so2"].max()) == 0


def test_full_scale_caps_what_is_shown() -> None:
    ten = np.full(HALF.shape, 10.0)
    ds = monitors(ten, ten, plain(fakes=(False, False, False)))
    flow = np.pi * 10 * 3600 * 273.15 / 393.15
    assert_allclose(ds["so2"].max(), CONFIG.cap_factor * 10e6 / flow, rtol=1e-5)
    assert_allclose(ds["truth_so2"], 100, rtol=1e-6)


def test_shapes_and_strangers_are_refused_together() -> None:
    with pytest.raises(DataError) as refused:
        metering.stack_monitors(
            STACKS.assign(unit=["U1", "U2", "U9"]), UNITS, RATES[:, :5], HALF, HALF[:2], plain(),
            TIMES, CONFIG, seed=4, simulated="t",
        )  # fmt: skip
    assert len(refused.value.problems) == 3


def test_planted_sources_lie_in_the_city_and_work_their_hours() -> None:
    ground = geography.create(config.load(configs_dir() / "twin" / "demo.yaml"))
    planted = compliance.plant(ground, TIMES, seed=9, count=6)
    assert planted == compliance.plant(ground, TIMES, seed=9, count=6)
    x, y = np.array([s.x for s in planted]), np.array([s.y for s in planted])
    assert (geography.area_ids(ground, x, y) != "").all()
    rates = compliance.planted_rates(planted, TIMES, offset=OFFSET)
    assert rates.shape == (6, len(TIMES), 7)
    local = (TIMES + OFFSET - pd.Timedelta(hours=1)).hour
    for i, source in enumerate(planted):
        at_work = rates[i, :, 0] > 0
        assert set(local[at_work]) == set(source.local_hours)
        assert_allclose(rates[i][at_work], np.tile(source.kg_per_hour, (at_work.sum(), 1)))
        assert TIMES[at_work].min() >= source.first
        assert TIMES[at_work].max() <= source.last
