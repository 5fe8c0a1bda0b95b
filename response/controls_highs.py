"""HiGHS through linopy, in two steps that keep the gap honest.

First the linear relaxation: it tells at once whether anything is feasible, bounds the goal, and
prices every choice. Then whole choices among those priced nearest to the optimum; where that
leaves more than the wanted gap, among all that could still beat the plan in hand: a choice whose
reduced cost exceeds the distance between plan and bound cannot.
"""

import logging
import os
import sys
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

import highspy
import linopy
import numpy as np
from numpy.typing import NDArray

from forecast.problems import LantianError, Problem
from response.controls_config import Solver

Outcome = Literal["optimal", "time_limit"]
_NEAR: Final = 3  # choices per unit that the first step with whole choices keeps, on average
_STOPPED: Final = ("infeasible", "time_limit", "infeasible_or_unbounded")


@dataclass(frozen=True)
class Answer:
    """One solve. `values` by variable, None where there is no plan.

    Attributes:
        outcome: optimal (within the gap) or time_limit; of no plan: whether time ran out.
        value, gap: Of the goal; gap relative to the proven bound, None where there is none.
    """

    outcome: Outcome
    values: dict[str, NDArray[np.float64]] | None
    value: float
    gap: float | None


class SolverError(LantianError):
    """The solver answered what it should not be able to."""


def minimise(
    model: linopy.Model,
    goal: linopy.LinearExpression,
    settings: Solver,
    *,
    gap: float,
    limit_s: float,
) -> Answer:
    """Least value of a goal over a model whose choices are `x` (unit, schedule).

    The model comes back as it was, but for its objective. Where the time is up, the best plan
    so far.
    """
    model.add_objective(goal, overwrite=True)
    begin = time.perf_counter()

    def left() -> float:
        return max(limit_s - (time.perf_counter() - begin), 0.05)

    whole = [v for v in model.variables if model.variables[v].attrs.get("integer")]
    relaxed = _relaxed(model, settings, whole, limit_s=left())
    if "x" not in whole or relaxed.values is None:
        return relaxed
    if relaxed.outcome == "time_limit":  # neither a plan nor a bound
        return Answer("time_limit", None, np.nan, None)
    x = model.variables["x"]
    upper = x.upper.copy(deep=True)
    may, bound = upper.to_numpy(), relaxed.value
    prices = _prices(model, may.shape)

    def among(kept: NDArray[Any]) -> Answer:
        x.update(upper=upper.copy(data=kept.astype(np.float64)))
        found = _solve(model, settings, gap=gap / 2, limit_s=left())
        x.update(upper=upper)
        return found

    best = among(_near(relaxed.values["x"], prices, may))
    if best.values is None or _gap(best.value, bound) > gap:
        # A choice whose price exceeds the distance of plan and bound cannot beat the plan.
        room = best.value - bound + 1e-9 * abs(bound) if best.values is not None else np.inf
        found = among(may * (prices <= room))
        if found.values is not None and found.gap is not None:
            proven = found.value - found.gap * abs(found.value)
            bound = max(bound, min(proven, best.value) if best.values is not None else proven)
        if best.values is None or (found.values is not None and found.value < best.value):
            best = found
    if best.values is None:
        return best
    final = _gap(best.value, bound)
    return Answer(
        "optimal" if final <= gap + 1e-9 else "time_limit", best.values, best.value, final
    )


def _relaxed(model: linopy.Model, settings: Solver, whole: list[str], *, limit_s: float) -> Answer:
    """The linear relaxation."""
    try:
        for name in whole:
            model.variables[name].attrs["integer"] = False
        return _solve(model, settings, gap=1e-6, limit_s=limit_s)
    finally:
        for name in whole:
            model.variables[name].attrs["integer"] = True


def _near(
    relaxed: NDArray[np.float64], prices: NDArray[np.float64], may: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The choices priced lowest, those the relaxation made, and to do nothing."""
    allowed = np.where(may > 0, prices, np.inf)
    count = min(_NEAR * len(prices), int((may > 0).sum()))
    limit = np.partition(allowed.reshape(-1), count - 1)[count - 1]
    kept = may * ((allowed <= limit) | (relaxed > 1e-9))
    kept[:, 0] = may[:, 0]
    return np.asarray(kept)


def _prices(model: linopy.Model, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Reduced costs of the choices; x is the model's first variable."""
    solver: Any = model.solver
    duals = np.array(solver.solver_model.getSolution().col_dual)
    return np.asarray(np.maximum(duals[: shape[0] * shape[1]].reshape(shape), 0.0))


def _gap(value: float, bound: float) -> float:
    return max(value - bound, 0.0) / max(abs(value), 1e-9)


@lru_cache(maxsize=1)
def _greeted() -> None:
    """Let HiGHS greet once into nothing: its banner ignores output_flag and would spoil --json."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    make: Any = highspy.Highs
    try:
        os.dup2(nowhere, 1)
        make().setOptionValue("output_flag", False)
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def _solve(model: linopy.Model, settings: Solver, *, gap: float, limit_s: float) -> Answer:
    _greeted()
    # A program without a solution is an answer here, and the plan says it in words.
    logging.getLogger("linopy").setLevel(logging.ERROR)
    # ok also covers a time limit: the condition tells, and whether there is a plan at all.
    status, condition = model.solve(
        "highs", io_api="direct", mip_rel_gap=gap, time_limit=limit_s, threads=settings.threads,
        random_seed=settings.seed, output_flag=False, set_names=False,
    )  # fmt: skip
    outcome: Outcome = "time_limit" if condition == "time_limit" else "optimal"
    solved: Any = model.solution if status == "ok" else {}
    value = model.objective.value
    # Out of time without a plan, linopy hands out zeros and an objective that is no number.
    known = value is not None and np.isfinite(value)
    if "x" not in solved or bool(solved["x"].isnull().any()) or not known:
        if condition not in _STOPPED:
            expected = "optimal, infeasible or time_limit"
            raise SolverError([Problem("HiGHS", f"{status}, {condition}", expected)])
        return Answer(outcome, None, np.nan, None)
    report = model.solver.report if model.solver else None
    found = None if report is None else report.mip_gap
    values = {str(name): np.asarray(solved[name], dtype=np.float64) for name in solved}
    return Answer(outcome, values, float(value or 0.0),
                  found if found is not None and np.isfinite(found) else None)  # fmt: skip
