"""The simulated nation: whole, the same for the same seed, and called simulated."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecast import config as configuration
from forecast import history, model_store, quality_limits, stations, weather, weather_tiers
from forecast.problems import ConfigError
from twin import nation, nation_air

ISSUE = pd.Timestamp("2026-11-20T08:00")
PERIOD = nation.Period(ISSUE, days=12)


def test_the_plan_adds_up_to_the_country() -> None:
    plan = nation.plan(1)
    assert len(plan) == 340
    assert sum(c.reference for c in plan) == 1700
    assert sum(c.lower for c in plan) == 30_000
    assert min(c.reference for c in plan) == 5
    assert len({c.id for c in plan}) == 340
    assert max(c.stations for c in plan) > 3 * min(c.stations for c in plan)
    with pytest.raises(ConfigError, match="a reference station each"):
        nation.plan(1, cities=5, reference=4, lower=0)


def test_a_city_is_what_the_daily_run_takes_and_the_same_each_time(tmp_path: Path) -> None:
    city = nation.plan(1, cities=2, reference=2, lower=6)[1]
    network = model_store._PRETRAINED / "beijing"
    period = nation.Period(ISSUE, days=12, network=network)
    paths = [nation.make_city(city, tmp_path / n, period, seed=1) for n in ("a", "b")]
    config = configuration.load(paths[0])
    assert config.simulated
    assert "模拟" in config.city.zh
    register = stations.load(config.stations)
    home = tmp_path / "a" / "home" / "cities" / city.id
    known = history.load(home, register, quality_limits.load(config.quality), end=ISSUE)
    assert str(known.usable.attrs["simulated"]).startswith("twin:nation:")
    share = np.isfinite(known.usable["pm25"].values[-24 * 12 :]).mean()
    assert 0.8 < share < 0.99
    future, tier, _ = weather_tiers.future_for_run(home, config, register, ISSUE)
    assert tier == "archived"
    assert future is not None
    assert np.isfinite(future[0, :80]).all()
    other = tmp_path / "b" / "home" / "cities" / city.id
    for part in ("observations", "weather/twin"):
        for file in sorted((home / part).glob("*.nc")):
            assert file.read_bytes() == (other / part / file.name).read_bytes()
    kept = model_store.network(home, city.id, ISSUE)
    assert kept is not None
    assert kept.folder.resolve() == network.resolve()


def test_a_forecast_is_the_weather_out_of_step_by_more_the_longer_the_lead() -> None:
    air = nation_air.waves(1)
    hours = pd.date_range("2026-01-01", periods=240, freq="h")
    place = np.array([35.2]), np.array([113.2])
    true = nation_air.weather(air, hours, *place)["u10"]
    errors = [
        np.mean([
            np.abs(nation_air.weather(nation_air.missed(air, seed, day), hours, *place)["u10"]
                   - true).mean()
            for seed in range(5)
        ])
        for day in (0.0, 1.0, 4.0)
    ]  # fmt: skip
    assert errors[0] == 0
    assert errors[0] < errors[1] < errors[2]


def test_what_was_made_is_known(tmp_path: Path) -> None:
    plan = nation.plan(1, cities=1, reference=1, lower=1)
    assert not nation.made(tmp_path, PERIOD, seed=1, cities=plan)
    nation.make(tmp_path, PERIOD, seed=1, cities=plan)
    assert nation.made(tmp_path, PERIOD, seed=1, cities=plan)
    assert not nation.made(tmp_path, PERIOD, seed=2, cities=plan)
    found, _ = weather.vintages(tmp_path / "home" / "cities" / "sim-001", nation.SOURCE)
    assert [v.issue_time for v in found] == [pd.Timestamp("2026-11-19T12:00")]
