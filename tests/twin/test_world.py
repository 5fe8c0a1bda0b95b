"""The simulated city played into a home, and the daily run on it."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast import config as configuration
from forecast import history, observations, quality_limits, stations, weather
from forecast.config import configs_dir
from serving import daily
from twin import config, world
from twin.world import World

START = pd.Timestamp("2015-12-01T00:00")
HOURS = 36


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> World:
    city = config.load(configs_dir() / "twin" / "demo.yaml")
    return world.play(city, tmp_path_factory.mktemp("twin"), start=START, hours=HOURS)


def test_readings_come_from_every_tier_and_say_that_they_are_simulated(played: World) -> None:
    register = stations.load(played.home / "stations.csv")
    obs = observations.load(played.home, played.first, played.last, register)
    assert obs.attrs["simulated"] == played.simulated
    assert set(register["tier"]) == {"city", "county", "township", "village"}
    for tier in set(register["tier"]):
        there = np.isfinite(obs["pm25"].values[:, register["tier"].to_numpy() == tier])
        assert there.mean() > 0.5
    assert np.isfinite(obs["t2m"].values).all()


def test_weather_forecasts_are_kept_by_vintage_with_their_delay(played: World) -> None:
    found, _ = weather.vintages(played.home, world.SOURCE)
    assert len(found) == played.vintages == 3  # every 12 h
    assert all(v.available_time > v.issue_time for v in found)
    assert weather.read(found[0]).attrs["simulated"] == played.simulated


def test_truth_lies_apart_from_what_the_city_sends(played: World) -> None:
    with xr.open_dataset(played.home / "truth" / "truth.nc") as both:
        truth, seen = both["truth_pm25"].values, both["pm25"].values
    assert np.isfinite(truth).all()
    assert np.nanmean(np.abs(seen - truth)) > 1


def test_the_daily_run_works_on_it_and_says_simulated(played: World) -> None:
    city = configuration.load(played.config)
    report = daily.run(city, home=played.home, issue_time=START + pd.Timedelta(hours=32))
    page = (report.folder / "bulletin.zh.html").read_text()
    assert "模拟" in page
    assert (report.folder / "run.json").exists()


def test_the_lower_tiers_are_corrected_for_the_daily_run(played: World) -> None:
    city = configuration.load(played.config)
    register = stations.load(city.stations)
    limits = quality_limits.load(city.quality)
    plain = history.load(played.home, register, limits, end=played.last).usable
    better = history.load(played.home, register, limits, end=played.last, calibrated=True).usable
    changed = (plain["pm25"].fillna(-1) != better["pm25"].fillna(-1)).any("time").values
    tier = register["tier"].to_numpy()
    assert not changed[tier == "city"].any()
    assert changed[tier == "village"].mean() > 0.8


def test_what_was_played_is_found_again_and_another_seed_is_not(played: World) -> None:
    city = config.load(configs_dir() / "twin" / "demo.yaml")
    assert world.played(city, played.home) == played
    assert world.played(city, played.home, seed=7) is None


def test_the_network_that_knows_the_city_forecasts_it_and_no_other_seed(played: World) -> None:
    city = config.load(configs_dir() / "twin" / "demo.yaml")
    assert configuration.load(played.config).forecast.model == "network"
    assert world._forecaster(city, START, city.seed + 1) == "persistence"
    before = pd.Timestamp("2015-11-01T00:00")  # the network knows what came later
    assert world._forecaster(city, before, None) == "persistence"
    other = city.model_copy(update={"city": city.city.model_copy(update={"id": "elsewhere"})})
    assert world._forecaster(other, START, None) == "persistence"
