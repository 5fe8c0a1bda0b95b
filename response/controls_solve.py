"""Solving a control plan: the best one, or the one that comes nearest, and what stands in its way.

Order of what gives way when not everything can hold: first minor sources are drawn in, then the
fairness bound, the loss budget, the bottom line and last the legal ratios are missed; each by as
little as possible once the more important ones are at their least. Grades, kinds, loads and hours
never give way. Where the time is up before that is settled, the linear relaxation with these ranks
as prices is rounded up. Knows no words.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import linopy
import numpy as np
from numpy.typing import NDArray

from response.controls_highs import Answer, minimise
from response.controls_options import Options
from response.controls_program import TARGETS, Program, build, objective

Status = Literal["optimal", "time_limit", "fallback"]
Goal = Literal["least_loss", "most_effect", "bottom_line"]
# What is kept first when not everything can hold.
_RANK: Final = (("ratio", "trade"), ("bottom_line",), ("budget",), ("fairness",))
_ROOM: Final = 1e-3  # of what is at its least already
_GOOD: Final = 0.05  # gap of a rank that ran out of time and still is one
_PRICES: Final = (1e4, 1e3, 1e2, 1e1)  # of the ranks, where one solve has to do
_LAST_RESORT_S: Final = (
    60.0  # for that solve, after the time is up: seconds where nothing else runs
)


@dataclass(frozen=True)
class Solution:
    """What was chosen.

    Attributes:
        chosen: (unit,) schedule numbers.
        status: optimal (within the gap), time_limit (best found), fallback (nothing was found in
            time: the relaxation rounded up, or every unit as deep as it may).
        gap: Relative gap of the last solve; None where there is no bound.
        seconds: Wall time of all solves.
        feasible: Every target is met.
        missed: Target -> slack values as lists over the target's own dims; only where missed.
        conflicts: Targets and rules that cannot hold together; none of them can be left out.
        minor_used: Minor sources were opened because the others are exhausted.
    """

    chosen: NDArray[np.int64]
    status: Status
    gap: float | None
    seconds: float
    feasible: bool
    missed: dict[str, Any]
    conflicts: tuple[str, ...]
    minor_used: bool


def solve(
    program: Program, goal: Goal, *, gap: float, time_limit_s: float,
    clock: Callable[[], float], quick: bool = False,
) -> Solution:  # fmt: skip
    """The best plan, or the nearest.

    Args:
        program: What may be chosen (`upper`, minor sources included) and what must hold.
        goal: least_loss, most_effect or bottom_line (least loss with a chance in the program).
        gap: Relative gap that is good enough.
        time_limit_s: For all solves together; when it is reached the best plan so far is given.
        clock: Seconds; only for the report and the limit.
        quick: Nothing but the relaxation rounded up.
    """
    begin = clock()
    if quick:
        return replace(_rounded(program, goal), seconds=clock() - begin)

    def left() -> float:
        return max(time_limit_s - (clock() - begin), 0.05)

    def done(answer: Answer, **more: Any) -> Solution:
        return replace(_solution(answer), seconds=clock() - begin, **more)

    alone = _without_minor(program)
    model = build(alone)
    settings = program.config.solver
    first = minimise(model, objective(alone, model, goal), settings, gap=gap, limit_s=left())
    if first.values is not None:
        return done(first)
    if first.outcome == "time_limit":
        return replace(_rounded(program, goal), seconds=clock() - begin)
    minor = bool((alone.upper != program.upper).any())
    if minor:
        # The others are exhausted: minor sources come in, as few yuan of them as will do.
        second = _opened(program, goal, gap=gap, left=left)
        if second is not None:
            return done(second, minor_used=True)
    third = _nearest(program, goal, gap=gap, left=left)
    if third is None:
        return replace(_rounded(program, goal), seconds=clock() - begin)
    found = done(third, minor_used=minor)
    conflicts = _conflicts(program, found.missed, left)
    return replace(found, conflicts=conflicts, seconds=clock() - begin)


def _without_minor(program: Program) -> Program:
    minor = (program.options.units["rule"] == "minor").to_numpy()
    upper = program.upper.copy()
    lone = upper.copy()
    lone[:, 1:] = False
    # A minor source that was fixed by hand stays fixed.
    free = minor & upper[:, 0]
    upper[free] = lone[free]
    return replace(program, upper=upper)


def _opened(
    program: Program, goal: Goal, *, gap: float, left: Callable[[], float]
) -> Answer | None:
    """Least use of minor sources first, then the goal; None where still not feasible."""
    settings = program.config.solver
    model = build(program)
    use = _minor_money(program, model)
    least = minimise(model, use, settings, gap=gap, limit_s=left())
    if least.values is None:
        return None
    # A bound to the yuan leaves whole choices hardly any room and a solver no end.
    model.add_constraints(use <= least.value * (1 + max(gap, _ROOM)) + 1e-3, name="minor_last")
    answer = minimise(model, objective(program, model, goal), settings, gap=gap, limit_s=left())
    return answer if answer.values is not None else replace(least, outcome="time_limit", gap=None)


def _minor_money(program: Program, model: linopy.Model) -> linopy.LinearExpression:
    minor = np.flatnonzero((program.options.units["rule"] == "minor").to_numpy())
    x = model.variables["x"].isel(unit=minor)
    amount = x.labels.copy(data=program.options.loss.sum(axis=2)[minor] / program.scale + 0.0)
    reduced = (program.options.schedules != 0).any(axis=1)
    use: linopy.LinearExpression = ((amount + 1e-3 * reduced[None, :]) * x).sum(
        ["unit", "schedule"]
    )
    return use


def _nearest(
    program: Program, goal: Goal, *, gap: float, left: Callable[[], float]
) -> Answer | None:
    """Lexicographic: each rank of targets missed as little as can be, then the goal.

    None where the time does not suffice for the ranks: half a rank is no plan.
    """
    settings = program.config.solver
    model = build(program, elastic=True)
    present = {t for t in TARGETS if f"slack_{t}" in model.variables}
    best: Answer | None = None
    for rank in _RANK:
        slacks = [model.variables[f"slack_{t}"] for t in rank if t in present]
        if not slacks:
            continue
        total = sum((1 * s.sum() for s in slacks[1:]), start=1 * slacks[0].sum())
        if (
            best is not None
            and best.values is not None
            and all(best.values[f"slack_{t}"].max() <= 1e-6 for t in rank if t in present)
        ):  # the plan in hand misses nothing of it
            model.add_constraints(total <= _ROOM * 1e-2, name=f"least_{rank[0]}")
            continue
        # Ratios are the law: to the last; of money and fairness the wanted gap is enough.
        fine = 1e-4 if "budget" not in rank and "fairness" not in rank else max(gap, 1e-4)
        answer = minimise(model, total, settings, gap=fine, limit_s=left())
        if answer.values is None or (answer.gap or 0.0) > max(fine, _GOOD):
            return None
        best, least = answer, max(answer.value, 0.0)
        # Room for the solver's tolerance; a member more or less is no tolerance.
        room = 1e-4 if "bottom_line" in rank else max(fine, _ROOM) * least + 1e-5
        model.add_constraints(total <= least + room, name=f"least_{rank[0]}")
    if best is None:
        return None
    if (program.options.units["rule"] == "minor").any():
        use = _minor_money(program, model)
        answer = minimise(model, use, settings, gap=gap, limit_s=left())
        if answer.values is not None and (answer.gap or 0.0) <= _GOOD:
            best = answer
            model.add_constraints(use <= answer.value * (1 + gap) + 1e-4, name="minor_last")
    last = minimise(model, objective(program, model, goal), settings, gap=gap, limit_s=left())
    return last if last.values is not None else replace(best, outcome="time_limit", gap=None)


def _solution(answer: Answer) -> Solution:
    values = answer.values or {}
    missed: dict[str, Any] = {}
    for target in TARGETS:
        value = values.get(f"slack_{target}")
        if value is not None and (value > 1e-5).any():
            missed[target] = np.where(value > 1e-5, value, 0.0).tolist()
    chosen = values["x"].argmax(axis=1).astype(np.int64)
    return Solution(
        chosen, answer.outcome, answer.gap, 0.0, not missed, missed, conflicts=(), minor_used=False
    )


def _rounded(program: Program, goal: Goal) -> Solution:
    """Nothing was settled in time: one relaxation, ranks as prices, each unit rounded up.

    A basic solution is fractional in no more units than there are targets; these take the deepest
    of their choices, so ratios hold and the loss is a little higher. Minor sources cost as a rank
    does. Where even this is not solved, every unit is as deep as it may be.
    """
    model = build(program, relaxed=True, elastic=True)
    goal_now = objective(program, model, goal)
    for rank, price in zip(_RANK, _PRICES, strict=True):
        for name in rank:
            if f"slack_{name}" in model.variables:
                goal_now = goal_now + price * model.variables[f"slack_{name}"].sum()
    minor = (program.options.units["rule"] == "minor").to_numpy()
    if minor.any():
        goal_now = goal_now + _PRICES[-1] * _minor_money(program, model)
    answer = minimise(model, goal_now, program.config.solver, gap=1e-3, limit_s=_LAST_RESORT_S)
    depth = np.where(program.upper, program.options.cut.sum(axis=(2, 3)), -1.0)
    used = depth if answer.values is None else np.where(answer.values["x"] > 1e-6, depth, -1.0)
    chosen = np.where((used >= 0).any(axis=1), used.argmax(axis=1), depth.argmax(axis=1))
    reduced = (program.options.schedules[chosen] != 0).any(axis=1)
    return Solution(chosen.astype(np.int64), "fallback", None, 0.0, feasible=False, missed={},
                    conflicts=(), minor_used=bool((minor & reduced).any()))  # fmt: skip


def _conflicts(
    program: Program, missed: dict[str, Any], left: Callable[[], float]
) -> tuple[str, ...]:
    """An irreducible set of targets that cannot hold together, by leaving out one at a time.

    The rule on slow units is among them: left out, units that stop too slowly may stop. On the
    relaxed program, so a conflict only whole choices make is named by the missed targets alone.
    """
    model = build(program, relaxed=True, elastic=True)
    groups = _groups(model)
    wide = program.upper | (program.options.too_slow & program.upper[:, :1])

    def feasible(active: set[str]) -> bool:
        for name, (slack, where) in groups.items():
            bound = np.where(where, 0.0 if name in active else np.inf, slack.upper.values)
            slack.update(upper=slack.upper.copy(data=bound))
        x = model.variables["x"]
        allowed = program.upper if "slow_units" in active else wide
        x.update(upper=x.upper.copy(data=allowed.astype(float)))
        nothing = 0 * model.variables["money"]
        answer = minimise(model, nothing, program.config.solver, gap=1e-3, limit_s=left())
        return answer.values is not None

    active = {*groups, "slow_units"} if (wide != program.upper).any() else set(groups)
    if feasible(active):
        return tuple(missed)
    for name in sorted(active):
        if not feasible(active - {name}):
            active.discard(name)
    return tuple(sorted(active))


def _groups(model: linopy.Model) -> dict[str, tuple[linopy.Variable, NDArray[np.bool_]]]:
    """Targets that may give way one by one: each species' ratio for itself."""
    groups = {}
    for target in TARGETS:
        name = f"slack_{target}"
        if name not in model.variables:
            continue
        slack = model.variables[name]
        if target == "ratio":
            for number, species in enumerate(slack.indexes["species"]):
                where = np.zeros(slack.shape, dtype=bool)
                where[:, number] = True
                groups[f"ratio_{species}"] = (slack, where)
        else:
            groups[target] = (slack, np.ones(slack.shape, dtype=bool))
    return groups


def wall_clock() -> float:
    """Seconds of the machine's own clock, for `solve`."""
    return time.perf_counter()


def schedule_modes(options: Options, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """(unit, day) modes of the chosen schedules."""
    return np.asarray(options.schedules[chosen])
