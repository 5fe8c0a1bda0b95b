"""Tiers: what may be read, how wrong it is, and that nothing comes from later than it may."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast import config, schema, weather, weather_tiers
from forecast.schema import WEATHER, attrs_of
from forecast.timing import last_lead
from forecast.weather_perturb import magnitudes

HOUR = pd.Timedelta(hours=1)
START = pd.Timestamp("2026-01-01")
LIMIT = magnitudes().timing.limit_hours


@pytest.fixture(scope="module")
def obs() -> xr.Dataset:
    return schema.mock_observations(hours=24 * 40)


@pytest.fixture(scope="module")
def issues(obs: xr.Dataset) -> pd.DatetimeIndex:
    return pd.date_range(START + 240 * HOUR, periods=60, freq="6h")


def truth(obs: xr.Dataset, issues: pd.DatetimeIndex) -> np.ndarray:
    out = weather_tiers.perfect(obs)(issues)
    assert out is not None
    return out


def test_none_is_none(issues: pd.DatetimeIndex) -> None:
    assert weather_tiers.none()(issues) is None


def test_perfect_is_what_was_observed_after_the_issue(obs: xr.Dataset) -> None:
    issue = pd.DatetimeIndex([START + 100 * HOUR])
    out = truth(obs, issue)
    assert out.shape == (1, 96, 4, 8)
    for i, name in enumerate(("u10", "v10", "t2m", "d2m", "sp", "tp")):
        expected = obs[name].sel(time=slice(issue[0] + HOUR, issue[0] + 96 * HOUR))
        np.testing.assert_array_equal(out[0, :, :, i], expected.values.astype(np.float32))
    assert np.isnan(out[..., 6:]).all()  # blh and ssrd are not observed
    end = pd.DatetimeIndex([pd.Timestamp(obs["time"].values[-1]) - 10 * HOUR])
    assert np.isnan(truth(obs, end)[0, 10:]).all()


def test_perturbed_depends_on_seed_and_issue_time_alone(
    obs: xr.Dataset, issues: pd.DatetimeIndex
) -> None:
    future = weather_tiers.perturbed(obs, seed=7)
    together = future(issues)
    assert together is not None
    for k in (0, 33, 59):
        np.testing.assert_array_equal(future(issues[k : k + 1])[0], together[k])
    np.testing.assert_array_equal(future(issues[::-1])[0], together[-1])
    other = weather_tiers.perturbed(obs, seed=8)(issues)
    assert other is not None
    assert not np.allclose(other[..., 0], together[..., 0])


def test_perturbed_reads_nothing_beyond_its_window(
    obs: xr.Dataset, issues: pd.DatetimeIndex
) -> None:
    """Poison everything after the last hour a shift may reach, and before the first."""
    issue = issues[10:11]
    poisoned = obs.copy(deep=True)
    after = poisoned["time"] > (issue[0] + (96 + LIMIT) * HOUR).to_datetime64()
    before = poisoned["time"] < (issue[0] - LIMIT * HOUR).to_datetime64()
    for name in ("u10", "v10", "t2m", "d2m", "sp", "tp"):
        poisoned[name] = poisoned[name].where(~(after | before), 1e9)
    for make in (weather_tiers.perfect, lambda o: weather_tiers.perturbed(o, seed=7)):
        np.testing.assert_array_equal(make(obs)(issue), make(poisoned)(issue))
    # The poison is one: an hour inside the window does change the answer.
    poisoned["t2m"] = poisoned["t2m"].where(poisoned["time"] != issue[0] + 50 * HOUR, 1e3)
    assert not np.array_equal(
        weather_tiers.perturbed(obs, seed=7)(issue),
        weather_tiers.perturbed(poisoned, seed=7)(issue),
        equal_nan=True,
    )


def test_perturbed_is_no_observation_and_grows_worse(
    obs: xr.Dataset, issues: pd.DatetimeIndex
) -> None:
    made, seen = weather_tiers.perturbed(obs, seed=7)(issues), truth(obs, issues)
    assert made is not None
    error = (made - seen)[..., :5]
    assert (np.abs(error) > 0).mean(axis=(0, 2)).min() > 0.99  # at every lead, each variable
    rmse = np.sqrt(np.mean(error[:, :72].reshape(60, 3, 24, 4, 5) ** 2, axis=(0, 2, 3)))
    assert (np.diff(rmse, axis=0) > 0).all()


def test_perturbed_stays_physical_and_keeps_gaps(obs: xr.Dataset, issues: pd.DatetimeIndex) -> None:
    gappy = obs.copy(deep=True)
    rng = np.random.default_rng(1)
    for name in ("u10", "v10", "t2m", "d2m", "sp", "tp"):
        gappy[name] = gappy[name].where(rng.random(gappy[name].shape) > 0.05)
    gappy["d2m"] = gappy["t2m"]  # saturated: errors would push the dew point above
    made, seen = weather_tiers.perturbed(gappy, seed=7)(issues), truth(gappy, issues)
    assert made is not None
    assert np.isnan(made[np.isnan(seen)]).all()
    both = np.isfinite(made[..., 2]) & np.isfinite(made[..., 3])
    assert (made[..., 3][both] <= made[..., 2][both]).all()
    assert np.nanmin(made[..., 5]) >= 0
    dry = obs.copy(deep=True)  # a dew point read from a missing hour is missing, not saturated
    dry["d2m"] = (dry["t2m"] - 30.0).where(np.isfinite(gappy["tp"]))
    drier = weather_tiers.perturbed(dry, seed=7)(issues)
    assert drier is not None
    assert np.nanmax(drier[..., 3] - drier[..., 2]) < -10
    assert (np.isfinite(made[..., 2]) & np.isfinite(seen[..., 2])).mean() > 0.85


def test_errors_keep_in_time_and_are_shared_by_stations(
    obs: xr.Dataset, issues: pd.DatetimeIndex
) -> None:
    """On a constant field there is nothing to shift: what is left are the added errors.

    Temperature: station share 0.2, so stations correlate by 0.8; memory 18 h, so hours six apart
    by exp(-6/18) = 0.72.
    """
    still = obs.copy(deep=True)
    for name in ("u10", "v10", "t2m", "d2m", "sp", "tp"):
        still[name] = xr.zeros_like(still[name]) + (250.0 if name == "d2m" else 280.0)
    many = pd.date_range(START + 240 * HOUR, periods=500, freq="h")
    made = weather_tiers.perturbed(still, seed=7)(many)
    assert made is not None
    error = made[..., 2].astype(np.float64) - 280.0

    def r(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])

    assert r(error[:, :, 0], error[:, :, 1]) == pytest.approx(0.8, abs=0.05)
    assert r(error[:, 40, 0], error[:, 46, 0]) == pytest.approx(np.exp(-6 / 18), abs=0.07)
    own = magnitudes().own_std["t2m"]
    for day in range(3):
        std = error[:, 24 * day : 24 * day + 24].std()
        assert std == pytest.approx(own[day], rel=0.06)


def test_a_front_comes_early_or_late_but_the_same_for_every_station_and_variable(
    obs: xr.Dataset,
) -> None:
    m = magnitudes()
    off = (0.0, 0.0, 0.0)
    still = m.wind.model_copy(
        update={"amplitude_std": off, "direction_std_degrees": off, "keep": (1.0, 1.0, 1.0)}
    )
    only_shift = m.model_copy(update={"own_std": dict.fromkeys(m.own_std, off), "wind": still})
    front = obs.copy(deep=True)
    passed = (front["time"] > (START + 300 * HOUR).to_datetime64()).values[:, None] * np.ones(4)
    for name, drop in (("t2m", -10.0), ("u10", 8.0)):
        front[name] = (("time", "station"), 280.0 + drop * passed, attrs_of(name))
    issue = pd.DatetimeIndex([START + 240 * HOUR])
    arrivals = []
    for seed in range(40):
        made = weather_tiers.perturbed(front, seed=seed, magnitudes=only_shift)(issue)
        assert made is not None
        fall = made[0, :, :, 2].argmin(axis=0) * 0 + np.diff(made[0, :, :, 2], axis=0).argmin(
            axis=0
        )
        rise = np.diff(made[0, :, :, 0], axis=0).argmax(axis=0)
        assert len({*fall.tolist(), *rise.tolist()}) == 1
        arrivals.append(int(fall[0]) + 2)  # the lead after the steepest step
    assert abs(np.mean(arrivals) - 61) < 1.0
    expected = m.timing.std_hours_at_lead_0 + m.timing.std_hours_per_day * 60 / 24  # 1.8 h
    assert np.std(arrivals) == pytest.approx(expected, abs=0.6)


def test_the_stated_errors_are_met_on_beijing(shared_data: Path) -> None:
    """Vector wind, temperature, dew point and pressure, days 1 to 3, within 5 per cent."""
    import importlib.util

    path = Path(__file__).resolve().parents[2] / "benchmarks" / "weather.py"
    spec = importlib.util.spec_from_file_location("benchmark_weather", path)
    assert spec is not None
    assert spec.loader is not None
    bench = importlib.util.module_from_spec(spec)
    __import__("sys").modules[spec.name] = bench
    spec.loader.exec_module(bench)
    table = bench.errors(bench.read(shared_data), magnitudes()).iloc[:3]
    for name, target in magnitudes().target_rmse.items():
        np.testing.assert_allclose(table[name], target.days, rtol=0.05)


# --- archived vintages and the ladder of the daily run


def vintage(home: Path, issue: pd.Timestamp, value: float, *, hours: int = 120) -> None:
    table = schema.mock_stations(count=4)
    coords = {
        "time": pd.date_range(issue + HOUR, periods=hours, freq="h"),
        "station": table.index.to_numpy().astype(str),
        "latitude": ("station", table["latitude"].to_numpy()),
        "longitude": ("station", table["longitude"].to_numpy()),
    }
    field = (("time", "station"), np.full((hours, 4), value), attrs_of("t2m"))
    ds = xr.Dataset({"t2m": field}, coords)
    weather.save(home, "archive", ds, issue_time=issue, available_time=issue + 6 * HOUR)


def city(**changes: object) -> config.CityConfig:
    return config.CityConfig(
        city=config.City(id="mock", zh="模拟", en="Mock", geocode="000000"),
        stations=Path("stations.csv"),
        weather=config.Weather(sources=("archive",), **changes),
    )


def test_archived_takes_at_each_issue_what_was_there_then(tmp_path: Path) -> None:
    for k in range(3):
        vintage(tmp_path, START + 12 * k * HOUR, 280.0 + k)
    stations = schema.mock_stations(count=4)
    future = weather_tiers.archived(tmp_path, ["archive"], stations, max_age_hours=36)
    issues = START + pd.to_timedelta([5, 6, 17, 18, 30, 70], unit="h")
    out = future(issues)
    assert out is not None
    t2m = out[..., WEATHER.index("t2m")]
    np.testing.assert_array_equal(t2m[:, 0, 0], [np.nan, 280, 280, 281, 282, np.nan])
    assert np.isnan(out[..., WEATHER.index("u10")]).all()


def test_archived_cannot_see_later_vintages(tmp_path: Path) -> None:
    """Poison: whatever becomes available after the issue time changes nothing."""
    vintage(tmp_path, START, 280.0)
    stations = schema.mock_stations(count=4)
    issue = pd.DatetimeIndex([START + 17 * HOUR])
    clean = weather_tiers.archived(tmp_path, ["archive"], stations, max_age_hours=36)(issue)
    vintage(tmp_path, START + 12 * HOUR, 333.0)  # issued before, available an hour after
    vintage(tmp_path, START + 24 * HOUR, 333.0)
    broken = weather.path_of(tmp_path, "archive", START + 36 * HOUR)
    broken.write_bytes(b"poison")
    poisoned = weather_tiers.archived(tmp_path, ["archive"], stations, max_age_hours=36)(issue)
    np.testing.assert_array_equal(clean, poisoned)
    later = issue + HOUR  # the poison is one: an hour later it is there
    seen = weather_tiers.archived(tmp_path, ["archive"], stations, max_age_hours=36)(later)
    assert seen is not None
    assert seen[0, 0, 0, WEATHER.index("t2m")] == 333.0


def test_archived_reads_vintages_that_end_early_and_passes_damaged_ones(tmp_path: Path) -> None:
    vintage(tmp_path, START, 280.0, hours=30)
    vintage(tmp_path, START + 12 * HOUR, 281.0)
    weather.path_of(tmp_path, "archive", START + 12 * HOUR).write_bytes(b"damaged")
    stations = schema.mock_stations(count=4)
    future = weather_tiers.archived(tmp_path, ["archive"], stations, max_age_hours=36)
    out = future(pd.DatetimeIndex([START + 20 * HOUR]))
    assert out is not None
    assert np.isfinite(out[0, :, 0, WEATHER.index("t2m")]).sum() == 10


def test_archived_passes_a_vintage_that_does_not_reach_the_stations(tmp_path: Path) -> None:
    vintage(tmp_path, START, 280.0)
    (kept,), _ = weather.vintages(tmp_path, "archive")
    far = weather.read(kept).isel(station=[0]).assign_coords(latitude=("station", [10.0]))
    issue = START + 12 * HOUR
    far = far.assign_coords(time=far["time"] + np.timedelta64(12, "h"), station=["far"])
    weather.save(tmp_path, "archive", far, issue_time=issue)
    stations = schema.mock_stations(count=4)
    future = weather_tiers.archived(tmp_path, ["archive"], stations, max_age_hours=36)
    out = future(pd.DatetimeIndex([START + 20 * HOUR]))
    assert out is not None
    assert out[0, 0, 0, WEATHER.index("t2m")] == 280.0


def test_the_ladder_newest_older_none(tmp_path: Path) -> None:
    stations = schema.mock_stations(count=4)
    at = START + 32 * HOUR
    future, tier, notes = weather_tiers.future_for_run(tmp_path, city(), stations, at)
    assert (future, tier) == (None, "none")
    assert "no usable weather forecast" in notes[-1].en
    assert "没有可用的天气预报" in notes[-1].zh

    vintage(tmp_path, START, 280.0)
    future, tier, notes = weather_tiers.future_for_run(tmp_path, city(), stations, at)
    assert tier == "archived"
    assert "an older weather vintage of archive, issued 2026-01-01 00:00 UTC (32 h" in notes[0].en
    assert "较早" in notes[0].zh

    vintage(tmp_path, START + 24 * HOUR, 281.0)
    future, tier, notes = weather_tiers.future_for_run(tmp_path, city(), stations, at)
    assert future is not None
    assert future.shape == (1, 96, 4, 8)
    assert future[0, 0, 0, WEATHER.index("t2m")] == 281.0
    assert notes[0].en.startswith("weather vintage of archive, issued 2026-01-02 00:00")
    assert any("lacks u10 v10" in n.en for n in notes)

    weather.path_of(tmp_path, "archive", START + 24 * HOUR).write_bytes(b"damaged")
    future, tier, notes = weather_tiers.future_for_run(tmp_path, city(), stations, at)
    assert future is not None
    assert future[0, 0, 0, WEATHER.index("t2m")] == 280.0
    assert "cannot be read" in notes[0].en
    assert "an older weather vintage" in notes[1].en


def test_a_vintage_that_ends_early_is_used_as_far_as_it_goes(tmp_path: Path) -> None:
    at = START + 8 * HOUR  # 16:00 local: D+3 ends at lead 80
    assert last_lead(at) == 80
    vintage(tmp_path, START, 280.0, hours=72)
    stations = schema.mock_stations(count=4)
    future, tier, notes = weather_tiers.future_for_run(tmp_path, city(), stations, at)
    assert (future is not None, tier) == (True, "archived")
    assert np.isfinite(future[0, :, 0, 2]).tolist() == [True] * 64 + [False] * 32
    assert any("ends 64 h after the issue time (of 80 h needed)" in n.en for n in notes)
    vintage_long = START + HOUR
    vintage(tmp_path, vintage_long, 281.0, hours=90)
    *_, notes = weather_tiers.future_for_run(tmp_path, city(), stations, at)
    assert not any("ends" in n.en for n in notes)


def test_a_grid_that_misses_a_station_falls_to_the_next_rung(tmp_path: Path) -> None:
    vintage(tmp_path, START, 280.0)
    stations = schema.mock_stations(count=4).rename(index={"M004": "X"})
    stations.loc["X", ["latitude", "longitude"]] = [40.0, 116.0]
    at = START + 8 * HOUR
    future, tier, notes = weather_tiers.future_for_run(tmp_path, city(), stations, at)
    assert (future, tier) == (None, "none")
    assert "station X" in notes[0].en
