"""The map hour by hour: the index of each station's median forecast, and the wind the run used.

Indicative, as everything made of medians (design, section 7, rule 4); the page says so.
"""

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast import aqi, standards, timing
from forecast.config import CityConfig
from forecast.schema import CITY_AREA, QUANTILES, WEATHER
from serving.bulletin.measured import issue_day

Floats = NDArray[np.floating[Any]]
_WIND: Final = ("u10", "v10")


def hours(
    config: CityConfig,
    issue: pd.Timestamp,
    table: pd.DataFrame,
    quantiles: Floats,
    weather: Floats | None,
) -> dict[str, Any]:
    """Plain data for the map of a run, to the end of D+3.

    Args:
        config: The city.
        issue: Naive UTC.
        table: Stations, schema.STATION_COORDS.
        quantiles: (lead, station, POLLUTANTS, QUANTILES), ug m-3 (CO mg m-3); NaN where unknown.
        weather: (lead, station, WEATHER) or None; wind in m s-1.

    Returns:
        `times` (UTC), `stations`, `aqi` [lead][station] (null where unknown), and `wind`: for each
        area its middle and the mean of its stations' u10, v10 by hour; null without a forecast.
    """
    last = timing.last_lead(issue, config.offset)
    medians = quantiles[:last, ..., QUANTILES.index(0.5)]
    index = np.full(medians.shape[:2], np.nan)
    today = issue_day(issue, config.offset)
    first_next = timing.day_leads(issue, config.offset)[0][0]
    parts = [(today, 1, first_next - 1)]
    for d, (begin, end) in enumerate(timing.day_leads(issue, config.offset)):
        parts.append((today + pd.Timedelta(days=d + 1), begin, end))
    for day, begin, end in parts:
        if end >= begin:
            used = standards.resolve(config.standard, day.date())
            index[begin - 1 : end] = aqi.hourly(medians[begin - 1 : end], used).aqi
    return {
        "times": [(issue + pd.Timedelta(hours=h)).isoformat() for h in range(1, last + 1)],
        "stations": [str(code) for code in table.index],
        "aqi": [[int(v) if np.isfinite(v) else None for v in row] for row in index],
        "wind": None if weather is None else _wind(table, weather[:last]),
    }


def _wind(table: pd.DataFrame, weather: Floats) -> list[dict[str, Any]] | None:
    columns = [WEATHER.index(v) for v in _WIND]
    wind = weather[..., columns]  # (lead, station, 2)
    if not np.isfinite(wind).any():
        return None
    made = []
    groups = table.groupby("area", sort=True, observed=True).indices
    for area, rows in groups.items():
        known = np.asarray(np.isfinite(wind[:, rows]).all(axis=2))[..., None]
        counts = known.sum(axis=1)
        sums = np.where(known, wind[:, rows], 0).sum(axis=1)
        mean = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
        here = table.iloc[rows]
        made.append({
            "area": CITY_AREA if len(groups) == 1 else str(area),
            "lon": round(float(here["longitude"].mean()), 4),
            "lat": round(float(here["latitude"].mean()), 4),
            "u": [round(float(v), 1) if np.isfinite(v) else None for v in mean[:, 0]],
            "v": [round(float(v), 1) if np.isfinite(v) else None for v in mean[:, 1]],
        })  # fmt: skip
    return made
