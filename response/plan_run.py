"""The body of `lantian plan`: home and level -> a control plan for the days of the forecast.

Takes the home's register, its forecast and the newest weather that was available at the issue time;
gives a plan and leaves nothing unless asked to write. Without a usable weather forecast there are
no contributions: the plan then says so, and goals that need them are refused.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from forecast import areas, files, standards, stations
from forecast.config import CityConfig
from forecast.problems import ConfigError, Problem
from forecast.schema import CITY_AREA
from forecast.timing import BEIJING_OFFSET
from response import (
    contributions_home,
    controls,
    controls_config,
    controls_tables,
    plan_orders,
    register_home,
    resume_run,
)
from response import ratios as ratio_rules
from response.controls_case import Case, Plan
from response.controls_config import AIR
from response.controls_solve import Goal
from response.register import Register
from response.rules import LEVELS, Level, Words

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class PlanResult:
    """A plan with what it was made from."""

    issue_time: pd.Timestamp  # naive UTC
    plan: Plan
    notes: tuple[Words, ...]
    simulated: bool
    members: Doubles | None = None  # (member, day, POLLUTANTS), the city's days without the plan
    sites: pd.DataFrame | None = None  # index unit; longitude, latitude

    def as_dict(self) -> dict[str, Any]:
        """The machine-readable answer."""
        return {
            "issue_time": f"{self.issue_time:%Y-%m-%dT%H:%MZ}",
            "simulated": self.simulated,
            "notes": [{"zh": n.zh, "en": n.en} for n in self.notes],
            **controls_tables.as_dict(self.plan),
        }

    def lines(self) -> list[str]:
        """The answer in words, Chinese then English."""
        head = ["【模拟】以下为模拟城市的结果。", "[Simulated] A made-up city."]
        said = controls_tables.lines(self.plan)
        said += [f"  {text}" for n in self.notes for text in (n.zh, n.en)]
        return (head if self.simulated else []) + said


def run(
    config: CityConfig,
    *,
    home: Path,
    issue_time: pd.Timestamp | None = None,
    level: str | None = None,
    goal: Goal = "least_loss",
    budget_yuan: float | None = None,
    bottom_line: int | None = None,
    probability: float | None = None,
    fixed: Mapping[str, str | Mapping[int, str]] | None = None,
    season: pd.Series | None = None,
    time_limit_s: float | None = None,
) -> PlanResult:
    """Make a plan for D+1 .. D+3 of a forecast.

    Args:
        config: The city.
        home: LANTIAN_HOME, with a register and a forecast file.
        issue_time: Naive UTC; the newest forecast if left out.
        level: The warning's level; the one the run proposed if left out.
        goal, budget_yuan, bottom_line, probability, fixed, season: See controls_case.Case and
            controls.plan. A bottom line is also judged for the other goals, where it is given.
        time_limit_s: Instead of the settings'.

    Raises:
        ConfigError: No register, no forecast, no level, or a goal without what it needs.
        DataError: A file that is damaged.
    """
    path = forecast_path(home, issue_time)
    known = resume_run.members_of(path, issue_time=issue_time)
    register = register_home.current(home)
    days = tuple(known.first_day + pd.Timedelta(days=d) for d in range(known.daily.shape[2]))
    settings = controls_config.for_city(config.city.id)
    asked = ratio_rules.for_rules(config.rules)
    if not asked.trading.allowed:
        trading = settings.trading.model_copy(update={"allowed": False})
        settings = settings.model_copy(update={"trading": trading})
    chosen = _level(home, known.issue_time, level)
    effects, notes = city_contributions(config, home, register, known.issue_time)
    case = Case(
        enterprises=register.enterprises,
        units=register.units,
        measures=register.measures,
        level=chosen,
        days=days,
        ratios=asked.of(chosen),
        config=settings,
        effects=effects,
        members=known.daily[known.areas.index(CITY_AREA)],
        standard=standards.resolve(config.standard, days[0].date()),
        goal=goal,
        budget_yuan=budget_yuan,
        bottom_line=bottom_line,
        probability=probability,
        season=season,
    )
    plan = controls.plan(case, fixed=fixed, time_limit_s=time_limit_s)
    unsure = tuple(("ratios", w.en) for w in asked.assumptions)
    plan = replace(plan, assumptions=(*plan.assumptions, *unsure))
    simulated = bool(known.simulated or register.simulated or config.simulated)
    return PlanResult(
        known.issue_time, plan, (*notes, *asked.assumptions), simulated,
        known.daily[known.areas.index(CITY_AREA)], _sites(register),
    )  # fmt: skip


def city_contributions(
    config: CityConfig, home: Path, register: Register, issue_time: pd.Timestamp
) -> tuple[xr.Dataset | None, tuple[Words, ...]]:
    """What each unit adds to the city's days, (unit, day), and in words what that rests on.

    The city is the mean of its reference stations outside background sites. None where no weather
    forecast was available or it ends before D+3.
    """
    table = stations.load(config.stations)
    city = table[areas.points(table)]
    daily, remarks = contributions_home.receptor_contributions(
        config, home, register, issue_time, city
    )
    if daily is None:
        return None, remarks
    equal = dict.fromkeys(map(str, daily["receptor"].to_numpy()), 1.0)
    return controls.city_effects(daily[list(AIR)], equal), remarks


def write(
    result: PlanResult, out: Path, *, offset: pd.Timedelta = BEIJING_OFFSET
) -> tuple[Path, ...]:
    """Tables (CSV, Excel), JSON, the orders as `lantian resume` and `evaluate` take them, and
    pictures, in a folder."""
    from response import plan_plot

    orders = out / plan_orders.NAME
    files.write_text(orders, plan_orders.table(result.plan, offset=offset).to_csv(index=False))
    return (*controls_tables.write(result.plan, out), orders, plan_plot.write(result, out))


def _sites(register: Register) -> pd.DataFrame | None:
    if register.stacks.empty:
        return None
    return register.stacks.groupby("unit")[["longitude", "latitude"]].mean()


def forecast_path(home: Path, issue_time: pd.Timestamp | None) -> Path:
    """The forecast of an issue time (naive UTC), or the newest one.

    Raises:
        ConfigError: There is none.
    """
    folder = home / "forecasts"
    if issue_time is not None:
        path = folder / f"{issue_time:%Y%m%dT%H%MZ}.nc"
        if path.is_file():
            return path
    elif found := sorted(folder.glob("*.nc")):
        return found[-1]
    wanted = "lantian daily first" if issue_time is None else f"a run at {issue_time} (UTC)"
    raise ConfigError([Problem("forecast", f"none in {folder}", wanted)])


def _level(home: Path, issue_time: pd.Timestamp, level: str | None) -> Level:
    """The level asked for, or the one the run proposed."""
    if level is None:
        path = home / "runs" / f"{issue_time:%Y%m%dT%H%MZ}" / "proposal.json"
        if path.is_file():
            level = json.loads(path.read_text(encoding="utf-8"))["level"]
    for name in LEVELS:
        if name == level:
            return name
    found = "none proposed" if level is None else repr(level)
    raise ConfigError([Problem("level", found, "--level " + ", ".join(LEVELS[1:]))])
