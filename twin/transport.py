"""How the air of two layers moves: advection, entrainment, lid; mass is never made or lost.

Takes masses per ground area and winds, gives masses and what crossed each border. Knows nothing of
what the species are. Two layers lie over each cell: the mixed layer (depth h, the boundary-layer
height) and the residual layer (from h up to a fixed lid). What is carried is mass per area
(concentration x depth); the depth of air itself is carried along with it, so that a uniform
concentration stays uniform in any wind, and where the wind converges (at the foot of mountains)
air rises through h or the lid with what it holds.

Scheme: flux form, one direction after the other, van Leer's limiter (van Leer 1974, J. Comput.
Phys. 14, 361), sub-steps by the Courant number. Kernels are compiled by numba, one thread,
no fast-math: the same input gives the same bits. Their inner loops run along x without branches,
which is what makes them fast.
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
    source: Floats | None = None,
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
        source: Emission (2, species, ny, nx), mass per area and second, added evenly over the
            period; None: nothing is emitted.

    Returns:
        New masses, and per species the net mass (per area, summed over cells) that entered:
        sum(new) - sum(old) = entered + emitted, to rounding.
    """
    fastest = max(
        float(np.abs(w).max()) / size
        for w, size in (
            (winds.u1, dx_m), (winds.u2, dx_m), (winds.v1, dy_m), (winds.v2, dy_m),
        )
    )  # fmt: skip
    steps = max(1, int(np.ceil(fastest * seconds / _COURANT)))
    dt = seconds / steps
    new = np.array(mass, dtype=np.float64, order="C")
    entered = np.zeros(mass.shape[1])
    u = np.stack([winds.u1, winds.u2]).astype(np.float64) * (dt / dx_m)
    v = np.stack([winds.v1, winds.v2]).astype(np.float64) * (dt / dy_m)
    outside = np.stack([border.mixed, border.residual, border.above]).astype(np.float64)
    added = np.zeros((2, 0, 1, 1)) if source is None else np.asarray(source, np.float64) * dt
    start, end = np.asarray(depth, np.float64), np.asarray(depth_next, np.float64)
    _run(new, start, end, u, v, outside, added, lid_m, steps, border.closed, entered)
    return Moved(new, entered)


@njit(cache=True, error_model="numpy")
def _run(  # type: ignore[no-untyped-def]  # compiled: types are those of the caller
    mass, depth, depth_next, u, v, outside, added, lid, steps, closed, entered
):
    """All sub-steps, in place; winds are Courant numbers, `added` is mass per sub-step."""
    ny, nx = depth.shape
    air = np.empty((2, ny, nx))
    h = depth.copy()
    goal = np.empty((ny, nx))
    for step in range(steps):
        part = (step + 1) / steps
        for y in range(ny):
            for x in range(nx):
                goal[y, x] = depth[y, x] + (depth_next[y, x] - depth[y, x]) * part
                air[0, y, x] = h[y, x]
                air[1, y, x] = lid - h[y, x]
        for s in range(added.shape[1]):
            mass[0, s] += added[0, s]
            mass[1, s] += added[1, s]
        for layer in range(2):  # alternating the order keeps the splitting second order
            if step % 2 == 0:
                _along_x(mass[layer], air[layer], u[layer], outside[layer], closed, entered)
                _along_y(mass[layer], air[layer], v[layer], outside[layer], closed, entered)
            else:
                _along_y(mass[layer], air[layer], v[layer], outside[layer], closed, entered)
                _along_x(mass[layer], air[layer], u[layer], outside[layer], closed, entered)
        _exchange(mass, air, goal, lid, outside[2], closed, entered)
        h[:] = goal


@njit(cache=True, error_model="numpy")
def _along_x(mass, air, wind, outside, closed, entered):  # type: ignore[no-untyped-def]
    """Move mass (species, ny, nx) and the depth of air (ny, nx) east and west, in place."""
    species, ny, nx = mass.shape
    flow = np.empty(nx + 1)  # depth of air through each face, per area of a cell
    weight = np.empty(nx + 1)  # of the slope: half of what the flow leaves of the upwind cell
    faces = np.empty(nx + 1)
    inverse = np.empty(nx)
    c = np.empty(nx + 4)  # concentrations between two cells of the outside on each side
    for y in range(ny):
        for i in range(nx + 1):
            left, right = max(i - 1, 0), min(i, nx - 1)
            courant = 0.5 * (wind[y, left] + wind[y, right])
            up = left if courant > 0 else right
            flow[i] = courant * air[y, up]
            inner = 1 < i < nx if courant > 0 else 0 < i < nx - 1
            weight[i] = 0.5 * (1.0 - abs(courant)) if inner else 0.0
        if closed:
            flow[0] = flow[nx] = 0.0
        for x in range(nx):
            inverse[x] = 1.0 / air[y, x]
        for s in range(species):
            c[0] = c[1] = c[nx + 2] = c[nx + 3] = outside[s]
            for x in range(nx):
                c[x + 2] = mass[s, y, x] * inverse[x]
            for i in range(nx + 1):
                f = flow[i]
                back = c[i] if f > 0 else c[i + 3]
                here = c[i + 1] if f > 0 else c[i + 2]
                ahead = c[i + 2] if f > 0 else c[i + 1]
                faces[i] = f * (here + weight[i] * _slope(here - back, ahead - here))
            for x in range(nx):
                mass[s, y, x] += faces[x] - faces[x + 1]
            entered[s] += faces[0] - faces[nx]
        for x in range(nx):
            air[y, x] += flow[x] - flow[x + 1]


@njit(cache=True, error_model="numpy")
def _along_y(mass, air, wind, outside, closed, entered):  # type: ignore[no-untyped-def]
    """The same north and south; row by row, so that the inner loop still runs along x."""
    species, ny, nx = mass.shape
    flow = np.empty((ny + 1, nx))
    weight = np.empty((ny + 1, nx))
    _flow_y(air, wind, closed, flow, weight)
    inverse = 1.0 / air
    c = np.empty((ny + 4, nx))
    for s in range(species):
        c[:2] = outside[s]
        c[ny + 2 :] = outside[s]
        for y in range(ny):
            for x in range(nx):
                c[y + 2, x] = mass[s, y, x] * inverse[y, x]
        entered[s] += _carry_y(mass[s], c, flow, weight)
    for y in range(ny):
        for x in range(nx):
            air[y, x] += flow[y, x] - flow[y + 1, x]


@njit(cache=True, error_model="numpy")
def _flow_y(air, wind, closed, flow, weight):  # type: ignore[no-untyped-def]  # compiled
    """Flow through the faces and weight of the slope behind it (ny + 1, nx), filled in."""
    ny, nx = air.shape
    for j in range(ny + 1):
        south, north = max(j - 1, 0), min(j, ny - 1)
        for x in range(nx):
            courant = 0.5 * (wind[south, x] + wind[north, x])
            up = south if courant > 0 else north
            flow[j, x] = courant * air[up, x]
            inner = 1 < j < ny if courant > 0 else 0 < j < ny - 1
            weight[j, x] = 0.5 * (1.0 - abs(courant)) if inner else 0.0
    if closed:
        flow[0] = 0.0
        flow[ny] = 0.0


@njit(cache=True, error_model="numpy")
def _carry_y(mass, c, flow, weight):  # type: ignore[no-untyped-def]  # compiled
    """Move one species (ny, nx) by its padded concentrations; returns what entered."""
    ny, nx = mass.shape
    faces = np.empty((2, nx))
    crossed = 0.0
    for j in range(ny + 1):
        now, before = j % 2, (j + 1) % 2
        for x in range(nx):
            f = flow[j, x]
            back = c[j, x] if f > 0 else c[j + 3, x]
            here = c[j + 1, x] if f > 0 else c[j + 2, x]
            ahead = c[j + 2, x] if f > 0 else c[j + 1, x]
            faces[now, x] = f * (here + weight[j, x] * _slope(here - back, ahead - here))
        if j > 0:
            for x in range(nx):
                mass[j - 1, x] += faces[before, x] - faces[now, x]
        if j in (0, ny):
            total = faces[now].sum()
            crossed += total if j == 0 else -total
    return crossed


@njit(cache=True, error_model="numpy", inline="always")
def _slope(low, high):  # type: ignore[no-untyped-def]  # compiled
    """Harmonic mean of two differences, none where they disagree; without a branch."""
    product = low * high
    agree = product > 0.0
    return (2.0 * product if agree else 0.0) / (low + high if agree else 1.0)


@njit(cache=True, error_model="numpy")
def _exchange(mass, air, goal, lid, above, closed, entered):  # type: ignore[no-untyped-def]
    """Bring the layers back to their depths: air crosses h and the lid with what it holds."""
    _, species, ny, nx = mass.shape
    up, down, out, back = np.empty(nx), np.empty(nx), np.empty(nx), np.empty(nx)
    for y in range(ny):
        for x in range(nx):
            rise = air[0, y, x] - goal[y, x]  # > 0: the mixed layer gives air to the residual layer
            over = air[0, y, x] + air[1, y, x] - lid  # > 0: the column gives air through the lid
            middle = air[1, y, x] + rise
            up[x] = max(rise, 0.0) / air[0, y, x]
            down[x] = max(-rise, 0.0) / air[1, y, x]
            out[x] = 0.0 if closed else max(over, 0.0) / middle
            back[x] = 0.0 if closed else max(-over, 0.0)
        for s in range(species):
            lost = 0.0
            for x in range(nx):
                risen = mass[0, s, y, x] * up[x] - mass[1, s, y, x] * down[x]
                mass[0, s, y, x] -= risen
                held = mass[1, s, y, x] + risen
                gone = held * out[x] - back[x] * above[s]
                mass[1, s, y, x] = held - gone
                lost += gone
            entered[s] -= lost
