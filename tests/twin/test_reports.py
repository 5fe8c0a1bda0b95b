"""Calls and vehicles: as many as the air explains, where people live, the same again."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from forecast.problems import DataError
from twin import mobile, reports
from twin.config_sensors import SensorsConfig
from twin.terrain import Plane

SEED = 5
OFFSET = pd.Timedelta(hours=8)
PLANE = Plane(112.5, 34.8, 2000.0, 30, 20, 91_000.0)
TIMES = pd.date_range("2015-12-01 00:00", periods=24 * 10, freq="h") + pd.Timedelta(hours=1)
CONFIG = SensorsConfig()
PEOPLE = np.full((20, 30), 3.0e6 / 600)
SHAPE = (len(TIMES), 20, 30)


def told(pm25: float = 50.0, pm10: float = 90.0, **given: object) -> pd.DataFrame:
    options: dict[str, object] = {"seed": SEED, "offset": OFFSET} | given
    return reports.calls(
        PEOPLE, np.full(SHAPE, pm25), np.full(SHAPE, pm10), TIMES, PLANE, CONFIG.reports,
        **options,  # type: ignore[arg-type]
    )  # fmt: skip


def test_as_many_calls_as_stated() -> None:
    clean = told()
    mean = CONFIG.reports.per_million_day * 3 * 10  # 3 million people, ten days
    mean *= 1 / (1 - CONFIG.reports.false_share) * (1 + CONFIG.reports.duplicate_share)
    assert abs(len(clean) - mean) < 4 * np.sqrt(mean * 1.4)
    assert (clean["kind"] == "燃放烟花爆竹").sum() < 0.1 * len(clean)  # false ones alone


def test_haze_dust_and_fireworks_make_people_call() -> None:
    def count(table: pd.DataFrame, kind: str) -> int:
        return int((table["kind"] == reports.KINDS[kind]).sum())

    clean = told()
    assert count(told(300, 400), "smoke") > 2 * count(clean, "smoke")
    assert count(told(80, 500), "dust") > 5 * count(clean, "dust")
    lit = told(fireworks=np.ones(len(TIMES)))
    assert count(lit, "fireworks") > 5 * max(count(clean, "fireworks"), 5)


def test_odours_are_reported_near_their_source() -> None:
    sources = pd.DataFrame({"x": [20_000.0], "y": [15_000.0], "odour": [30.0]}, index=["E1"])
    table = told(sources=sources)
    mine = table[(table["source"] == "E1") & (table["truth"] == "real")]
    assert (mine["kind"] == "工业异味").all()
    away = np.hypot(mine["true_x"] - 20_000, mine["true_y"] - 15_000)
    assert len(mine) > 30
    assert np.median(away) < CONFIG.reports.reach_m
    error = mine["x"] - mine["true_x"]
    assert_allclose(error.std(), CONFIG.reports.place_error_m, rtol=0.3)
    assert (mine["time"] > mine["seen"] - pd.Timedelta(hours=1)).all()


def test_false_and_repeated_calls_are_known_as_such() -> None:
    table = told(400, 600)
    share = table["truth"].value_counts(normalize=True)
    doubled = CONFIG.reports.duplicate_share / (1 + CONFIG.reports.duplicate_share)
    assert_allclose(share["duplicate"], doubled, atol=0.06)
    assert_allclose(share["false"], CONFIG.reports.false_share * (1 - doubled), atol=0.07)


def test_an_hour_has_the_same_calls_in_any_block() -> None:
    whole = told()
    field = np.full((40, 20, 30), 50.0)
    part = reports.calls(
        PEOPLE, field, field + 40, TIMES[30:70], PLANE, CONFIG.reports, seed=SEED, offset=OFFSET
    )
    same = whole[whole["seen"].isin(TIMES[30:70])].reset_index(drop=True)
    assert len(part)
    pd.testing.assert_frame_equal(part, same)
    silent = told(0, 0, seed=SEED)
    assert list(silent.columns) == list(reports.COLUMNS)


ROUTE = np.array([[112.6, 34.85], [112.9, 34.95], [113.1, 34.9]])


def drive(times: pd.DatetimeIndex = TIMES) -> pd.DataFrame:
    hours = (times - TIMES[0]) / pd.Timedelta(hours=1)
    slope = np.arange(30) * 3.0 + np.zeros((20, 1))
    pm25 = 60 + slope + np.asarray(hours)[:, None, None]
    return mobile.transects(
        [ROUTE], pm25, 0 * pm25 + 40, times, PLANE, CONFIG.mobile, seed=SEED, offset=OFFSET
    )


def test_vehicles_stay_on_the_road_and_see_the_field() -> None:
    table = drive()
    assert set(table["vehicle"]) == {"MV01", "MV02", "MV03"}
    local = table["time"] + OFFSET - pd.Timedelta(minutes=1)
    assert set(local.dt.hour) == {8, 9, 10, 15, 16, 17, 21, 22}
    line = np.interp(table["longitude"], ROUTE[:, 0], ROUTE[:, 1])
    assert_allclose(table["latitude"], line, atol=0.001)
    hour = np.ceil((table["time"] - TIMES[0]) / pd.Timedelta(hours=1))
    x = (table["longitude"] - 112.5) * 91_000
    assert_allclose(table["truth_pm25"], 60 + (x / 2000 - 0.5) * 3 + hour, atol=0.1)
    step = np.hypot(table["x"].diff(), table["y"].diff())[table["time"].diff().dt.seconds == 60]
    assert_allclose(step.median() * 60 / 1000, CONFIG.mobile.speed_km_h, rtol=0.1)


def test_readings_are_noisy_with_plumes_above() -> None:
    table = drive()
    ratio = table["pm25"] / table["truth_pm25"]
    assert_allclose(ratio.median(), 1, atol=0.05)
    assert 0.1 < ratio.std() < 0.6
    assert ratio.quantile(0.99) - 1 > 1.2 * (1 - ratio.quantile(0.01))


def test_a_shift_is_the_same_in_any_block() -> None:
    whole, part = drive(), drive(TIMES[48:96])
    same = whole[whole["time"].isin(part["time"])]
    assert len(part)
    columns = ["vehicle", "time", "longitude", "latitude", "no2"]
    pd.testing.assert_frame_equal(
        part[columns].reset_index(drop=True), same[columns].sort_index().reset_index(drop=True)
    )


def test_a_route_needs_two_points() -> None:
    field = np.zeros(SHAPE)
    with pytest.raises(DataError, match="routes"):
        mobile.transects([ROUTE[:1]], field, field, TIMES, PLANE, CONFIG.mobile, seed=1,
                         offset=OFFSET)  # fmt: skip
