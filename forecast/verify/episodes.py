"""Pollution episodes: which were forecast, and how many days too early or late they began,
peaked and ended.

An episode is a run of days with the daily index above a threshold; as few days at or below it (or
unknown) as the gap allows do not end it, as a warning is not lifted for them. For D+k the forecasts
of one hour of issue make a series of their own. A forecast episode belongs to an observed one when
they overlap or lie within the margin; of several the one with the longest overlap, then the
earliest. Positive errors are late. Resolution: days.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecast.verify import summary

Doubles = NDArray[np.float64]
_KINDS = ("onset", "peak", "end")


@dataclass(frozen=True)
class Episode:
    """A run of days above a threshold; positions are days of the series."""

    first: int
    last: int
    peak: int
    value: float  # highest index


def find(series: Doubles, threshold: float, *, gap: int) -> list[Episode]:
    """Episodes of a daily series; NaN is not above; at most `gap` days between are bridged."""
    above = np.flatnonzero(np.nan_to_num(series) > threshold)
    runs = np.split(above, np.flatnonzero(np.diff(above) > gap + 1) + 1) if above.size else []
    found = []
    for run in runs:
        peak = int(run[np.argmax(series[run])])
        found.append(Episode(int(run[0]), int(run[-1]), peak, float(series[peak])))
    return found


def operational_hour(hours: NDArray[np.int64], wanted: int) -> int:
    """The local hour of issue nearest to the wanted one (clock distance; ties: the later)."""
    have = np.unique(hours)
    apart = np.minimum((have - wanted) % 24, (wanted - have) % 24)
    return int(have[apart == apart.min()].max())


def compared(
    dates: NDArray[np.datetime64], observed: Doubles, forecast: Sequence[Doubles],
    threshold: float, *, margin: int, gap: int,
) -> dict[str, Any]:  # fmt: skip
    """Observed episodes beside those of each day ahead.

    Args:
        dates: (date,) consecutive local dates.
        observed: (date,) daily index, NaN = missing.
        forecast: One series (date,) per day ahead, NaN = not forecast.
        threshold: Days above it belong to an episode.
        gap: Days between that do not end an episode.
        margin: Days by which a forecast episode may miss the observed one and still be its own.

    Returns:
        events (one entry each, with D1..D3), and per day ahead n_events, found, missed,
        false_alarms, and of the found ones mean_abs and mean error [days] of onset, peak, end.
    """
    events = find(observed, threshold, gap=gap)
    out: dict[str, Any] = {"threshold": threshold, "events": [], "days": {}}
    rows = [_event(dates, e) for e in events]
    for d, series in enumerate(forecast):
        known = np.isfinite(series)
        runs = find(np.where(np.isfinite(observed), series, np.nan), threshold, gap=gap)
        errors: dict[str, list[int]] = {k: [] for k in _KINDS}
        used, counted = set(), 0
        for row, event in zip(rows, events, strict=True):
            if not known[event.first : event.last + 1].any():
                row[f"D{d + 1}"] = None  # no forecast was made for it
                continue
            counted += 1
            near = [r for r in runs if _near(r, event, margin)]
            used |= {r.first for r in near}
            row[f"D{d + 1}"] = _match(near, event, errors)
        out["days"][f"D{d + 1}"] = {
            "n_events": counted,
            "found": len(errors["onset"]),
            "missed": counted - len(errors["onset"]),
            "false_alarms": sum(r.first not in used for r in runs),
            **{
                f"{k}_{name}": summary.number(float(f(v))) if v else None
                for k, v in errors.items()
                for name, f in (("mean_abs", _mean_abs), ("mean", np.mean))
            },
        }
    out["events"] = rows
    return out


def series_by_day(
    dates: NDArray[np.datetime64], targets: NDArray[np.datetime64], values: Doubles
) -> Doubles:
    """Values (issue,) of target days put in their place of consecutive dates: (date,)."""
    out = np.full(len(dates), np.nan)
    rows = (targets - dates[0]).astype(int)
    inside = (rows >= 0) & (rows < len(dates))
    out[rows[inside]] = values[inside]
    return out


def _event(dates: NDArray[np.datetime64], event: Episode) -> dict[str, Any]:
    return {
        "first": str(dates[event.first]), "last": str(dates[event.last]),
        "days": event.last - event.first + 1,
        "peak": str(dates[event.peak]), "peak_aqi": summary.number(event.value),
    }  # fmt: skip


def _near(run: Episode, event: Episode, margin: int) -> bool:
    return run.first <= event.last + margin and run.last >= event.first - margin


def _match(near: list[Episode], event: Episode, errors: dict[str, list[int]]) -> dict[str, Any]:
    if not near:
        return {"found": False}
    best = max(near, key=lambda r: (min(r.last, event.last) - max(r.first, event.first), -r.first))
    found = {
        "onset": best.first - event.first,
        "peak": best.peak - event.peak,
        "end": best.last - event.last,
    }
    for kind in _KINDS:
        errors[kind].append(found[kind])
    return {"found": True, **found, "peak_aqi": summary.number(best.value)}


def _mean_abs(values: list[int]) -> float:
    return float(np.abs(values).mean())
