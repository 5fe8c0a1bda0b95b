"""Orders as they are in force: unit, start, end, load; what follows from them at a moment.

    instructions.csv   unit, start, end, load     ISO times with their offset; load of normal 0..1

The same table that `lantian evaluate --orders` takes. A plan becomes orders for whole local days;
adjoining days at the same load become one. Who is curtailed at a moment is read from such a table:
the one an officer names, or the home's `orders.csv` (orders that hold), or else the newest plan
that a daily run proposed. The last was never signed, and that is said.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from forecast.problems import ConfigError, Problem
from response import evaluation_meters
from response.controls_case import Plan
from response.rules import Words

NAME: Final = "instructions.csv"
IN_FORCE: Final = "orders.csv"
_DAY: Final = pd.Timedelta(days=1)


@dataclass(frozen=True)
class InForce:
    """Load of the units curtailed at a moment, and in words where that stands."""

    loads: Mapping[str, float]
    note: Words


def table(plan: Plan, *, offset: pd.Timedelta) -> pd.DataFrame:
    """The plan's orders to reduce load, one row per unit and stretch at one load."""
    hours = offset / pd.Timedelta(hours=1)
    zone = f"{int(hours):+03d}:{round(abs(hours) % 1 * 60):02d}"
    rows: list[dict[str, object]] = []
    ordered = plan.orders[(plan.orders["mode"] != "normal") & (plan.orders["load"] < 1)]
    for unit, own in ordered.sort_values("day").groupby("unit", sort=True):
        last: dict[str, object] | None = None
        for day, load in zip(own["day"], own["load"], strict=True):
            start, end = (f"{d:%Y-%m-%dT%H:%M}{zone}" for d in (day, day + _DAY))
            if last is not None and last["end"] == start and last["load"] == load:
                last["end"] = end
                continue
            last = {"unit": unit, "start": start, "end": end, "load": float(load)}
            rows.append(last)
    return pd.DataFrame(rows, columns=["unit", "start", "end", "load"])


def in_force(
    home: Path, at: pd.Timestamp, *, offset: pd.Timedelta, orders: Path | None = None
) -> InForce:
    """Who is curtailed at a moment.

    Args:
        home: LANTIAN_HOME.
        at: Naive UTC.
        offset: Local time minus UTC, for times without one.
        orders: The table of orders; None: the home's, or the newest proposed plan before `at`.

    Raises:
        ConfigError: No table of orders anywhere, or one that cannot be read.
        DataError: Its content is wrong.
    """
    signed = home / IN_FORCE
    if orders is not None or signed.is_file():
        path = orders or signed
        note = Words(zh=f"现行命令：{path.name}", en=f"orders in force: {path.name}")
        return InForce(_loads(path, at, offset), note)
    for path in reversed(_proposed(home, at)):
        loads = _loads(path, at, offset)
        if loads:
            run = path.parent.parent.name
            return InForce(
                loads,
                Words(zh=f"未提供已签发命令，以{run}建议方案作为现行命令",
                      en=f"no signed orders given: the plan proposed by run {run} stands in"),
            )  # fmt: skip
    expected = f"--orders FILE, {signed}, or a daily run's plan that covers {at} (UTC)"
    raise ConfigError([Problem("orders in force", "none", expected)])


def _proposed(home: Path, at: pd.Timestamp) -> list[Path]:
    """Orders of plans that daily runs before a moment left, the oldest first."""
    found = sorted((home / "runs").glob(f"*/plan/{NAME}"))
    return [p for p in found if p.parent.parent.name <= f"{at:%Y%m%dT%H%MZ}"]


def _loads(path: Path, at: pd.Timestamp, offset: pd.Timedelta) -> dict[str, float]:
    """The lowest load ordered of each unit at a moment."""
    rows = evaluation_meters.orders(path, offset=offset)
    now = rows[(rows["start"] <= at) & (rows["end"] > at) & (rows["load"] < 1)]
    return {str(u): float(v) for u, v in now.groupby("unit")["load"].min().items()}
