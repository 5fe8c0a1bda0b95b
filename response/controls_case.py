"""What a control plan is made for and what it is: Case, Plan, Shortfall. No logic."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import xarray as xr

from forecast.standards import Standard
from response.controls_config import ControlsConfig
from response.controls_options import Floats
from response.controls_solve import Goal, Status
from response.rules import Level, Words


@dataclass(frozen=True)
class Case:
    """What a plan is made for.

    Attributes:
        enterprises, units, measures: The register (columns: controls_options).
        level: The warning's level.
        days: Dates of the warning's days, 1 .. 4.
        ratios: City-wide reduction the level asks for, share 0..1 by species.
        config: Settings.
        effects: ug m-3 each unit adds to the city's day at full load, variables AIR, dims
            (unit, day) or (member, unit, day); units it does not name add nothing. None: unknown.
        members: (member, day, POLLUTANTS), the city's days; only for the bottom line.
        standard: Edition of the index for these days; only for the bottom line.
        goal: least_loss, most_effect or bottom_line.
        budget_yuan: Largest loss; needed for most_effect.
        day_weights: What a microgram is worth on each day, for most_effect; None: the same.
        bottom_line: Daily AQI not to be exceeded; probability: accepted share of members.
        season: Lost output so far by enterprise, in days of its normal output.
        current_load: Load of units already reduced, by unit.
    """

    enterprises: pd.DataFrame
    units: pd.DataFrame
    measures: pd.DataFrame
    level: Level
    days: tuple[pd.Timestamp, ...]
    ratios: Mapping[str, float]
    config: ControlsConfig
    effects: xr.Dataset | None = None
    members: Floats | None = None
    standard: Standard | None = None
    goal: Goal = "least_loss"
    budget_yuan: float | None = None
    day_weights: Floats | None = None
    bottom_line: int | None = None
    probability: float | None = None
    season: pd.Series | None = None
    current_load: Mapping[str, float] | None = None


@dataclass(frozen=True)
class Shortfall:
    """One target that is missed, by how much, in words."""

    target: str  # ratio_<species>, trade, bottom_line, budget, fairness
    day: pd.Timestamp | None
    required: float
    reached: float
    units: str
    text: Words


@dataclass(frozen=True)
class Plan:
    """A control plan.

    Attributes:
        orders: One row per unit and day: enterprise, enterprise_name, unit, unit_name, day,
            mode, action, load (target, 0..1), mean_load (reached, by the hours to stop and
            restart), trucks_after [1/d],
            cut_so2 cut_nox cut_pm cut_voc [kg/d], loss_yuan, effect_pm25 [ug m-3], reason_zh,
            reason_en, source, assumption.
        totals: One row per day and species: base, units and other [kg/d], reached and required
            [% of the base], met.
        effect: ug m-3 saved at the city's receptors, (day, AIR); None where not known.
        promised, without: Share of members above the bottom line per day, with and without the
            plan, by the index of the reduced members; None without bottom line.
        feasible: Every target is met; otherwise `shortfalls` says what is missed and `conflicts`
            what cannot hold together.
        gap: Relative gap of the solver's bound; None where there is none (status fallback).
        modes: Index unit, one column per day number: the mode's name; `replan` starts from it.
    """

    level: Level
    goal: Goal
    days: tuple[pd.Timestamp, ...]
    orders: pd.DataFrame
    totals: pd.DataFrame
    effect: pd.DataFrame | None
    loss_yuan: float
    promised: tuple[float, ...] | None
    without: tuple[float, ...] | None
    status: Status
    gap: float | None
    seconds: float
    feasible: bool
    minor_used: bool
    shortfalls: tuple[Shortfall, ...]
    conflicts: tuple[str, ...]
    conflict_text: Words | None
    assumptions: tuple[tuple[str, str], ...]
    modes: pd.DataFrame
