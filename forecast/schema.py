"""Names, units and shapes every part agrees on, and a builder of mock data in that shape.

Takes nothing and knows nothing of files, models or people. Dataset variables and units
(the same in memory and in files):

    pm25 pm10 so2 no2 o3   ug m-3        hourly mean, stamped at the END of its hour, UTC
    co                     mg m-3
    u10 v10                m s-1         wind at 10 m, towards east and north
    t2m d2m                K             temperature and dew point at 2 m
    sp                     Pa            surface pressure
    tp                     kg m-2        precipitation of the hour
    blh                    m             boundary-layer height
    ssrd                   W m-2         downward short-wave radiation, hourly mean

An observation dataset has dims (time, station); its station coordinates are name, tier, area,
latitude, longitude (WGS-84), reference (only these make the city value) and background (left
out of the city mean). Missing is NaN. Nothing is converted silently: units are checked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import pandas as pd
import xarray as xr

from forecast.problems import DataError, Problem

POLLUTANTS: Final = ("pm25", "pm10", "so2", "no2", "co", "o3")
WEATHER: Final = ("u10", "v10", "t2m", "d2m", "sp", "tp", "blh", "ssrd")
TIERS: Final = ("city", "county", "township", "village")
QUANTILES: Final = (0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98)
MAX_LEAD: Final = 96
CITY_AREA: Final = "city"


@dataclass(frozen=True)
class Variable:
    """What a variable is called outside and what it is measured in."""

    units: str
    standard_name: str
    zh: str
    en: str


VARIABLES: Final[Mapping[str, Variable]] = MappingProxyType(
    {
        "pm25": Variable(
            "ug m-3",
            "mass_concentration_of_pm2p5_ambient_aerosol_particles_in_air",
            "PM2.5",
            "PM2.5",
        ),
        "pm10": Variable(
            "ug m-3", "mass_concentration_of_pm10_ambient_aerosol_particles_in_air", "PM10", "PM10"
        ),
        "so2": Variable("ug m-3", "mass_concentration_of_sulfur_dioxide_in_air", "SO₂", "SO2"),
        "no2": Variable("ug m-3", "mass_concentration_of_nitrogen_dioxide_in_air", "NO₂", "NO2"),
        "co": Variable("mg m-3", "mass_concentration_of_carbon_monoxide_in_air", "CO", "CO"),
        "o3": Variable("ug m-3", "mass_concentration_of_ozone_in_air", "O₃", "O3"),
        "u10": Variable("m s-1", "eastward_wind", "纬向风", "u wind"),
        "v10": Variable("m s-1", "northward_wind", "经向风", "v wind"),
        "t2m": Variable("K", "air_temperature", "气温", "temperature"),
        "d2m": Variable("K", "dew_point_temperature", "露点", "dew point"),
        "sp": Variable("Pa", "surface_air_pressure", "气压", "pressure"),
        "tp": Variable("kg m-2", "precipitation_amount", "降水", "rain"),
        "blh": Variable("m", "atmosphere_boundary_layer_thickness", "边界层高度", "mixing height"),
        "ssrd": Variable(
            "W m-2", "surface_downwelling_shortwave_flux_in_air", "太阳辐射", "radiation"
        ),
    }
)

STATION_COORDS: Final = ("name", "tier", "area", "latitude", "longitude", "reference", "background")


def attrs_of(variable: str) -> dict[str, str]:
    """CF attributes (units, standard_name) of a variable of this schema."""
    v = VARIABLES[variable]
    return {"units": v.units, "standard_name": v.standard_name, "long_name": v.en}


def check_units(ds: xr.Dataset, variables: Sequence[str], *, where: str) -> None:
    """Refuse a dataset whose variables are absent or carry other units than the schema's.

    Raises:
        DataError: Names every variable that is absent or in other units, all at once.
    """
    problems = []
    for name in variables:
        if name not in ds:
            have = sorted(map(str, ds.data_vars))
            problems.append(Problem(f"{where}: {name}", f"absent, have {have}", "the variable"))
        elif ds[name].attrs.get("units") != VARIABLES[name].units:
            found = f"units {ds[name].attrs.get('units')!r}"
            problems.append(Problem(f"{where}: {name}", found, repr(VARIABLES[name].units)))
    if problems:
        raise DataError(problems)


def stations_frame(ds: xr.Dataset) -> pd.DataFrame:
    """Station coordinates of a dataset as a table, one row per station, index = station id."""
    columns = {c: ds[c].values for c in STATION_COORDS}
    return pd.DataFrame(columns, index=pd.Index(ds["station"].values.astype(str), name="station"))


def dataset(
    times: "pd.DatetimeIndex | np.ndarray[tuple[int], np.dtype[np.datetime64]]",
    stations: pd.DataFrame,
    values: Mapping[str, np.ndarray],
) -> xr.Dataset:
    """Build a dataset of this schema.

    Args:
        times: UTC ends of hours, naive.
        stations: Index = station id, columns = STATION_COORDS.
        values: Variable name -> array (time, station) in the schema's units, NaN = missing.
    """
    coords: dict[str, object] = {
        "time": ("time", np.asarray(times, dtype="datetime64[ns]")),
        "station": ("station", stations.index.to_numpy().astype(str)),
    }
    for column in STATION_COORDS:
        kept = stations[column].to_numpy()
        if column in ("name", "tier", "area"):
            kept = kept.astype(str)
        elif column in ("reference", "background"):
            kept = kept.astype(bool)
        coords[column] = ("station", kept)
    data = {k: (("time", "station"), np.asarray(v), attrs_of(k)) for k, v in values.items()}
    return xr.Dataset(data, coords, attrs={"Conventions": "CF-1.11", "featureType": "timeSeries"})


def mock_stations(*, count: int = 4, seed: int = 0) -> pd.DataFrame:
    """A small four-tier network around 113.2 E 35.2 N: the first station in four is national."""
    rng = np.random.default_rng(seed)
    tier = [TIERS[i % len(TIERS)] for i in range(count)]
    return pd.DataFrame(
        {
            "name": [f"模拟站{i + 1}" for i in range(count)],
            "tier": tier,
            "area": [f"county{i % 2 + 1}" for i in range(count)],
            "latitude": 35.2 + rng.uniform(-0.15, 0.15, count).round(4),
            "longitude": 113.2 + rng.uniform(-0.15, 0.15, count).round(4),
            "reference": [t == "city" for t in tier],
            "background": [False] * count,
        },
        index=pd.Index([f"M{i + 1:03d}" for i in range(count)], name="station"),
    )


def mock_observations(
    *, start: str = "2026-01-01", hours: int = 24 * 40, stations: int = 4, seed: int = 0
) -> xr.Dataset:
    """Mock readings and station weather in the schema's shape: plausible, coherent, not real.

    An AR(1) ventilation drives all pollutants together, so that episodes of several days occur;
    ozone follows the sun. Two per cent of values are missing. Same seed, same values.

    Returns:
        Dataset (time, station) with POLLUTANTS and station weather (no blh, no ssrd);
        attrs["simulated"] = "mock" so that no product can pass it for measured.
    """
    rng = np.random.default_rng(seed)
    table = mock_stations(count=stations, seed=seed)
    times = pd.date_range(start, periods=hours, freq="h") + pd.Timedelta(hours=1)
    stagnation = _ar1(rng, hours, 0.985) + 0.3 * _ar1(rng, hours, 0.8)
    hour = (times.hour.to_numpy() + 8) % 24
    day_shape = np.cos((hour - 15) / 24 * 2 * np.pi)
    local = 1 + 0.15 * rng.standard_normal(stations)
    noise = np.exp(0.08 * rng.standard_normal((hours, stations)))

    def field(median: float, response: float, diurnal: float) -> np.ndarray:
        level = median * np.exp(response * stagnation - diurnal * day_shape)
        return np.maximum(level[:, None] * local[None, :] * noise, 0.0)

    pm25 = field(70.0, 0.65, 0.15)
    ozone = 60 * np.exp(0.8 * day_shape - 0.15 * stagnation)
    speed = np.maximum(2.4 - 0.9 * stagnation + 0.8 * day_shape, 0.3)
    direction = 0.6 * _ar1(rng, hours, 0.97)
    temperature = 275 + 5 * day_shape + 2 * _ar1(rng, hours, 0.98)
    wide = np.ones((1, stations))
    values = {
        "pm25": pm25,
        "pm10": 1.5 * pm25 + 12 * noise,
        "so2": field(14, 0.4, 0.1),
        "no2": field(42, 0.4, 0.25),
        "co": field(1.1, 0.45, 0.15),
        "o3": ozone[:, None] * noise,
        "u10": (speed * np.sin(direction))[:, None] * wide,
        "v10": (speed * np.cos(direction))[:, None] * wide,
        "t2m": temperature[:, None] * wide,
        "d2m": (temperature - 8 + 3 * np.tanh(stagnation))[:, None] * wide,
        "sp": (101500 - 300 * stagnation)[:, None] * wide,
        "tp": np.where(rng.random(hours) < 0.01, 0.5, 0.0)[:, None] * wide,
    }
    for name in POLLUTANTS:
        decimals = 1 if name == "co" else 0
        kept = np.round(values[name], decimals)
        values[name] = np.where(rng.random((hours, stations)) < 0.02, np.nan, kept)
    ds = dataset(times, table, values)
    ds.attrs["simulated"] = "mock"
    return ds


def _ar1(rng: np.random.Generator, n: int, phi: float) -> np.ndarray:
    """A unit-variance first-order autoregressive series of length n."""
    from scipy.signal import lfilter

    shocks = rng.standard_normal(n) * np.sqrt(1 - phi**2)
    shocks[0] = rng.standard_normal()
    return np.asarray(lfilter([1.0], [1.0, -phi], shocks))
