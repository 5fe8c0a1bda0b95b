"""From the large scale to the weather at the ground: what regimes mean at this hour of this day.

Takes a State and the settings; gives hourly values of one place. Coherent by construction: rain
brings cloud and damp air, cloud takes sun, sun and wind make the mixed layer. Used for the truth
and for forecasts alike: a forecast is the same physics on a wrong state.
"""

from typing import Final

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.special import ndtri

from twin.config_weather import Physics, WeatherConfig
from twin.weather_clock import (
    annual,
    clear_sun,
    diurnal,
    monthly,
    solar_hour,
    sun_height,
    year_angle,
)
from twin.weather_regimes import State

# Hours before and after a window without which its values would differ from those of a longer one.
MARGIN_HOURS: Final = 36
OUTPUTS: Final = (
    "u10", "v10", "t2m", "d2m", "sp", "tp", "blh", "ssrd", "u_up", "v_up", "cloud", "inversion",
    "dust", "stagnation", "mixing",
)  # fmt: skip
_AIR_HEAT = 1200.0  # J m-3 K-1, density times heat capacity
_ENTRAINED = 1.4  # 1 + 2 x 0.2, entrainment (Stull 1988)
_ALBEDO = 0.22
_COOLING_W_M2 = 45.0  # net long-wave loss that the sun must beat first
_TRACE = 1e-3  # less dust than this is none
_RAIN_MEMORY = np.exp(-np.arange(12) / 4.0)


def derive(state: State, config: WeatherConfig) -> dict[str, np.ndarray]:
    """Weather at the reference point.

    Returns:
        OUTPUTS -> (hour,): schema variables in the schema's units; u_up, v_up [m/s] wind above the
        mixed layer; cloud, dust, stagnation, mixing 0..1; inversion [K].
    """
    place, climate, physics = config.reference, config.climate, config.physics
    angle = year_angle(state.times)
    hour = solar_hour(state.times, place.longitude)
    season_t = annual(climate.t2m_k, angle)
    cloud = np.clip(
        state.channel("cloud") + config.noise.meso["cloud"] * state.channel("meso_cloud"), 0, 1
    )
    rain = _rain(state, config, hour, season_t)
    cloud = np.where(rain > 0, np.maximum(cloud, 0.85 + 0.15 * np.minimum(rain, 1.0)), cloud)
    stagnation = np.clip(state.channel("stagnation"), 0, 1)
    dust = np.clip(state.channel("dust") - _TRACE, 0, 1)
    height = sun_height(state.times, place.longitude, place.latitude)
    sun = (
        clear_sun(height)
        * monthly(climate.calibration.sun_factor, state.times)
        * (1 - physics.haze_sun * stagnation)
        * (1 - physics.dust_sun * dust)
        * (1 - physics.cloud_sun * cloud**physics.cloud_sun_power)
    )
    t2m, d2m = _warmth(state, config, angle, hour, cloud, rain, season_t)
    inversion = np.maximum(state.channel("inversion"), 0)
    warmed = np.maximum(uniform_filter1d(sun, 4, origin=1, mode="nearest"), 0)
    mixing = warmed / (warmed + 100)
    u10, v10, u_up, v_up = _wind(state, config, mixing, inversion, cloud)
    blh = _mixed_layer(
        physics, sun, np.hypot(u10, v10), np.hypot(u_up, v_up), inversion,
        monthly(physics.heat_share, state.times), hour,
    )  # fmt: skip
    c1, s1, c2, s2 = physics.tide_pa
    day = 2 * np.pi / 24 * hour
    tide = c1 * np.cos(day) + s1 * np.sin(day) + c2 * np.cos(2 * day) + s2 * np.sin(2 * day)
    sp = (
        annual(climate.sp_pa, angle) + state.channel("sp") + tide
        + config.noise.meso["sp"] * state.channel("meso_sp")
    )  # fmt: skip
    parts = (
        u10, v10, t2m, d2m, sp, rain, blh, sun, u_up, v_up, cloud, inversion, dust, stagnation,
        mixing,
    )  # fmt: skip
    return dict(zip(OUTPUTS, parts, strict=True))


def _rain(
    state: State, config: WeatherConfig, hour: np.ndarray, season_t: np.ndarray
) -> np.ndarray:
    """Rain of each hour [kg m-2]: showers where a Gaussian series passes the regime's threshold."""
    physics = config.physics
    convective = np.clip(state.channel("convective"), 0, 1)
    afternoon = np.maximum(1 + 1.1 * np.cos(2 * np.pi / 24 * (hour - 16.5)), 0)
    chance = np.clip(state.channel("wet") * (1 + convective * (afternoon - 1)), 1e-9, 0.95)
    excess = np.maximum(state.channel("shower") - ndtri(1 - chance), 0)
    size = physics.rain_scale_mm * monthly(config.climate.calibration.rain_factor, state.times)
    size = size * np.exp(physics.rain_warm_per_k * (season_t - 288))
    rain = size * excess**physics.rain_power
    return np.asarray(np.where(rain >= physics.rain_least_mm, rain, 0.0))


def _warmth(
    state: State, config: WeatherConfig, angle: np.ndarray, hour: np.ndarray, cloud: np.ndarray,
    rain: np.ndarray, season_t: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Temperature and dew point [K]; the dew point stays below the temperature."""
    physics, climate, noise = config.physics, config.climate, config.noise
    overcast = uniform_filter1d(cloud, 13, mode="nearest")
    span = physics.diurnal_clear + (physics.diurnal_overcast - physics.diurnal_clear) * overcast
    wet = np.convolve(rain, _RAIN_MEMORY)[: len(rain)]
    t2m = (
        season_t + state.channel("t2m") + span * diurnal(climate.t2m_diurnal_k, angle, hour)
        + noise.meso["t2m"] * state.channel("meso_t2m")
        + monthly(climate.calibration.bias["t2m"], state.times) - 1.2 * (1 - np.exp(-wet / 2))
    )  # fmt: skip
    d2m = (
        annual(climate.d2m_k, angle) + state.channel("d2m")
        + span * diurnal(climate.d2m_diurnal_k, angle, hour)
        + noise.meso["d2m"] * state.channel("meso_d2m")
        + monthly(climate.calibration.bias["d2m"], state.times)
    )  # fmt: skip
    spread = 1.2 * np.logaddexp(0, (t2m - d2m) / 1.2)  # tends to the difference, but never below 0
    spread = 0.1 + spread * (0.15 + 0.85 * np.exp(-wet / 1.5))
    return t2m, t2m - spread


def _wind(
    state: State, config: WeatherConfig, mixing: np.ndarray, inversion: np.ndarray,
    cloud: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Wind at 10 m and above the mixed layer [m/s]: coupled by day, apart on still nights."""
    physics, noise = config.physics, config.noise
    u = state.channel("upper_u") + noise.upper_m_s * state.channel("above_u")
    v = state.channel("upper_v") + noise.upper_m_s * state.channel("above_v")
    stirred = np.clip((np.hypot(u, v) - 7) / 8, 0, 0.8)
    mixed = mixing + (1 - mixing) * stirred
    still = physics.surface_ratio_night / (
        1 + physics.inversion_drag_per_k * inversion * (1 - 0.5 * cloud)
    )
    ratio = still + (physics.surface_ratio_day - still) * mixed
    turn = np.radians(
        physics.turn_night_degrees + (physics.turn_day_degrees - physics.turn_night_degrees) * mixed
    )
    gust = noise.meso["wind"] * ratio / physics.surface_ratio_day
    factor = monthly(config.climate.calibration.wind_factor, state.times)
    east = ratio * (u * np.cos(turn) - v * np.sin(turn)) + gust * state.channel("wind_u")
    north = ratio * (u * np.sin(turn) + v * np.cos(turn)) + gust * state.channel("wind_v")
    jet = 1 + physics.jet_night * (1 - mixed)
    return factor * east, factor * north, jet * u, jet * v


def _mixed_layer(
    physics: Physics, sun: np.ndarray, speed: np.ndarray, above: np.ndarray, inversion: np.ndarray,
    share: np.ndarray, hour: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Depth of the mixed layer [m]: stirred by wind, grown by the day's heat into stable air."""
    stirred = (physics.blh_calm_m + physics.blh_per_m_s * speed + 6 * above) / (
        1 + 0.06 * inversion
    )
    heat = share * np.maximum((1 - _ALBEDO) * sun - _COOLING_W_M2, 0)  # W m-2
    total = np.cumsum(heat * 3600)
    midnight = np.flatnonzero(np.diff(hour, prepend=hour[0] - 1) < 0)
    base = np.zeros(len(hour))
    base[midnight] = np.diff(total[midnight], prepend=0.0)
    gathered = np.maximum(total - np.cumsum(base), 0)  # J m-2 since midnight
    lapse = physics.lapse_k_m + physics.lapse_per_inversion * inversion
    grown = np.sqrt(2 * _ENTRAINED * gathered / (_AIR_HEAT * lapse))
    living = np.sqrt(np.clip(uniform_filter1d(heat, 2, mode="nearest") / 30, 0, 1))
    depth = np.hypot(stirred, grown * living)
    return np.asarray(np.clip(depth, physics.blh_least_m, physics.blh_lid_m))
