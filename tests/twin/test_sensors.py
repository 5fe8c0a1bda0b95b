"""Sensors: same bits however they are stepped, faults do what the table says, errors as fitted."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from numpy.testing import assert_allclose, assert_array_equal

from forecast.config import configs_dir
from forecast.problems import DataError
from forecast.schema import POLLUTANTS, mock_observations, stations_frame
from twin import sensor_fit, sensor_noise, sensors
from twin.config_sensors import SensorsConfig
from twin.sensor_physics import instruments, respond

SEED = 7
HOURS = 24 * 50
Scene = tuple[np.ndarray, dict[str, np.ndarray], pd.DataFrame, pd.DatetimeIndex]


@pytest.fixture(scope="module")
def config() -> SensorsConfig:
    return SensorsConfig()


@pytest.fixture(scope="module")
def scene() -> Scene:
    ds = mock_observations(hours=HOURS, stations=40)
    filled = {p: ds[p].ffill("time").bfill("time").to_numpy() for p in POLLUTANTS}
    truth = np.stack([filled[p] for p in POLLUTANTS], axis=-1)
    weather = {n: ds[n].to_numpy() for n in ("t2m", "d2m", "u10", "v10")}
    return truth, weather, stations_frame(ds), pd.DatetimeIndex(ds["time"].to_numpy())


@pytest.fixture(scope="module")
def observed(scene: Scene, config: SensorsConfig) -> sensors.Observed:
    return sensors.observe(*scene, config, SEED)


def array(seen: sensors.Observed) -> np.ndarray:
    return np.stack([seen.readings[p].to_numpy() for p in POLLUTANTS], axis=-1)


def quiet(config: SensorsConfig, **per_year: float) -> SensorsConfig:
    """The same instruments with only the faults named, equally often in all tiers; no spikes."""
    data: dict[str, Any] = config.model_dump()
    for kind, fault in data["faults"].items():
        fault["per_year"] = dict.fromkeys(fault["per_year"], per_year.get(kind, 0.0))
    for tier in data["tiers"].values():
        tier["spikes"] = 0.0
    return SensorsConfig.model_validate(data)


def test_hour_by_hour_gives_the_bits_of_all_at_once(
    scene: Scene, config: SensorsConfig, observed: sensors.Observed
) -> None:
    truth, weather, stations, times = scene
    bank = sensors.SensorBank(stations, config, seed=SEED)
    first = [
        bank.step(truth[i], {n: v[i] for n, v in weather.items()}, times[i]) for i in range(60)
    ]
    rest = bank.run(truth[60:], {n: v[60:] for n, v in weather.items()}, times[60:])
    assert_array_equal(np.concatenate([np.stack(first), rest]), array(observed))


def test_a_station_does_not_depend_on_the_others(
    scene: Scene, config: SensorsConfig, observed: sensors.Observed
) -> None:
    truth, weather, stations, times = scene
    few = [3, 17, 30]
    some = {n: v[:, few] for n, v in weather.items()}
    alone = sensors.observe(truth[:, few], some, stations.iloc[few], times, config, SEED)
    assert_array_equal(array(alone), array(observed)[:, few])


def test_an_hour_does_not_depend_on_where_the_simulation_began(
    scene: Scene, config: SensorsConfig
) -> None:
    truth, weather, stations, times = scene
    only = quiet(config, outage=60, decay=2, unit=2)  # those that remember nothing
    whole = array(sensors.observe(truth, weather, stations, times, only, SEED))
    late = {n: v[500:] for n, v in weather.items()}
    part = sensors.observe(truth[500:], late, stations, times[500:], only, SEED)
    assert_array_equal(array(part), whole[500:])


def test_another_seed_is_another_network(
    scene: Scene, config: SensorsConfig, observed: sensors.Observed
) -> None:
    other = array(sensors.observe(*scene, config, SEED + 1))
    assert np.nanmean(other == array(observed)) < 0.2


def test_tiers_grow_worse_and_the_national_one_is_near_truth(
    scene: Scene, observed: sensors.Observed
) -> None:
    truth, _, stations, _ = scene
    error = np.abs(array(observed) - truth)
    tiers = [np.nanmean(error[:, (stations["tier"] == t).to_numpy()], axis=(0, 1))
             for t in ("city", "county", "township", "village")]  # fmt: skip
    for better, worse in pairwise(tiers):
        assert (better < worse).all()
    national = (stations["tier"] == "city").to_numpy()
    assert (tiers[0] < 0.06 * truth[:, national].mean(axis=(0, 1)) + 1).all()
    shown = array(observed)[:, national]
    shown = shown[np.isfinite(shown).all(axis=-1)]
    assert_allclose(np.delete(shown, 4, axis=1) % 1, 0)
    assert_allclose(shown[:, 4] * 10, np.rint(shown[:, 4] * 10))


def test_outages_are_missing_and_little_else_is(scene: Scene, observed: sensors.Observed) -> None:
    *_, stations, times = scene
    gone = np.zeros((HOURS, len(stations), 6), bool)
    rows = observed.faults[observed.faults["kind"] == "outage"]
    for row in rows.itertuples():
        p = slice(None) if row.pollutant == "all" else POLLUTANTS.index(str(row.pollutant))
        gone[times.slice_indexer(row.start, row.end), stations.index.get_loc(row.station), p] = True
    missing = np.isnan(array(observed))
    assert missing[gone].all()
    assert 0.01 < gone.mean() < 0.1
    assert missing[~gone].mean() < 0.002  # the first hours of a late clock


def test_a_stuck_sensor_repeats_the_last_value(scene: Scene, config: SensorsConfig) -> None:
    seen = sensors.observe(*scene, quiet(config, stuck=20), SEED)
    free = array(sensors.observe(*scene, quiet(config), SEED))
    *_, stations, times = scene
    values = array(seen)
    single = seen.faults[seen.faults["pollutant"] != "all"]
    single = single[(single["kind"] == "stuck") & (single["start"] > times[0])].iloc[:10]
    assert len(single) == 10
    for row in single.itertuples():
        s, p = stations.index.get_loc(row.station), POLLUTANTS.index(str(row.pollutant))
        rows = times.slice_indexer(row.start, row.end)
        assert len(np.unique(values[rows, s, p])) == 1
    untouched = [s for s in stations.index if s not in set(seen.faults["station"])]
    where = stations.index.get_indexer(pd.Index(untouched))
    assert_array_equal(values[:, where], free[:, where])


def test_a_late_clock_shows_an_earlier_hour(scene: Scene, config: SensorsConfig) -> None:
    seen = sensors.observe(*scene, quiet(config, clock=6), SEED)
    free = array(sensors.observe(*scene, quiet(config), SEED))
    *_, stations, times = scene
    rows = seen.faults[seen.faults["kind"] == "clock"]
    counts = rows["station"].value_counts()
    rows = rows[rows["station"].map(counts) == 1]  # overlapping ones are not told apart here
    assert len(rows) > 3
    for row in rows.itertuples():
        s = stations.index.get_loc(row.station)
        late = int(row.size)
        assert 1 <= late <= 8
        bad = np.arange(HOURS)[times.slice_indexer(row.start, row.end)]
        bad = bad[bad >= late]
        assert_array_equal(array(seen)[bad, s], free[bad - late, s])


def test_a_wrong_unit_and_a_spent_cell_are_factors(scene: Scene, config: SensorsConfig) -> None:
    free = array(sensors.observe(*scene, quiet(config), SEED))
    *_, stations, times = scene
    for kind in ("unit", "decay"):
        seen = sensors.observe(*scene, quiet(config, **{kind: 2}), SEED)
        rows = seen.faults[seen.faults["kind"] == kind]
        assert len(rows) > 2
        row = rows.iloc[0]
        s, p = stations.index.get_loc(row["station"]), POLLUTANTS.index(row["pollutant"])
        hours = times.slice_indexer(row["start"], row["end"])
        step = 1.0 if stations["reference"].iloc[s] else 0.5
        got, expected = array(seen)[hours, s, p], free[hours, s, p] * row["size"]
        assert_allclose(got, expected, atol=step * (1 + row["size"]))


def test_exchanged_coordinates_are_listed_and_the_truth_is_kept(
    scene: Scene, config: SensorsConfig
) -> None:
    truth, _, stations, _ = scene
    many = config.model_dump()
    many["tiers"]["village"]["coordinates_swapped"] = 0.6
    seen = sensors.observe(*scene, SensorsConfig.model_validate(many), SEED)
    both = sensors.packed(seen, truth, stations)
    moved = both["longitude"].to_numpy() != both["true_longitude"].to_numpy()
    listed = set(seen.faults.loc[seen.faults["kind"] == "coordinates", "station"])
    assert listed == set(both["station"].to_numpy()[moved])
    assert len(listed) >= 2
    assert sorted(both["longitude"].to_numpy()) == sorted(stations["longitude"])
    assert_array_equal(both["truth_pm25"].to_numpy(), truth[..., 0])
    assert both.attrs["simulated"].startswith("twin:")


def test_inactive_stations_and_missing_truth_show_nothing(
    scene: Scene, config: SensorsConfig
) -> None:
    truth, weather, stations, times = scene
    holed = truth[:48].copy()
    holed[10:20, 4, 0] = np.nan
    table = stations.assign(active=[True] * 39 + [False])
    short = {n: v[:48] for n, v in weather.items()}
    seen = array(sensors.observe(holed, short, table, times[:48], quiet(config), SEED))
    assert np.isnan(seen[:, 39]).all()
    assert np.isnan(seen[10:20, 4, 0]).all()
    assert np.isfinite(seen[:, :4]).all()


def test_humidity_and_crosses_by_hand(config: SensorsConfig) -> None:
    data = config.model_dump()
    for one in data["micro"].values():
        one |= {"gain": 1.2, "cycle_gain_sd": 0, "kappa": 0, "offset": 3, "temperature": 0.5}
        one |= {"humidity": 0, "additive": 0, "relative": 0, "floor": 0}
        one["cross"] = dict.fromkeys(one["cross"], 0.0)
    data["micro"]["pm25"]["kappa"] = 0.165
    data["micro"]["no2"]["cross"] = {"o3": -0.1}
    data["ranges"] = {"temperature_c": (-10, 40), "humidity_percent": (0, 95)}
    tier = data["tiers"]["village"]
    tier |= {"qualities": [{"share": 1.0, "scale": 1.0}], "unit_gain_sd": 0, "unit_offset_sd": 0}
    tier |= {"analyser_relative": 0, "analyser_floors": 0, "drift_per_month": 0}
    table = pd.DataFrame({"tier": ["village"]}, index=["V1"])
    made = instruments(table, SensorsConfig.model_validate(data), seed=1)
    truth = np.array([[[50.0, 80.0, 10.0, 40.0, 1.0, 60.0]]])
    wet = np.array([[293.15]])  # 20 degC, saturated: aw stays at 0.95, growth 1 + 0.1 x 19
    got = respond(made, truth, wet, wet, np.array([400_000]))[0, 0]
    offset = 3 + 0.5 * 10
    expected = [2.9 * 60 + offset, 96 + offset, 12 + offset, 48 - 6 + offset, 1.2 + offset,
                72 + offset]  # fmt: skip
    assert_allclose(got, expected, rtol=1e-12)


def test_smooth_noise_has_unit_variance_and_the_stated_autocorrelation() -> None:
    key = sensor_noise.keys(3, "test", [f"s{i}" for i in range(3000)])[:, None]
    values = sensor_noise.smooth(key, np.arange(400_000, 400_040), spacing=12)
    assert_allclose(values.std(), 1, atol=0.02)
    assert_allclose(values.mean(), 0, atol=0.03)
    stated = sensor_noise.smooth_autocorrelation(np.array([0, 3, 12, 30]), spacing=12)
    seen = [(values[:, 0] * values[:, k]).mean() for k in (0, 3, 12, 30)]
    assert_allclose(seen, stated, atol=0.06)
    assert stated[0] == pytest.approx(1)
    assert stated[-1] == 0


def test_what_does_not_fit_is_refused_at_once(scene: Scene, config: SensorsConfig) -> None:
    truth, weather, stations, times = scene
    short = {"t2m": weather["t2m"][:5], "d2m": weather["d2m"][:4]}
    with pytest.raises(DataError) as refused:
        sensors.observe(truth[:5, :, :5], short, stations, times[[0, 1, 3, 4, 5]], config, SEED)
    assert len(refused.value.problems) == 3
    with pytest.raises(DataError, match="tier"):
        sensors.SensorBank(stations.assign(tier="satellite"), config, seed=1)
    with pytest.raises(ValueError, match=r"village") as wrong:
        SensorsConfig.model_validate(
            {"faults": {"outage": {"per_year": {"x": 1}}}, "tiers": {"village": {"qualities": []}}}
        )
    assert "per_year" in str(wrong.value)


def test_colocated_table_is_a_colocation_file(
    scene: Scene, config: SensorsConfig, observed: sensors.Observed
) -> None:
    truth, weather, stations, times = scene
    data = config.model_dump()
    data["tiers"]["village"]["colocation_days_per_year"] = 60
    seen = sensors.observe(*scene, SensorsConfig.model_validate(data), SEED)
    table = sensors.colocated_table(truth, weather, seen, seed=SEED)
    hours = (seen.colocations["end"] - seen.colocations["start"]) / pd.Timedelta(hours=1) + 1
    assert len(table) == hours.sum() > 0
    assert (hours <= 14 * 24).all()
    row = table.iloc[5]
    s, h = stations.index.get_loc(row["station"]), times.get_loc(row["time"])
    assert row["ref_pm25"] == pytest.approx(truth[h, s, 0], rel=0.1, abs=4)
    assert_allclose(row["pm25"], seen.readings["pm25"].to_numpy()[h, s])
    again = sensors.colocated_table(truth, weather, seen, seed=SEED)
    pd.testing.assert_frame_equal(table, again)
    assert not set(observed.colocations["station"]) - set(stations.index[2:])


@pytest.fixture(scope="module")
def colocated(shared_data: Path) -> pd.DataFrame:
    return sensor_fit.load(shared_data)


def test_shipped_numbers_are_the_fitted_ones(colocated: pd.DataFrame) -> None:
    shipped = yaml.safe_load((configs_dir() / "twin" / "sensors.yaml").read_text(encoding="utf-8"))
    fitted = sensor_fit.fit(colocated)
    for p in POLLUTANTS:
        for name, value in fitted["micro"][p].items():
            if isinstance(value, float):
                assert_allclose(shipped["micro"][p][name], value, rtol=0.02, atol=1e-3)


def test_simulated_sensors_err_like_the_real_one(
    colocated: pd.DataFrame, config: SensorsConfig
) -> None:
    """Tolerances: the real value within the simulated 5 to 95 %, and the medians near it.

    Not held, and named in docs/results/twin-sensors.md: correlation of O3, SO2's error of spikes.
    """
    shipped = {"micro": {p: m.model_dump() for p, m in config.micro.items()}}
    found = sensor_fit.comparison(colocated, shipped, sensors=60)
    table = found.set_index(["pollutant", "statistic"])
    for p in POLLUTANTS:
        if p != "so2":
            row = table.loc[(p, "bias")]
            assert row["simulated_05"] <= row["real"] <= row["simulated_95"], p
        row = table.loc[(p, "mae")]
        assert_allclose(row["simulated_50"], row["real"], rtol=0.15, err_msg=p)
    for p, tolerance in {"pm25": 0.03, "pm10": 0.05, "co": 0.25, "so2": 0.1, "no2": 0.3}.items():
        row = table.loc[(p, "r")]
        assert_allclose(row["simulated_50"], row["real"], atol=tolerance, err_msg=p)
