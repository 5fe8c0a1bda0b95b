"""Lidar and satellite: profiles by hand, gaps where the beam or the sky says so."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from twin import remote
from twin.config_sensors import SensorsConfig

SEED = 3
TIMES = pd.date_range("2015-12-01 01:00", periods=48, freq="h")
LIDARS = pd.DataFrame(
    {"name": ["a", "b"], "longitude": [113.2, 113.3], "latitude": [35.2, 35.1]},
    index=pd.Index(["L1", "L2"], name="lidar"),
)
CONFIG = SensorsConfig()


def air(**given: float) -> dict[str, np.ndarray]:
    values = {"pm25": 100.0, "pm10": 150.0, "t2m": 293.15, "d2m": 233.15, "blh": 1000.0} | given
    return {n: np.full((48, 2), v) for n, v in values.items()}


def test_profile_by_hand_without_noise() -> None:
    exact = CONFIG.lidar.model_copy(
        update={"noise_relative": 0.0, "noise_per_km": 0.0, "missing_share": 0.0, "kappa": 0.0}
    )
    ds = remote.lidar_profiles(air(), LIDARS, TIMES, exact, seed=SEED, simulated="twin:x:3")
    low = ds["extinction"].sel(height=315.0).to_numpy()
    assert_allclose(low, 0.35 + 0.03 + 0.013 * np.exp(-315 / 8000), rtol=1e-4)
    high = ds["extinction"].sel(height=1905.0).to_numpy()
    assert_allclose(
        high, 0.38 * 0.45 * np.exp(-905 / 900) + 0.013 * np.exp(-1905 / 8000), rtol=1e-3
    )
    assert np.isnan(ds["extinction"].sel(height=slice(0, 119))).all()
    assert float(ds["height"].diff("height").max()) == CONFIG.lidar.bin_m
    assert ds.attrs["simulated"] == "twin:x:3"


def test_hours_are_independent_of_the_block_and_of_the_other_lidar() -> None:
    whole = remote.lidar_profiles(air(), LIDARS, TIMES, CONFIG.lidar, seed=SEED, simulated="t")
    part = remote.lidar_profiles(
        {n: v[10:20, 1:] for n, v in air().items()}, LIDARS.iloc[1:], TIMES[10:20], CONFIG.lidar,
        seed=SEED, simulated="t",
    )  # fmt: skip
    for name in ("extinction", "mixing_height"):
        assert_array_equal(part[name].to_numpy(), whole[name].to_numpy()[10:20, 1:])


def test_fog_ends_the_beam_and_damp_air_scatters_more() -> None:
    dry = remote.lidar_profiles(air(), LIDARS, TIMES, CONFIG.lidar, seed=SEED, simulated="t")
    fog = remote.lidar_profiles(
        air(pm25=500, pm10=600, d2m=293.0), LIDARS, TIMES, CONFIG.lidar, seed=SEED, simulated="t"
    )
    assert np.isnan(fog["extinction"].sel(height=slice(1500, None))).all()
    ratio = fog["extinction"].sel(height=135.0).mean() / dry["extinction"].sel(height=135.0).mean()
    assert float(ratio) > 5


def test_mixing_height_errs_as_stated() -> None:
    times = pd.date_range("2015-01-01", periods=24 * 60, freq="h")
    values = {n: np.full((len(times), 2), v[0, 0]) for n, v in air().items()}
    ds = remote.lidar_profiles(values, LIDARS, times, CONFIG.lidar, seed=SEED, simulated="t")
    found = ds["mixing_height"].to_numpy()
    assert_allclose(np.nanmedian(found), 1000, rtol=0.05)
    assert 0.1 < np.nanstd(found) / 1000 < 0.3
    assert_allclose(np.isnan(found).mean(), CONFIG.lidar.missing_share, atol=0.02)
    assert (ds["truth_mixing_height"] == 1000).all()


def sky(**given: float) -> dict[str, np.ndarray]:
    values = {"pm25": 60.0, "pm10": 100.0, "no2": 20.0, "t2m": 293.15, "d2m": 233.15}
    values |= {"blh": 1000.0, "tp": 0.0, "cloud": 0.0} | given
    return {n: np.full((30, 40), v) for n, v in values.items()}


def passing(values: dict[str, np.ndarray], stamp: str = "2015-12-01 06:00") -> "remote.xr.Dataset":
    lon, lat = np.meshgrid(np.linspace(112.5, 113.7, 40), np.linspace(34.8, 35.5, 30))
    return remote.satellite_pass(
        values, pd.Timestamp(stamp), lon, lat, CONFIG.satellite, seed=SEED, simulated="t"
    )


def test_columns_by_hand_and_their_noise() -> None:
    ds = passing(sky())
    dry = 1 + CONFIG.satellite.kappa / 1.65 * 0.01  # 40 degrees below the dew point: near 1 % RH
    aod = 0.08 + (3.5 * 60 * dry + 0.6 * 40) / 1000 * (1 + 0.45 * 0.9)
    assert_allclose(ds["truth_aod"], aod, rtol=5e-3)
    # 20 ug m-3 over 1 km: 0.02 g m-2 / 46.0055 g mol-1 x 6.022e23 / 1e4 cm2 = 26.18e15
    assert_allclose(ds["truth_no2_column"], 26.18 + 1.0, rtol=1e-3)
    error = (ds["aod"] - ds["truth_aod"]).to_numpy()
    assert np.isfinite(error).all()
    assert_allclose(error.std(), np.hypot(0.05, 0.15 * aod), rtol=0.2)


def test_clouds_rain_and_haze_leave_gaps() -> None:
    def share(**given: float) -> float:
        return float(np.isnan(passing(sky(**given))["aod"]).mean())

    assert share() == 0
    assert_allclose(share(cloud=1.0), 1 - CONFIG.satellite.clear_share, atol=0.03)
    assert 0.35 < share(cloud=0.5) < 0.57
    assert share(tp=1.0) == 1
    assert 0.5 < share(pm25=900.0, pm10=1000.0) < 0.9
    column = passing(sky(pm25=900.0, pm10=1000.0))["no2_column"]
    assert np.isfinite(column).all()


def test_one_pass_a_day_and_the_same_again() -> None:
    hit = remote.is_pass(TIMES, CONFIG.satellite, offset=pd.Timedelta(hours=8))
    assert list(TIMES[hit].hour) == [6, 6]  # 13:30 local lies in the hour that ends at 06 UTC
    assert passing(sky()).identical(passing(sky()))
    assert not passing(sky()).equals(passing(sky(), "2015-12-02 06:00"))


@pytest.mark.parametrize("humidity", [0.0, 60.0])
def test_growth(humidity: float) -> None:
    expected = 1 + 0.3 / 1.65 * humidity / (100 - humidity)
    assert_allclose(remote.growth(np.array(humidity), kappa=0.3), expected)
