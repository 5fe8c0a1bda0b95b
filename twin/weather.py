"""Regional weather of the simulated city: hourly series at the reference point, by seed.

Takes the settings and a period; gives one frozen Regional, from which fields (weather_fields.py)
and forecasts (weather_vintages.py) are made. Knows nothing of the ground or of stations. The same
hour of the same seed has the same weather whatever the period. All of it is simulated.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from forecast.problems import ConfigError, Problem
from twin.config import TwinConfig
from twin.config_weather import WeatherConfig
from twin.seeds import label
from twin.weather_physics import MARGIN_HOURS, OUTPUTS, derive
from twin.weather_regimes import HOUR, State, state

_BEYOND = 24  # hours a forecast's timing may look past its reach


@dataclass(frozen=True)
class Regional:
    """The region's weather, hour by hour. Arrays are read-only."""

    config: WeatherConfig
    seed: int
    simulated: str  # what attrs["simulated"] says
    times: pd.DatetimeIndex  # naive UTC, ends of hours
    values: Mapping[str, np.ndarray]  # weather_physics.OUTPUTS -> (hour,) float64
    regime: np.ndarray  # (hour,) index into `regimes`
    drift: np.ndarray  # (hour, 2) m, the path of the air above
    state: State  # of a longer time: before the period, and beyond it as far as forecasts reach

    @property
    def regimes(self) -> tuple[str, ...]:
        """Names of the regimes, in the order of `regime`."""
        return tuple(self.config.regimes)

    def rows(self, start: pd.Timestamp, end: pd.Timestamp) -> slice:
        """Hours start..end, both included, as a slice of `times`.

        Raises:
            ConfigError: The hours are in the wrong order or not all in the period.
        """
        if end < start or start < self.times[0] or end > self.times[-1]:
            expected = f"hours in order within {self.times[0]} .. {self.times[-1]}"
            raise ConfigError([Problem("simulated weather: hours", f"{start} .. {end}", expected)])
        first = int((start - self.times[0]) / HOUR)
        return slice(first, first + int((end - start) / HOUR) + 1)


def regional(
    config: WeatherConfig,
    start: pd.Timestamp,
    end: pd.Timestamp,
    *,
    seed: int,
    simulated: str = "twin:weather",
) -> Regional:
    """The region's weather of the hours start..end.

    Args:
        config: The weather's settings.
        start: End of the first hour, naive UTC.
        end: End of the last hour, naive UTC.
        seed: The city's seed.
        simulated: What products made from it say of their origin.

    Raises:
        ConfigError: Time goes backwards, or a stamp is no full hour of naive UTC.
    """
    problems = [
        Problem(f"simulated weather: {name}", str(stamp), "a full hour, naive UTC")
        for name, stamp in (("start", start), ("end", end))
        if stamp.tzinfo is not None or stamp != stamp.floor("h")
    ]
    if not problems and end < start:
        found = f"time goes backwards: from {start} to {end}"
        problems.append(Problem("simulated weather: period", found, "an end not before the start"))
    if problems:
        raise ConfigError(problems)
    beyond = (config.vintages.reach_hours + MARGIN_HOURS + _BEYOND) * HOUR
    longer = state(config, start - 2 * MARGIN_HOURS * HOUR, end + beyond, seed=seed)
    derived = derive(longer, config)
    first = 2 * MARGIN_HOURS
    rows = slice(first, first + int((end - start) / HOUR) + 1)
    values = {name: derived[name][rows] for name in OUTPUTS}
    for array in (*values.values(), longer.table, longer.regime, longer.drift):
        array.flags.writeable = False
    return Regional(
        config=config,
        seed=seed,
        simulated=simulated,
        times=longer.times[rows],
        values=MappingProxyType(values),
        regime=longer.regime[rows],
        drift=longer.drift[rows],
        state=longer,
    )


def of_city(config: TwinConfig, *, seed: int | None = None) -> Regional:
    """The weather of a configured city over its period of local days."""
    seed = config.seed if seed is None else seed
    offset = pd.Timedelta(hours=config.city.utc_offset_hours)
    start = pd.Timestamp(config.period.start) - offset + HOUR
    end = pd.Timestamp(config.period.end) + pd.Timedelta(days=1) - offset
    name = label(config.digest, seed)
    return regional(config.weather, start, end, seed=seed, simulated=name)
