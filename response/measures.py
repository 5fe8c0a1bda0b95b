"""What each production unit must do at a warning level, from configs/measures.

Takes units with their enterprises' industry, grade and kind; gives action, load, trucks, the
parameter that proves it, source and whether that is an assumption. Fills a register that lacks
measures and lists where one differs from the edition; never changes what a list says. Rules:

- half of the lines: whole lines, the stopped ones rounded up, the last of a kind first; what is no
  line follows the mean load of its enterprise's lines;
- no load between none and the unit's minimum; what takes a day or more to stop goes to its minimum;
- no level is looser than the one below it.
"""

import re
from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Any, Final, cast

import numpy as np
import pandas as pd

from forecast.problems import ConfigError, Problem
from response.measures_config import EDITION, Edition, Grade, Step, load
from response.register import Register
from response.register_columns import LEVELS, SPECIES
from response.rules import Basis

__all__ = ["EDITION", "differences", "fill", "prescribed", "rule"]

COLUMNS: Final = (
    "unit", "level", "action", "stopped", "load", *(f"cut_{s}" for s in SPECIES), "trucks_before",
    "trucks_after", "proof", "source", "assumption",
)  # fmt: skip
_NUMBERED: Final = re.compile(
    r"^[\d一二三四五六七八九十]+\s*[#＃号]?|[\d一二三四五六七八九十]+\s*[#＃号]?$"
)
_SAME: Final = 1e-3  # loads and trucks closer than this are the same


def rule(
    edition: Edition, *, industry: str, key_industry: str, grade: str, kind: str, level: str,
    unit_name: str = "",
) -> tuple[Step, Basis]:  # fmt: skip
    """The step that an edition asks for, and where that stands.

    Args:
        edition: Of measures_config.load.
        industry, key_industry: Names of the list; the industry's own name counts first.
        grade, kind, level: Words of the register.
        unit_name: Some steps hold for processes of a name only.

    Raises:
        ConfigError: No such grade, kind or level.
    """
    if level not in LEVELS:
        raise ConfigError([Problem("level", repr(level), f"one of {', '.join(LEVELS)}")])
    if kind != "ordinary":
        if kind not in edition.kinds:
            have = ["ordinary", *edition.kinds]
            raise ConfigError([Problem("kind", repr(kind), f"one of {', '.join(have)}")])
        return edition.kinds[kind].step, edition.kinds[kind].basis
    moved = edition.as_grade.get(cast("Grade", grade))
    row = moved.grade if moved else cast("Grade", grade)
    if row not in edition.pattern.grades:
        have = [*edition.pattern.grades, *edition.as_grade]
        raise ConfigError([Problem("grade", repr(grade), f"one of {', '.join(have)}")])
    known = edition.industry(industry, key_industry)
    grades, basis = edition.pattern.grades, edition.pattern.basis
    if known is not None:
        part = known.unit(unit_name)
        if part is not None and row in part.grades and part.basis is not None:
            grades, basis = part.grades, part.basis
        elif row in known.grades and known.basis is not None:
            grades, basis = known.grades, known.basis
    step = grades[row].at(level)
    if step.action == "autonomous":
        basis = edition.autonomy.basis
    return step, moved.basis if moved else basis


def prescribed(register: Register, *, edition: str = EDITION) -> pd.DataFrame:
    """What the edition asks of every unit at every level: COLUMNS, units in order, levels rising.

    Raises:
        ConfigError: No such edition, or a grade or kind it does not know.
    """
    asked = load(edition)
    own = ["industry", "key_industry", "grade", "kind"]
    units = register.units.join(register.enterprises[own], on="enterprise")
    halves = half_of_lines(units)
    rows = []
    for half, unit in zip(halves, units.reset_index().to_dict("records"), strict=True):
        load_below, trucks_below = 1.0, float(unit["trucks_d"])
        for level in LEVELS:
            row = _row(asked, unit, level, half=half, load=load_below, trucks=trucks_below)
            load_below, trucks_below = row["load"], row["trucks_after"]
            rows.append(row)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def fill(register: Register, *, edition: str = EDITION) -> tuple[Register, int]:
    """The register with measures for units that have none, and how many those are."""
    bare = register.units.index[~register.units.index.isin(register.measures["unit"])]
    if bare.empty:
        return register, 0
    made = prescribed(replace(register, units=register.units.loc[bare]), edition=edition)
    if len(register.measures):
        made = pd.concat([register.measures, made], ignore_index=True)
    return replace(register, measures=made), len(bare)


def differences(register: Register, *, edition: str = EDITION) -> pd.DataFrame:
    """Where the list's measures differ from the edition's; the list is not changed.

    Returns:
        unit, level, listed_action, listed_load, listed_trucks, action, load, trucks_after,
        strictness (looser or stricter: the list, as a whole looser where any part of it is),
        source, assumption; one row per unit and level that differs.
    """
    asked = prescribed(register, edition=edition)
    listed = register.measures[["unit", "level", "action", "load", "trucks_after"]]
    listed = listed.set_axis(
        ["unit", "level", "listed_action", "listed_load", "listed_trucks"], axis=1
    )
    both = listed.merge(asked, on=["unit", "level"], how="inner")
    load = both["listed_load"] - both["load"]
    trucks = both["listed_trucks"] - both["trucks_after"]
    trucks = trucks.where(trucks.abs() > 0.051, 0.0)  # lists round trucks to a tenth
    differs = (load.abs() > _SAME) | (trucks != 0)
    looser = (load > _SAME) | (trucks > 0)
    both["strictness"] = np.where(looser, "looser", "stricter")
    keep = ["unit", "level", "listed_action", "listed_load", "listed_trucks", "action", "load",
            "trucks_after", "strictness", "source", "assumption"]  # fmt: skip
    return both.loc[differs, keep].reset_index(drop=True)


def half_of_lines(units: pd.DataFrame) -> np.ndarray:
    """Load of each unit (unit,) when half of its enterprise's lines stop, rounded up.

    Lines of one kind have one name but for their number and stop from the last.
    """
    line = units["line"].to_numpy(dtype=bool)
    kind = units["name"].map(lambda n: _NUMBERED.sub("", str(n).strip()) or str(n))
    by_kind = units.assign(kind_of_line=kind).groupby(["enterprise", "kind_of_line"], sort=False)
    count = by_kind["name"].transform("size").to_numpy()
    place = by_kind.cumcount().to_numpy()
    load = np.where(place < count - np.ceil(count / 2), 1.0, 0.0)
    lines = pd.Series(np.where(line, load, np.nan), index=units.index)
    mean = lines.groupby(units["enterprise"]).transform("mean").fillna(0.0).to_numpy()
    return np.asarray(np.where(line, load, mean))


def _row(
    edition: Edition, unit: Mapping[Hashable, Any], level: str, *, half: float, load: float,
    trucks: float,
) -> dict[str, Any]:  # fmt: skip
    """One line of the list; load and trucks are what the level below left."""
    step, basis = rule(
        edition,
        industry=unit["industry"],
        key_industry=unit["key_industry"],
        grade=unit["grade"],
        kind=unit["kind"],
        level=level,
        unit_name=unit["name"],
    )
    least = float(unit["min_load"])
    slow = float(unit["hours_to_stop"]) >= edition.slow.hours
    wished = {"cut": 1 - step.cut, "half_lines": half, "stop": 0.0, "min_load": least}.get(
        step.action, 1.0
    )
    if 0 < wished < least or (wished <= 0 and slow):
        wished = least
    load = round(min(load, wished), 3)
    before = float(unit["trucks_d"])
    return {
        "unit": unit["unit"],
        "level": level,
        "action": step.action,
        "stopped": unit["name"] if load <= 0 else "",
        "load": load,
        **{f"cut_{s}": float(unit[s]) * (1 - load) for s in SPECIES},
        "trucks_before": before,
        "trucks_after": min(trucks, round(before * (1 - step.trucks), 1)),
        "proof": unit["proof"] or edition.proof_of(unit),
        "source": _source(step, basis),
        "assumption": basis.assumption,
    }


def _source(step: Step, basis: Basis) -> str:
    """Where a step stands; all trucks or none is the text, a share of them is ours."""
    said = f"{basis.clause} ({basis.source})"
    return f"{said}; share of trucks assumed" if 0 < step.trucks < 1 else said
