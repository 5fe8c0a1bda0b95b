"""How well a source at each place explains the increments, under the winds of their hours.

A source at a place would lift what lies downwind of it: a plume at the ground, widened by what is
not known of the wind. For every candidate the emission that fits the increments best (never below
zero) is found in closed form; the gain in chi-square over no source at all is its score. Hours are
taken one by one with their own wind, so a wind that turns cuts the cone from several sides.

Plume at the ground: C = q / (pi u sy sz) exp(-c^2 / (2 sy^2)), as in Seinfeld and Pandis (2016),
18.9; spread linear in distance with an added angle for the error of the wind.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ANGLE = 0.30  # radians, one sigma: error of an hour's wind at a place, and meander
REACH_M = 9000.0
NEAR_M = 400.0
LEAST_WIND = 0.7  # m/s


@dataclass(frozen=True)
class Rows:
    """Increments as rows, one per hour and place."""

    hour: NDArray[np.int64]  # number of the hour in `wind`
    place: NDArray[np.int64]  # number of the station (or mobile cell)
    x: Floats  # m
    y: Floats
    value: Floats
    sd: Floats


@dataclass(frozen=True)
class Scan:
    """Scores of candidates; the score is max(fit, 0)^2 / norm."""

    fit: Floats  # (candidate,), sum of K y / sd^2
    norm: Floats  # (candidate,), sum of K^2 / sd^2

    @property
    def gain(self) -> Floats:
        """Gain in chi-square (candidate,)."""
        return np.maximum(self.fit, 0) ** 2 / np.maximum(self.norm, 1e-12)

    @property
    def emission(self) -> Floats:
        """Best emission (candidate,), unit of the increments times m3 s-1; 1e9: kg/s in ug m-3."""
        return np.maximum(self.fit, 0) / np.maximum(self.norm, 1e-12)


def scan(
    rows: Rows, u: Floats, v: Floats, lid: Floats, x: Floats, y: Floats, height: Floats,
    *, clip: float = 4.0,
) -> Scan:  # fmt: skip
    """Score every candidate.

    Args:
        rows: Increments; NaN ones are left out.
        u: Wind towards east by hour and row: (row,), m/s.
        v: Wind towards north (row,).
        lid: Mixing height (row,), m.
        x: Candidates, m east.
        y: Candidates, m north.
        height: Effective height of each candidate, m (0: at the ground).
        clip: Increments count for at most so many of their errors: no single station decides.
    """
    good = np.isfinite(rows.value) & np.isfinite(rows.sd) & np.isfinite(u + v + lid)
    sd = rows.sd[good]
    value = np.clip(rows.value[good], -clip * sd, clip * sd)
    fit, norm = _scan(
        rows.x[good], rows.y[good], value, 1 / sd**2, u[good], v[good], lid[good],
        np.asarray(x, float), np.asarray(y, float), np.asarray(height, float),
    )  # fmt: skip
    return Scan(fit, norm)


def by_place(
    rows: Rows, u: Floats, v: Floats, lid: Floats, x: float, y: float, height: float = 0.0,
    *, clip: float = 4.0,
) -> tuple[NDArray[np.int64], Floats, Floats]:  # fmt: skip
    """Parts of one candidate's fit and norm by place: (places, fit, norm)."""
    good = np.isfinite(rows.value) & np.isfinite(rows.sd) & np.isfinite(u + v + lid)
    sd = rows.sd[good]
    value = np.clip(rows.value[good], -clip * sd, clip * sd)
    k = _kernels(rows.x[good] - x, rows.y[good] - y, u[good], v[good], lid[good], height)
    places, at = np.unique(rows.place[good], return_inverse=True)
    fit = np.asarray(np.bincount(at, k * value / sd**2, len(places)), dtype=float)
    norm = np.asarray(np.bincount(at, k**2 / sd**2, len(places)), dtype=float)
    return places, fit, norm


@njit(cache=True, fastmath=True)
def _kernel(dx: float, dy: float, u: float, v: float, lid: float, height: float) -> float:
    if dx * dx + dy * dy > REACH_M * REACH_M:
        return 0.0
    speed = np.sqrt(u * u + v * v)
    slow = max(speed, LEAST_WIND)
    if speed < 1e-3:
        return 0.0
    along = (dx * u + dy * v) / speed
    cross = (dy * u - dx * v) / speed
    away = along + NEAR_M
    if away <= 50.0:
        return 0.0
    # In weak wind the direction is hardly known.
    angle = ANGLE * max(1.0, 1.5 / slow)
    sy = np.sqrt((0.08 * away) ** 2 + (angle * away) ** 2 + 200.0**2)
    sz = min(15.0 + 0.03 * away, 0.8 * max(lid, 50.0))
    k = np.exp(-0.5 * (cross / sy) ** 2) / (np.pi * slow * sy * sz)
    if height > 0:
        k *= np.exp(-0.5 * (height / sz) ** 2)
    return float(k)


@njit(cache=True, nogil=True, fastmath=True)
def _scan(
    rx: Floats, ry: Floats, value: Floats, weight: Floats, u: Floats, v: Floats, lid: Floats,
    x: Floats, y: Floats, height: Floats,
) -> tuple[Floats, Floats]:  # fmt: skip
    fit, norm = np.zeros(len(x)), np.zeros(len(x))
    for s in range(len(x)):
        a, b = 0.0, 0.0
        for r in range(len(rx)):
            dx = rx[r] - x[s]
            if dx > REACH_M or dx < -REACH_M:
                continue
            k = _kernel(dx, ry[r] - y[s], u[r], v[r], lid[r], height[s])
            if k > 0:
                a += k * value[r] * weight[r]
                b += k * k * weight[r]
        fit[s] = a
        norm[s] = b
    return fit, norm


@njit(cache=True, fastmath=True)
def _kernels(dx: Floats, dy: Floats, u: Floats, v: Floats, lid: Floats, height: float) -> Floats:
    result = np.zeros(len(dx))
    for r in range(len(dx)):
        result[r] = _kernel(dx[r], dy[r], u[r], v[r], lid[r], height)
    return result
