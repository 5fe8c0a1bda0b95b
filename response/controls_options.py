"""What each production unit may be told, and what each choice does: modes, schedules, arrays.

A mode is one way to run a unit (normal, trucks, partial, measure, min_load, deepest). A schedule
gives a mode to each day; only schedules with one uninterrupted reduced stretch exist, so a plan
never stops, starts and stops a unit again. Loads follow hour by hour from the hours a unit needs
to stop and to restart; what a schedule cuts and costs is then plain arithmetic, and the program
that chooses among schedules needs no rule about time. Knows no targets and no solver.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.problems import DataError, Problem
from response.controls_config import SPECIES, ControlsConfig
from response.rules import LEVELS, Level

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
MODES: Final = ("normal", "trucks", "partial", "measure", "min_load", "deepest")
NORMAL: Final = 0
UNIT_COLUMNS: Final = (
    "enterprise", *SPECIES, "min_load", "hours_to_stop", "hours_to_restart", "value_yuan_d",
    "trucks_d",
)  # fmt: skip
ENTERPRISE_COLUMNS: Final = ("grade", "kind", "industry", "area")
MEASURE_COLUMNS: Final = (
    "unit", "level", "action", "load", "trucks_after", "source", "assumption",
)  # fmt: skip
_SAME: Final = 1e-6  # loads closer than this are the same mode
_HOURS: Final = 24


@dataclass(frozen=True)
class Options:
    """Choices of all units; arrays are in the order of `units`.

    Attributes:
        units: The register's units with grade, kind, industry, area of their enterprise and
            `rule`: autonomous, key_project, guarantee, minor, unlisted or ordinary.
        exists: (unit, mode), the mode may be given to the unit.
        load: (unit, mode), target load 0..1.
        trucks: (unit, mode), trucks per day.
        action, source: (unit, mode), the measure it rests on; assumption: (unit, mode).
        schedules: (schedule, day), mode numbers; schedule 0 is normal throughout.
        admitted: (unit, schedule), allowed by mode and by the hours to stop.
        too_slow: (unit, schedule), refused only because the unit stops too slowly.
        mean_load: (unit, schedule, day), of normal output.
        cut: (unit, schedule, day, SPECIES) kg/d, the withheld trucks' share included.
        loss: (unit, schedule, day) yuan; the restart is on the last reduced day, the rise
            back to normal after the warning on the last day.
    """

    units: pd.DataFrame
    exists: Bools
    load: Floats
    trucks: Floats
    action: NDArray[np.object_]
    source: NDArray[np.object_]
    assumption: Bools
    schedules: NDArray[np.int64]
    admitted: Bools
    too_slow: Bools
    mean_load: Floats
    cut: Floats
    loss: Floats


def options(
    enterprises: pd.DataFrame,
    units: pd.DataFrame,
    measures: pd.DataFrame,
    *,
    level: Level,
    days: int,
    config: ControlsConfig,
    current_load: Mapping[str, float] | None = None,
) -> Options:
    """Everything that may be chosen.

    Args:
        enterprises: Index `enterprise`; ENTERPRISE_COLUMNS.
        units: Index `unit`; UNIT_COLUMNS (emissions kg/d, loads 0..1, hours, yuan/d, trucks/d).
        measures: MEASURE_COLUMNS, at most one row per unit and level.
        level: The warning's level.
        days: Days of the warning, 1 .. 4.
        config: Settings.
        current_load: Load of units that are already reduced, by unit; others run normally.

    Raises:
        DataError: Columns or values that cannot be, all at once.
    """
    check(enterprises, units, measures)
    own = units.drop(columns=[c for c in ENTERPRISE_COLUMNS if c in units])
    joined = own.join(enterprises[list(ENTERPRISE_COLUMNS)], on="enterprise")
    table = _listed(measures, joined.index, level)
    joined["rule"] = _rules(joined, table, config)
    made = _modes(joined, table, config)
    plans = schedules(days, config)
    exists = made["exists"]
    allowed = exists[:, plans].all(axis=2)
    target = made["load"][:, plans]  # (unit, schedule, day)
    start = pd.Series(current_load or {}, dtype=float).reindex(joined.index).fillna(1.0)
    mean, end = _mean_loads(target, joined, np.asarray(start, dtype=np.float64))
    quick = _stops_in_time(target, joined, plans, config)
    trucks_off = joined["trucks_d"].to_numpy()[:, None, None] - made["trucks"][:, plans]
    per_truck = np.array([config.trucks.kg_per_truck_day[s] for s in SPECIES])
    emitted = joined[list(SPECIES)].to_numpy(dtype=np.float64)
    cut = (1 - mean)[..., None] * emitted[:, None, None, :] + trucks_off[..., None] * per_truck
    return Options(
        units=joined,
        **made,
        schedules=plans,
        admitted=allowed & quick,
        too_slow=allowed & ~quick,
        mean_load=mean,
        cut=cut,
        loss=_losses(mean, end, target, trucks_off, joined, plans, config),
    )


def schedules(days: int, config: ControlsConfig) -> NDArray[np.int64]:
    """Every sequence of modes over days that has no pointless restart (schedule, day).

    One reduced stretch at most, of `max_modes` different modes, each kept `min_run_days` (or
    all of a shorter warning).
    """
    least = min(config.timing.min_run_days, days)
    found = []
    for modes in product(range(len(MODES)), repeat=days):
        runs = [modes[0]]
        lengths = [1]
        for before, now in pairwise(modes):
            if now == before:
                lengths[-1] += 1
            else:
                runs.append(now)
                lengths.append(1)
        reduced = [i for i, mode in enumerate(runs) if mode != NORMAL]
        one_stretch = not reduced or reduced[-1] - reduced[0] + 1 == len(reduced)
        long_enough = all(lengths[i] >= least for i in reduced)
        if one_stretch and long_enough and len(reduced) <= config.timing.max_modes:
            found.append(modes)
    return np.array(found, dtype=np.int64)


def check(enterprises: pd.DataFrame, units: pd.DataFrame, measures: pd.DataFrame) -> None:
    """Refuse a register that a plan cannot be made from.

    Raises:
        DataError: Every problem found.
    """
    problems = [
        Problem(f"{name}: {column}", "no such column", "one")
        for name, frame, needed in (
            ("enterprises", enterprises, ENTERPRISE_COLUMNS),
            ("units", units, UNIT_COLUMNS),
            ("measures", measures, MEASURE_COLUMNS),
        )
        for column in needed
        if column not in frame
    ]
    if problems:
        raise DataError(problems)

    def expect(items: Any, found: str, expected: str) -> None:
        problems.extend(Problem(f"register: {item}", found, expected) for item in items)

    expect(units.index[units.index.duplicated()], "unit twice", "once")
    expect(enterprises.index[enterprises.index.duplicated()], "enterprise twice", "once")
    lost = units.index[~units["enterprise"].isin(enterprises.index)]
    expect(lost, "unknown enterprise", "one of the register")
    numbers = units[[c for c in UNIT_COLUMNS if c != "enterprise"]].astype(float)
    expect(units.index[~np.isfinite(numbers.to_numpy()).all(axis=1)], "a missing number", "numbers")
    expect(units.index[(numbers < 0).any(axis=1)], "a negative number", "0 or more")
    expect(units.index[numbers["min_load"] > 1], "min_load above 1", "0 .. 1")
    expect(measures["unit"][~measures["unit"].isin(units.index)], "measure of unknown unit", "one")
    wrong = measures[~measures["load"].astype(float).between(0, 1)]
    expect(wrong["unit"], "load of a measure outside 0 .. 1", "0 .. 1")
    twice = measures[measures.duplicated(["unit", "level"])]
    expect(twice["unit"], "two measures for one level", "one row per unit and level")
    if problems:
        raise DataError(problems)


def _listed(measures: pd.DataFrame, units: pd.Index, level: Level) -> pd.DataFrame:
    """The measure of the level by unit, and the lowest load of this and stricter levels."""
    of_level = measures[measures["level"] == level].set_index("unit").reindex(units)
    stricter = [name for name in LEVELS if LEVELS.index(name) >= LEVELS.index(level)]
    rows = measures[measures["level"].isin(stricter)].sort_values("load", kind="stable")
    lowest = rows.drop_duplicates("unit").set_index("unit").reindex(units)
    return of_level.join(lowest.add_suffix("_deepest"))


def _rules(units: pd.DataFrame, table: pd.DataFrame, config: ControlsConfig) -> NDArray[np.object_]:
    """Which rule governs each unit; the strongest protection first."""
    kind = units["kind"].to_numpy()
    return np.select(
        [
            kind == "key_project",
            kind == "guarantee",
            units["grade"].isin(config.grades.autonomous).to_numpy(),
            table["load"].isna().to_numpy(),
            kind == "minor",
        ],
        ["key_project", "guarantee", "autonomous", "unlisted", "minor"],
        default="ordinary",
    ).astype(object)


def _modes(units: pd.DataFrame, table: pd.DataFrame, config: ControlsConfig) -> dict[str, Any]:
    """Arrays (unit, mode) of what exists and what it means."""
    n = len(units)
    rule, least = units["rule"].to_numpy(), units["min_load"].to_numpy(dtype=float)
    fleet = units["trucks_d"].to_numpy(dtype=float)
    listed = table["load"].fillna(1.0).to_numpy(dtype=float)
    after = np.minimum(table["trucks_after"].fillna(np.inf).to_numpy(dtype=float), fleet)
    lowest = table["load_deepest"].fillna(1.0).to_numpy(dtype=float)
    lowest = np.minimum(lowest, listed) if config.modes.stricter_levels else listed
    # A unit cannot run between nothing and its minimum load.
    listed, lowest = (np.where((v > 0) & (v < least), least, v) for v in (listed, lowest))

    load = np.ones((n, len(MODES)))
    load[:, 2:] = np.column_stack([(1 + listed) / 2, listed, least, lowest])
    trucks = np.tile(fleet[:, None], (1, len(MODES)))
    trucks[:, 1:] = np.minimum(after[:, None], fleet[:, None] * load[:, 1:])
    steered = np.isin(rule, ["ordinary", "minor"])
    cuts = listed < 1 - _SAME
    exists = np.zeros((n, len(MODES)), dtype=bool)
    exists[:, NORMAL] = True
    exists[:, 1] = (after < fleet - _SAME) & (steered | (rule == "guarantee"))
    exists[:, 3] = cuts & (steered | (rule == "guarantee"))
    exists[:, 2] = steered & cuts & config.modes.partial & (load[:, 2] >= least)
    exists[:, 5] = steered & (lowest < listed - _SAME)
    reachable = (least > 0) & (least > lowest + _SAME) & (least < 1 - _SAME)
    exists[:, 4] = steered & reachable & (np.abs(load[:, 2:4] - least[:, None]) > _SAME).all(axis=1)
    # Grades that never do less than listed.
    bound = np.isin(units["grade"].to_numpy(), config.grades.mandatory) & steered
    milder = load > listed[:, None] + _SAME
    exists &= ~(bound & exists[:, 3])[:, None] | ~milder

    first = table["source"].fillna("").to_numpy(dtype=object)
    deepest = table["source_deepest"].fillna("").to_numpy(dtype=object)
    source = np.tile(first[:, None], (1, len(MODES)))
    source[:, 5] = deepest
    source[:, NORMAL] = ""
    unsure = table["assumption"].fillna(value=False).to_numpy(dtype=bool)
    assumption = np.tile(unsure[:, None], (1, len(MODES)))
    assumption[:, [2, 4]] |= config.modes.assumption
    assumption[:, 5] = table["assumption_deepest"].fillna(value=False).to_numpy(dtype=bool)
    assumption[:, 5] |= config.modes.assumption
    assumption[:, NORMAL] = False
    action = np.where(load <= 0, "stop", np.where(load >= 1 - _SAME, "trucks", "cut")).astype(
        object
    )
    action[:, NORMAL] = "none"
    own = table["action"].fillna("none").to_numpy(dtype=object)
    action[:, 3] = np.where(exists[:, 3], own, action[:, 3])
    return {
        "exists": exists, "load": load, "trucks": trucks, "action": action, "source": source,
        "assumption": assumption,
    }  # fmt: skip


def _mean_loads(target: Floats, units: pd.DataFrame, start: Floats) -> tuple[Floats, Floats]:
    """Mean load by day (unit, schedule, day) and the load after the last hour (unit, schedule)."""
    stop = units["hours_to_stop"].to_numpy(dtype=float)
    restart = units["hours_to_restart"].to_numpy(dtype=float)
    with np.errstate(divide="ignore"):
        down, up = 1 / stop[:, None], 1 / restart[:, None]  # inf: at once
    mean = np.zeros_like(target)
    now = np.tile(start[:, None], (1, target.shape[1]))
    for day in range(target.shape[2]):
        aim = target[:, :, day]
        for _ in range(_HOURS):
            after = np.where(now > aim, np.maximum(aim, now - down), np.minimum(aim, now + up))
            # At once means at once: an instantaneous change has no half way.
            begin = np.where(np.isinf(np.where(now > aim, down, up)), after, now)
            mean[:, :, day] += (begin + after) / (2 * _HOURS)
            now = after
    return mean, now


def _stops_in_time(
    target: Floats, units: pd.DataFrame, plans: NDArray[np.int64], config: ControlsConfig
) -> Bools:
    """(unit, schedule): False where a slow unit would stop for too short a time."""
    hours = units["hours_to_stop"].to_numpy(dtype=float)
    slow = hours >= config.timing.slow_hours
    stopped = (target <= 0) & (plans != NORMAL)[None]
    run = stopped.sum(axis=2) * _HOURS
    stands = run - hours[:, None] >= config.timing.min_stopped_hours
    never = run <= hours[:, None]  # would not even arrive
    some = stopped.any(axis=2)
    return np.asarray(~some | np.where(slow[:, None], stands, ~never), dtype=np.bool_)


def _losses(
    mean: Floats, end: Floats, target: Floats, trucks_off: Floats, units: pd.DataFrame,
    plans: NDArray[np.int64], config: ControlsConfig,
) -> Floats:  # fmt: skip
    """Yuan (unit, schedule, day)."""
    value = units["value_yuan_d"].to_numpy(dtype=float)[:, None]
    restart = units["hours_to_restart"].to_numpy(dtype=float)[:, None]
    loss = (1 - mean) * value[..., None] + trucks_off * config.costs.truck_yuan
    # After the last day: the rise back to normal; and each stretch is followed by one restart.
    tail = value * restart * (1 - end) ** 2 / 2 / _HOURS
    deepest = target.min(axis=2)
    once = config.costs.restart_share * value * (1 - deepest)
    reduced = plans != NORMAL
    last = np.where(reduced.any(axis=1), reduced.shape[1] - 1 - reduced[:, ::-1].argmax(axis=1), -1)
    loss[:, np.arange(len(plans)), last] += once * (last >= 0)
    loss[:, :, -1] += tail
    return np.asarray(loss)
