"""A winter of the simulated city under policies that see only what they could know.

    none     no measures
    flat     a deterministic forecast proposes; every listed unit does what its level asks
    lantian  50 members propose; the least-cost plan within a budget; staggered resumption
    oracle   the same with the future instead of the forecast: true weather, the air of `none`

Each day at 16:00 a policy decides the next day's load of every unit, by hour; the city then runs.
Everybody obeys, trucks and dust stay as they are, what a warning asks of the public is left out:
the same for all. Progress is kept by seed and policy, so that a run that ends goes on where it was.
"""

import pickle
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast import aqi, files, standards, validity
from forecast.schema import POLLUTANTS
from response import (
    controls,
    controls_config,
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
from training.closed_loop_forecast import Fitted, fit

Floats = NDArray[np.float64]
Policy = Literal["none", "flat", "lantian", "oracle"]
POLICIES: Final[tuple[Policy, ...]] = ("none", "flat", "lantian", "oracle")
RULES: Final = "national-2024"
LEAD_IN: Final = 5  # days before the first that counts: the air a forecast begins with
TAIL: Final = 4  # days that only `none` runs on: the oracle's future
TRAIN_DAYS: Final = 80  # of the winter before, from the same local date
_PAST: Final = 96  # measured hours a running episode may reach back


@dataclass(frozen=True)
class Settings:
    """What the loop is run with; none of it is regulatory."""

    members: int = 50
    line: int = 200  # the daily AQI that resumption keeps ...
    accepted: float = 0.05  # ... with this probability of failing
    budget_share: float = 0.5  # of what the flat list would lose over the same days
    units_share: float = 0.85  # of registered emissions that the planned units cover
    gap: float = 0.02
    time_limit_s: float = 20.0


@dataclass
class Run:
    """How far a policy came with a seed; everything that a later day needs."""

    day: int  # next day, 0 is the first of the winter
    state: Any  # twin.state.State
    load: Floats  # (unit,) at the end of the last hour
    level: str | None = None
    orders: list[Floats] = field(default_factory=list)  # target loads of the days ordered ahead
    air: list[Floats] = field(default_factory=list)  # (24, POLLUTANTS) by day
    loads: list[Floats] = field(default_factory=list)  # (unit,) mean of the day
    stops: list[int] = field(default_factory=list)  # units restarted by day
    levels: list[str] = field(default_factory=list)  # "" or the level the day was run under
    promises: list[tuple[int, float]] = field(default_factory=list)  # (day, P(breach) promised)


@dataclass(frozen=True)
class Future:
    """What a policy believes at an issue time."""

    hourly: Floats  # (member, REACH, POLLUTANTS), as without measures
    effects: Callable[[pd.Index], Any]  # contributions of units to the city's days


def simulate(
    seed: int,
    first: pd.Timestamp,
    days: int,
    *,
    cache: Path,
    settings: Settings = Settings(),
    policies: tuple[Policy, ...] = POLICIES,
    say: Callable[[str], None] = lambda _: None,
) -> dict[Policy, Run]:
    """Run all policies over one seed's winter, from where an earlier run ended.

    Args:
        seed: Of the city.
        first: First local day that counts.
        days: How many count.
        cache: Folder of what is done already.
        settings: The loop's.
        policies: Which; `none` is always run.
        say: Told of each day.
    """
    winter = Winter(seed, first - LEAD_IN * DAY, LEAD_IN + days + TAIL)
    model = _fitted(seed, winter, cache, say)
    done: dict[Policy, Run] = {}
    for policy in dict.fromkeys(("none", *policies)):
        length = LEAD_IN + days + (TAIL if policy == "none" else 0)
        path = cache / f"{seed}-{first:%Y%m%d}-{policy}.pickle"
        run = _loaded(path) or _begin(winter)
        city = winter.city()
        while run.day < length:
            city.restore(run.state)
            run = _one_day(winter, city, policy, run, model, done.get("none"), settings)
            if run.day % 5 == 0 or run.day == length:
                files.write_bytes(path, pickle.dumps(run))
                say(f"seed {seed}, {policy}: day {run.day} of {length}")
        done[policy] = run
    return done


def daily_index(air: Floats, first: pd.Timestamp) -> Floats:
    """Daily AQI (..., day) of hours (..., day, 24, POLLUTANTS) from a local day on."""
    values = validity.day_values(air, axis=-2)
    days = [
        aqi.daily(values[..., d, :], standards.resolve("auto", (first + d * DAY).date())).aqi
        for d in range(values.shape[-2])
    ]
    return np.stack(days, axis=-1)


def _fitted(seed: int, winter: Winter, cache: Path, say: Callable[[str], None]) -> Fitted:
    """The forecaster, fitted on the same city's winter of the year before, without measures."""
    path = cache / f"{seed}-{winter.first:%Y%m%d}-model.pickle"
    if path.is_file():
        kept: Fitted = pickle.loads(path.read_bytes())  # noqa: S301 -- our own file
        return kept
    say(f"seed {seed}: the winter before, {TRAIN_DAYS} days, to learn from")
    before = Winter(seed, winter.first - pd.DateOffset(years=1), TRAIN_DAYS)
    city = before.city()
    hours = 24 * TRAIN_DAYS
    air = np.stack([city.step().stations[before.counted].mean(axis=0) for _ in range(hours)])
    times = before.begin + pd.to_timedelta(np.arange(1, hours + 1), unit="h")
    issues = pd.DatetimeIndex([before.issue(d) for d in range(2, TRAIN_DAYS - 4)])
    made = fit(air, times, issues, before.forecast_weather)
    files.write_bytes(path, pickle.dumps(made))
    return made


def _loaded(path: Path) -> Run | None:
    return pickle.loads(path.read_bytes()) if path.is_file() else None  # noqa: S301 -- our own file


def _begin(winter: Winter) -> Run:
    return Run(0, winter.city().snapshot(), np.ones(len(winter.register.units)))


def _one_day(
    winter: Winter, city: Any, policy: Policy, run: Run, model: Fitted, truth: Run | None,
    settings: Settings,
) -> Run:  # fmt: skip
    """The day's hours under its orders, with the decision for the next day at 16:00."""
    target = run.orders[0] if run.orders else np.ones(len(run.load))
    target = target if target.ndim == 2 else np.repeat(target[:, None], 24, axis=1)
    units = winter.register.units
    with np.errstate(divide="ignore"):
        down, up = (1 / units[c].to_numpy(float) for c in ("hours_to_stop", "hours_to_restart"))
    air: list[Floats] = []
    load, loads = run.load, []
    after = replace(run, day=run.day + 1, orders=run.orders[1:])
    ordered = run.level or ""
    for hour in range(24):
        if hour == ISSUE_HOUR and run.day >= LEAD_IN - 1 and policy != "none":
            today = [*run.air, np.stack(air)]
            after = _decide(
                winter, policy, after, np.concatenate(today), load, model, truth, settings
            )
        load = np.where(
            load > target[:, hour],
            np.maximum(target[:, hour], load - down),
            np.minimum(target[:, hour], load + up),
        )
        air.append(city.step(unit_scale=load).stations[winter.counted].mean(axis=0))
        loads.append(load)
    stood = np.stack([run.load, *loads])
    restarts = int(((stood[:-1] <= 0) & (stood[1:] > 0)).sum())
    return replace(
        after, state=city.snapshot(), load=load, air=[*run.air, np.stack(air)],
        loads=[*run.loads, np.mean(loads, axis=0)], stops=[*run.stops, restarts],
        levels=[*run.levels, ordered],
    )  # fmt: skip


def _decide(
    winter: Winter, policy: Policy, run: Run, past: Floats, load: Floats, model: Fitted,
    truth: Run | None, settings: Settings,
) -> Run:  # fmt: skip
    """The next days' orders. `run.day` is already the next day."""
    issue = winter.issue(run.day - 1)
    future = _future(winter, policy, issue, run.day, past, model, truth, settings)
    level = _level(future.hourly, past, issue, run.level)
    if level is None and run.level is None and not (load < 1).any():
        return replace(run, orders=[])
    listed = _listed(winter, level)
    if policy == "flat":
        return replace(run, level=level, orders=[listed] * 3)
    if level is None:
        return _resumed(winter, run, future, load, issue, settings)
    if level == run.level and run.orders:
        return run  # an order that holds is not changed from day to day
    loss = float(((1 - listed) * winter.register.units["value_yuan_d"].to_numpy()).sum()) * 3
    return replace(
        run, level=level,
        orders=_planned(winter, level, future, load, issue, settings.budget_share * loss, settings),
    )  # fmt: skip


def _future(
    winter: Winter, policy: Policy, issue: pd.Timestamp, day: int, past: Floats, model: Fitted,
    truth: Run | None, settings: Settings,
) -> Future:  # fmt: skip
    if policy == "oracle" and truth is not None:
        rows = np.concatenate(truth.air[day - 1 : day + 3])[ISSUE_HOUR : ISSUE_HOUR + REACH]
        weather = winter.true_weather(issue)
        hourly = rows[None]
    else:
        weather = winter.forecast_weather(issue)
        hourly = (
            model.median(past, weather, issue) if policy == "flat"
            else model.members(past, weather, issue, settings.members)
        )  # fmt: skip
    return Future(hourly, lambda units: winter.effects(weather, issue, units))


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


def _considered(winter: Winter, settings: Settings) -> pd.Index:
    """The largest units, until they emit the wanted share of what all registered units emit."""
    emitted = winter.register.units[list(SPECIES)].astype(float)
    size = (emitted / emitted.sum()).mean(axis=1).sort_values(ascending=False)
    kept: pd.Index = size.index[: int((size.cumsum() < settings.units_share).sum()) + 1]
    return kept


def _planned(
    winter: Winter, level: str, future: Future, load: Floats, issue: pd.Timestamp, budget: float,
    settings: Settings,
) -> list[Floats]:  # fmt: skip
    """Orders of three days: the city's ratio, and the most effect that the budget buys."""
    units = winter.register.units
    some = _considered(winter, settings)
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
    first = (issue + (24 - ISSUE_HOUR + 8) * HOUR).normalize()
    now = {str(u): float(v) for u, v in zip(units.index, load, strict=True) if v < 1 and u in some}
    case = Case(
        enterprises=winter.register.enterprises,
        units=units.loc[some],
        measures=listed[listed["unit"].isin(some)],
        level=level,  # type: ignore[arg-type]
        days=tuple(first + d * DAY for d in range(3)),
        ratios=asked.of(level),
        config=config,
        effects=future.effects(some),
        goal="most_effect",
        budget_yuan=budget,
        current_load=now,
    )
    plan = controls.plan(case, gap=settings.gap, time_limit_s=settings.time_limit_s)
    wide = plan.orders.pivot(index="unit", columns="day", values="load")
    table = wide.reindex(units.index).fillna(1.0).to_numpy(float)
    return [table[:, d] for d in range(3)]


def _resumed(
    winter: Winter, run: Run, future: Future, load: Floats, issue: pd.Timestamp, settings: Settings
) -> Run:
    """No warning any more: who may go back to work tomorrow under the bottom line."""
    units, firms = winter.register.units, winter.register.enterprises
    low = load < 1 - 1e-6
    index = units.index[low]
    if not len(index):
        return replace(run, level=None, orders=[])
    effects = future.effects(index)
    zero = np.zeros((len(index), 1, 1, 3, len(POLLUTANTS)))
    for p, name in enumerate(POLLUTANTS):
        if name in effects:
            zero[:, 0, 0, :, p] = effects[name].transpose("unit", "day").to_numpy()
    days = future.hourly[:, 24 - ISSUE_HOUR :].reshape(len(future.hourly), 3, 24, len(POLLUTANTS))
    daily = np.asarray(validity.day_values(days, axis=-2)[None], dtype=float)
    base = resume_run.base_without(daily, zero, 1 - load[low])
    first = (issue + 8 * HOUR).normalize() + DAY
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
    promised = [p.planned for p in plan.promises if p.cell.days == (0,)]
    kept = [p.kept for p in plan.promises if p.cell.days == (0,)]
    said = [(run.day, promised[0])] if kept and kept[0] else []
    return replace(run, level=None, orders=[target], promises=[*run.promises, *said])
