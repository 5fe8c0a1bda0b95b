"""The weather as the air asks for it: the region's series, and fields some hours at a time.

Takes a configured city and a period, gives a CityWeather whose hour 0 is the period's first.
Anything with the same two parts can stand in for it. Knows nothing of the air.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from twin.config import TwinConfig
from twin.geography import Geography
from twin.seeds import label
from twin.weather import Regional, regional
from twin.weather_fields import Ground, fields, ground_of

_HOUR = pd.Timedelta(hours=1)


@dataclass(frozen=True)
class CityWeather:
    """Weather of a period and of the hours before it that wind up what has a memory."""

    times: pd.DatetimeIndex  # naive UTC, ends of hours, `lead` of them before hour 0
    lead: int
    series: Mapping[str, np.ndarray]  # the region's, background.NEEDS and more -> (hour,)
    fields: Callable[[slice], Mapping[str, np.ndarray]]  # rows of `times` -> (hour, ny, nx)

    @property
    def hours(self) -> int:
        """Hours of the period itself."""
        return len(self.times) - self.lead


def weather_of(
    config: TwinConfig, geography: Geography, start: pd.Timestamp, hours: int, *, seed: int
) -> CityWeather:
    """The simulated city's own weather.

    Args:
        config: The city.
        geography: Its ground.
        start: End of hour 0, naive UTC.
        hours: Length of the period.
        seed: The city's seed.
    """
    lead = max(config.air.background.index.spin_up_hours, 24 + config.air.grid.spin_up_hours)
    name = label(config.digest, seed)
    series = regional(
        config.weather, start - lead * _HOUR, start + (hours - 1) * _HOUR, seed=seed, simulated=name
    )
    place = ground_of(geography, settings=config.weather.fields)
    return CityWeather(series.times, lead, series.values, partial(_fields, series, place))


def _fields(series: Regional, place: Ground, rows: slice) -> Mapping[str, np.ndarray]:
    return fields(series, rows, place)
