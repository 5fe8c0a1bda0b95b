"""What a resumption plan is made of, and the check of what comes in.

Hours count from the first judged day's local midnight; a probability is a share of members.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.problems import ConfigError, DataError, Problem
from forecast.schema import POLLUTANTS
from response.promises import TOLERANCE
from response.resumption_settings import Limit

Doubles = NDArray[np.float64]
Outcome = Literal["start_now", "start_at", "partial", "wait"]
COLUMNS: Final = (
    "enterprise", "grade", "kind", "wished", "ramp_hours", "value_yuan_d", "min_load",
    "hours_to_restart", "load_now",
)  # fmt: skip


@dataclass(frozen=True)
class Base:
    """Members of the air with every requesting unit at its present load."""

    areas: tuple[str, ...]
    days: tuple[dt.date, ...]  # local, adjoining
    conc: Doubles  # (area, member, day, POLLUTANTS), complete
    forecast_days: int  # the first days rest on the forecast, the rest on climatology
    standard: str = "auto"


@dataclass(frozen=True)
class Cell:
    """One promise: a limit on one day, or on several where it allows some days."""

    limit: Limit
    days: tuple[int, ...]  # positions in Base.days


@dataclass(frozen=True)
class Promise:
    """A promise and what becomes of it, by forecast.aqi."""

    cell: Cell
    base: float  # share of members that break it before, and
    planned: float  # after all accepted starts
    provisional: bool  # rests on climatology

    @property
    def kept(self) -> bool:
        """True where the plan keeps the accepted probability."""
        return self.planned <= self.cell.limit.accepted + TOLERANCE


@dataclass(frozen=True)
class Risk:
    """A cell with the share of members that break it before and with a choice."""

    cell: Cell
    before: float
    after: float

    @property
    def added_pp(self) -> float:
        """Percentage points added."""
        return 100 * (self.after - self.before)


@dataclass(frozen=True)
class Decision:
    """What one request gets; hours count from the first judged day's local midnight."""

    unit: str
    order: int  # 1 is taken first
    outcome: Outcome
    start: float | None  # h
    load: float | None
    provisional: bool  # rests on climatology: to be confirmed
    output_days: float  # days of full output gained within its horizon
    exposure: float  # weighted ug m-3 at full load
    score: float  # value per exposure and grade
    risk: Risk  # where the choice (or, where refused, the one asked for) adds most
    hindered: Risk | None  # the promise that full load as wished would break
    full: bool  # the wished start was taken by as many units as may start together
    passing_load: float | None  # greatest load that would pass at the wished start
    headroom: float | None  # least distance of its promises to their limits, in the whole plan


@dataclass(frozen=True)
class Plan:
    """Decisions in their order, and the promises."""

    base: Base
    decisions: tuple[Decision, ...]
    promises: tuple[Promise, ...]
    conc: Doubles  # members with the accepted starts, dims of Base.conc
    first: float  # earliest start, h


def checked(base: Base, requests: pd.DataFrame, added: Doubles) -> Doubles:
    """Contributions in the plan's shape, ozone's negative ones at 0.

    Raises:
        ConfigError: Shapes or columns that do not fit.
        DataError: Everything that is wrong with the values, at once.
    """
    problems = []
    areas, members, days, _ = base.conc.shape
    expected = (len(requests), areas, "member or 1", days, len(POLLUTANTS))
    fits = added.ndim == 5 and added.shape[2] in (1, members)
    if not fits or (*added.shape[:2], *added.shape[3:]) != (*expected[:2], *expected[3:]):
        problems.append(Problem("contributions", f"shape {added.shape}", str(expected)))
    if not 1 <= base.forecast_days <= days or len(base.days) != days:
        found = f"{base.forecast_days} of {len(base.days)} days, members of {days}"
        problems.append(Problem("days", found, "days of the forecast first, as many as members"))
    if absent := [c for c in COLUMNS if c not in requests]:
        problems.append(Problem("requests", f"no columns {absent}", f"{list(COLUMNS)}"))
    if problems:
        raise ConfigError(problems)
    ozone = POLLUTANTS.index("o3")
    wrong = ~(np.delete(added, ozone, axis=-1) >= 0)
    for u in np.flatnonzero(wrong.any(axis=(1, 2, 3, 4)) | np.isnan(added).any(axis=(1, 2, 3, 4))):
        where = f"contributions of {requests.index[int(u)]}"
        problems.append(Problem(where, "missing or negative values", "0 or more"))
    for unit in requests.index[requests.index.duplicated()]:
        problems.append(Problem("requests", f"{unit} twice", "each unit once"))
    bounds = {"ramp_hours": (0, 8784), "hours_to_restart": (0, 8784), "value_yuan_d": (0, 1e12),
              "min_load": (0, 1), "load_now": (0, 0.999)}  # fmt: skip
    for name, (low, high) in bounds.items():
        bad = ~requests[name].astype(float).between(low, high)
        for unit in requests.index[bad]:
            found = f"{name} {requests.loc[unit, name]}"
            problems.append(Problem(f"request of {unit}", found, f"{low:g} .. {high:g}"))
    if problems:
        raise DataError(problems)
    return np.maximum(added, 0.0)
