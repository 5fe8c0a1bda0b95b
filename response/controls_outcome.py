"""A solution in the officer's terms: orders, totals against the ratios, what is missed.

Everything is counted again from the chosen schedules; nothing rests on the solver's word.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pandas as pd

from response import controls_chance as chances
from response import controls_words as words
from response.controls_case import Case, Plan, Shortfall
from response.controls_config import AIR, SPECIES, ControlsConfig
from response.controls_options import MODES, Floats
from response.controls_program import Program
from response.controls_solve import Solution

ROOM: Final = 1e-4  # percentage points within which a ratio is met: the solver's own tolerance


def outcome(case: Case, program: Program, found: Solution, by_member: Floats | None) -> Plan:
    """The plan a solution stands for.

    Args:
        case, program: What was asked.
        found: What was chosen.
        by_member: (member, unit, day, AIR) ug m-3 where members see different contributions.
    """
    choices, rows = program.options, np.arange(len(found.chosen))
    modes = choices.schedules[found.chosen]  # (unit, day)
    mean = choices.mean_load[rows, found.chosen]
    saved = None if program.effect is None else (1 - mean)[..., None] * program.effect
    effect = None
    if saved is not None:
        index = pd.Index(case.days, name="day")
        effect = pd.DataFrame(saved.sum(axis=0), index=index, columns=list(AIR))
    totals = _totals(case, program, found)
    promised = without = None
    if case.members is not None and case.standard is not None and case.bottom_line is not None:
        taken = None if effect is None else effect.to_numpy()
        if by_member is not None:
            taken = np.einsum("ud,mudp->mdp", 1 - mean, by_member)
        shares = [
            chances.exceedance(case.members, t, case.standard, line=case.bottom_line)
            for t in (taken, None)
        ]
        promised, without = shares
    columns = pd.RangeIndex(1, len(case.days) + 1, name="day")
    loss = choices.loss[rows, found.chosen]
    made = Plan(
        level=case.level, goal=case.goal, days=case.days,
        orders=_orders(case, program, found, modes, saved),
        totals=totals, effect=effect, loss_yuan=float(loss.sum()), promised=promised,
        without=without, status=found.status, gap=found.gap, seconds=found.seconds,
        feasible=found.feasible, minor_used=found.minor_used, shortfalls=(),
        conflicts=found.conflicts, conflict_text=None, assumptions=case.config.assumptions,
        modes=pd.DataFrame(np.array(MODES, dtype=object)[modes], index=choices.units.index,
                           columns=columns),
    )  # fmt: skip
    short = _shortfalls(case, made, found)
    text = words.conflict(found.conflicts, case.level) if found.conflicts else None
    return replace(made, shortfalls=short, feasible=not short, conflict_text=text)


def _totals(case: Case, program: Program, found: Solution) -> pd.DataFrame:
    targets = program.targets
    cut = program.options.cut[np.arange(len(found.chosen)), found.chosen].sum(axis=0)
    reached_of = cut / [targets.base[s] for s in SPECIES] * 100 + [
        targets.other[s] for s in SPECIES
    ]
    both = reached_of[:, :2].sum(axis=1) >= targets.ratio["so2"] + targets.ratio["nox"] - ROOM
    rows = []
    for d, day in enumerate(case.days):
        for p, s in enumerate(SPECIES):
            base, other = targets.base[s], targets.other[s]
            reached, ratio = float(reached_of[d, p]), targets.ratio[s]
            traded = targets.floor < 1 and p < 2 and both[d] and reached >= targets.floor * ratio
            rows.append(
                {
                    "day": day, "species": s, "base": base, "units": float(cut[d, p]),
                    "other": base * other / 100, "reached": reached,
                    "required": ratio, "met": bool(reached >= ratio - ROOM or traded),
                    "traded": bool(traded and reached < ratio - ROOM),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def _orders(
    case: Case, program: Program, found: Solution, modes: np.ndarray, saved: Floats | None
) -> pd.DataFrame:
    choices = program.options
    units, n = len(modes), len(case.days)
    u, d = np.repeat(np.arange(units), n), np.tile(np.arange(n), units)
    m, s = modes.reshape(-1), found.chosen[u]
    cut = choices.cut[u, s, d]
    orders = pd.DataFrame(
        {
            "enterprise": choices.units["enterprise"].to_numpy()[u],
            "unit": choices.units.index.to_numpy()[u],
            "enterprise_name": _names(case.enterprises, choices.units["enterprise"])[u],
            "unit_name": _names(case.units, pd.Series(choices.units.index))[u],
            "day": pd.DatetimeIndex(case.days)[d],
            "mode": np.array(MODES, dtype=object)[m],
            "action": choices.action[u, m],
            "load": choices.load[u, m],
            "mean_load": choices.mean_load[u, s, d],
            "trucks_after": choices.trucks[u, m],
            **{f"cut_{name}": cut[:, p] for p, name in enumerate(SPECIES)},
            "loss_yuan": choices.loss[u, s, d],
            "effect_pm25": np.nan if saved is None else saved[u, d, AIR.index("pm25")],
            "rule": choices.units["rule"].to_numpy()[u],
            "grade": choices.units["grade"].to_numpy()[u],
            "industry": choices.units["industry"].to_numpy()[u],
            "area": choices.units["area"].to_numpy()[u],
            "source": choices.source[u, m],
            "assumption": choices.assumption[u, m].astype(bool),
        }
    )
    return words.with_reasons(orders, program, case.config, minor_used=found.minor_used)


def _names(table: pd.DataFrame, ids: pd.Series) -> np.ndarray:
    """What they are called; "" where the register does not say."""
    if "name" not in table:
        return np.full(len(ids), "", dtype=object)
    return ids.map(table["name"]).fillna("").to_numpy(dtype=object)


def _shortfalls(case: Case, made: Plan, found: Solution) -> tuple[Shortfall, ...]:
    """What the plan misses, counted from the plan itself and not from the solver's word."""
    missed: list[Shortfall] = []

    def add(target: str, day: Any, required: float, reached: float, unit: str) -> None:
        text = words.shortfall(target, day, required, reached)
        missed.append(Shortfall(target, day, required, reached, unit, text))

    for target, day, required, reached in _short_ratios(made.totals, case.config):
        add(target, day, required, reached, "%")
    if case.goal == "bottom_line" and made.promised is not None:
        accepted = case.probability or 0.0
        for day, share in zip(case.days, made.promised, strict=True):
            if share > accepted + 1e-9:
                add("bottom_line", day, accepted, share, "1")
    if case.budget_yuan is not None and made.loss_yuan > case.budget_yuan * (1 + 1e-6) + 1:
        add("budget", None, case.budget_yuan, made.loss_yuan, "yuan")
    if "fairness" in found.missed:
        over = float(np.max(found.missed["fairness"]))
        bound = case.config.fairness.bound_days
        add("fairness", None, bound, bound + over, "d")
    return tuple(missed)


def _short_ratios(
    totals: pd.DataFrame, config: ControlsConfig
) -> list[tuple[str, Any, float, float]]:
    """(target, day, required, reached) of each ratio below what is asked, in %."""
    trading, short = config.trading, []
    for day, table in _periods(totals, config.ratios.over):
        for s, row in table.iterrows():
            traded = trading.allowed and s in ("so2", "nox")
            required = row["required"] * (trading.floor_share if traded else 1)
            if row["reached"] < required - ROOM:
                short.append((f"ratio_{s}", day, float(required), float(row["reached"])))
        both = table.loc[["so2", "nox"]].sum()
        if trading.allowed and both["reached"] < both["required"] - ROOM:
            short.append(("trade", day, float(both["required"]), float(both["reached"])))
    return short


def _periods(totals: pd.DataFrame, over: str) -> Sequence[tuple[Any, pd.DataFrame]]:
    columns = ["reached", "required"]
    if over == "warning":
        return [(None, totals.groupby("species")[columns].mean())]
    return [(day, t.set_index("species")[columns]) for day, t in totals.groupby("day")]
