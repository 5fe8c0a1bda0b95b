import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.stats import norm

from forecast import boosting, boosting_rows, boosting_train
from forecast.batch import IssueBatch, batches, leads_of, stacked
from forecast.boosting import Boosting, BoostingConfig, fit, load, save
from forecast.problems import DataError
from forecast.schema import POLLUTANTS, QUANTILES, WEATHER, mock_observations, stations_frame

OFFSET = pd.Timedelta(hours=8)
UNTIL = pd.Timestamp("2026-02-20 00:00")
SMALL = BoostingConfig(
    rows=6000, rounds=25, early_stopping=10, leaves=8, learning_rate=0.2, min_rows_in_leaf=50,
    leads_per_issue=8, threads=1,
)  # fmt: skip


@pytest.fixture(scope="module")
def obs() -> xr.Dataset:
    return mock_observations(hours=24 * 60, stations=3)


def perfect(obs: xr.Dataset):
    weather, origin = stacked(obs, WEATHER), pd.Timestamp(obs["time"].values[0])
    return lambda times: leads_of(weather, origin, times)


def batch_of(obs: xr.Dataset, *issues: str) -> IssueBatch:
    return next(
        batches(obs, pd.DatetimeIndex(issues), perfect(obs), tier="perfect", offset=OFFSET,
                history_hours=240, stations=stations_frame(obs))
    )  # fmt: skip


@pytest.fixture(scope="module")
def model(obs) -> Boosting:
    return fit(obs, UNTIL, perfect(obs), "perfect", OFFSET, SMALL, 1)


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("model")
    save(model, path)
    return path


def test_quantiles_are_complete_monotone_and_better_than_the_middle_of_all(model, obs):
    times = pd.date_range("2026-02-20", "2026-02-24", freq="5h")
    batch = batch_of(obs, *map(str, times))
    found = model.quantiles(batch)
    assert found.shape == (len(times), 96, 3, 6, len(QUANTILES))
    assert np.isfinite(found).all()
    assert (np.diff(found, axis=-1) >= 0).all()
    assert (found >= 0).all()
    truth = leads_of(stacked(obs, POLLUTANTS), pd.Timestamp(obs["time"].values[0]), times)
    error = np.nanmean(np.abs(found[..., 4] - truth), axis=(0, 1, 2))
    plain = np.nanmean(
        np.abs(np.nanmedian(stacked(obs, POLLUTANTS), axis=(0, 1)) - truth), axis=(0, 1, 2)
    )
    assert error[0] < 0.6 * plain[0]  # wind tells the mock city's PM2.5


def test_the_future_changes_nothing(obs, model):
    """Neither what training saw after its end, nor what a batch holds after its issue time."""
    issue = pd.Timestamp("2026-02-24 00:00")
    poisoned = obs.copy(deep=True)
    for name in POLLUTANTS:
        poisoned[name].loc[{"time": slice(issue + pd.Timedelta(hours=1), None)}] = 9e3
    np.testing.assert_array_equal(
        model.quantiles(batch_of(obs, str(issue))), model.quantiles(batch_of(poisoned, str(issue)))
    )
    later = obs.copy(deep=True)
    for name in POLLUTANTS:
        later[name].loc[{"time": slice(UNTIL + pd.Timedelta(hours=1), None)}] = 9e3
    tiny = replace(SMALL, rounds=2, rows=2000)
    one, two = (fit(o, UNTIL, perfect(obs), "perfect", OFFSET, tiny, 1) for o in (obs, later))
    for key, booster in one.models.items():
        assert booster.model_to_string() == two.models[key].model_to_string()


def test_a_dead_station_and_missing_weather_are_answered(model, obs):
    batch = batch_of(obs, "2026-02-24 00:00")
    history = batch.history.copy()
    history[:, :, 1] = np.nan
    found = model.quantiles(replace(batch, history=history, future_weather=None))
    assert np.isfinite(found).all()
    nothing = replace(batch, history=np.full_like(history, np.nan), future_weather=None)
    assert np.isfinite(model.quantiles(nothing)).all()


def test_without_weather_the_weather_is_not_looked_at(obs):
    tiny = replace(SMALL, rounds=5, rows=2000)

    def refused(_: pd.DatetimeIndex) -> None:
        raise AssertionError

    model = fit(obs, UNTIL, refused, "none", OFFSET, tiny, 1)
    batch = batch_of(obs, "2026-02-24 00:00")
    other = replace(batch, future_weather=np.full_like(batch.future_weather, 1.0))
    np.testing.assert_array_equal(model.quantiles(batch), model.quantiles(other))


def test_quantiles_too_narrow_are_widened_to_their_share():
    rng = np.random.default_rng(0)
    y = (50 + 10 * rng.standard_normal(20_000)).astype(np.float32)
    # Forecasts of half the spread: z of the quantiles times 5 instead of 10.
    found = np.repeat((50 + 5 * norm.ppf(QUANTILES))[:, None], len(y), axis=1)
    factors = boosting_train.widening_factors(found.astype(np.float32), y)
    high = boosting_train.WIDENING_RANGE[1]
    assert factors == [high] * 4 + [1.0] + [high] * 4  # 2 is more than a block may say
    found = np.repeat((50 + 8 * norm.ppf(QUANTILES))[:, None], len(y), axis=1).astype(np.float32)
    factors = boosting_train.widening_factors(found, y)
    assert np.delete(factors, 4) == pytest.approx(1.25, abs=0.05)
    wide = boosting_train.widened(found.T[:1], factors)[0]
    assert wide == pytest.approx(50 + 10 * norm.ppf(QUANTILES), abs=0.5)


def test_a_saved_model_comes_back_the_same(model, folder, obs):
    batch = batch_of(obs, "2026-02-21 05:00", "2026-02-24 00:00")
    back = load(folder)
    np.testing.assert_array_equal(back.quantiles(batch), model.quantiles(batch))
    assert (back.tier, back.trained_until, back.config) == ("perfect", UNTIL, SMALL)


def copied(folder: Path, target: Path) -> Path:
    for file in folder.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    return target


def test_a_changed_file_is_refused_by_name(folder, tmp_path):
    bad = copied(folder, tmp_path)
    file = bad / "o3_0.50.txt"
    file.write_text(file.read_text().replace("leaf_value=", "leaf_value=9", 1))
    (bad / "so2_0.98.txt").unlink()
    with pytest.raises(DataError) as error:
        load(bad)
    wheres = [p.where for p in error.value.problems]
    assert [Path(w).name for w in wheres] == ["so2_0.98.txt", "o3_0.50.txt"]
    assert "sha256" in str(error.value)


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("units", {"pm25": "mg m-3"}, "units, pm25"),
        ("quantiles", [0.5], "quantiles"),
        ("features", {"pm25": ["lead"]}, "features, pm25"),
        ("format", "other", "format"),
        ("tier", "none", "features, pm25"),
    ],
)
def test_a_manifest_made_for_other_code_is_refused(folder, tmp_path, key, value, named):
    bad = copied(folder, tmp_path)
    manifest = json.loads((bad / boosting.MANIFEST).read_text())
    manifest[key] = manifest[key] | value if isinstance(value, dict) else value
    (bad / boosting.MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(DataError) as error:
        load(bad)
    assert any(named in p.where for p in error.value.problems)


def test_a_folder_without_a_manifest_is_refused(tmp_path):
    with pytest.raises(DataError, match="a manifest of a saved model"):
        load(tmp_path)


def test_a_record_too_short_is_refused(obs):
    with pytest.raises(DataError, match="at least a month"):
        fit(obs, pd.Timestamp("2026-01-15"), perfect(obs), "perfect", OFFSET, SMALL, 1)


def test_a_gap_lies_between_training_and_validation(obs):
    every, train, check = boosting_rows.issue_times(
        obs.sel(time=slice(None, UNTIL)), UNTIL, validation_days=30, gap_hours=240
    )
    assert check[0] - train[-1] >= pd.Timedelta(hours=240 + 96)
    assert check[-1] + pd.Timedelta(hours=96) <= UNTIL
    assert (every[0], every[-1]) == (train[0], check[-1])


def test_holes_are_made_in_copies(obs):
    batch = batch_of(obs, "2026-02-21 05:00", "2026-02-24 00:00")
    kept = batch.history.copy()
    holed = boosting_rows.holed(batch, 1.0, np.random.default_rng(0))
    assert np.isnan(holed.history).all()
    np.testing.assert_array_equal(batch.history, kept)
