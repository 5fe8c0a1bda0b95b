"""Register, ratios and forecast -> the control plan: a mode for each production unit and day.

Takes a Case; gives a frozen Plan with every order, its reason and its price, the totals against
the legal ratios, what could not be met and why. The program is in controls_program, its choices
in controls_options, the words in controls_words. Knows no store, clock or page; days are numbered
from 1 and dated by the caller.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr

from forecast.problems import ConfigError, Problem
from response import controls_chance as chances
from response.controls_case import Case, Plan
from response.controls_config import AIR, SPECIES, ControlsConfig
from response.controls_options import MODES, Floats, Options, options
from response.controls_outcome import outcome
from response.controls_program import Program, Targets
from response.controls_solve import Solution, solve, wall_clock

MAX_DAYS: Final = 4
_ROUNDS: Final = 4  # of tightening, where members see different contributions


def plan(
    case: Case,
    *,
    fixed: Mapping[str, str | Mapping[int, str]] | None = None,
    near: Plan | None = None,
    gap: float | None = None,
    time_limit_s: float | None = None,
    quick: bool = False,
    clock: Callable[[], float] = wall_clock,
) -> Plan:
    """Make a plan.

    Args:
        case: What it is for.
        fixed: Orders given by hand: unit -> mode for all days, or {day number 1..: mode}.
        near: A former plan; every order that differs from it costs (config `near`).
        gap, time_limit_s: Instead of the settings'.
        quick: The relaxation rounded up, at once and without a gap: for loops of many plans.
        clock: Seconds, for the limit and the report.

    Raises:
        DataError: A register that cannot be planned with.
        ConfigError: A case or an order by hand that cannot be, all problems at once.
    """
    _check(case)
    choices = options(
        case.enterprises, case.units, case.measures, level=case.level, days=len(case.days),
        config=case.config, current_load=case.current_load,
    )  # fmt: skip
    by_member, effect = _effects(case, choices)
    chance = _chance(case)
    program = Program(
        options=choices,
        targets=_targets(case),
        config=case.config,
        effect=effect,
        prior_days=pd.Series(dtype=float) if case.season is None else case.season,
        budget_yuan=case.budget_yuan,
        day_weights=case.day_weights,
        chance=chance,
        changed=_changed(choices, near, fixed, case.config),
        upper=_fixed(choices, fixed or {}),
    )
    settings = case.config.solver
    begin = clock()
    limit = settings.time_limit_s if time_limit_s is None else time_limit_s
    for _ in range(_ROUNDS):
        found = solve(
            program, case.goal, gap=settings.gap if gap is None else gap,
            time_limit_s=max(limit - (clock() - begin), 0.05), clock=clock, quick=quick,
        )  # fmt: skip
        made = outcome(case, program, found, by_member)
        if chance is None or by_member is None or not found.feasible or _kept(made, case):
            break
        # Members see other contributions than their mean: ask for what each lacks in its own.
        program = replace(program, chance=_tightened(chance, program, found, by_member))
    return replace(made, seconds=clock() - begin)


def replan(
    case: Case, former: Plan, fixed: Mapping[str, str | Mapping[int, str]], **options_: Any
) -> Plan:
    """Change some orders by hand and settle the rest again, near to the former plan."""
    return plan(case, fixed=fixed, near=former, **options_)


def city_effects(daily: xr.Dataset, weights: Mapping[str, float]) -> xr.Dataset:
    """Contributions at receptors -> at the city: weighted mean over receptors.

    Args:
        daily: Variables AIR, dims (unit, receptor, day), a member dim where there is one.
        weights: By receptor, positive; they are made to sum to one.

    Raises:
        ConfigError: A receptor that is not there, or no weight.
    """
    have = {str(r) for r in daily["receptor"].values}
    problems = [Problem("receptor", r, f"one of {sorted(have)}") for r in weights if r not in have]
    if not weights or sum(weights.values()) <= 0:
        problems.append(Problem("weights of receptors", "none", "a positive weight"))
    if problems:
        raise ConfigError(problems)
    picked = daily[list(AIR)].sel(receptor=list(weights))
    w = xr.DataArray(list(weights.values()), dims="receptor", coords={"receptor": list(weights)})
    return (picked * (w / w.sum())).sum("receptor")


def _check(case: Case) -> None:
    problems = []
    if not 1 <= len(case.days) <= MAX_DAYS:
        problems.append(Problem("days", str(len(case.days)), f"1 .. {MAX_DAYS} days"))
    for s in SPECIES:
        if not 0 <= case.ratios.get(s, -1) <= 1:
            problems.append(Problem(f"ratio of {s}", str(case.ratios.get(s)), "0 .. 1"))
    if case.goal == "most_effect" and (case.budget_yuan is None or case.effects is None):
        problems.append(Problem("most_effect", "no budget or effects", "both"))
    given = (case.bottom_line, case.probability, case.members, case.standard, case.effects)
    if case.goal == "bottom_line" and any(v is None for v in given):
        expected = "bottom_line, probability, members, standard and effects"
        problems.append(Problem("bottom_line", "something not given", expected))
    w = case.day_weights
    if w is not None and not (np.shape(w) == (len(case.days),) and (w >= 0).all() and w.any()):
        expected = f"{len(case.days)} numbers, none below 0, one above"
        problems.append(Problem("day_weights", str(w), expected))
    if case.members is not None and case.members.shape[1] != len(case.days):
        problems.append(Problem("members", f"{case.members.shape[1]} days", f"{len(case.days)}"))
    if case.level not in case.config.other_measures.levels:
        problems.append(Problem("other_measures", f"no level {case.level}", "an entry"))
    if problems:
        raise ConfigError(problems)


def _targets(case: Case) -> Targets:
    config, days = case.config, len(case.days)
    registered = case.units[list(SPECIES)].sum()
    base = {
        s: config.base.absolute.get(s) or float(registered[s]) / config.base.industry_share[s]
        for s in SPECIES
    }
    base = {s: max(v, 1e-6) for s, v in base.items()}
    other = config.other_measures.levels[case.level]
    mean = config.ratios.over == "warning"
    return Targets(
        base={str(s): v for s, v in base.items()},
        ratio={s: 100 * case.ratios[s] for s in SPECIES},
        other={s: 100 * other[s] for s in SPECIES},
        periods=np.full((1, days), 1 / days) if mean else np.eye(days),
        floor=config.trading.floor_share if config.trading.allowed else 1.0,
    )


def _effects(case: Case, choices: Options) -> tuple[Floats | None, Floats | None]:
    """(member, unit, day, AIR) where members differ, and the mean (unit, day, AIR)."""
    if case.effects is None:
        return None, None
    named = case.effects[list(AIR)].reindex(unit=choices.units.index, fill_value=0.0).fillna(0.0)
    if named.sizes["day"] != len(case.days):
        expected = f"{len(case.days)}"
        raise ConfigError([Problem("effects", f"{named.sizes['day']} days", expected)])
    array = named.to_array("pollutant")
    if "member" not in array.dims:
        return None, array.transpose("unit", "day", "pollutant").to_numpy().astype(float)
    each = array.transpose("member", "unit", "day", "pollutant").to_numpy().astype(float)
    mean = each.mean(axis=0)
    if case.members is not None and len(each) != len(case.members):
        each = each[np.arange(len(case.members)) % len(each)]  # fewer weathers than members
    return each, mean


def _chance(case: Case) -> chances.Chance | None:
    if case.goal != "bottom_line" or case.members is None or case.standard is None:
        return None
    line, share = case.bottom_line or 0, case.probability or 0.0
    return chances.chance(case.members, case.standard, line=line, probability=share)


def _tightened(
    chance: chances.Chance, program: Program, found: Solution, by_member: Floats
) -> chances.Chance:
    """Need in terms of the mean contribution, by what each member gets from this plan."""
    off = 1 - program.options.mean_load[np.arange(len(found.chosen)), found.chosen]  # (unit, day)
    each = np.einsum("ud,mudp->mdp", off, by_member)
    mean = each.mean(axis=0)
    factor = np.where(each > 1e-9, mean / np.maximum(each, 1e-9), 1e3)
    return replace(chance, need=chance.need * np.clip(factor, 0.1, 1e3))


def _kept(made: Plan, case: Case) -> bool:
    return made.promised is not None and max(made.promised) <= (case.probability or 0.0) + 1e-9


def _fixed(choices: Options, fixed: Mapping[str, str | Mapping[int, str]]) -> np.ndarray:
    """What may be chosen once the orders by hand stand."""
    upper = choices.admitted.copy()
    names = np.array(MODES, dtype=object)[choices.schedules]
    problems = []
    for unit, order in fixed.items():
        if unit not in choices.units.index:
            problems.append(Problem(f"order by hand: {unit}", "unknown unit", "one of the list"))
            continue
        row = choices.units.index.get_loc(unit)
        wanted = (
            dict.fromkeys(range(1, names.shape[1] + 1), order) if isinstance(order, str) else order
        )
        fits = upper[row].copy()
        for day, mode in wanted.items():
            fits &= names[:, day - 1] == mode if 1 <= day <= names.shape[1] else False
        if not fits.any():
            have = sorted({"/".join(names[s]) for s in np.flatnonzero(upper[row])})
            problems.append(Problem(f"order by hand: {unit}", str(order), f"one of {have}"))
        upper[row] = fits
    if problems:
        raise ConfigError(problems)
    return upper


def _changed(
    choices: Options, near: Plan | None, fixed: Any, config: ControlsConfig
) -> Floats | None:
    """Yuan that differing from a former plan costs (unit, schedule)."""
    if near is None:
        return None
    former = near.modes.reindex(choices.units.index).to_numpy(dtype=object)
    names = np.array(MODES, dtype=object)[choices.schedules]
    days = (names[None] != former[:, None, :]).sum(axis=2).astype(float)
    days[pd.isna(former).any(axis=1)] = 0.0
    value = choices.units["value_yuan_d"].to_numpy(dtype=float)
    cost = config.near.change_share * days * np.maximum(value, value.mean())[:, None]
    cost[choices.units.index.isin(list(fixed or {}))] = 0.0
    return np.asarray(cost)
