"""Hourly members of the city -> fan charts.

Quantiles are taken over members hour by hour; an hour at which a member has no value has none.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast import aqi, timing, validity
from forecast.schema import POLLUTANTS, VARIABLES
from forecast.standards import Standard
from serving.bulletin.content import Fan, Text
from serving.bulletin.measured import PAST_HOURS, RUN_UP, series

Floats = NDArray[np.floating[Any]]
FAN_QUANTILES: Final = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
_O3_TITLE: Final = Text("O₃（1 小时）", "O₃ (1 h)")


def fans(
    members: Floats, city: Floats, issue: pd.Timestamp, offset: pd.Timedelta,
    used: Sequence[Standard],
) -> tuple[Fan, ...]:  # fmt: skip
    """PM2.5, ozone and the AQI of any 24 hours, from the members, to the end of D+3."""
    last = timing.last_lead(issue, offset)
    hourly = members[:, :last]
    run_up = np.broadcast_to(city[-RUN_UP:], (len(hourly), RUN_UP, len(POLLUTANTS)))
    joined = np.concatenate([run_up, hourly], axis=1)
    means = validity.running_means(joined, hours=validity.HOURS, axis=1)[:, RUN_UP:]
    running = aqi.any_24h(means, used[0]).aqi
    seen_means = validity.running_means(city, hours=validity.HOURS, axis=0)[-PAST_HOURS:]
    seen = aqi.any_24h(seen_means, used[0]).aqi
    columns = used[0].breakpoints.columns
    ends = {c.level: c.low for c in used[0].categories.levels[1:]}
    pm, o3 = POLLUTANTS.index("pm25"), POLLUTANTS.index("o3")

    def fan(key: str, name: Text, values: Floats, observed: Floats, nodes: Sequence[float]) -> Fan:
        units = VARIABLES[key].units if key in VARIABLES else ""
        return Fan(
            key, name, units, tuple(issue + pd.Timedelta(hours=h) for h in range(1, last + 1)),
            FAN_QUANTILES, tuple(series(q) for q in _quantiles(values)),
            tuple(pd.date_range(end=issue, periods=PAST_HOURS, freq="h")), series(observed),
            tuple((float(v), level) for v, level in zip(nodes, ends, strict=False)),
        )  # fmt: skip

    recent = city[-PAST_HOURS:]
    return (
        fan("pm25", Text("PM2.5", "PM2.5"), hourly[..., pm], recent[:, pm],
            columns["pm25_24h"][1:6]),
        fan("o3", _O3_TITLE, hourly[..., o3], recent[:, o3], columns["o3_1h"][1:6]),
        fan("aqi24", Text("24 小时滑动 AQI（不含 O₃）", "AQI of the last 24 h (without O₃)"),
            running, seen, (50, 100, 150, 200, 300)),
    )  # fmt: skip


def _quantiles(values: Floats) -> Floats:
    """(quantile, lead) of values (member, lead); NaN for an hour at which a member has none."""
    found = np.quantile(np.asarray(values, dtype=float), FAN_QUANTILES, axis=0)
    return np.asarray(found)
