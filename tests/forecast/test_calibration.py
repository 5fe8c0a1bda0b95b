"""The co-located calibration: no look ahead, sense in the numbers, and hostile tables."""

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter

from forecast import calibrate_table, colocated
from forecast.calibration import Corrected, calibrate
from forecast.calibration_blend import bucket
from forecast.calibration_config import ColocatedConfig, load
from forecast.calibration_features import inputs, newest, references
from forecast.calibration_fits import fit_of, ridge
from forecast.colocated import POLLUTANTS, Colocated
from forecast.problems import ConfigError
from forecast.sensor_health import run_hours

CONFIG = load().colocated
TREES = CONFIG.transfer_trees.model_copy(update={"rounds": 15, "least_rows": 120, "growth": 0.6})
SMALL = CONFIG.model_copy(
    update={"transfer_trees": TREES, "state_trees": TREES, "ages_h": (1.0, 6.0, 48.0)}
)


def made(rows: int = 500, *, seed: int = 0) -> Colocated:
    """A sensor with gain, offset, humidity effect and noise; hours with gaps."""
    rng = np.random.default_rng(seed)
    hours = 4e5 + np.cumsum(np.where(rng.random(rows) < 0.03, 5.0, 1.0))
    slow = lfilter([0.1], [1, -0.95], rng.standard_normal((rows, 6)), axis=0)
    truth = np.array([60, 90, 1, 35, 20, 50]) * np.exp(slow)
    humidity = np.clip(70 + 20 * np.sin(hours / 24 * 2 * np.pi), 5, 100)
    damp = 1 + 0.8 * (humidity / 100) ** 4
    noise = np.exp(0.05 * rng.standard_normal((rows, 6)))
    sensor = truth * np.array([1.5, 1.8, 0.5, 1.4, 0.6, 1.3]) * damp[:, None] * noise
    weather = np.column_stack(
        [np.full(rows, 1.0), np.full(rows, 1015.0), np.arange(rows) * 0.1, 20 - humidity / 8,
         humidity]
    )  # fmt: skip
    return Colocated(hours, sensor, truth, weather)


def upto(data: Colocated, row: int) -> Colocated:
    return Colocated(data.hours[:row], data.sensor[:row], data.reference[:row], data.weather[:row])


def error(values: np.ndarray, data: Colocated, rows: slice) -> np.ndarray:
    wrong = np.ma.masked_invalid(np.abs(values - data.reference)[rows])
    return np.asarray(wrong.mean(axis=0).filled(np.nan))


@pytest.fixture(scope="module")
def result() -> tuple[Colocated, Corrected]:
    data = made()
    return data, calibrate(data, SMALL)


@pytest.mark.parametrize("t", [0, 1, 40, 250, 499])
def test_a_value_knows_nothing_of_what_comes_later(
    result: tuple[Colocated, Corrected], t: int
) -> None:
    data, clean = result
    rng = np.random.default_rng(t)
    sensor, reference, weather = (a.copy() for a in (data.sensor, data.reference, data.weather))
    reference[t:] = rng.choice([np.nan, 0.0, 9e4], size=reference[t:].shape)
    sensor[t + 1 :] = rng.choice([np.nan, 0.0, 9e4], size=sensor[t + 1 :].shape)
    weather[t + 1 :] = rng.choice([np.nan, 0.0, 60.0], size=weather[t + 1 :].shape)
    poisoned = calibrate(Colocated(data.hours, sensor, reference, weather), SMALL)
    for name in ("values", "sd", "age_h"):
        before, after = getattr(clean, name)[: t + 1], getattr(poisoned, name)[: t + 1]
        np.testing.assert_array_equal(before, after, err_msg=name)
    words = calibrate_table.health(data, clean.age_h, SMALL)
    dirty = Colocated(data.hours, sensor, reference, weather)
    assert calibrate_table.health(dirty, poisoned.age_h, SMALL)[: t + 1] == words[: t + 1]


def test_a_series_that_ends_gives_what_the_longer_one_gave(
    result: tuple[Colocated, Corrected],
) -> None:
    data, clean = result
    np.testing.assert_array_equal(calibrate(upto(data, 300), SMALL).values, clean.values[:300])


def test_it_removes_most_of_a_systematic_error(result: tuple[Colocated, Corrected]) -> None:
    data, found = result
    rows = slice(200, None)
    assert (error(found.values, data, rows) < 0.2 * error(data.sensor, data, rows)).all()


def test_a_reference_that_left_is_still_of_use_and_trust_falls() -> None:
    data = made()
    gone = data.reference.copy()
    gone[350:] = np.nan
    found = calibrate(replace(data, reference=gone), SMALL)
    rows = slice(350, None)
    assert (error(found.values, data, rows) < 0.5 * error(data.sensor, data, rows)).all()
    relative = found.sd / (found.values + 5)
    assert (relative[-30:].mean(axis=0) > relative[320:350].mean(axis=0)).all()
    assert (np.diff(found.age_h[350:, 0]) > 0).all()


def test_before_any_reference_the_reading_stands_with_large_uncertainty() -> None:
    data = made(60)
    found = calibrate(replace(data, reference=np.full_like(data.reference, np.nan)), SMALL)
    np.testing.assert_allclose(found.values, data.sensor)
    assert np.isnan(found.age_h).all()
    assert (found.sd > 0.4 * found.values).all()


def test_a_perfect_sensor_stays_as_it_is() -> None:
    data = made()
    found = calibrate(replace(data, sensor=data.reference.copy()), SMALL)
    steps = np.nanmean(np.abs(np.diff(data.reference[200:], axis=0)), axis=0)
    assert (error(found.values, replace(data), slice(200, None)) < 0.35 * steps).all()


def test_missing_constant_and_absent_inputs_are_survived() -> None:
    data = made()
    sensor, weather = data.sensor.copy(), data.weather.copy()
    sensor[:, 2] = np.nan  # no such sensor
    sensor[100:140, 0] = np.nan
    sensor[:, 4] = 15.0  # constant
    weather[:] = np.nan
    reference = data.reference.copy()
    reference[::3, 1] = np.nan
    found = calibrate(Colocated(data.hours, sensor, reference, weather), SMALL)
    np.testing.assert_array_equal(np.isnan(found.values), np.isnan(sensor))
    assert (found.values[~np.isnan(sensor)] >= 0).all()
    raw = error(sensor, data, slice(200, None))
    assert (error(found.values, data, slice(200, None))[[0, 1, 3, 5]] < raw[[0, 1, 3, 5]]).all()
    assert error(found.values, data, slice(200, None))[4] < raw[4]


def test_one_row_and_none() -> None:
    assert calibrate(made(1), SMALL).values.shape == (1, 6)
    assert calibrate(upto(made(1), 0), SMALL).values.shape == (0, 6)


def test_arguments_stay_as_they_were() -> None:
    data = made(80)
    kept = [a.copy() for a in (data.hours, data.sensor, data.reference, data.weather)]
    calibrate(data, SMALL)
    for a, b in zip(kept, (data.hours, data.sensor, data.reference, data.weather), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_newest_reference_is_of_an_earlier_row() -> None:
    # hours 0 1 2 5; references at 0 and 2. Row 2 (its own does not count): row 0.
    known = np.full((4, 6), np.nan)
    known[[0, 2]] = 7.0
    data = Colocated(np.array([0.0, 1, 2, 5]), np.ones((4, 6)), known, np.full((4, 5), np.nan))
    x = inputs(data, CONFIG)
    assert references(x, 0.0)[:, 0].tolist() == [-1, 0, 0, 2]
    assert references(x, 4.0)[:, 0].tolist() == [-1, -1, -1, 0]  # at 5 h: row 1 or older
    assert newest(~np.isnan(known))[:, 0].tolist() == [0, 0, 2, 2]
    assert fit_of(np.array([2, 4]), np.array([0, 1, 2, 3])).tolist() == [-1, 0, 0, 1]
    assert bucket(np.array([np.nan, 1.0, 2.9, 3.0, 9999.0]), CONFIG).tolist() == [0, 0, 0, 1, 7]


def test_ridge_finds_a_line_and_forgets_an_old_one() -> None:
    config = CONFIG.model_copy(update={"ridge": 1e-6, "least_rows": 10})
    x = np.linspace(0, 1, 400)[:, None] * [[1.0]] + 3
    y = np.where(np.arange(400) < 200, 2 * x[:, 0] + 1, -1 * x[:, 0] + 9)
    model = ridge(x, y, np.arange(400.0), np.array([200, 400]), half_life=1, config=config)
    both = model.predict(np.array([[3.2], [3.9]]), np.array([0, 1]))
    np.testing.assert_allclose(both, [2 * 3.2 + 1, 9 - 3.9], rtol=1e-3)
    assert np.isnan(model.predict(np.array([[3.2]]), np.array([-1]))).all()


def test_a_run_of_one_value_is_timed() -> None:
    values = np.array([[1.0], [1.0], [np.nan], [1.0], [2.0]])
    assert run_hours(values, np.array([0.0, 1, 2, 6, 7]))[:, 0].tolist() == [0, 1, 0, 6, 0]


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_keep_their_order_and_every_trouble_is_named(tmp_path: Path) -> None:
    table = write(
        tmp_path / "in.csv",
        "time,pm25,ref_pm25,extra\n"
        "2019-01-01 02:00,30,20,x\n"
        "2019-01-01 01:00,31,21,x\n"  # before an earlier row
        "2019-01-01 02:00,99,99,x\n"  # twice
        "yesterday,5,5,x\n"
        "2019-01-01 03:00,much,-4,x\n"
        "2019-01-01 04:00,33\n"
        "2019-01-01 05:00,40,,x\n",
    )
    out = tmp_path / "out.csv"
    problems = calibrate_table.run(table, out=out)
    words = "\n".join(map(str, problems))
    for part in (
        "row 3: found a time before",
        "row 4: found a time that was",
        "row 5: found",
        "row 6, column pm25",
        "row 6, column ref_pm25",
        "row 7: found 2 cells",
    ):
        assert part in words
    assert len(problems) == 6
    found = pd.read_csv(out)
    assert found["time"].tolist()[:2] == ["2019-01-01 02:00", "2019-01-01 01:00"]
    assert list(found.columns[:7]) == ["time", *POLLUTANTS]
    assert found["pm25"].notna().tolist() == [True, True, False, False, False, False, True]
    assert found["pm25"][1] == 31  # the first hour: nothing known before
    assert found["pm25_age_h"].tolist()[0] == 1
    assert found["health"].tolist()[2:4] == ["unusable", "unusable"]
    assert found["pm25_sd"].notna().equals(found["pm25"].notna())
    assert found["o3"].isna().all()


def test_a_table_without_reference_is_said(tmp_path: Path) -> None:
    table = write(tmp_path / "in.csv", "time,pm25\n2019-01-01 02:00,30\n")
    problems = calibrate_table.run(table, out=tmp_path / "out.csv")
    assert ["no reference" in str(p) for p in problems] == [True]
    assert pd.read_csv(tmp_path / "out.csv")["pm25"].tolist() == [30]


@pytest.mark.parametrize("text", ["", "time,x\n", "pm25\n3\n", "time,pm25,pm25\n"])
def test_a_wrong_table_is_refused_and_nothing_is_written(tmp_path: Path, text: str) -> None:
    out = tmp_path / "out.csv"
    with pytest.raises(ConfigError):
        calibrate_table.run(write(tmp_path / "in.csv", text), out=out)
    with pytest.raises(ConfigError):
        calibrate_table.run(tmp_path / "absent.csv", out=out)
    assert not out.exists()


def test_a_header_alone_gives_a_header(tmp_path: Path) -> None:
    table = write(tmp_path / "in.csv", "time,pm25,ref_pm25\n")
    calibrate_table.run(table, out=tmp_path / "out.csv")
    assert len(pd.read_csv(tmp_path / "out.csv")) == 0


def test_settings_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "configs/calibration/default.yaml").read_text()
    wrong = text.replace("ages_h: [1, 3", "ages_h: [3, 3").replace("rate:", "speed:")
    with pytest.raises(ConfigError, match="speed"):
        load(write(tmp_path / "c.yaml", wrong))
    assert isinstance(CONFIG, ColocatedConfig)


def test_real_sensor_beats_rolling_ridge(shared_data: Path) -> None:
    """The first 1,000 rows, small settings: each pollutant far better than the reading."""
    packed = shared_data / "micro-sensor" / "colocated.csv.gz"
    if not packed.exists():
        pytest.skip("no co-located series")
    with gzip.open(packed, "rt") as handle:
        frame = pd.read_csv(handle, nrows=1000)
    stamps = pd.to_datetime(frame["time"]).to_numpy().astype("datetime64[ns]").astype(np.int64)
    data = Colocated(
        stamps / 3.6e12,
        frame[list(POLLUTANTS)].to_numpy(float),
        frame[[f"ref_{p}" for p in POLLUTANTS]].to_numpy(float),
        frame[list(colocated.WEATHER)].to_numpy(float),
    )
    rows = slice(700, None)
    cut = 1 - error(calibrate(data, SMALL).values, data, rows) / error(data.sensor, data, rows)
    assert (cut > [0.7, 0.75, 0.75, 0.75, 0.75, 0.75]).all(), cut
