"""The single quality tests: arrays (time, station) -> flags 1 pass, 2 not evaluated, 3, 4.

Each uses values of the hour it judges and of earlier hours only (forecast.quality). NaN is
missing: it passes no test and takes part in none.
"""

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.quality_limits import Limits, PerTier, Sourced

Floats = NDArray[np.float64]
Flags = NDArray[np.int8]
S = TypeVar("S", bound=Sourced)

_EARTH_KM = 6371.0
_BLOCK = 4_000_000  # numbers gathered at once


def range_(values: Floats, name: str, tier: NDArray[np.str_], limits: Limits) -> Flags:
    """Outside the fail span fails, outside the suspect span is suspect."""
    flags = _unknown(values)
    for columns, own in _by_tier(limits.range, name, tier):
        x = values[:, columns]
        bad = (x < own.fail[0]) | (x > own.fail[1])
        odd = (x < own.suspect[0]) | (x > own.suspect[1])
        flags[:, columns] = _flags(~np.isnan(x), odd, bad)
    return flags


def spike(
    values: Floats, middle: Floats, name: str, tier: NDArray[np.str_], limits: Limits
) -> Flags:
    """Far above the median of the hours before, while the neighbours rose less than half so far.

    Args:
        middle: Median of the neighbours, NaN where there are too few; a jump can then be
            suspect but not fail.
    """
    before = _median_before(values, limits.spike_hours)
    around = _median_before(middle, limits.spike_hours)
    flags = _unknown(values)
    for columns, own in _by_tier(limits.spike, name, tier):
        x, past, near = values[:, columns], before[:, columns], middle[:, columns]
        rise = x - past
        shared = np.where(np.isnan(near - around[:, columns]), 0, near - around[:, columns])
        alone = shared < rise / 2
        odd = alone & (rise > own.rise) & (x > own.factor * past)
        bad = odd & (rise > own.fail_rise) & (x > own.fail_factor * past) & ~np.isnan(near)
        flags[:, columns] = _flags(~np.isnan(rise), odd, bad)
    return flags


def flat_line(values: Floats, name: str, tier: NDArray[np.str_], limits: Limits) -> Flags:
    """The n-th and later hours in a row of one value; a missing hour ends the row."""
    same = np.zeros(values.shape, dtype=bool)
    same[1:] = values[1:] == values[:-1]
    hours = _run(same) + 1
    flags = _unknown(values)
    for columns, own in _by_tier(limits.flat_line, name, tier):
        x, n = values[:, columns], hours[:, columns]
        high = x > own.above
        odd, bad = high & (n >= own.suspect_hours), high & (n >= own.fail_hours)
        flags[:, columns] = _flags(~np.isnan(x), odd, bad)
    return flags


def pm_order(pm25: Floats, pm10: Floats, limits: Limits) -> Flags:
    """PM2.5 above PM10 is suspect."""
    both = ~np.isnan(pm25 - pm10)
    odd = pm25 > pm10 + limits.pm_order.margin
    return _flags(both, odd, np.zeros_like(odd))


def neighbours(
    values: Floats,
    middle: Floats,
    spread: Floats,
    name: str,
    tier: NDArray[np.str_],
    limits: Limits,
) -> Flags:
    """Far from the neighbours, by the robust z of logarithms and by the difference in units."""
    flags = _unknown(values)
    for columns, own in _by_tier(limits.neighbours, name, tier):
        x, near = values[:, columns], middle[:, columns]
        scale = np.maximum(spread[:, columns], own.sigma)
        z = np.abs(np.log((np.maximum(x, 0) + own.offset) / (near + own.offset))) / scale
        far = np.abs(x - near)
        odd = (z > own.suspect_z) & (far > own.suspect_difference)
        bad = (z > own.fail_z) & (far > own.fail_difference)
        flags[:, columns] = _flags(~np.isnan(z), odd, bad)
    return flags


def clock(
    values: Mapping[str, Floats],
    middle: Mapping[str, Floats],
    times: pd.DatetimeIndex,
    limits: Limits,
) -> Flags:
    """The day (UTC) after a window in which a shifted series fits the neighbours' median better.

    Pearson correlation of logarithms over the window's hours, mean of the pollutants, for every
    shift; a station is suspect where a shift beats no shift by `least_gain` and is worth
    `least_correlation`. Judged at the end of each day for the 24 hours that follow.
    """
    own = limits.clock
    names = [p for p in own.pollutants if p in values]
    shape = next(iter(values.values())).shape if values else (len(times), 0)
    flags = np.full(shape, 2, dtype=np.int8)
    ends = np.flatnonzero(times.hour == 0)  # rows whose day begins; the window ends before
    ends = ends[ends >= own.window_hours]
    if not names or not len(ends):
        return flags
    shifts = np.arange(-own.most_shift_hours, own.most_shift_hours + 1)
    fit = np.zeros((len(shifts), len(ends), shape[1]))
    for name in names:
        x, y = (np.log(np.maximum(a[name], 0) + 1) for a in (values, middle))
        for i, shift in enumerate(shifts):
            fit[i] += _correlation(x, y, int(shift), ends, own.window_hours) / len(names)
    plain, best = fit[own.most_shift_hours], np.nanmax(np.nan_to_num(fit, nan=-2.0), axis=0)
    odd = (best > own.least_correlation) & (best - plain > own.least_gain)
    judged = _flags(~np.isnan(plain), odd, np.zeros_like(odd))
    for row, verdict in zip(ends, judged, strict=True):
        flags[row : row + 24] = verdict
    return flags


def repeated_day(values: Mapping[str, Floats], limits: Limits) -> Flags:
    """Hours in a row in which all pollutants present equal those of 24 hours before."""
    own = limits.repeated_day
    stack = np.stack(list(values.values()))
    both = np.zeros(stack.shape[1:], dtype=np.int64)
    equal = np.zeros_like(both)
    pair = stack[:, 24:], stack[:, :-24]
    both[24:] = (~np.isnan(pair[0] - pair[1])).sum(axis=0)
    equal[24:] = (pair[0] == pair[1]).sum(axis=0)
    copied = (both >= own.pollutants) & (equal == both)
    hours = _run(copied)
    return _flags(both >= own.pollutants, hours >= own.suspect_hours, hours >= own.fail_hours)


def coordinates(latitude: Floats, longitude: Floats, limits: Limits) -> list[str]:
    """What is wrong with each station's coordinates, in words; empty where nothing is."""
    own = limits.coordinates
    inside = _within(latitude, own.latitude) & _within(longitude, own.longitude)
    swapped = _within(longitude, own.latitude) & _within(latitude, own.longitude) & ~inside
    km = _distance(latitude, longitude)
    twin = km < own.same_m / 1000
    np.fill_diagonal(twin, val=False)
    centre = np.median(np.column_stack([latitude, longitude])[inside], axis=0) if any(inside) else 0
    table = np.vstack([np.column_stack([latitude, longitude]), np.broadcast_to(centre, (1, 2))])
    reach = _distance(table[:, 0], table[:, 1])[-1, :-1]
    words = []
    for i in range(len(latitude)):
        if swapped[i]:
            words.append("latitude and longitude look swapped")
        elif not inside[i]:
            words.append("outside the box of the configuration")
        elif reach[i] > own.reach_km:
            words.append(f"{reach[i]:.0f} km from the middle of the network")
        else:
            words.append("the same place as another station" if twin[i].any() else "")
    return words


def neighbourhood(
    latitude: Floats, longitude: Floats, sound: NDArray[np.bool_], limits: Limits
) -> NDArray[np.int64]:
    """The nearest sound stations within the radius: (station, most_neighbours), -1 = none."""
    km = _distance(latitude, longitude)
    np.fill_diagonal(km, np.inf)
    km[:, ~sound] = np.inf
    km[~sound] = np.inf
    nearest = np.argsort(km, axis=1, kind="stable")[:, : limits.most_neighbours]
    return np.where(np.take_along_axis(km, nearest, axis=1) <= limits.radius_km, nearest, -1)


def surroundings(
    values: Floats, around: NDArray[np.int64], name: str, limits: Limits
) -> tuple[Floats, Floats]:
    """The neighbours' median, and the spread of their logarithms (1.4826 x MAD).

    Both (time, station); NaN where fewer than `least_neighbours` have a value.
    """
    limit = limits.neighbours.default.get(name)
    offset = limit.offset if limit else 1.0
    middle, spread = np.full(values.shape, np.nan), np.full(values.shape, np.nan)
    wide = np.column_stack([values, np.full(len(values), np.nan)])  # column -1: no neighbour
    step = max(1, _BLOCK // max(around.size, 1))
    for start in range(0, len(values), step):
        rows = slice(start, start + step)
        logs = np.log(np.maximum(wide[rows], 0)[:, around] + offset)
        centre = _median(logs, limits.least_neighbours)
        middle[rows] = np.exp(centre) - offset
        deviation = _median(np.abs(logs - centre[..., None]), limits.least_neighbours)
        spread[rows] = 1.4826 * deviation
    return middle, spread


def _flags(judged: NDArray[np.bool_], odd: NDArray[np.bool_], bad: NDArray[np.bool_]) -> Flags:
    return np.where(~judged, 2, np.where(bad, 4, np.where(odd, 3, 1))).astype(np.int8)


def _unknown(values: Floats) -> Flags:
    return np.full(values.shape, 2, dtype=np.int8)


def _by_tier(
    limits: PerTier[S], name: str, tier: NDArray[np.str_]
) -> list[tuple[NDArray[np.int64], S]]:
    found = [(np.flatnonzero(tier == t), limits.of(name, str(t))) for t in np.unique(tier)]
    return [(columns, own) for columns, own in found if own is not None]


def _run(true: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many rows in a row, up to and with this one, are true."""
    rows = np.arange(1, len(true) + 1)[:, None]
    last_false = np.maximum.accumulate(np.where(true, 0, rows), axis=0)
    return np.asarray(rows - last_false)


def _median(x: Floats, least: int) -> Floats:
    """Median over the last axis without NaN; NaN where fewer than `least` values are there."""
    ordered = np.sort(x, axis=-1)  # NaN last
    count = (~np.isnan(x)).sum(axis=-1)
    low = np.take_along_axis(ordered, np.maximum(count - 1, 0)[..., None] // 2, axis=-1)[..., 0]
    top = np.minimum(count // 2, x.shape[-1] - 1)
    high = np.take_along_axis(ordered, top[..., None], axis=-1)[..., 0]
    return np.asarray(np.where(count >= least, (low + high) / 2, np.nan), dtype=np.float64)


def _median_before(values: Floats, hours: int) -> Floats:
    """Median of the `hours` rows before each row, NaN where none of them has a value."""
    past = np.full((*values.shape, hours), np.nan)
    for lag in range(1, hours + 1):
        past[lag:, :, lag - 1] = values[:-lag]
    return _median(past, 1)


def _correlation(x: Floats, y: Floats, shift: int, ends: NDArray[np.int64], window: int) -> Floats:
    """Pearson r of x[t + shift] and y[t] over windows of rows before `ends`: (end, station).

    Only pairs with both rows inside the window count; NaN below half a window of pairs.
    """
    lead, lag = max(shift, 0), max(-shift, 0)
    pad = np.full((abs(shift), x.shape[1]), np.nan)
    a = np.concatenate([x[shift:], pad]) if shift >= 0 else np.concatenate([pad, x[:shift]])
    both = ~np.isnan(a - y)
    a, b = np.where(both, a, 0.0), np.where(both, y, 0.0)

    def total(z: Floats) -> Floats:
        sums = np.concatenate([np.zeros((1, z.shape[1])), np.cumsum(z, axis=0)])
        return np.asarray(sums[ends - lead] - sums[ends - window + lag])

    n = total(both.astype(np.float64))
    enough = n >= window / 2
    n = np.maximum(n, 1)
    ma, mb = total(a) / n, total(b) / n
    covariance = total(a * b) / n - ma * mb
    variance = (total(a * a) / n - ma**2) * (total(b * b) / n - mb**2)
    sound = enough & (variance > 1e-12)
    return np.where(sound, covariance / np.sqrt(np.where(sound, variance, 1.0)), np.nan)


def _within(x: Floats, span: tuple[float, float]) -> NDArray[np.bool_]:
    return (x >= span[0]) & (x <= span[1])


def _distance(latitude: Floats, longitude: Floats) -> Floats:
    """Great-circle distance of all pairs, km."""
    phi, lam = np.deg2rad(latitude), np.deg2rad(longitude)
    half = (
        np.sin((phi[:, None] - phi) / 2) ** 2
        + np.cos(phi[:, None]) * np.cos(phi) * np.sin((lam[:, None] - lam) / 2) ** 2
    )
    return np.asarray(2 * _EARTH_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1))))
