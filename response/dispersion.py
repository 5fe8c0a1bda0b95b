"""What each production unit adds to each receptor, hour by hour, under forecast weather.

    ds = contributions(register, weather, receptors, settings=plume_settings.load())
    days = daily(ds, issue_time)            # natural local days D+1..D+3
    many = ensemble(register, weather_by_member, receptors, issue_time, settings=...)

Takes a register, weather and receptors; gives concentrations at the full load of each unit. Terrain
is ignored. Knows nothing of plans and levels.
"""

from typing import Protocol

import pandas as pd
import xarray as xr

from response.plume_settings import Settings


class Sources(Protocol):
    """The part of a register this module reads (response.register.Register has it).

    units: index `unit`; so2 nox pm voc co [kg/d], pm25_share (0..1), profile.
    stacks: unit, share, height_m, diameter_m, temperature_k, speed_m_s, longitude, latitude.
    """

    @property
    def units(self) -> pd.DataFrame: ...

    @property
    def stacks(self) -> pd.DataFrame: ...


def contributions(
    register: Sources, weather: xr.Dataset, receptors: pd.DataFrame, *, settings: Settings
) -> xr.Dataset:
    """pm25 pm10 so2 no2 [ug m-3] co [mg m-3] o3_sensitivity o3_sigma (unit, receptor, time)."""
    raise NotImplementedError


def daily(hourly: xr.Dataset, issue_time: pd.Timestamp, *, settings: Settings) -> xr.Dataset:
    """24-h means of the natural local days D+1..D+3 (unit, receptor, day), day = 1..3."""
    raise NotImplementedError
