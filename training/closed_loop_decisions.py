"""What a policy of the closed loop orders at 16:00, and what it believes of the next day.

Takes the winter, a run so far and the air up to now; gives the run with the next days' orders, what
the plan said of itself and the promise for the next day. Knows no page and keeps nothing.
"""

from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from forecast import aqi, standards, validity
from forecast.schema import POLLUTANTS
from response import (
    controls,
    controls_chance,
    controls_config,
    plume_calibration,
    plume_settings,
    ratios,
    resume_run,
    resumption,
    resumption_settings,
    rules,
    warning,
)
from response.controls_case import Case
from response.controls_config import SPECIES
from response.resumption_records import Base
from response.resumption_settings import BottomLine, Limit
from training.closed_loop_city import DAY, HOUR, ISSUE_HOUR, REACH, Winter
from training.closed_loop_forecast import Fitted
from training.closed_loop_store import Kind, Planned, Promise, Run

Floats = NDArray[np.float64]
Policy = Literal["none", "flat", "lantian", "oracle"]
POLICIES: Final[tuple[Policy, ...]] = ("none", "flat", "lantian", "oracle")
RULES: Final = "national-2024"
LINES: Final = (150, 200)  # the limits of configs/resumption/bottom-line.yaml
_PAST: Final = 96  # measured hours a running episode may reach back


@dataclass(frozen=True)
class Settings:
    """What the loop is run with; none of it is regulatory."""

    members: int = 50
    line: int = 200  # the daily AQI that resumption keeps ...
    accepted: float = 0.05  # ... with this probability of failing
    # Of what the flat list would lose over the same days. Red ratios are often out of reach; the
    # nearest plan then costs 62 % of the flat list whatever is budgeted (seen on seed 101).
    budget_share: float = 0.4
    near_ug: float | None = 10.0  # half the PM2.5 window in which a line is in question; None: off
    units_share: float = 0.85  # of registered emissions that the planned units cover


@dataclass(frozen=True)
class Future:
    """What a policy believes at an issue time.

    Attributes:
        hourly: (member, REACH, POLLUTANTS), as without measures.
        effects: Calibrated contributions of the considered units to the city's days (unit, day).
    """

    hourly: Floats
    effects: xr.Dataset | None

    @property
    def daily(self) -> Floats:
        """(member, day, POLLUTANTS) of D+1 .. D+3."""
        own = self.hourly[:, 24 - ISSUE_HOUR :]
        days = own.reshape(len(own), -1, 24, len(POLLUTANTS))
        return np.asarray(validity.day_values(days, axis=-2), dtype=float)


def course(units: pd.DataFrame, load: Floats, target: Floats) -> Floats:
    """Loads (unit, hour) on the way to their targets (unit, hour), by hours to stop and restart."""
    with np.errstate(divide="ignore"):
        down, up = (1 / units[c].to_numpy(float) for c in ("hours_to_stop", "hours_to_restart"))
    made = np.empty_like(target)
    for hour in range(target.shape[1]):
        aim = target[:, hour]
        load = np.where(load > aim, np.maximum(aim, load - down), np.minimum(aim, load + up))
        made[:, hour] = load
    return made


def decide(
    winter: Winter, policy: Policy, run: Run, past: Floats, today: Floats, model: Fitted,
    truth: Run | None, settings: Settings, *, act: bool,
) -> Run:  # fmt: skip
    """The next days' orders and the promise for the next day.

    Args:
        winter, policy, run, model, settings: The loop's; `run.day` is already the next day.
        past: The city's hours up to now (hour, POLLUTANTS).
        today: Loads of the day (unit, 24).
        truth: The run without measures, for the oracle.
        act: Orders may be given; else the day is only looked at.
    """
    issue = winter.issue(run.day - 1)
    future, sums = _future(winter, policy, issue, run, past, model, truth, settings)
    run = replace(run, sums=sums)
    if not act:
        return run
    made, kind = _orders(winter, policy, run, future, past, today[:, ISSUE_HOUR - 1], settings)
    if policy != "lantian":
        return made
    promises = _promises(winter, made, future, today[:, -1], kind)
    return replace(made, promises=[*made.promises, *promises])


def _orders(
    winter: Winter, policy: Policy, run: Run, future: Future, past: Floats, load: Floats,
    settings: Settings,
) -> tuple[Run, Kind]:  # fmt: skip
    issue = winter.issue(run.day - 1)
    level = _level(future.hourly, past, issue, run.level)
    if level is None and run.level is None and not (load < 1).any():
        return replace(run, orders=[]), "free"
    listed = _listed(winter, level)
    if policy == "flat":
        return replace(run, level=level, orders=[_all_day(listed)] * 3), "plan"
    if level is None:
        return _resumed(winter, run, future, load, settings), "resumption"
    if level == run.level and run.orders:
        return run, "plan"  # an order that holds is not changed from day to day
    loss = float(((1 - listed) * winter.register.units["value_yuan_d"].to_numpy()).sum()) * 3
    budget = settings.budget_share * loss
    return _planned(winter, run, level, future, load, budget, settings), "plan"


def _all_day(load: Floats) -> Floats:
    return np.repeat(load[:, None], 24, axis=1)


def _future(
    winter: Winter, policy: Policy, issue: pd.Timestamp, run: Run, past: Floats, model: Fitted,
    truth: Run | None, settings: Settings,
) -> tuple[Future, dict[str, dict[str, float]]]:  # fmt: skip
    """What is believed, and the modelled sums by date with the next days' among them."""
    if policy == "oracle" and truth is not None:
        rows = np.concatenate(truth.air[run.day - 1 : run.day + 3])
        weather = winter.true_weather(issue)
        hourly = rows[ISSUE_HOUR : ISSUE_HOUR + REACH][None]
    else:
        weather = winter.forecast_weather(issue)
        if policy == "flat":
            return Future(model.median(past, weather, issue), None), run.sums
        hourly = model.members(past, weather, issue, settings.members)
    middle = np.median(hourly, axis=0)
    times = issue + pd.to_timedelta(np.arange(1, REACH + 1), unit="h")
    gases = {n: ("time", middle[:, POLLUTANTS.index(n)]) for n in ("o3", "no2")}
    air = xr.Dataset(gases, {"time": times})
    daily = winter.effects(weather, issue, considered(winter, settings), air)
    dates = pd.DatetimeIndex(daily["date"].to_numpy())
    own = daily.sum("unit").to_dataframe()[list(plume_calibration.CALIBRATED)].set_axis(dates)
    known = pd.DataFrame.from_dict(run.sums, orient="index", dtype=float)
    known.index = pd.DatetimeIndex(known.index)
    earlier = known[known.index < dates[0]]
    level = pd.concat([earlier, own]) if len(earlier) else own
    made = plume_calibration.by_day(daily, level=level, settings=plume_settings.load())
    said = {str(k): float(v) for k, v in own.iloc[0].items()}
    return Future(hourly, made), {**run.sums, f"{dates[0]:%Y-%m-%d}": said}


def _level(hourly: Floats, past: Floats, issue: pd.Timestamp, now: str | None) -> str | None:
    """The level to be in force; a warning that begins later than D+2 waits for the next day."""
    before = np.broadcast_to(past[None, -_PAST:], (len(hourly), min(len(past), _PAST), 6))
    both = np.concatenate([before, hourly], axis=1)
    times = issue + pd.to_timedelta(np.arange(1 - before.shape[1], REACH + 1), unit="h")
    proposal = warning.propose(
        both, times, rules.load(RULES), thresholds={}, issue_time=issue, current_level=now
    )
    if proposal.level is None or proposal.start is None or now is not None:
        return proposal.level
    soon = issue + (24 - ISSUE_HOUR + 48) * HOUR
    return proposal.level if proposal.start.median <= soon else None


def _listed(winter: Winter, level: str | None) -> Floats:
    """Load of each unit when it does what the list asks at a level."""
    units = winter.register.units
    if level is None:
        return np.ones(len(units))
    rows = winter.register.measures
    own = rows[rows["level"] == level].set_index("unit")["load"]
    return np.asarray(own.reindex(units.index).fillna(1.0), dtype=np.float64)


def considered(winter: Winter, settings: Settings) -> pd.Index:
    """The largest units, until they emit the wanted share of what all registered units emit.

    Minor sources are left alone.
    """
    units = winter.register.units
    emitted = units[list(SPECIES)].astype(float)
    size = (emitted / emitted.sum()).mean(axis=1)
    kinds = units["enterprise"].map(winter.register.enterprises["kind"])
    size = size[kinds != "minor"].sort_values(ascending=False)
    kept: pd.Index = size.index[: int((size.cumsum() < settings.units_share).sum()) + 1]
    return kept


def _planned(
    winter: Winter, run: Run, level: str, future: Future, load: Floats, budget: float,
    settings: Settings,
) -> Run:  # fmt: skip
    """Orders of three days: the city's ratio, and the most effect that the budget buys."""
    units = winter.register.units
    some = considered(winter, settings)
    asked = ratios.for_rules(RULES)
    config = controls_config.load()
    registered = units[list(SPECIES)].sum()
    absolute = {s: float(registered[s]) / config.base.industry_share[s] for s in SPECIES}
    config = config.model_copy(
        update={
            "base": config.base.model_copy(update={"absolute": absolute}),
            "solver": config.solver.model_copy(update={"threads": 1}),
        }
    )
    listed = winter.register.measures
    days = tuple(_midnight(winter, run.day) + d * DAY for d in range(3))
    now = {str(u): float(v) for u, v in zip(units.index, load, strict=True) if v < 1 and u in some}
    weights = None
    if settings.near_ug is not None:
        standard = standards.resolve("auto", days[0].date())
        weights = controls_chance.day_weights(
            future.daily, standard, lines=LINES, near_ug=settings.near_ug
        )
    case = Case(
        enterprises=winter.register.enterprises,
        units=units.loc[some],
        measures=listed[listed["unit"].isin(some)],
        level=level,  # type: ignore[arg-type]
        days=days,
        ratios=asked.of(level),
        config=config,
        effects=future.effects,
        goal="most_effect",
        budget_yuan=budget,
        day_weights=weights,
        current_load=now,
    )
    plan = controls.plan(case, quick=True)
    wide = plan.orders.pivot(index="unit", columns="day", values="load")
    table = wide.reindex(units.index).fillna(1.0).to_numpy(float)
    missed = tuple(s.text.en for s in plan.shortfalls)
    said = Planned(run.day, level, plan.status, plan.gap, missed)
    orders = [_all_day(table[:, d]) for d in range(3)]
    return replace(run, level=level, orders=orders, plans=[*run.plans, said])


def _midnight(winter: Winter, day: int) -> pd.Timestamp:
    return winter.first + day * DAY


def _promises(winter: Winter, run: Run, future: Future, load: Floats, kind: Kind) -> list[Promise]:
    """P(AQI above each line) of the next day under its orders, counted on the members."""
    units = winter.register.units
    target = run.orders[0] if run.orders else np.ones((len(load), 24))
    cut = pd.Series(1 - course(units, load, target).mean(axis=1), units.index)
    conc = future.daily[:, :1].copy()
    if future.effects is not None:
        own = cut.reindex(future.effects["unit"].to_numpy()).to_numpy()
        for p, name in enumerate(POLLUTANTS):
            if name in future.effects:
                saved = own @ future.effects[name].transpose("unit", "day").to_numpy()[:, 0]
                conc[..., p] = np.maximum(conc[..., p] - saved, 0.0)
    standard = standards.resolve("auto", _midnight(winter, run.day).date())
    index = aqi.daily(conc[:, 0], standard).aqi
    return [Promise(run.day, line, kind, float((~(index <= line)).mean())) for line in LINES]


def _resumed(winter: Winter, run: Run, future: Future, load: Floats, settings: Settings) -> Run:
    """No warning any more: who may go back to work tomorrow under the bottom line."""
    units, firms = winter.register.units, winter.register.enterprises
    low = load < 1 - 1e-6
    index = units.index[low]
    if not len(index):
        return replace(run, level=None, orders=[])
    effects: Any = future.effects
    effects = effects.reindex(unit=index, fill_value=0.0)
    zero = np.zeros((len(index), 1, 1, 3, len(POLLUTANTS)))
    for p, name in enumerate(POLLUTANTS):
        if name in effects:
            zero[:, 0, 0, :, p] = effects[name].transpose("unit", "day").to_numpy()
    base = resume_run.base_without(future.daily[None], zero, 1 - load[low])
    first = _midnight(winter, run.day)
    dates = tuple((first + d * DAY).date() for d in range(3))
    table = pd.DataFrame(
        {
            "enterprise": units.loc[index, "enterprise"],
            "grade": units.loc[index, "enterprise"].map(firms["grade"]),
            "kind": units.loc[index, "enterprise"].map(firms["kind"]),
            "wished": 0.0, "ramp_hours": units.loc[index, "hours_to_restart"].astype(float),
            "value_yuan_d": units.loc[index, "value_yuan_d"].astype(float),
            "min_load": units.loc[index, "min_load"].astype(float),
            "hours_to_restart": units.loc[index, "hours_to_restart"].astype(float),
            "load_now": np.minimum(load[low], 0.999),
        },
        index=index,
    )  # fmt: skip
    line = BottomLine(limits=(Limit(above=settings.line, accepted=settings.accepted),))
    plan = resumption.make_plan(
        Base(("city",), dates, base, 3), table, zero, line, resumption_settings.load(), first=0.0
    )
    target = np.ones((len(units), 24))
    rows = units.index.get_indexer(index)
    target[rows] = load[low][:, None]
    for d in plan.decisions:
        if d.start is not None and d.start < 24 and d.load is not None:
            target[units.index.get_loc(d.unit), int(d.start) :] = d.load
    return replace(run, level=None, orders=[target])
