"""When and at which load a unit could go back to work, and what each choice means by day.

Times are hours from the first judged day's local midnight; a start before it is negative. While a
unit heats up its output rises in a line and it emits a factor of what its new load adds (an
assumption, configs/resumption). Knows nothing of limits.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from response.resumption_settings import Settings

Doubles = NDArray[np.float64]
DAY: Final = 24.0
_EPS: Final = 1e-9


@dataclass(frozen=True)
class Options:
    """Choices of one request, the best first: most output, then the earliest, then least load."""

    start: Doubles  # (option,), hours from the horizon's start
    load: Doubles  # (option,), share of full load
    output: Doubles  # (option,), days of full output gained within the horizon
    factor: Doubles  # (option, day), of the contribution at full load that is added

    def __len__(self) -> int:
        return len(self.start)


def slots(first: float, end: float, settings: Settings) -> Doubles:
    """Start times on the grid from `first` to before `end`."""
    step = float(settings.slot_hours)
    return np.arange(np.ceil(first / step - _EPS) * step, end - _EPS, step)


def loads(now: float, lowest: float, settings: Settings) -> Doubles:
    """Loads above the present one: the minimum, the full load and steps between."""
    steps = np.arange(lowest, 1.0 - _EPS, settings.load_step)
    found = np.append(steps, 1.0)
    return found[found > now + _EPS]


def of(
    row: "pd.Series",
    starts: Doubles,
    days: int,
    settings: Settings,
    *,
    until: int | None = None,
) -> Options:
    """Choices of a request.

    Args:
        row: wished [h from the horizon's start], load_now, min_load, ramp [h].
        starts: Start times that may be offered.
        days: Number of days.
        until: Day at which output stops being counted (the horizon if left out).
    """
    starts = starts[starts >= row["wished"] - _EPS]
    levels = loads(row["load_now"], row["min_load"], settings)
    start, load = (a.ravel() for a in np.meshgrid(starts, levels, indexing="ij"))
    end = DAY * (days if until is None else until)
    output = (load - row["load_now"]) * running(start, row["ramp"], end)
    order = np.lexsort((load, start, -output.round(9)))
    start, load, output = start[order], load[order], output[order]
    cold = row["load_now"] <= _EPS
    heat = settings.cold_factor if cold else settings.warm_factor
    shape = emitting(start, row["ramp"], days, heat)
    # A start late on the last judged day would be judged on some hours only, and what comes
    # after by nobody: that day is judged as if it ran throughout.
    last = (days if until is None else until) - 1
    shape[:, last] = np.maximum(shape[:, last], 1.0)
    return Options(start, load, output, shape * (load - row["load_now"])[:, None])


def running(start: Doubles, ramp: float, end: float) -> Doubles:
    """Days of output until `end` of a unit that reaches its load `ramp` hours after its start."""
    there = np.maximum(end - start, 0.0)
    rising = there**2 / (2 * ramp) if ramp > 0 else there
    return np.asarray(np.where(there < ramp, rising, there - ramp / 2) / DAY)


def emitting(start: Doubles, ramp: float, days: int, heat: float) -> Doubles:
    """Share of each day (option, day) that a unit emits, its heat-up counted `heat` times."""
    begin = np.arange(days) * DAY

    def overlap(a: Doubles, b: Doubles) -> Doubles:
        last, first = np.minimum(b[:, None], begin + DAY), np.maximum(a[:, None], begin)
        return np.asarray(np.maximum(last - first, 0.0) / DAY)

    hot = start + ramp
    return np.asarray(heat * overlap(start, hot) + overlap(hot, np.full_like(start, np.inf)))
