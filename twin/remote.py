"""What lidars and a satellite see of the simulated air: profiles, mixing heights, a daily pass.

Takes true concentrations at the ground, weather and mixing height; gives products with their own
errors and gaps, the truth of the mixing height beside them. Knows nothing of how the truth was
made. Both instruments see the same simple column: even up to the mixing height, a residual layer
above that thins with height; particles grow in the damper air at the layer's top.

Extinction: mass efficiencies of fine and coarse particles times growth (IMPROVE's form), and
0.013 per km of the air itself at 532 nm.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd
import xarray as xr
from scipy.ndimage import gaussian_filter
from scipy.special import erfc, ndtr

from forecast.weather_derived import relative_humidity
from twin.config_sensors import Lidar, Satellite
from twin.seeds import rng
from twin.sensor_noise import hour_number, keys, mixed, normal, uniform

AIR_PER_KM: Final = 0.013
RESIDUAL: Final = 0.45  # just above the mixed layer, times the extinction within
NO2_PER_CM2: Final = 6.02214e23 / 46.0055 * 1e-6 * 1e-4  # molecules cm-2 of 1 ug m-3 over 1 m
_DENSITY = 1.65
_DRY_LAPSE, _DEW_LAPSE = 0.0098, 0.0018  # K per m in well mixed air
_DAMPEST = 95.0


def growth(humidity: np.ndarray, *, kappa: float) -> np.ndarray:
    """Factor on scattering at a relative humidity in per cent; one where the air is dry."""
    activity = np.clip(humidity, 0, _DAMPEST) / 100
    return np.asarray(1 + kappa / _DENSITY * activity / (1 - activity))


def extinction(
    pm25: np.ndarray, pm10: np.ndarray, humidity: np.ndarray, *, fine: float, coarse: float,
    kappa: float,
) -> np.ndarray:  # fmt: skip
    """Extinction by particles [per km]; concentrations in ug m-3, efficiencies in m2/g."""
    wet = growth(humidity, kappa=kappa)
    return np.asarray((fine * pm25 * wet + coarse * np.maximum(pm10 - pm25, 0)) / 1000)


def lidar_profiles(
    values: Mapping[str, np.ndarray],
    lidars: pd.DataFrame,
    times: pd.DatetimeIndex,
    config: Lidar,
    *,
    seed: int,
    simulated: str,
) -> xr.Dataset:
    """Hourly profiles and mixing heights.

    An hour's values hang on the seed, the lidar's name, the hour and that hour's air alone.

    Args:
        values: pm25, pm10 [ug m-3], t2m, d2m [K], blh [m], each (hour, lidar), the truth.
        lidars: Index = id; name, longitude, latitude.
        times: Stamps, naive UTC.
        config: The settings.
        seed: The city's seed.
        simulated: What attrs["simulated"] says.

    Returns:
        extinction (time, lidar, height) km-1, NaN below the overlap, above where the beam is
        spent, and when nothing was measured; mixing_height (time, lidar) m, NaN likewise;
        truth_mixing_height (time, lidar) m.
    """
    height = np.arange(0, config.top_m, config.bin_m) + config.bin_m / 2
    counter = hour_number(times.to_numpy())[:, None]
    key = keys(seed, "lidar", [str(i) for i in lidars.index])
    seen = _profile(values, height, config)
    noise = normal(
        mixed(key, 1)[:, None], counter[..., None] * len(height) + np.arange(len(height))
    )
    sd = np.hypot(config.noise_relative * seen, config.noise_per_km * (height / 1000) ** 2)
    depth = np.cumsum(seen, axis=-1) * config.bin_m / 1000
    out = uniform(mixed(key, 2), counter // 6) < config.missing_share
    blind = out[..., None] | (depth > config.most_optical_depth) | (height < config.lowest_m)
    blh = values["blh"]
    error = 1 + config.height_error_relative * normal(mixed(key, 3), counter)
    found = blh * np.maximum(error, 0.3)
    found = found + config.height_error_m * normal(mixed(key, 4), counter)
    wrong = uniform(mixed(key, 5), counter) < config.height_wrong_share
    found = np.where(wrong, found + 0.7 * config.residual_scale_m, found)
    found = np.clip(np.rint(found / config.bin_m) * config.bin_m, config.lowest_m, config.top_m)
    blind_there = np.take_along_axis(
        blind, np.clip((found / config.bin_m).astype(int), 0, len(height) - 1)[..., None], axis=-1
    )[..., 0]
    wide = ("time", "lidar")
    return xr.Dataset(
        {
            "extinction": (
                (*wide, "height"),
                np.where(blind, np.nan, seen + sd * noise).astype(np.float32),
                {"units": "km-1", "long_name": "extinction at 532 nm"},
            ),
            "mixing_height": (
                wide,
                np.where(out | blind_there, np.nan, found),
                {"units": "m", "long_name": "mixing height found by the lidar"},
            ),
            "truth_mixing_height": (wide, blh, {"units": "m", "long_name": "simulated truth"}),
        },
        {
            "time": times.to_numpy().astype("datetime64[ns]"),
            "lidar": lidars.index.to_numpy().astype(str),
            "height": ("height", height, {"units": "m", "long_name": "above ground"}),
            "name": ("lidar", lidars["name"].to_numpy().astype(str)),
            "longitude": ("lidar", lidars["longitude"].to_numpy()),
            "latitude": ("lidar", lidars["latitude"].to_numpy()),
        },
        attrs={"simulated": simulated},
    )


def is_pass(times: pd.DatetimeIndex, config: Satellite, *, offset: pd.Timedelta) -> np.ndarray:
    """Which hours (hour,) hold the daily pass; stamps are naive UTC ends of hours."""
    begin = times + offset - pd.Timedelta(hours=1)
    return np.asarray(begin.hour == int(config.local_hour))


def satellite_pass(
    values: Mapping[str, np.ndarray],
    time: pd.Timestamp,
    lon: np.ndarray,
    lat: np.ndarray,
    config: Satellite,
    *,
    seed: int,
    simulated: str,
) -> xr.Dataset:
    """One pass over the grid.

    Args:
        values: pm25, pm10, no2 [ug m-3], t2m, d2m [K], blh [m], tp [kg m-2], cloud (0..1), each
            (ny, nx), the truth of the hour.
        time: The hour's stamp, naive UTC.
        lon: Longitudes (ny, nx).
        lat: Latitudes (ny, nx).
        config: The settings.
        seed: The city's seed.
        simulated: What attrs["simulated"] says.

    Returns:
        aod (y, x), at 550 nm, NaN under cloud, in rain and in part of the thickest haze;
        no2_column (y, x) 1e15 molecules cm-2, NaN likewise but not for haze; truth_aod,
        truth_no2_column (y, x); longitude, latitude; time.
    """
    random = rng(seed, "satellite", str(time))
    shape = values["pm25"].shape
    white = random.standard_normal((4, *shape))
    luck = random.random(shape)
    blh = values["blh"]
    humidity = relative_humidity(values["t2m"], values["d2m"])
    surface = extinction(
        values["pm25"], values["pm10"], humidity, fine=config.efficiency_fine,
        coarse=config.efficiency_coarse, kappa=config.kappa,
    )  # fmt: skip
    aod = config.background_aod + surface * (blh + RESIDUAL * config.residual_scale_m) / 1000
    column = values["no2"] * NO2_PER_CM2 * blh / 1e15 + config.free_no2_column
    clouds = gaussian_filter(white[0], 3.0, mode="wrap")
    clouds = ndtr(clouds / max(float(clouds.std()), 1e-12))
    hidden = clouds < values["cloud"]
    hidden &= luck > config.clear_share
    hidden |= values["tp"] > 0.1
    hazy = (aod > config.haze_aod) & (luck < 0.7)
    seen_aod = aod + np.hypot(config.aod_additive, config.aod_relative * aod) * _streaks(white[1])
    seen_no2 = column + np.hypot(config.no2_additive, config.no2_relative * column) * _streaks(
        white[2]
    )
    wide = ("y", "x")
    fields = {
        "aod": (wide, np.where(hidden | hazy, np.nan, np.maximum(seen_aod, -0.05)), _AOD),
        "no2_column": (wide, np.where(hidden, np.nan, seen_no2), _COLUMN),
        "truth_aod": (wide, aod, _AOD),
        "truth_no2_column": (wide, column, _COLUMN),
    }
    coords = {"longitude": (wide, lon), "latitude": (wide, lat), "time": np.datetime64(time, "ns")}
    return xr.Dataset(fields, coords, attrs={"simulated": simulated})


_AOD = {"units": "1", "long_name": "aerosol optical depth at 550 nm"}
_COLUMN = {"units": "1e15 cm-2", "long_name": "tropospheric NO2 column"}


def _streaks(white: np.ndarray) -> np.ndarray:
    """Unit-variance error, half of it shared by neighbouring cells, as retrievals' errors are."""
    near = gaussian_filter(white, 2.0, mode="wrap")
    near = near / max(float(near.std()), 1e-12)
    rest = np.roll(white, (7, 11), axis=(0, 1))
    return np.asarray(np.sqrt(0.5) * near + np.sqrt(0.5) * rest)


def _profile(values: Mapping[str, np.ndarray], height: np.ndarray, config: Lidar) -> np.ndarray:
    """True extinction (hour, lidar, height), km-1."""
    top = values["blh"][..., None]
    level = np.minimum(height, top)
    humidity = relative_humidity(
        values["t2m"][..., None] - _DRY_LAPSE * level, values["d2m"][..., None] - _DEW_LAPSE * level
    )
    inside = extinction(
        values["pm25"][..., None], values["pm10"][..., None], humidity,
        fine=config.mass_efficiency_fine, coarse=config.mass_efficiency_coarse, kappa=config.kappa,
    )  # fmt: skip
    above = np.maximum(height - top, 0)
    left = RESIDUAL * np.exp(-above / config.residual_scale_m)
    width = np.maximum(0.12 * top, 30.0)
    share = left + (1 - left) * 0.5 * erfc((height - top) / (width * np.sqrt(2)))
    return np.asarray(inside * share + AIR_PER_KM * np.exp(-height / 8000))
