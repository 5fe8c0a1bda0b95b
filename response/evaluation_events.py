"""Warnings against what came: hits, misses, false alarms, lead time; and what a warning cost.

A warning whose measures kept the air below the line is no false alarm: what counts is whether the
line would have been passed without them, with a probability from the evaluation's draws. Days are
local dates. Takes tables, knows no files.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast import aqi
from forecast.problems import DataError, Problem
from forecast.schema import POLLUTANTS
from forecast.standards import Standard
from response.rules import Words

OUTCOMES: Final[Mapping[str, Words]] = {
    "hit": Words(zh="命中", en="hit"),
    "averted": Words(zh="命中（管控后未超线）", en="hit (kept below the line by the measures)"),
    "false_alarm": Words(zh="空报", en="false alarm"),
    "miss": Words(zh="漏报", en="miss"),
    "unknown": Words(zh="无法判断", en="unknown"),
}
_DAY: Final = pd.Timedelta(days=1)
_HOUR: Final = pd.Timedelta(hours=1)


@dataclass(frozen=True)
class Outcome:
    """One warning or one missed episode."""

    warning: str  # its id, "" for a miss
    outcome: str  # of OUTCOMES
    start: pd.Timestamp  # first local day
    end: pd.Timestamp
    lead_hours: float  # from issue to the first day past the line; NaN where there was none
    probability_without: float  # highest P(line passed) without measures over its days


@dataclass(frozen=True)
class Cost:
    """What the orders of an episode cost."""

    orders: int
    units: int
    lost_output_yuan: float
    restarts: int
    table: pd.DataFrame  # per unit: hours, lost_output_yuan, restarts

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "orders": self.orders,
            "units": self.units,
            "lost_output_yuan": round(self.lost_output_yuan),
            "restarts": self.restarts,
        }


def index_without(
    observed: pd.DataFrame, samples: Mapping[str, NDArray[np.float64]], standard: Standard
) -> NDArray[np.float64]:
    """AQI without the measures (draw, day): the observed day plus the effects drawn.

    Ozone and CO stay as observed. NaN where the edition publishes no index.

    Args:
        observed: Daily values by local day, columns POLLUTANTS (o3: MDA8), schema units.
        samples: pollutant -> (draw, day), ug m-3.
        standard: Edition of the days.
    """
    count = max((len(s) for s in samples.values()), default=1)
    values = np.repeat(observed[list(POLLUTANTS)].to_numpy(float)[None], count, axis=0)
    for name, drawn in samples.items():
        values[..., POLLUTANTS.index(name)] += drawn
    return np.asarray(aqi.daily(values, standard).aqi, dtype=float)


def outcomes(warnings: pd.DataFrame, days: pd.DataFrame, *, line: float) -> tuple[Outcome, ...]:
    """Hits, false alarms and misses.

    Args:
        warnings: id, issued (local time), start, end (local days, both included).
        days: Index local day without gaps; aqi (observed), probability_without (P of passing the
            line without measures, NaN unknown).
        line: AQI above which a day counts.

    Raises:
        DataError: Columns that are absent or warnings that end before they begin.
    """
    problems = [
        Problem(f"{where}: {c}", "absent", "a column")
        for where, table, columns in (
            ("warnings", warnings, ("id", "issued", "start", "end")),
            ("days", days, ("aqi", "probability_without")),
        )
        for c in columns
        if c not in table
    ]
    if problems:
        raise DataError(problems)
    spans = list(
        zip(
            warnings["id"].astype(str),
            *(pd.DatetimeIndex(warnings[c]) for c in ("issued", "start", "end")),
            strict=True,
        )
    )
    problems = [
        Problem(f"warning {name}", f"{start} to {end}", "start before end")
        for name, _, start, end in spans
        if end < start
    ]
    if problems:
        raise DataError(problems)
    local = pd.DatetimeIndex(days.index)
    above = (days["aqi"] > line).to_numpy()
    gap = days["aqi"].isna().to_numpy()
    without = days["probability_without"].to_numpy(float)
    found, covered = [], np.zeros(len(days), dtype=bool)
    for name, issued, start, end in spans:
        mine = np.asarray((local >= start) & (local <= end))
        covered |= mine
        chances = without[mine & np.isfinite(without)]
        chance = float(chances.max()) if len(chances) else float("nan")
        first: pd.Timestamp | None = None
        if (passed := local[above & mine]).size:
            kind, first = "hit", passed[0]
        elif not mine.any() or gap[mine].any():
            kind = "unknown"
        elif np.isfinite(chance) and chance >= 0.5:
            kind, first = "averted", local[mine & (without >= 0.5)][0]
        else:
            kind = "false_alarm"
        lead = float("nan") if first is None else (first - issued) / _HOUR
        found.append(Outcome(name, kind, start, end, lead, chance))
    missed = np.flatnonzero(above & ~covered)
    if len(missed):
        later = np.flatnonzero(np.diff(local[missed].to_numpy()) > _DAY.to_timedelta64()) + 1
        for run in np.split(missed, later):
            first_day, last_day = local[int(run[0])], local[int(run[-1])]
            found.append(Outcome("", "miss", first_day, last_day, float("nan"), float("nan")))
    return tuple(found)


def cost(orders: pd.DataFrame, units: pd.DataFrame) -> Cost:
    """Lost output, orders and restarts; adjoining orders of a unit are one stretch.

    Args:
        orders: unit, start, end, load.
        units: Index unit; value_yuan_d, hours_to_restart.
    """
    table = orders.assign(unit=orders["unit"].astype(str)).sort_values(["unit", "start"])
    own = units.set_axis(units.index.astype(str)).loc[table["unit"]]
    hours = (pd.DatetimeIndex(table["end"]) - pd.DatetimeIndex(table["start"])) / _HOUR
    deep = 1 - table["load"].to_numpy(float)
    value = own["value_yuan_d"].to_numpy(float) / 24
    following = table.groupby("unit")["start"].shift(-1)
    ends = (following.isna() | (following > table["end"])).to_numpy() & (deep > 0)
    ramp = np.where(ends, own["hours_to_restart"].to_numpy(float) * deep / 2, 0.0)
    restarts = ends & (table["load"].to_numpy(float) <= 0.02)
    rows = pd.DataFrame(
        {
            "hours": hours,
            "lost_output_yuan": value * (np.asarray(hours) * deep + ramp),
            "restarts": restarts,
        },
        index=pd.Index(table["unit"], name="unit"),
    )
    by_unit = rows.groupby(level=0).sum()
    return Cost(
        len(table), len(by_unit), float(by_unit["lost_output_yuan"].sum()),
        int(by_unit["restarts"].sum()), by_unit,
    )  # fmt: skip
