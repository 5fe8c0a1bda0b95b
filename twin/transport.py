"""How the air of two layers moves: advection, entrainment, lid; mass is never made or lost.

Takes masses per ground area and winds, gives masses and what crossed each border. Knows nothing of
what the species are. Two layers lie over each cell: the mixed layer (depth h, the boundary-layer
height) and the residual layer (from h up to a fixed lid). What is carried is mass per area
(concentration x depth); the depth of air itself is carried along with it, so that a uniform
concentration stays uniform in any wind, and where the wind converges (at the foot of mountains)
air rises through h or the lid with what it holds.

Scheme: flux form, one direction after the other, van Leer's limiter (van Leer 1974, J. Comput.
Phys. 14, 361), sub-steps by the Courant number. Kernels are compiled by numba, one thread,
no fast-math: the same input gives the same bits.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_COURANT = 0.8


@dataclass(frozen=True)
class Winds:
    """Winds of one hour, m s-1, each (ny, nx): mixed layer (1) and residual layer (2)."""

    u1: Floats
    v1: Floats
    u2: Floats
    v2: Floats


@dataclass(frozen=True)
class Border:
    """What lies outside, per species, mass per volume: (species,) in the mixed layer, the residual
    layer and above the lid. closed=True: walls, nothing enters or leaves."""

    mixed: Floats
    residual: Floats
    above: Floats
    closed: bool = False


@dataclass(frozen=True)
class Moved:
    """Result of one transport step."""

    mass: Floats  # (layer 2, species, ny, nx), mass per area
    entered: Floats  # (species,) net mass that came in over borders and lid, per area x cells


def move(
    mass: Floats,
    depth: Floats,
    depth_next: Floats,
    winds: Winds,
    border: Border,
    *,
    lid_m: float,
    dx_m: float,
    dy_m: float,
    seconds: float,
) -> Moved:
    """Carry masses through one period of constant wind.

    Args:
        mass: (2, species, ny, nx) mass per area; layer 0 is the mixed layer.
        depth: Mixed-layer depth at the start (ny, nx), m, below `lid_m`.
        depth_next: The same at the end of the period.
        winds: Constant over the period.
        border: Concentrations outside.
        lid_m: Top of the residual layer above ground, m.
        dx_m: Cell size to the east, m.
        dy_m: Cell size to the north, m.
        seconds: Length of the period.

    Returns:
        New masses, and per species the net mass (per area, summed over cells) that entered:
        sum(new) - sum(old) = entered, to rounding.
    """
    fastest = max(
        float(np.abs(w).max()) / size
        for w, size in (
            (winds.u1, dx_m), (winds.u2, dx_m), (winds.v1, dy_m), (winds.v2, dy_m),
        )
    )  # fmt: skip
    steps = max(1, int(np.ceil(fastest * seconds / _COURANT)))
    dt = seconds / steps
    species = mass.shape[1]
    new = mass.copy()
    entered = np.zeros(species)
    h = depth.copy()
    for step in range(steps):
        goal = depth + (depth_next - depth) * ((step + 1) / steps)
        air = np.stack([h, lid_m - h])
        first_x = step % 2 == 0  # alternating the order keeps the splitting second order
        for axis_x in (first_x, not first_x):
            ratio = dt / (dx_m if axis_x else dy_m)
            for layer, along in enumerate(((winds.u1, winds.v1), (winds.u2, winds.v2))):
                outside = border.mixed if layer == 0 else border.residual
                lines = (new[layer], air[layer], along[0])
                if not axis_x:  # views: the kernel moves along the last axis
                    lines = (new[layer].transpose(0, 2, 1), air[layer].T, along[1].T)
                _advect(*lines, outside, ratio, border.closed, entered)
        _exchange(new, air, goal, lid_m, border.above, border.closed, entered)
        h = goal
    return Moved(new, entered)


@njit(cache=True)
def _advect(  # type: ignore[no-untyped-def]  # compiled: types are those of the caller
    mass, air, wind, outside, ratio, closed, entered
):
    """Move mass (species, line, n) and air depth (line, n) along the last axis, in place."""
    species, lines, n = mass.shape
    flow = np.empty(n + 1)  # depth of air through each face, per area of a cell
    faces = np.empty(n + 1)
    for line in range(lines):
        a = air[line].copy()
        for i in range(n + 1):
            left = max(i - 1, 0)
            right = min(i, n - 1)
            courant = 0.5 * (wind[line, left] + wind[line, right]) * ratio
            flow[i] = courant * (a[left] if courant > 0 else a[right])
        if closed:
            flow[0] = flow[n] = 0.0
        for s in range(species):
            m = mass[s, line].copy()
            for i in range(n + 1):
                faces[i] = _face(m, a, flow[i], i, n, outside[s])
            mass[s, line] = m + faces[:-1] - faces[1:]
            entered[s] += faces[0] - faces[n]
        air[line] = a + flow[:-1] - flow[1:]


@njit(cache=True)
def _face(m, a, flow, i, n, outside):  # type: ignore[no-untyped-def]  # compiled
    """Mass through face i: the concentration of the upwind cell, limited slope, times the air."""
    if flow == 0.0:
        return 0.0
    up = i - 1 if flow > 0 else i
    if up < 0 or up >= n:
        return flow * outside
    c = m[up] / a[up]
    back, ahead = (up - 1, up + 1) if flow > 0 else (up + 1, up - 1)
    if 0 <= back < n and 0 <= ahead < n:
        low = c - m[back] / a[back]
        high = m[ahead] / a[ahead] - c
        if low * high > 0.0:
            slope = 2.0 * low * high / (low + high)
            c += 0.5 * slope * (1.0 - abs(flow) / a[up])
    return flow * c


@njit(cache=True)
def _exchange(mass, air, goal, lid, above, closed, entered):  # type: ignore[no-untyped-def]
    """Bring the layers back to their depths: air crosses h and the lid with what it holds."""
    _, species, ny, nx = mass.shape
    for y in range(ny):
        for x in range(nx):
            rise = air[0, y, x] - goal[y, x]  # > 0: the mixed layer gives air to the residual layer
            over = air[0, y, x] + air[1, y, x] - lid  # > 0: the column gives air through the lid
            middle = air[1, y, x] + rise
            for s in range(species):
                if rise > 0:
                    up = mass[0, s, y, x] * (rise / air[0, y, x])
                else:
                    up = mass[1, s, y, x] * (rise / air[1, y, x])
                mass[0, s, y, x] -= up
                mass[1, s, y, x] += up
                if not closed:
                    out = mass[1, s, y, x] * (over / middle) if over > 0 else over * above[s]
                    mass[1, s, y, x] -= out
                    entered[s] -= out
