"""The weather a hindcast or a training may see, by tier."""

from pathlib import Path

import pandas as pd
import xarray as xr

from forecast import weather_tiers
from forecast.batch import FutureWeather, WeatherTier
from forecast.config import CityConfig


def future(
    tier: WeatherTier, *, obs: xr.Dataset, home: Path, config: CityConfig, stations: pd.DataFrame
) -> FutureWeather:
    """Future weather of a tier: none, perfect and perturbed from `obs`, archived from vintages."""
    if tier == "none":
        return weather_tiers.none()
    if tier == "perfect":
        return weather_tiers.perfect(obs)
    if tier == "perturbed":
        return weather_tiers.perturbed(obs, seed=config.forecast.seed)
    return weather_tiers.archived(
        home, config.weather.sources, stations, max_age_hours=config.weather.max_age_hours
    )
