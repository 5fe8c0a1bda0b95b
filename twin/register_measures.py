"""What each unit of the simulated city is listed to do at each warning level.

Takes the enterprises and the pattern by industry and grade, gives the emergency list's measures.
Numbers come from the reference where it has them; the rest is marked as assumption. Rules:

- a stop "by line" counts whole lines and rounds the stopped ones up (one line: it stops);
- no level is looser than the one below it, for any unit;
- a process that needs a day or more to stop goes to its minimum load instead;
- guaranteed works keep their load, minor sources and key projects are exempt.
"""

from collections.abc import Hashable, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from twin.config import TwinConfig
from twin.config_emissions import LEVELS, REGISTERED, Level, MeasureSet, Step
from twin.enterprises import Enterprises

SLOW_HOURS: Final = 24.0  # a process that takes so long to stop cannot follow a warning
_BY_KIND: Final = {
    "guarantee": ("以热定产、以量定产：保障类不停限产 (Henan 2019)", False),
    "minor": ("小微涉气：达到减排比例时不停限产 (from memory)", True),
    "key_project": ("重点建设工程保障，落实扬尘措施 (conditions from memory)", True),
}


def measures(made: Enterprises, config: TwinConfig) -> pd.DataFrame:
    """The list: one row per unit and level.

    Returns:
        enterprise, unit, level, action, load (0..1, of normal), stopped (bool), cut_so2 .. cut_co
        [kg/d], trucks_before, trucks_after [1/d], source, assumption.
    """
    units = made.units
    pattern = config.industries.measures
    stops = _half_of_lines(units)
    rows = []
    for position, unit in enumerate(units.reset_index().to_dict("records")):
        known = pattern.industries.get(unit["industry"], pattern.default)
        chosen = known if unit["grade"] in known.grades else pattern.default
        load, trucks = 1.0, float(unit["trucks_d"])
        for level in LEVELS:
            row = _row(unit, level, chosen, half_load=stops[position], load=load, trucks=trucks)
            load, trucks = row["load"], row["trucks_after"]
            rows.append(row)
    return pd.DataFrame(rows)


def _row(
    unit: Mapping[Hashable, Any], level: Level, chosen: MeasureSet, *, half_load: float,
    load: float, trucks: float,
) -> dict[str, Any]:  # fmt: skip
    """One line of the list; load and trucks are what the level below left."""
    kind = str(unit["kind"])
    source, assumption = chosen.source, chosen.assumption
    if kind in _BY_KIND:
        step = Step(action="exempt")
        source, assumption = _BY_KIND[kind]
    else:
        step = chosen.grades[unit["grade"]][level]
    least = float(unit["min_load"])
    slow = float(unit["hours_to_stop"]) >= SLOW_HOURS
    wished = {
        "cut": 1 - step.cut,
        "half_lines": half_load,
        "stop": 0.0,
        "min_load": least,
    }.get(step.action, 1.0)
    if 0 < wished < least or (wished <= 0 and slow):
        wished = least
    load = round(min(load, wished), 3)
    before = float(unit["trucks_d"])
    return {
        "enterprise": unit["enterprise"],
        "unit": unit["unit"],
        "level": level,
        "action": step.action,
        "load": load,
        "stopped": load <= 0,
        **{f"cut_{s}": float(unit[s]) * (1 - load) for s in REGISTERED},
        "trucks_before": before,
        "trucks_after": min(trucks, round(before * (1 - step.trucks), 1)),
        "source": source,
        "assumption": assumption,
    }


def _half_of_lines(units: pd.DataFrame) -> np.ndarray:
    """Load of each unit (unit,) when half of its enterprise's lines stop, rounded up.

    Lines of one kind stop from the last; what is no line follows the lines' mean load.
    """
    line = units["line"].to_numpy(dtype=bool)
    by_kind = units.groupby(["enterprise", "unit_kind"], sort=False)
    count = by_kind["name"].transform("size").to_numpy()
    place = by_kind.cumcount().to_numpy()
    load = np.where(place < count - np.ceil(count / 2), 1.0, 0.0)
    lines = pd.Series(np.where(line, load, np.nan), index=units.index)
    mean = lines.groupby(units["enterprise"]).transform("mean").fillna(0.0).to_numpy()
    return np.where(line, load, mean)
