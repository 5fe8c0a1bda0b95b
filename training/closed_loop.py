"""A winter of the simulated city under policies that see only what they could know.

    none     no measures
    flat     a deterministic forecast proposes; every listed unit does what its level asks
    lantian  50 members propose; the least-cost plan within a budget; staggered resumption
    oracle   the same with the future instead of the forecast: true weather, the air of `none`

Each day at 16:00 a policy decides the next day's load of every unit, by hour
(closed_loop_decisions.py); the city then runs. Everybody obeys, trucks and dust stay as they are,
what a warning asks of the public is left out: the same for all. Progress is kept by seed and
policy, so that a run that ends goes on where it was.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast import aqi, standards, validity
from training.closed_loop_city import DAY, ISSUE_HOUR, Winter
from training.closed_loop_decisions import POLICIES, Policy, Settings, course, decide
from training.closed_loop_forecast import Fitted, fit
from training.closed_loop_store import Run, read_model, read_run, write_model, write_run

Floats = NDArray[np.float64]
LEAD_IN: Final = 5  # days before the first that counts: the air a forecast begins with
TAIL: Final = 4  # days that only `none` runs on: the oracle's future
TRAIN_DAYS: Final = 80  # of the winter before, from the same local date


def simulate(
    seed: int,
    first: pd.Timestamp,
    days: int,
    *,
    cache: Path,
    settings: Settings = Settings(),  # noqa: B008 -- frozen
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

    Raises:
        DataError: A file of the folder is no progress of a loop.
    """
    winter = Winter(seed, first - LEAD_IN * DAY, LEAD_IN + days + TAIL)
    model = _fitted(seed, winter, cache, say)
    done: dict[Policy, Run] = {}
    for policy in dict.fromkeys(("none", *policies)):
        length = LEAD_IN + days + (TAIL if policy == "none" else 0)
        path = cache / f"{seed}-{first:%Y%m%d}-{policy}.npz"
        run = read_run(path) or _begin(winter)
        city = winter.city()
        while run.day < length:
            city.restore(run.state)
            run = _one_day(winter, city, policy, run, model, done.get("none"), settings)
            if run.day % 5 == 0 or run.day == length:
                write_run(path, run)
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
    path = cache / f"{seed}-{winter.first:%Y%m%d}-model.npz"
    if (kept := read_model(path)) is not None:
        return kept
    say(f"seed {seed}: the winter before, {TRAIN_DAYS} days, to learn from")
    before = Winter(seed, winter.first - pd.DateOffset(years=1), TRAIN_DAYS)
    city = before.city()
    hours = 24 * TRAIN_DAYS
    air = np.stack([city.step().stations[before.counted].mean(axis=0) for _ in range(hours)])
    times = before.begin + pd.to_timedelta(np.arange(1, hours + 1), unit="h")
    issues = pd.DatetimeIndex([before.issue(d) for d in range(2, TRAIN_DAYS - 4)])
    made = fit(air, times, issues, before.forecast_weather)
    write_model(path, made)
    return made


def _begin(winter: Winter) -> Run:
    return Run(0, winter.city().snapshot(), np.ones(len(winter.register.units)))


def _one_day(
    winter: Winter, city: Any, policy: Policy, run: Run, model: Fitted, truth: Run | None,
    settings: Settings,
) -> Run:  # fmt: skip
    """The day's hours under its orders, with the decision for the next day at 16:00."""
    target = run.orders[0] if run.orders else np.ones((len(run.load), 24))
    loads = course(winter.register.units, run.load, target)
    air: list[Floats] = []
    after = replace(run, day=run.day + 1, orders=run.orders[1:])
    for hour in range(24):
        if hour == ISSUE_HOUR and policy != "none":
            past = np.concatenate([*run.air, np.stack(air)])
            act = run.day >= LEAD_IN - 1
            after = decide(
                winter, policy, after, past, loads, model, truth, settings, act=act
            )  # fmt: skip
        air.append(city.step(unit_scale=loads[:, hour]).stations[winter.counted].mean(axis=0))
    stood = np.column_stack([run.load, loads])
    restarts = int(((stood[:, :-1] <= 0) & (stood[:, 1:] > 0)).sum())
    return replace(
        after, state=city.snapshot(), load=loads[:, -1], air=[*run.air, np.stack(air)],
        loads=[*run.loads, loads.mean(axis=1)], stops=[*run.stops, restarts],
        levels=[*run.levels, run.level or ""],
    )  # fmt: skip
