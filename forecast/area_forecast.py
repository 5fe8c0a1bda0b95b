"""Members of stations -> members of areas: hourly, daily and as an index.

The only way to an area's AQI: member -> hourly -> area mean -> daily mean / MDA8 -> IAQI -> max.
Never from means of members or from quantiles: the index is not linear and its primary pollutant
is decided within each member.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast import aqi, validity
from forecast import areas as area_rules
from forecast.batch import Floats
from forecast.problems import ConfigError, Problem
from forecast.schema import MAX_LEAD, POLLUTANTS
from forecast.standards import Standard
from forecast.timing import day_leads


@dataclass(frozen=True)
class AreaForecast:
    """What the members say about each area; days are D+1, D+2, D+3."""

    areas: tuple[str, ...]  # "city" first
    hourly: Floats  # (area, member, lead, POLLUTANTS)
    daily: Floats  # (area, member, day, POLLUTANTS): daily means, MDA8 in ozone's place
    aqi: Floats  # (area, member, day), NaN where a gap leaves it unknown
    primary: NDArray[np.uint8]  # (area, member, day), bit i is POLLUTANTS[i]


def area_members(
    members: Floats,
    stations: pd.DataFrame,
    issue_time: pd.Timestamp,
    offset: pd.Timedelta,
    standard: Standard,
) -> AreaForecast:
    """Carry every member from its stations to the index of each area.

    Args:
        members: (member, lead 1..96, station, POLLUTANTS), units of the schema, NaN = missing.
        stations: The register's rows in the order of `members`: area, reference, background.
        issue_time: Naive UTC.
        offset: Local time minus UTC.
        standard: The edition that holds for the days forecast.

    Returns:
        Areas of `areas.names`: those with a reference station that is no background site.

    Raises:
        ConfigError: The shapes do not fit, or no station makes a city value.
    """
    expected = (MAX_LEAD, len(stations), len(POLLUTANTS))
    if members.shape[1:] != expected:
        problem = Problem("members", f"shape {members.shape}", f"(member, {expected})")
        raise ConfigError([problem])
    names = area_rules.names(stations)
    if not names:
        found = "no reference station outside background sites"
        raise ConfigError([Problem("stations", found, "at least one: the city value")])
    by_area = area_rules.area_means(members, stations, names)  # (member, lead, area, 6)
    hourly = np.ascontiguousarray(np.moveaxis(by_area, 2, 0), dtype=np.float32)
    days = [
        validity.day_values(hourly[:, :, first - 1 : last])
        for first, last in day_leads(issue_time, offset)
    ]
    daily = np.stack(days, axis=2).astype(np.float32)
    # The edition of 2012 lists ozone's highest hour beside MDA8.
    ozone = hourly[..., POLLUTANTS.index("o3")]
    peaks = [
        np.fmax.reduce(ozone[:, :, a - 1 : b], axis=2) for a, b in day_leads(issue_time, offset)
    ]
    index = aqi.daily(daily, standard, o3_1h=np.stack(peaks, axis=2))
    return AreaForecast(names, hourly, daily, index.aqi, index.primary)
