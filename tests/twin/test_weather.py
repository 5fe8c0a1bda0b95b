"""Regional weather: the chain of regimes, the physics, and what must hold of any hour."""

import numpy as np
import pandas as pd
import pytest

from forecast.problems import ConfigError
from twin.config_weather import WeatherConfig
from twin.weather import Regional, regional
from twin.weather_clock import clear_sun, solar_hour, sun_height
from twin.weather_physics import OUTPUTS
from twin.weather_regimes import stays

HOUR = pd.Timedelta(hours=1)


@pytest.fixture(scope="module")
def config() -> WeatherConfig:
    return WeatherConfig()


@pytest.fixture(scope="module")
def years(config: WeatherConfig) -> Regional:
    return regional(config, pd.Timestamp("2012-01-01"), pd.Timestamp("2015-12-31 23:00"), seed=7)


def test_same_seed_same_bits(config: WeatherConfig) -> None:
    period = (pd.Timestamp("2015-06-20"), pd.Timestamp("2015-07-10"))
    first, again = (regional(config, *period, seed=3) for _ in range(2))
    other = regional(config, *period, seed=4)
    for name in OUTPUTS:
        assert np.array_equal(first.values[name], again.values[name])
    assert not np.array_equal(first.values["t2m"], other.values["t2m"])


def test_an_hour_has_its_weather_whatever_the_period(
    config: WeatherConfig, years: Regional
) -> None:
    start = pd.Timestamp("2014-06-25 07:00")  # over the seam between two years of the chain
    short = regional(config, start, pd.Timestamp("2014-07-05 19:00"), seed=7)
    rows = years.rows(short.times[0], short.times[-1])
    for name in OUTPUTS:
        expected = years.values[name][rows]
        np.testing.assert_allclose(short.values[name], expected, rtol=1e-9, atol=1e-9)


def test_the_seam_between_years_is_no_jump(years: Regional) -> None:
    rows = years.rows(pd.Timestamp("2014-06-30 12:00"), pd.Timestamp("2014-07-01 12:00"))
    assert np.abs(np.diff(years.values["sp"][rows])).max() < 300


@pytest.mark.parametrize(
    ("start", "end", "says"),
    [
        ("2015-02-01", "2015-01-31", "time goes backwards"),
        ("2015-01-01 00:30", "2015-02-01", "a full hour"),
    ],
)
def test_a_wrong_period_is_refused(config: WeatherConfig, start: str, end: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        regional(config, pd.Timestamp(start), pd.Timestamp(end), seed=1)


def test_times_with_a_zone_are_refused(config: WeatherConfig) -> None:
    with pytest.raises(ConfigError, match="naive UTC"):
        regional(
            config, pd.Timestamp("2015-01-01", tz="UTC"), pd.Timestamp("2015-01-02", tz="UTC"),
            seed=1,
        )  # fmt: skip


def test_hours_outside_the_period_are_refused(years: Regional) -> None:
    with pytest.raises(ConfigError, match="hours in order"):
        years.rows(pd.Timestamp("2014-01-02"), pd.Timestamp("2014-01-01"))


def _starts(years: Regional, name: str) -> np.ndarray:
    here = years.regime == years.regimes.index(name)
    starts = np.flatnonzero(here[1:] & ~here[:-1]) + 1
    return starts[(starts > 48) & (starts < len(here) - 48)]


def test_a_front_cools_dries_lifts_pressure_and_blows(years: Regional) -> None:
    starts = _starts(years, "front")
    assert len(starts) > 60
    # The same hour of the day a day later, so that the sun has no part in it.
    before, after = starts - 4, starts + 20
    change = {n: (v[after] - v[before]).mean() for n, v in years.values.items()}
    assert change["t2m"] < -2.5
    assert change["d2m"] < -4
    assert change["sp"] > 400
    speed = np.hypot(years.values["u10"], years.values["v10"])
    assert speed[after].mean() > 1.3 * speed[before].mean()
    assert change["stagnation"] < -0.3


def test_a_front_passes_within_hours(years: Regional) -> None:
    starts = _starts(years, "front")
    west, north = years.values["u_up"], years.values["v_up"]
    towards = (west[starts + 9] - north[starts + 9]) - (west[starts - 1] - north[starts - 1])
    assert np.median(towards) > 8  # m/s of north-westerly gained in ten hours


def test_rain_needs_cloud_and_makes_air_moist(years: Regional) -> None:
    v = years.values
    rain = v["tp"] > 0
    assert rain.mean() > 0.01
    assert v["cloud"][rain].min() >= 0.85
    dry = v["t2m"] - v["d2m"]
    assert dry[v["tp"] > 2].mean() < 0.5 * dry[~rain].mean()
    noon = v["ssrd"] > 0
    assert v["ssrd"][rain & noon].mean() < 0.5 * v["ssrd"][~rain & noon].mean()


def test_no_hour_breaks_physics(years: Regional) -> None:
    v = years.values
    assert all(np.isfinite(v[name]).all() for name in OUTPUTS)
    assert (v["d2m"] < v["t2m"]).all()
    assert v["tp"].min() == 0
    assert v["ssrd"].min() == 0
    for share in ("cloud", "dust", "stagnation", "mixing"):
        assert v[share].min() >= 0
        assert v[share].max() <= 1
    lid = years.config.physics.blh_lid_m
    assert v["blh"].min() >= years.config.physics.blh_least_m
    assert v["blh"].max() <= lid == 2000


def test_the_mixed_layer_has_day_season_and_regime(years: Regional) -> None:
    hour = solar_hour(years.times, years.config.reference.longitude)
    month, blh = years.times.month, years.values["blh"]
    winter, summer = month.isin([12, 1, 2]), month.isin([6, 7, 8])
    night, afternoon = (hour > 1) & (hour < 5), (hour > 13) & (hour < 16)
    assert 60 < np.median(blh[winter & night]) < 250
    assert 300 < np.median(blh[winter & afternoon]) < 900
    assert 1000 < np.median(blh[summer & afternoon]) < 2000
    still = years.regime == years.regimes.index("stagnation")
    assert blh[still & afternoon].mean() < 0.85 * blh[~still & afternoon].mean()


def test_stagnation_builds_over_days(years: Regional) -> None:
    starts = _starts(years, "stagnation")
    index = years.values["stagnation"]
    assert index[starts + 36].mean() > index[starts].mean() + 0.2


def test_regimes_last_as_long_as_they_should(years: Regional) -> None:
    index, hours = stays(years.regime)
    mean = {n: hours[index == i].mean() for i, n in enumerate(years.regimes) if (index == i).any()}
    assert 24 <= mean["front"] <= 48
    assert 48 <= mean["stagnation"] <= 168
    wrong = 0
    for i, regime in enumerate(years.config.regimes.values()):
        mine = hours[index == i]
        wrong += int(((mine < regime.hours.least - 1) | (mine > regime.hours.most + 1)).sum())
    assert wrong <= 2 * 4  # stays cut by the seams between years


def test_regimes_keep_their_seasons(years: Regional) -> None:
    def share(name: str, months: list[int]) -> float:
        return float(
            (years.regime[years.times.month.isin(months)] == years.regimes.index(name)).mean()
        )

    assert share("front", [12, 1, 2]) > 1.5 * share("front", [7, 8])
    assert share("convective", [7, 8]) > 5 * share("convective", [12, 1, 2])
    assert share("dust", [7, 8]) < 0.3 * share("dust", [3, 4, 5])
    assert share("dust", [3, 4, 5]) > share("dust", [10, 11, 12])


def test_dust_comes_with_its_front_alone(years: Regional) -> None:
    dusty = years.values["dust"] > 0.5
    assert dusty.any()
    assert set(years.regime[dusty]) <= {
        years.regimes.index("dust"), years.regimes.index("post_high"), years.regimes.index("front")
    }  # fmt: skip


def test_the_sun_at_noon_of_the_equinox() -> None:
    # At 35 N the noon sun of the equinox stands at a zenith angle of 35 degrees.
    times = pd.date_range("2015-03-21 00:00", periods=24, freq="h", unit="ns")
    height = sun_height(times, 0.0, 35.0)
    assert height.max() == pytest.approx(np.cos(np.radians(35)), abs=0.005)
    assert (clear_sun(height) > 0).sum() == pytest.approx(12, abs=1)
    c = np.cos(np.radians(35))
    assert clear_sun(np.full((1, 6), c))[0] == pytest.approx(1098 * c * np.exp(-0.059 / c))


def test_solar_hour_follows_longitude() -> None:
    noon = pd.DatetimeIndex(["2015-01-01 12:00"])
    assert solar_hour(noon, 0.0)[0] == pytest.approx(12)
    assert solar_hour(noon, 120.0)[0] == pytest.approx(20)


def test_a_configuration_lies_over_the_shipped_numbers() -> None:
    warmer = WeatherConfig.model_validate({"climate": {"t2m_k": [300, 0, 0, 0, 0]}})
    assert warmer.climate.t2m_k[0] == 300
    assert warmer.climate.d2m_k == WeatherConfig().climate.d2m_k


def test_regimes_that_lead_nowhere_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown regimes"):
        WeatherConfig.model_validate({"regimes": {"front": {"next": {"nowhere": 1.0}}}})
    with pytest.raises(ValueError, match="least <= mean <= most"):
        WeatherConfig.model_validate({"regimes": {"front": {"hours": {"least": 60}}}})
