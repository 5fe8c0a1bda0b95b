"""Puffs along the hours: where they go, how they grow, what they leave at the receptors. Compiled.

Takes plain arrays, adds to an array of normalised concentrations. One puff stands for a part of an
hour's emission of one stack. Over each step it moves in a straight line with the hour's wind; what
a receptor gets is the puff's time integral along that line (in steady wind the sum over puffs is
the Gaussian plume, exactly), its spread taken at the receptor's own distance. A puff has a part
below the lid and a part above it: the lid that sinks leaves behind what is above it, the lid that
rises takes it in again, and only what is below reaches the ground.
"""

from math import cos, exp, radians, sin, sqrt

import numpy as np
from numba import njit

from response.plume_sigma import (
    SIGMA_Y,
    SIGMA_Z,
    WIND_POWER,
    between,
    ground_density,
    meander,
    rise,
    sigma,
)

_ROOT_2PI = 2.5066282746310002
_ROOT_2 = 1.4142135623730951
_FAR = 3.5  # sigmas: beyond is nothing
# What a puff carries, each relative to what was emitted of it; sulphate as SO2, nitrate as NO2.
INERT, FINE, COARSE, SO2, SULPHATE, NOX, NITRATE, VOC = range(8)
CARRIED = 8
NO2 = 8  # the part of NOX that is NO2: not carried, but kept at receptors
KEPT = 9
# Columns of a stack and of the parameters, in order.
STACK = ("x", "y", "height", "diameter", "gas_k", "speed", "share", "urban")
PARAMETERS = (
    "per_hour", "life_h", "outside_m", "least_wind", "most_wind", "veer", "meander",
    "meander_scale", "gradient_e", "gradient_f", "buoyant", "radius", "no2_initial", "no2_most",
    "no2_hours",
)  # fmt: skip
# Rows of the sky: (row, hour, ny, nx).
SKY = ("u", "v", "lid", "kelvin", "class", "so2_s", "nox_s", "voc_s", "rain")


@njit(cache=True, nogil=True, error_model="numpy")
def unit_load(stacks, activity, sky, frame, receptors, box, p, velocity, washout, out):  # type: ignore[no-untyped-def]
    """Add one unit's normalised concentrations.

    Args:
        stacks: (stack, STACK); x, y in metres.
        activity: Relative emission by hour (hour,).
        sky: (SKY, hour, ny, nx).
        frame: x0, y0, dx of the sky's cells.
        receptors: (receptor, 2) metres.
        box: x and y of the receptors' extent: west, east, south, north.
        p: (PARAMETERS,).
        velocity: Dry deposition (CARRIED,), m s-1.
        washout: (CARRIED,), s-1 at the hour's rain: times row `rain` of the sky.
        out: (hour, receptor, KEPT), s m-3 times relative emission; added to.
    """
    hours = sky.shape[1]
    pieces = int(p[0])
    for i in range(stacks.shape[0]):
        for hour in range(hours):
            if activity[hour] <= 0.0:
                continue
            amount = activity[hour] * stacks[i, 6] / pieces
            for piece in range(pieces):
                for aloft in range(2):
                    follow(
                        stacks[i], hour, piece, aloft == 1, amount, sky, frame, receptors, box,
                        p, velocity, washout, out,
                    )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def release(stack, sky, hour, row, column, p, aloft):  # type: ignore[no-untyped-def]
    """Part of a plume on one side of the lid and where it is.

    Returns:
        part (0..1), axis height, bottom and top of the part above the lid, first sigma [m].
    """
    height, lid = stack[2], sky[2, hour, row, column]
    klass = int(sky[4, hour, row, column])
    calm = sqrt(sky[0, hour, row, column] ** 2 + sky[1, hour, row, column] ** 2)
    power = WIND_POWER[klass + (6 if stack[7] > 0 else 0)]
    wind = max(calm * min((max(height, 10.0) / 10.0) ** power, p[4]), 1.0)
    gradient = p[9] if klass == 5 else (p[8] if klass == 4 else 0.0)
    up = rise(stack[3], stack[4], stack[5], sky[3, hour, row, column], wind, gradient)
    low, high = height + 0.5 * up, height + 1.5 * up
    below = 1.0 if high <= lid else (0.0 if low >= lid else (lid - low) / (high - low))
    first = up / p[10] if p[10] > 0.0 else 0.0
    if aloft:
        bottom = max(lid, low)
        return 1.0 - below, lid, bottom, max(high, bottom + 1.0), first
    axis = height + up if below >= 1.0 else 0.5 * (low + lid)
    return below, axis, lid, lid, first


@njit(cache=True, nogil=True, error_model="numpy")
def follow(  # type: ignore[no-untyped-def]  # noqa: C901 - one compiled loop
    stack, hour, piece, aloft, amount, sky, frame, receptors, box, p, velocity, washout, out
):
    """One puff from its release to its end; returns what it holds then (2, CARRIED)."""
    hours, ny, nx = sky.shape[1], sky.shape[2], sky.shape[3]
    held = np.zeros((2, CARRIED))  # below, above the lid
    x, y = stack[0], stack[1]
    row = min(max(int((y - frame[1]) / frame[2]), 0), ny - 1)
    column = min(max(int((x - frame[0]) / frame[2]), 0), nx - 1)
    part, axis, bottom, top, first = release(stack, sky, hour, row, column, p, aloft)
    if part <= 0.0:
        return held
    side = 1 if aloft else 0
    for k in (INERT, FINE, COARSE, SO2, NOX, VOC):
        held[side, k] = part
    pieces = int(p[0])
    now, life = hour + (piece + 0.5) / pieces, p[1]
    born = now
    far = 0.0
    spread_y = spread_z = first
    mixed = False
    lid_before = sky[2, hour, row, column]
    step_of = hour * pieces + piece
    while step_of < hours * pieces and now - born < life:
        t = step_of // pieces
        seconds = ((step_of + 1.0) / pieces - now) * 3600.0
        row = min(max(int((y - frame[1]) / frame[2]), 0), ny - 1)
        column = min(max(int((x - frame[0]) / frame[2]), 0), nx - 1)
        lid = sky[2, t, row, column]
        # The lid moves: it leaves behind or takes in.
        if lid < lid_before:
            if axis >= lid and not mixed:
                left = 1.0
                bottom, top = max(lid, axis - spread_z), max(top, axis + spread_z)
            else:
                left = 1.0 - lid / lid_before if mixed else 0.0
                if left > 0.0:
                    top = max(top, lid_before)
                    bottom = lid
            for k in range(CARRIED):
                held[1, k] += left * held[0, k]
                held[0, k] -= left * held[0, k]
        if held[1, INERT] > 0.0 and lid > bottom:
            taken = min((lid - bottom) / max(top - bottom, 1.0), 1.0)
            for k in range(CARRIED):
                held[0, k] += taken * held[1, k]
                held[1, k] -= taken * held[1, k]
            bottom = lid
            mixed = True
        lid_before = lid
        klass = int(sky[4, t, row, column])
        urban = klass + (6 if stack[7] > 0 else 0)
        u, v = sky[0, t, row, column], sky[1, t, row, column]
        speed = sqrt(u * u + v * v)
        over = held[1, INERT] > held[0, INERT]
        if over:
            z = max(0.5 * (bottom + top), 10.0)
        else:
            z = max(0.5 * lid if mixed else min(axis, lid), 10.0)
        carried = max(speed * min((z / 10.0) ** WIND_POWER[urban], p[4]), p[3])
        ux, uy = (u / speed, v / speed) if speed > 1e-6 else (1.0, 0.0)
        if over and p[5] != 0.0:
            a = radians(-p[5])
            ux, uy = ux * cos(a) - uy * sin(a), ux * sin(a) + uy * cos(a)
        length = carried * seconds
        react(held, sky, t, row, column, 0.5 * seconds)
        y_0, z_0 = sigma(SIGMA_Y, urban, far), sigma(SIGMA_Z, urban, far)
        grown_z = spread_z + sigma(SIGMA_Z, urban, far + 0.5 * length) - z_0
        if not mixed and grown_z > 1.2 * lid:
            mixed = True
        if held[0, INERT] > 1e-9:
            age_s = (now - born) * 3600.0
            widest = max(
                spread_y + sigma(SIGMA_Y, urban, far + length) - y_0,
                meander(p[6], age_s + seconds, p[7]),
            )
            reach = _FAR * sqrt(widest * widest + p[11] * p[11])
            for r in range(receptors.shape[0]):
                rx, ry = receptors[r, 0] - x, receptors[r, 1] - y
                along = rx * ux + ry * uy
                if along < -reach or along > length + reach:
                    continue
                across = ry * ux - rx * uy
                if across > reach or across < -reach:
                    continue
                inside = min(max(along, 0.0), length)
                wide = max(
                    spread_y + sigma(SIGMA_Y, urban, far + inside) - y_0,
                    meander(p[6], age_s + inside / carried, p[7]),
                )
                wide = sqrt(wide * wide + p[11] * p[11])
                if wide <= 0.0 or abs(across) > _FAR * wide:
                    continue
                passed = between(along / (_ROOT_2 * wide), (along - length) / (_ROOT_2 * wide))
                if passed <= 0.0:
                    continue
                tall = spread_z + sigma(SIGMA_Z, urban, far + inside) - z_0
                density = (
                    1.0 / lid if mixed else ground_density(min(axis, lid), max(tall, 1e-3), lid)
                )
                got = (
                    amount * passed * density / (_ROOT_2PI * wide * carried)
                    * exp(-0.5 * (across / wide) ** 2)
                )  # fmt: skip
                for k in range(CARRIED):
                    out[t, r, k] += got * held[0, k]
                gone = exp(-(age_s + inside / carried) / 3600.0 / p[14])
                out[t, r, NO2] += got * held[0, NOX] * (p[13] - (p[13] - p[12]) * gone)
        react(held, sky, t, row, column, 0.5 * seconds)
        density = 1.0 / lid if mixed else ground_density(min(axis, lid), max(grown_z, 1e-3), lid)
        wet = sky[8, t, row, column]
        for k in range(CARRIED):
            rain = exp(-washout[k] * wet * seconds)
            held[0, k] *= rain * exp(-velocity[k] * density * seconds)
            held[1, k] *= rain
        spread_y += sigma(SIGMA_Y, urban, far + length) - y_0
        spread_z += sigma(SIGMA_Z, urban, far + length) - z_0
        far += length
        x, y = x + ux * length, y + uy * length
        step_of += 1
        now = step_of / pieces
        if (
            x < box[0] - p[2] or x > box[1] + p[2] or y < box[2] - p[2] or y > box[3] + p[2]
        ):  # fmt: skip
            break
    return held


@njit(cache=True, nogil=True, error_model="numpy")
def react(held, sky, t, row, column, seconds):  # type: ignore[no-untyped-def]
    """First-order changes of what a puff holds, in place; sulphur and nitrogen are kept."""
    so2 = 1.0 - exp(-sky[5, t, row, column] * seconds)
    nox = 1.0 - exp(-sky[6, t, row, column] * seconds)
    voc = exp(-sky[7, t, row, column] * seconds)
    for side in range(2):
        made = held[side, SO2] * so2
        held[side, SO2] -= made
        held[side, SULPHATE] += made
        made = held[side, NOX] * nox
        held[side, NOX] -= made
        held[side, NITRATE] += made
        held[side, VOC] *= voc
