"""The body of `lantian resume`: forecast, register, requests and a bottom line -> a plan.

Takes files and datasets that other parts made (forecast file, contributions by unit and day) and
gives the plan with the year's budget beside it. The base of the plan is the forecast as it is:
with every requesting unit at its present load. Where the forecast was made as if no measure held,
the curtailed share must be taken out before (`base_without`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from forecast import areas as area_rules
from forecast import forecast_file, stations
from forecast.config import CityConfig
from forecast.problems import DataError, Problem
from forecast.schema import CITY_AREA, POLLUTANTS
from forecast.timing import to_local
from response import (
    budget,
    budget_config,
    budget_days,
    budget_words,
    resumption,
    resumption_climate,
    resumption_requests,
    resumption_words,
)
from response.budget import Budget
from response.register import Register
from response.resumption_records import Base, Plan
from response.resumption_settings import BottomLine, Limit, Settings
from response.rules import Words

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class ResumeResult:
    """A plan with the table of its requests and the year's budget."""

    issue_time: pd.Timestamp  # naive UTC
    plan: Plan
    requests: pd.DataFrame
    settings: Settings
    budget: Budget | None
    simulated: bool

    def table(self) -> pd.DataFrame:
        """One row per request, Chinese column names."""
        return resumption_words.table(self.plan, self.requests)

    def as_dict(self) -> dict[str, Any]:
        """The machine-readable answer."""
        return {
            "issue_time": f"{self.issue_time:%Y-%m-%dT%H:%MZ}",
            "simulated": self.simulated,
            **resumption_words.as_dict(self.plan),
            "budget": None if self.budget is None else budget.as_dict(self.budget),
        }

    def words(self) -> tuple[Words, ...]:
        """The answer in words."""
        out = list(resumption_words.words(self.plan, self.settings))
        if self.budget is not None:
            out += budget_words.words(self.budget)
        if self.simulated:
            out.insert(
                0, Words(zh="【模拟】以下为模拟城市的结果。", en="[Simulated] A made-up city.")
            )
        return tuple(out)


@dataclass(frozen=True)
class AreaMembers:
    """Daily members of a forecast file at one issue time."""

    issue_time: pd.Timestamp  # naive UTC
    areas: tuple[str, ...]
    daily: Doubles  # (area, member, day, POLLUTANTS)
    first_day: pd.Timestamp  # local date of D+1
    simulated: bool


def members_of(path: Path, *, issue_time: pd.Timestamp | None = None) -> AreaMembers:
    """Daily members of a forecast file; the last issue time if none is named.

    Raises:
        DataError: The file cannot be read, or does not hold the issue time.
    """
    header = forecast_file.attributes(path)
    group = forecast_file.read_areas(path)
    times = pd.DatetimeIndex(group["issue_time"].to_numpy())
    issue = times[-1] if issue_time is None else issue_time
    if issue not in times:
        found = f"issue times {times[0]} .. {times[-1]}"
        raise DataError([Problem(str(path), found, f"{issue} (UTC)")])
    names = [f"{p}_day" for p in POLLUTANTS]
    part = forecast_file.loaded(group[names].sel(issue_time=issue), path)
    arrays = [part[n].transpose("area", "member", "day").to_numpy() for n in names]
    offset = pd.Timedelta(hours=header.utc_offset_hours)
    local = to_local(issue, offset)
    # An issue at 00:00 closes the day before it: its D+1 is the day that begins.
    begins = local.normalize() + pd.Timedelta(days=0 if local == local.normalize() else 1)
    return AreaMembers(
        issue,
        tuple(str(a) for a in part["area"].to_numpy()),
        np.stack(arrays, axis=-1).astype(np.float64),
        begins,
        header.simulated,
    )


def request_table(
    requests: pd.DataFrame, register: Register, loads_now: Mapping[str, float], begins: pd.Timestamp
) -> pd.DataFrame:
    """Requests joined to the register, in the shape `resumption.make_plan` takes.

    Args:
        requests: Of resumption_requests.read: wished (naive UTC), ramp_hours, value_yuan_d.
        register: Units and enterprises.
        loads_now: Present load of the units now curtailed, 0..1.
        begins: Naive UTC of the first judged day's local midnight.

    Raises:
        DataError: Units the register does not know or that are not curtailed, all at once.
    """
    problems = [
        Problem(f"request of {u}", "no such unit", "a unit of the register")
        for u in requests.index.difference(register.units.index, sort=False)
    ]
    problems += [
        Problem(f"request of {u}", "a unit that is not curtailed", "one that is")
        for u in requests.index
        if u in register.units.index and loads_now.get(str(u), 1.0) >= 1
    ]
    if problems:
        raise DataError(problems)
    units = register.units.loc[requests.index]
    firms = register.enterprises.loc[units["enterprise"]].set_axis(units.index, axis=0)
    value = requests["value_yuan_d"].fillna(units["value_yuan_d"].astype(float))
    return pd.DataFrame(
        {
            "enterprise": units["enterprise"],
            "grade": firms["grade"],
            "kind": firms["kind"],
            "wished": (requests["wished"] - begins) / pd.Timedelta(hours=1),
            "ramp_hours": requests["ramp_hours"],
            "value_yuan_d": value,
            "min_load": units["min_load"].astype(float),
            "hours_to_restart": units["hours_to_restart"].astype(float),
            "load_now": [float(loads_now[str(u)]) for u in requests.index],
        },
        index=requests.index,
    )


def receptors_of(register: pd.DataFrame, areas: tuple[str, ...]) -> "pd.Series[str]":
    """Reference stations that make the areas' values: index = station, value = area."""
    table = register[area_rules.points(register)]
    own = table["area"].astype(str)
    return own[own.isin(areas)] if CITY_AREA not in areas else own


def base_without(daily: Doubles, added: Doubles, cut: Doubles) -> Doubles:
    """Members of a forecast that knows of no measures, less what curtailed units do not emit.

    Args:
        daily: (area, member, day, POLLUTANTS).
        added: (unit, area, member or 1, day, POLLUTANTS) at full load.
        cut: (unit,), share of full load that is not run.

    Returns:
        Dims of daily, not below 0.
    """
    less = np.einsum("u,uamdp->amdp", cut, np.maximum(added, 0.0))
    return np.asarray(np.maximum(daily - less, 0.0))


def year_budget(
    home: Path, config: CityConfig, members: AreaMembers, targets: budget_config.Targets
) -> Budget:
    """The year's budget from a home's observations up to the issue time and its members.

    Raises:
        DataError: No observations, or no past to draw from.
    """
    days = budget_days.from_home(home, config, until=members.issue_time)
    city = members.daily[members.areas.index(CITY_AREA)]
    return budget.assess(
        days, targets, budget_config.load_resampling(), members=city,
        members_from=members.first_day,
    )  # fmt: skip


def with_budget(line: BottomLine, spent: Budget | None, accepted: float) -> BottomLine:
    """A bottom line that also keeps the year's heavy days within what is left of them."""
    found = None if spent is None else [
        s for s in spent.standings if s.target.metric == "heavy_days"
    ]  # fmt: skip
    if not found or found[0].left is None:
        return line
    left = max(int(found[0].left), 0)
    more = Limit(metric="aqi", above=budget.HEAVY, accepted=accepted, days_allowed=left)
    return line.model_copy(update={"limits": (*line.limits, more)})


def run(
    members: AreaMembers,
    contributions: xr.Dataset,
    config: CityConfig,
    register: Register,
    requests: Path,
    loads_now: Mapping[str, float],
    bottom_line: BottomLine,
    settings: Settings,
    *,
    spent: Budget | None = None,
    past: tuple[Doubles, pd.Timestamp] | None = None,
    extra_days: int = 0,
    rng: np.random.Generator | None = None,
) -> ResumeResult:
    """Plan who may go back to work.

    Args:
        members: Daily members, every requesting unit at its present load.
        contributions: Daily, (unit, receptor, day) at full load, receptors = stations.
        config: Of the city.
        register: Enterprises and units.
        requests: The table of requests.
        loads_now: Present load of the units now curtailed.
        bottom_line: What the city promises.
        settings: How units restart.
        spent: The year's budget, shown with the plan.
        past: Days (day, area, POLLUTANTS) and their first local date, for days after D+3.
        extra_days: Climatological days after the forecast.
        rng: For those days.

    Raises:
        ConfigError, DataError: As the parts raise them.
    """
    begins = members.first_day - config.offset
    asked = resumption_requests.read(requests)
    table = request_table(asked, register, loads_now, begins)
    base: Base = resumption_climate.base_of(
        members.daily, members.areas, members.first_day, standard=config.standard,
        past=None if past is None else past[0], past_first=None if past is None else past[1],
        extra_days=extra_days, resampling=budget_config.load_resampling(), rng=rng,
    )  # fmt: skip
    at = receptors_of(stations.load(config.stations), members.areas)
    added = resumption_climate.contributions(
        contributions, [str(u) for u in table.index], at, members.areas, len(base.days)
    )
    since = (members.issue_time - begins) / pd.Timedelta(hours=1)
    plan = resumption.make_plan(
        base, table, added, bottom_line, settings, first=since + settings.notice_hours
    )
    simulated = members.simulated or bool(register.simulated) or config.simulated
    return ResumeResult(members.issue_time, plan, table, settings, spent, simulated)
