"""The bottom line over members: how much each member lacks, and whether a plan kept its promise.

Takes members of the city's days, an AQI not to be exceeded and the accepted share of members.
Gives, per member, day and pollutant, the reduction [ug m-3] that brings the daily AQI down to the
line: exact, because the limit of each pollutant is found by the index itself (forecast.aqi),
rounding included. Afterwards the index of the reduced members says what the plan promises.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from forecast import aqi
from forecast.problems import ConfigError, Problem
from forecast.schema import POLLUTANTS
from forecast.standards import DAILY, Standard
from response.controls_config import AIR

Floats = NDArray[np.float64]
_MARGIN: Final = 1e-4  # ug m-3 below the limit, so that a solver's tolerance does not cross it
_TOP: Final = 2000.0  # above the last node of every column


@dataclass(frozen=True)
class Chance:
    """What the bottom line asks for.

    Attributes:
        need: (member, day, AIR) ug m-3 to be saved for this pollutant to keep the line; 0 = none.
        hopeless: (member, day), above the line by a pollutant no unit can act on, or no value.
        allowed: Members a day that may be above the line.
    """

    need: Floats
    hopeless: NDArray[np.bool_]
    allowed: int


def chance(members: Floats, standard: Standard, *, line: int, probability: float) -> Chance:
    """What members lack.

    Args:
        members: (member, day, POLLUTANTS), daily means and MDA8; a day with a gap in an item that
            leaves the index unknown counts as above the line.
        standard: The edition that holds for the days.
        line: Daily AQI not to be exceeded, 1 .. 499.
        probability: Accepted share of members above it, per day, 0 .. below 1.

    Raises:
        ConfigError: A line or a probability that cannot be.
    """
    problems = []
    if not 1 <= line <= 499:
        problems.append(Problem("bottom line", str(line), "an AQI of 1 .. 499"))
    if not 0 <= probability < 1:
        problems.append(Problem("probability", str(probability), "0 .. below 1"))
    if members.ndim != 3 or members.shape[2] != len(POLLUTANTS) or not len(members):
        expected = f"(member, day, {len(POLLUTANTS)})"
        problems.append(Problem("members", f"shape {members.shape}", expected))
    if problems:
        raise ConfigError(problems)
    limits = np.array([limit(p, line, standard) for p in POLLUTANTS])
    above = np.nan_to_num(members - limits, nan=0.0)
    beyond = aqi.daily(members, standard).aqi
    unknown = np.isnan(beyond) & ~(above > 0).any(axis=2)
    fixed = [i for i, p in enumerate(POLLUTANTS) if p not in AIR]
    steered = [POLLUTANTS.index(p) for p in AIR]
    missing = np.isnan(members[..., steered])
    lacking = above[..., steered] + _MARGIN
    need = np.where((above[..., steered] > 0) & ~missing, lacking, 0.0)
    hopeless = (above[..., fixed] > 0).any(axis=2) | unknown
    return Chance(need, hopeless, int(np.floor(probability * len(members) + 1e-9)))


def limit(pollutant: str, line: int, standard: Standard) -> float:
    """Highest concentration whose daily IAQI does not exceed the line, by bisection of the index.

    Infinite where the column never exceeds it.
    """
    column = DAILY[POLLUTANTS.index(pollutant)]

    def fits(value: float) -> bool:
        index = aqi.iaqi(np.array([value]), column, standard)[0]
        return bool(index <= line)  # NaN: another column's business, counts as above

    low, high = 0.0, _TOP
    if pollutant == "so2":
        high = 2 * _TOP
    if fits(high):
        return float("inf")
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def exceedance(
    members: Floats, saved: Floats | None, standard: Standard, *, line: int
) -> tuple[float, ...]:
    """Share of members above the line, per day; unknown days count as above.

    Args:
        members: (member, day, POLLUTANTS).
        saved: (day, AIR) or (member, day, AIR) ug m-3 taken off, not below zero; None = no plan.
        standard: The edition of the days.
        line: Daily AQI.
    """
    after: Any = np.array(members, dtype=np.float64)
    if saved is not None:
        for number, name in enumerate(AIR):
            p = POLLUTANTS.index(name)
            after[..., p] = np.maximum(after[..., p] - saved[..., number], 0.0)
    index = aqi.daily(after, standard).aqi
    return tuple(float(v) for v in (~(index <= line)).mean(axis=0))


def day_weights(
    members: Floats, standard: Standard, *, lines: Sequence[int], near_ug: float,
    least: float = 0.2,
) -> Floats:  # fmt: skip
    """What a microgram of PM2.5 is worth on each day: how many line crossings it avoids.

    The expected number of lines exceeded with PM2.5 `near_ug` higher, less that with it lower,
    per microgram; a day on which no line is in question still counts by `least`, because lungs
    have no line.

    Args:
        members: (member, day, POLLUTANTS).
        standard: The edition of the days.
        lines: Daily AQI values.
        near_ug: Half the window, ug m-3, above 0; members are few, so it smooths.
        least: Of the largest weight.

    Returns:
        (day,), the largest is 1; all 1 where no line is in question on any day.
    """
    p = POLLUTANTS.index("pm25")
    counts = []
    for sign in (1, -1):
        moved = np.array(members, dtype=np.float64)
        moved[..., p] = np.maximum(moved[..., p] + sign * near_ug, 0.0)
        index = aqi.daily(moved, standard).aqi
        counts.append(sum((~(index <= line)).mean(axis=0) for line in lines))
    gain = np.asarray(counts[0] - counts[1], dtype=np.float64)
    if not gain.max() > 0:
        return np.ones(members.shape[1])
    return np.asarray(np.maximum(gain / gain.max(), least), dtype=np.float64)
