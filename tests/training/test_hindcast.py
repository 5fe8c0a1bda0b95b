"""Hindcasts cannot see the future: poison it and get the same forecast."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast import boosting, forecast_file, observations, schema
from forecast import config as configuration
from forecast.batch import WeatherTier
from forecast.config import CityConfig
from forecast.problems import ConfigError, DataError
from training import fit, hindcast

START = pd.Timestamp("2026-01-09T16:00")  # 10 January, 00:00 local
END = pd.Timestamp("2026-01-10T16:00")
LAST_ISSUE = pd.Timestamp("2026-01-11T10:00")
AIR = ("u10", "v10", "t2m", "d2m", "sp", "tp")


@pytest.fixture(scope="module")
def config() -> CityConfig:
    demo = configuration.load(configuration.configs_dir() / "demo.yaml")
    small = demo.forecast.model_copy(update={"members": 20})
    return demo.model_copy(update={"forecast": small})


@pytest.fixture(scope="module")
def sample() -> xr.Dataset:
    return schema.mock_observations(start="2025-12-01", hours=24 * 50, stations=12, seed=3)


@pytest.fixture(autouse=True)
def _small_models(monkeypatch: pytest.MonkeyPatch) -> None:
    small = boosting.BoostingConfig(rows=4000, rounds=8, leaves=7, validation_days=4)
    monkeypatch.setattr(fit.boosting, "BoostingConfig", lambda: small)


def made(
    home: Path, config: CityConfig, ds: xr.Dataset, tier: WeatherTier, model: str
) -> tuple[xr.Dataset, xr.Dataset]:
    observations.merge(home, ds, source="mock", received=START)
    out = home / "f.nc"
    hindcast.run(
        config, home=home, start=START, end=END, every=6, tier=tier, model=model, out=out,
        hourly_members=False, say=lambda _: None,
    )  # fmt: skip
    return forecast_file.read_stations(out).load(), forecast_file.read_areas(out).load()


@pytest.mark.parametrize(
    ("model", "tier"),
    [
        ("persistence", "none"),
        ("climatology", "none"),
        ("lightgbm", "none"),
        ("lightgbm", "perfect"),
        ("lightgbm", "perturbed"),
    ],
)
def test_poisoned_future_gives_the_same_forecast(
    tmp_path: Path, config: CityConfig, sample: xr.Dataset, model: str, tier: WeatherTier
) -> None:
    poisoned = sample.copy(deep=True)
    after = poisoned["time"].values > np.datetime64(LAST_ISSUE)
    for name in schema.POLLUTANTS:
        poisoned[name].values[after] = 30.0 if name == "co" else 900.0
    if tier == "none":
        for name in AIR:
            poisoned[name].values[after] += 50.0
    kinds = [
        made(tmp_path / n, config, ds, tier, model) for n, ds in (("a", sample), ("b", poisoned))
    ]
    xr.testing.assert_equal(kinds[0][0], kinds[1][0])
    xr.testing.assert_equal(kinds[0][1], kinds[1][1])


def test_what_comes_between_two_issue_times_is_seen_by_the_later_one_only(
    tmp_path: Path, config: CityConfig, sample: xr.Dataset
) -> None:
    between = pd.Timestamp("2026-01-10T10:00")
    changed = sample.copy(deep=True)
    changed["pm25"].values[changed["time"].values > np.datetime64(between)] = 321.0
    a, _ = made(tmp_path / "a", config, sample, "none", "persistence")
    b, _ = made(tmp_path / "b", config, changed, "none", "persistence")
    same = (a["pm25"] == b["pm25"]) | (np.isnan(a["pm25"]) & np.isnan(b["pm25"]))
    by_issue = same.all(("lead", "station", "quantile")).values
    assert list(by_issue) == [t <= np.datetime64(between) for t in a["issue_time"].values]


def test_weather_makes_a_difference_only_where_it_may(
    tmp_path: Path, config: CityConfig, sample: xr.Dataset
) -> None:
    windy = sample.copy(deep=True)
    windy["u10"].values[windy["time"].values > np.datetime64(LAST_ISSUE)] += 30.0
    a, _ = made(tmp_path / "a", config, sample, "perfect", "lightgbm")
    b, _ = made(tmp_path / "b", config, windy, "perfect", "lightgbm")
    assert not a.equals(b)


def test_wrong_use_is_refused(tmp_path: Path, config: CityConfig, sample: xr.Dataset) -> None:
    def run(**other: object) -> None:
        given = {
            "home": tmp_path, "start": START, "end": END, "every": 6, "tier": "none",
            "model": "persistence", "out": tmp_path / "x.nc", "hourly_members": False,
            "say": lambda _: None,
        }  # fmt: skip
        hindcast.run(config, **(given | other))  # type: ignore[arg-type]

    with pytest.raises(DataError, match="no month of observations"):
        run()
    observations.merge(tmp_path, sample, source="mock", received=START)
    with pytest.raises(ConfigError, match="not before --start"):
        run(end=START - pd.Timedelta(days=1))
    with pytest.raises(ConfigError, match="one of"):
        run(model="oracle")
    with pytest.raises(DataError, match="history before"):
        run(start=pd.Timestamp("2025-11-20"))
