"""A duty officer's AQI ranges per day -> the level they call for.

A forecast range counts by its upper bound (the edition's `ranges`); days adjoin as windows do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecast.problems import DataError, Problem
from response import episodes
from response.rules import Criterion, Level, Rules


@dataclass(frozen=True)
class RangeLevel:
    """What ranges call for; days count from 0."""

    level: Level | None
    first_day: int | None
    last_day: int | None
    criteria: tuple[Criterion, ...]  # those met


def level_of_ranges(ranges: Sequence[tuple[float, float] | None], rules: Rules) -> RangeLevel:
    """The level of AQI ranges (low, high) of consecutive natural days.

    Args:
        ranges: One range a day without a gap in dates; None where there is no forecast.
        rules: The edition.

    Raises:
        DataError: A range is upside down or outside 0 .. 500; all at once.
    """
    problems = [
        Problem(f"day {day + 1}", f"{pair[0]:g} .. {pair[1]:g}", "0 <= low <= high <= 500")
        for day, pair in enumerate(ranges)
        if pair is not None and not 0 <= pair[0] <= pair[1] <= 500
    ]
    if problems:
        raise DataError(problems)
    side = 1 if rules.ranges.bound == "upper" else 0
    daily = np.array([[np.nan if pair is None else pair[side] for pair in ranges]], dtype=float)
    if not ranges:
        return RangeLevel(None, None, None, ())
    met = episodes.evaluate(daily, rules, stride=1)
    rank = int(met.rank.max())
    if not rank:
        return RangeLevel(None, None, None, ())
    span = episodes.first_episode(met, rank)
    chosen = tuple(c for c, hours in zip(rules.criteria, met.hours, strict=True) if hours.any())
    return RangeLevel(rules.at(rank), int(span.first[0]), int(span.last[0]), chosen)
