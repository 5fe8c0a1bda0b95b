"""The simulated city of the closed loop on a coarse grid: air, weather forecasts, its list.

Takes a seed and days; gives what every policy sees alike: the city's value (mean of the reference
stations, without instrument errors), weather as it is and as it was forecast, the register. Knows
no policy.
"""

from dataclasses import dataclass, field
from functools import cached_property
from types import SimpleNamespace
from typing import Final

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from forecast import areas, schema
from forecast.config import configs_dir
from forecast.timing import BEIJING_OFFSET
from response import dispersion, plume_settings
from response.controls_config import AIR
from twin import config as twin_config
from twin import weather_fields
from twin.city import City
from twin.config import TwinConfig
from twin.register_measures import measures
from twin.weather import Regional, regional
from twin.weather_vintages import vintage

Floats = NDArray[np.float64]
HOUR: Final = pd.Timedelta(hours=1)
DAY: Final = pd.Timedelta(days=1)
ISSUE_HOUR: Final = 16  # local
REACH: Final = 80  # hours from 16:00 to the end of D+3
GRID_M: Final = 4000.0
LONGEST_H: Final = 48.0
PUFFS_PER_HOUR: Final = 1  # half of the product's: days of means need no more
_AROUND_H: Final = 72  # hours of weather kept before the period


@dataclass(frozen=True)
class Winter:
    """Days of one seed's city.

    Attributes:
        seed: Of ground, enterprises and weather.
        first: First local day.
        days: How many.
    """

    seed: int
    first: pd.Timestamp
    days: int
    grid_m: float = GRID_M
    _vintages: dict[pd.Timestamp, xr.Dataset] = field(default_factory=dict, repr=False)

    @cached_property
    def config(self) -> TwinConfig:
        """The demo city on coarser cells."""
        config = twin_config.load(configs_dir() / "twin" / "demo.yaml")
        grid = config.geography.grid.model_copy(update={"dx_m": self.grid_m})
        geography = config.geography.model_copy(update={"grid": grid})
        return config.model_copy(update={"geography": geography})

    @property
    def begin(self) -> pd.Timestamp:
        """Naive UTC of the first local midnight."""
        return self.first - BEIJING_OFFSET

    def city(self) -> City:
        """A new city at the first hour."""
        return City.create(
            self.config, start=self.begin + HOUR, hours=24 * self.days, seed=self.seed
        )

    @cached_property
    def made(self) -> City:
        """A city for what does not change: ground, enterprises."""
        return self.city()

    @cached_property
    def stations(self) -> pd.DataFrame:
        """The stations whose mean is the city's value."""
        table = self.made.geography.stations
        return table[self.counted]

    @cached_property
    def counted(self) -> NDArray[np.bool_]:
        """Which stations (of the geography's) make the city's value."""
        table = self.made.geography.stations
        return np.asarray(areas.points(table) & table["active"].to_numpy(bool))

    @cached_property
    def sky(self) -> Regional:
        """The region's weather."""
        return regional(
            self.config.weather, self.begin - _AROUND_H * HOUR, self.begin + self.days * DAY,
            seed=self.seed, simulated=self.made.simulated,
        )  # fmt: skip

    @cached_property
    def place(self) -> weather_fields.Ground:
        """The ground under the city's stations."""
        whole = weather_fields.ground_of(self.made.geography, settings=self.config.weather.fields)
        x, y = (self.stations[c].to_numpy() for c in ("x", "y"))
        return weather_fields.points(whole, x, y)

    @cached_property
    def register(self) -> SimpleNamespace:
        """Enterprises, units (index unit), stacks and measures.

        Trucks are left out (0 a day). Times to stop and restart are cut at 48 h: the list states
        them for a full stop, and an oven turned down by a third is not 90 days on its way back.
        """
        made = self.made.enterprises
        units = made.units.assign(trucks_d=0.0)
        for name in ("hours_to_stop", "hours_to_restart"):
            units[name] = units[name].clip(upper=LONGEST_H)
        listed = measures(made, self.config).assign(trucks_after=0.0)
        return SimpleNamespace(
            enterprises=made.enterprises, units=units,
            stacks=made.stacks, measures=listed,
        )  # fmt: skip

    def forecast_weather(self, issue: pd.Timestamp) -> xr.Dataset:
        """The newest vintage available at an issue time, at the city's stations."""
        settings = self.config.weather.vintages
        newest = issue - settings.delay_hours * HOUR
        at = newest.floor(f"{settings.every_hours}h")
        if at not in self._vintages:
            self._vintages.clear()
            self._vintages[at] = vintage(self.sky, at, self.stations, self.place)
        return self._vintages[at]

    def true_weather(self, issue: pd.Timestamp) -> xr.Dataset:
        """The weather that comes, in the shape of a vintage from 8 h before the issue time."""
        first, last = issue - 7 * HOUR, min(issue + REACH * HOUR, self.sky.times[-1])
        rows = self.sky.rows(first, last)
        fields = weather_fields.fields(self.sky, rows, self.place)
        named = {n: fields[n] for n in schema.WEATHER}
        return schema.dataset(self.sky.times[rows], self.stations, named)

    def effects(
        self, weather: xr.Dataset, issue: pd.Timestamp, units: pd.Index, air: xr.Dataset
    ) -> xr.Dataset:
        """Ug m-3 each unit adds to the city on D+1..D+3 at full load: AIR and co (unit, day).

        Not calibrated; `air` is the city's o3 and no2 as believed, by hour up to D+3.
        """
        settings = plume_settings.load()
        puffs = settings.puffs.model_copy(update={"per_hour": PUFFS_PER_HOUR})
        settings = settings.model_copy(update={"puffs": puffs})
        at = {k: ("point", self.stations[k].to_numpy(float)) for k in ("latitude", "longitude")}
        points = weather[list(schema.WEATHER)].drop_vars(
            [c for c in weather.coords if c not in ("time", "station")]
        )
        points = points.rename(station="point").drop_vars("point").assign_coords(at)
        points = points.sel(time=points["time"] <= air["time"][-1])
        stacks = self.register.stacks
        some = SimpleNamespace(
            units=self.register.units.loc[units], stacks=stacks[stacks["unit"].isin(units)]
        )
        hourly = dispersion.contributions(
            some, points, self.stations, settings=settings, after=issue, air=air, workers=1
        )
        daily = dispersion.daily(hourly, issue, settings=settings)
        return daily[[*AIR, "co"]].mean("receptor", keep_attrs=True)

    def issue(self, day: int) -> pd.Timestamp:
        """Naive UTC of the issue time on a day (0 is the first)."""
        return self.begin + day * DAY + ISSUE_HOUR * HOUR
