"""An officer's forecast in consultation -> the warning it calls for, at once.

A day is an AQI range and its primary pollutants; the machine's day stays beside it. Which end of
a range counts is the edition's (response.ranges).
"""

import datetime as dt
import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from forecast.problems import DataError, Problem
from forecast.schema import POLLUTANTS
from response.ranges import RangeLevel, level_of_ranges
from response.rules import Rules

LONGEST: Final = 10  # days


@dataclass(frozen=True)
class Day:
    """One natural day, local."""

    date: dt.date
    low: int  # AQI
    high: int
    primary: tuple[str, ...] = ()  # none where the index is 50 or less


def calls_for(days: Sequence[Day], rules: Rules) -> RangeLevel:
    """The level of an officer's days.

    Raises:
        DataError: Days are missing or too many, not adjoining, a range is impossible, or a
            pollutant unknown; all at once.
    """
    problems = []
    if not 1 <= len(days) <= LONGEST:
        problems.append(Problem("days", str(len(days)), f"1 to {LONGEST}"))
    for before, day in itertools.pairwise(days):
        if day.date - before.date != dt.timedelta(days=1):
            expected = str(before.date + dt.timedelta(days=1))
            problems.append(Problem(f"day after {before.date}", str(day.date), expected))
    for day in days:
        unknown = [p for p in day.primary if p not in POLLUTANTS]
        if unknown or len(set(day.primary)) != len(day.primary):
            expected = f"each once of {', '.join(POLLUTANTS)}"
            problems.append(Problem(f"{day.date}: primary", "+".join(day.primary), expected))
        if not 0 <= day.low <= day.high <= 500:
            found = f"{day.low} .. {day.high}"
            problems.append(Problem(f"{day.date}: range", found, "0 <= low <= high <= 500"))
        elif day.high > 50 and not day.primary:
            problems.append(Problem(f"{day.date}: primary", "none", "one above AQI 50"))
    if problems:
        raise DataError(problems)
    return level_of_ranges([(day.low, day.high) for day in days], rules)


def to_json(days: Sequence[Day]) -> list[dict[str, Any]]:
    """Days as the store keeps them."""
    return [{**asdict(d), "date": d.date.isoformat(), "primary": list(d.primary)} for d in days]


def from_json(found: Sequence[dict[str, Any]]) -> tuple[Day, ...]:
    """Days from `to_json`."""
    return tuple(
        Day(dt.date.fromisoformat(d["date"]), d["low"], d["high"], tuple(d["primary"]))
        for d in found
    )
