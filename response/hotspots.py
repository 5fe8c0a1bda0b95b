"""Hotspots: unexpected local increments, when and where, and a ranked list of likely sources.

    found = find(rows, sky, grid, units, evidence=..., settings=...)

Takes increments of a window of hours (hotspots_increments.py), the wind at each of them, a grid of
places where an unregistered source could be, and the registered units; gives hotspots. A place
becomes one when a source there explains the increments far better than none, and still does when
the station that speaks loudest for it is left out. Its list holds registered units and
"unregistered source near X", with probabilities that add up to one with "something else".
Satellite fields and calls to 12369 shift the prior; they make no hotspot by themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.problems import DataError, Problem
from response.hotspots_scan import Rows, Scan, by_place, scan
from response.rules import Words

Floats = NDArray[np.float64]
Kind = Literal["registered", "unregistered", "other"]


@dataclass(frozen=True)
class Settings:
    """Numbers of the search; assumptions, tuned on one seed of the simulated city.

    Attributes:
        threshold: Least robust gain of a hotspot, in units of the window's own scatter of gains.
        temper: Gains are divided by this before they become probabilities: increments of
            neighbouring hours and stations are not independent.
        together_m: Candidates this close are one entry of the list.
        around_m: A list's candidates lie this close to the best one; other hotspots further off.
        most: Entries of a list.
        unregistered_prior: Prior of one grid cell relative to one registered unit.
        other: Probability kept for what is none of the candidates.
        report_m: Reach of a call to 12369; report_gain: how much one call there lifts the prior.
        satellite_gain: Log prior per standard deviation of the satellite's local anomaly.
    """

    threshold: float = 6.0
    temper: float = 3.0
    together_m: float = 1800.0
    around_m: float = 6000.0
    most: int = 5
    unregistered_prior: float = 0.05
    other: float = 0.1
    report_m: float = 1500.0
    report_gain: float = 1.0
    satellite_gain: float = 0.2


DEFAULT: Final = Settings()


@dataclass(frozen=True)
class Sky:
    """Wind (towards east and north, m/s) and mixing height (m) at each row of the increments."""

    u: Floats
    v: Floats
    lid: Floats


@dataclass(frozen=True)
class Evidence:
    """What else speaks for a place: calls (x, y in m) and a satellite's anomaly on the grid."""

    report_x: Floats
    report_y: Floats
    anomaly: Floats | None = None  # (candidate,), standard deviations; NaN: not seen


@dataclass(frozen=True)
class Source:
    """One entry of a list."""

    kind: Kind
    id: str  # of the unit; "" otherwise
    x: float  # m; NaN for other
    y: float
    probability: float
    kg_per_hour: float  # emission of the first pollutant that would explain it; NaN for other
    stations: tuple[int, ...]  # places whose increments speak for it, loudest first

    def words(self) -> Words:
        """What the entry says, with its probability in per cent."""
        share = f"{100 * self.probability:.0f}"
        if self.kind == "registered":
            return Words(zh=f"在册单元{self.id}（{share}%）", en=f"unit {self.id} ({share} %)")
        if self.kind == "other":
            return Words(zh=f"其他原因（{share}%）", en=f"something else ({share} %)")
        at = f"x={self.x / 1000:.1f} km, y={self.y / 1000:.1f} km"
        return Words(
            zh=f"未在册源，位于{at}附近（{share}%）",
            en=f"unregistered source near {at} ({share} %)",
        )


@dataclass(frozen=True)
class Hotspot:
    """Where, when and what likely makes it."""

    x: float
    y: float
    score: float
    first: pd.Timestamp  # hours (UTC) in which its stations stood out
    last: pd.Timestamp
    increment: float  # mean of the increments that speak for it, ug m-3
    sources: tuple[Source, ...]  # by probability, the last one `other`; they add up to one

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "x_m": round(self.x), "y_m": round(self.y), "score": round(self.score, 1),
            "first": self.first.isoformat(), "last": self.last.isoformat(),
            "increment": round(self.increment, 1),
            "sources": [
                {
                    "kind": s.kind, "unit": s.id or None,
                    "x_m": None if s.kind == "other" else round(s.x),
                    "y_m": None if s.kind == "other" else round(s.y),
                    "probability": round(s.probability, 4),
                    "kg_per_hour": None if s.kind == "other" else round(s.kg_per_hour, 2),
                }
                for s in self.sources
            ],
        }  # fmt: skip


@dataclass(frozen=True)
class Hotspots:
    """All of a window, the strongest first, and the map they were found on."""

    found: tuple[Hotspot, ...]
    x: Floats  # candidates of the grid
    y: Floats
    score: Floats  # (candidate,), in the unit of the threshold

    def table(self) -> pd.DataFrame:
        """One row per entry of every list."""
        rows = [
            {"hotspot": i + 1, "rank": k + 1, "kind": s.kind, "unit": s.id, "x": s.x, "y": s.y,
             "probability": s.probability, "kg_per_hour": s.kg_per_hour, "score": h.score,
             "first": h.first, "last": h.last, "increment": h.increment}
            for i, h in enumerate(self.found) for k, s in enumerate(h.sources)
        ]  # fmt: skip
        return pd.DataFrame(rows)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "unproven": "mostly false on the simulated city: docs/results/hotspots.md",
            "hotspots": [h.as_dict() for h in self.found],
        }


def find(
    rows: Sequence[Rows],
    sky: Sequence[Sky],
    times: pd.DatetimeIndex,
    grid: tuple[Floats, Floats],
    units: pd.DataFrame | None = None,
    *,
    evidence: Evidence | None = None,
    settings: Settings = DEFAULT,
) -> Hotspots:
    """Search a window of hours.

    Args:
        rows: Increments, one set per pollutant; `hour` counts in `times`.
        sky: Wind at those rows, one per set.
        times: Stamps of the window's hours, naive UTC.
        grid: Candidates' x and y, m, each (candidate,).
        units: Registered units: index unit; x, y, height_m (effective). None: none are known.
        evidence: Calls and satellite.
        settings: The search's.

    Raises:
        DataError: Sets that do not fit each other.
    """
    if len(rows) != len(sky) or not rows:
        raise DataError([Problem("hotspots: rows", f"{len(rows)} and {len(sky)} skies", "pairs")])
    gx, gy = (np.asarray(a, float) for a in grid)
    scans = [
        scan(r, s.u, s.v, s.lid, gx, gy, np.zeros(len(gx))) for r, s in zip(rows, sky, strict=True)
    ]
    gain = np.sum([s.gain for s in scans], axis=0)
    # How far gains scatter where nothing is: their own median, chi-square of one-sided fits.
    seen = np.any([s.norm > 0 for s in scans], axis=0)
    usual = _usual(scans, seen)
    score = np.where(seen, gain / usual, 0.0)
    prior = _prior(gx, gy, evidence, settings)
    registered = None
    if units is not None and len(units):
        registered = [
            scan(r, s.u, s.v, s.lid, *(units[c].to_numpy(float) for c in ("x", "y", "height_m")))
            for r, s in zip(rows, sky, strict=True)
        ]
    found: list[Hotspot] = []
    free = seen.copy()
    while free.any():
        best = int(np.where(free, score, -1).argmax())
        if score[best] < settings.threshold:
            break
        free &= np.hypot(gx - gx[best], gy - gy[best]) > settings.around_m
        robust = _without_loudest(rows, sky, gx[best], gy[best]) / usual
        if robust < 0.5 * settings.threshold:
            continue
        found.append(
            _hotspot(best, rows, sky, times, gx, gy, gain / usual, score, scans[0], prior, units,
                     registered, usual, settings)
        )  # fmt: skip
    return Hotspots(tuple(found), gx, gy, score)


def _usual(scans: Sequence[Scan], seen: NDArray[np.bool_]) -> float:
    """Mean squared standardised fit over the grid, robust: one per pollutant if errors were
    independent, more as they are not. Never below one."""
    total = 0.0
    for s in scans:
        z = s.fit[seen] / np.sqrt(np.maximum(s.norm[seen], 1e-12))
        total += (1.4826 * float(np.median(np.abs(z)))) ** 2 if z.size else 1.0
    return max(total / len(scans), 1.0)


def _prior(x: Floats, y: Floats, evidence: Evidence | None, settings: Settings) -> Floats:
    prior = np.full(len(x), settings.unregistered_prior)
    if evidence is None:
        return prior
    if len(evidence.report_x):
        gap = (x[:, None] - evidence.report_x) ** 2 + (y[:, None] - evidence.report_y) ** 2
        near = np.exp(-gap / (2 * settings.report_m**2)).sum(axis=1)
        prior = prior * (1 + settings.report_gain * near)
    if evidence.anomaly is not None:
        lift = np.clip(np.nan_to_num(evidence.anomaly), -3, 3)
        prior = prior * np.exp(settings.satellite_gain * lift)
    return np.asarray(prior)


def _without_loudest(rows: Sequence[Rows], sky: Sequence[Sky], x: float, y: float) -> float:
    """Gain of a place without the station that speaks loudest for it."""
    parts = [by_place(r, s.u, s.v, s.lid, x, y) for r, s in zip(rows, sky, strict=True)]
    places = np.unique(np.concatenate([p for p, _, _ in parts]))
    gains = []
    for gone in places:
        total = 0.0
        for place, fit, norm in parts:
            kept = place != gone
            total += max(fit[kept].sum(), 0.0) ** 2 / max(norm[kept].sum(), 1e-12)
        gains.append(total)
    return min(gains) if gains else 0.0


def _hotspot(
    best: int, rows: Sequence[Rows], sky: Sequence[Sky], times: pd.DatetimeIndex, x: Floats,
    y: Floats, gain: Floats, score: Floats, first_scan: Scan, prior: Floats,
    units: pd.DataFrame | None, registered: Sequence[Scan] | None, usual: float,
    settings: Settings,
) -> Hotspot:  # fmt: skip
    around = np.hypot(x - x[best], y - y[best]) <= settings.around_m
    log = np.where(around, gain / 2 / settings.temper + np.log(prior), -np.inf)
    top = log.max()
    weight = np.exp(log - top)
    unit_weight, near = np.zeros(0), np.zeros(0, np.int64)
    if units is not None and registered is not None:
        gap = np.hypot(units["x"].to_numpy() - x[best], units["y"].to_numpy() - y[best])
        near = np.flatnonzero(gap <= settings.around_m)
        unit_gain = np.sum([s.gain for s in registered], axis=0)[near] / usual
        unit_weight = np.exp(unit_gain / 2 / settings.temper - top)
    whole = (weight.sum() + unit_weight.sum()) / (1 - settings.other)
    entries: list[Source] = []
    left = weight.copy()
    while len(entries) < 3 * settings.most and left.max() > 1e-4 * weight.max():
        at = int(left.argmax())
        close = np.hypot(x - x[at], y - y[at]) <= settings.together_m
        mass = float(left[close].sum() / whole)
        left = np.where(close, 0.0, left)
        entries.append(
            Source("unregistered", "", float(x[at]), float(y[at]), mass,
                   float(first_scan.emission[at]) * 3.6e-6,
                   _speakers(rows[0], sky[0], x[at], y[at]))
        )  # fmt: skip
    if units is not None and registered is not None:
        for k, at in enumerate(near.tolist()):
            px, py = float(units["x"].iloc[at]), float(units["y"].iloc[at])
            entries.append(
                Source("registered", str(units.index[at]), px, py, float(unit_weight[k] / whole),
                       float(registered[0].emission[at]) * 3.6e-6, ())
            )  # fmt: skip
    entries.sort(key=lambda s: -s.probability)
    kept = entries[: settings.most]
    rest = 1 - sum(s.probability for s in kept)
    other = Source("other", "", np.nan, np.nan, rest, np.nan, ())
    r = rows[0]
    near_rows = np.isin(r.place, _speakers(r, sky[0], x[best], y[best]))
    loud = near_rows & (r.value > r.sd)
    hours = np.unique(r.hour[loud]) if loud.any() else np.unique(r.hour)
    size = float(np.mean(r.value[loud])) if loud.any() else float("nan")
    return Hotspot(
        float(x[best]), float(y[best]), float(score[best]), times[hours[0]], times[hours[-1]], size,
        (*kept, other),
    )  # fmt: skip


def _speakers(rows: Rows, sky: Sky, x: float, y: float) -> tuple[int, ...]:
    """Places whose increments speak for a source here, loudest first, at most five."""
    places, fit, _ = by_place(rows, sky.u, sky.v, sky.lid, x, y)
    order = np.argsort(-fit)[:5]
    return tuple(int(places[i]) for i in order if fit[i] > 0)
