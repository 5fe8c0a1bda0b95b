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
    if not problems:
        problems = [
            Problem(f"warning {w.id}", f"{w.start} to {w.end}", "start before end")
            for w in warnings.itertuples()
            if w.end < w.start
        ]
    if problems:
        raise DataError(problems)
    above = days["aqi"] > line
    found, covered = [], pd.Series(False, days.index)
    for w in warnings.itertuples():
        mine = (days.index >= w.start) & (days.index <= w.end)
        covered |= mine
        part = days[mine]
        chance = float(part["probability_without"].max()) if len(part) else float("nan")
        lead = float("nan")
        if (passed := part.index[above[mine]]).size:
            kind, first = "hit", passed[0]
            lead = float((first - w.issued) / pd.Timedelta(hours=1))
        elif not len(part) or part["aqi"].isna().any():
            kind = "unknown"
        elif np.isfinite(chance) and chance >= 0.5:
            kind = "averted"
            first = part["probability_without"].ge(0.5).idxmax()
            lead = float((first - w.issued) / pd.Timedelta(hours=1))
        else:
            kind = "false_alarm"
        found.append(Outcome(str(w.id), kind, w.start, w.end, lead, chance))
    missed = days.index[above & ~covered]
    breaks = np.flatnonzero(np.diff(missed) > _DAY) + 1 if len(missed) else []
    for run in np.split(missed, breaks) if len(missed) else []:
        found.append(Outcome("", "miss", run[0], run[-1], float("nan"), float("nan")))
    return tuple(found)


def cost(orders: pd.DataFrame, units: pd.DataFrame) -> Cost:
    """Lost output, orders and restarts; adjoining orders of a unit are one stretch.

    Args:
        orders: unit, start, end, load.
        units: Index unit; value_yuan_d, hours_to_restart.
    """
    table = orders.assign(unit=orders["unit"].astype(str)).sort_values(["unit", "start"])
    own = units.set_axis(units.index.astype(str)).loc[table["unit"]]
    hours = ((table["end"] - table["start"]) / pd.Timedelta(hours=1)).to_numpy(float)
    deep = 1 - table["load"].to_numpy(float)
    value = own["value_yuan_d"].to_numpy(float) / 24
    following = table.groupby("unit")["start"].shift(-1)
    ends = (following.isna() | (following > table["end"])).to_numpy() & (deep > 0)
    ramp = np.where(ends, own["hours_to_restart"].to_numpy(float) * deep / 2, 0.0)
    restarts = ends & (table["load"].to_numpy(float) <= 0.02)
    rows = pd.DataFrame(
        {"hours": hours, "lost_output_yuan": value * (hours * deep + ramp), "restarts": restarts},
        index=pd.Index(table["unit"], name="unit"),
    )
    by_unit = rows.groupby(level=0).sum()
    return Cost(
        len(table), len(by_unit), float(by_unit["lost_output_yuan"].sum()),
        int(by_unit["restarts"].sum()), by_unit,
    )  # fmt: skip
