"""Concentrations -> air-quality index. Knows nothing of models, warnings or people.

Rule: HJ 633, the editions in configs/standards. Arrays carry schema.POLLUTANTS in their last
dim, in the schema's units (ug m-3, co mg m-3); NaN is missing.

How it is exact: a concentration becomes a whole number of steps (the edition's rounding, or a
grid on which the index can only rise), and the steps index a table built in whole numbers. The
only float comparison is "is this on a step", with a slack of 2^-40 of the value, or 2^-23 for
float32. Any value with up to three decimals lies further from a step than that, or on it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from forecast.problems import ConfigError, DataError, Problem
from forecast.schema import POLLUTANTS, VARIABLES
from forecast.standards import DAILY, EDITIONS, HOURLY, Column, Standard, Validity, load
from forecast.validity import daily_from_hourly

Floats = NDArray[np.floating[Any]]
_SO2: Final = POLLUTANTS.index("so2")
_O3: Final = POLLUTANTS.index("o3")
_MISSING: Final = -1  # in tables of indices
_OTHER_COLUMN: Final = -2  # above the last node; the edition wants another column's index
_BLOCK: Final = 1 << 15  # values at a time: the work arrays stay in the cache


@dataclass(frozen=True)
class Index:
    """An index of any leading dims; float32 holds every index exactly."""

    iaqi: NDArray[np.float32]  # (..., 6), 0 .. 500; NaN where missing or not computed
    aqi: NDArray[np.float32]  # (...), NaN where it is not to be published
    primary: NDArray[np.uint8]  # (...), bit i is POLLUTANTS[i]; 0 at AQI <= 50 and where NaN


@dataclass(frozen=True)
class EnsembleIndex:
    """Hourly and daily index of ensemble members."""

    hourly_aqi: NDArray[np.float32]  # (member, hour, ...)
    hourly_primary: NDArray[np.uint8]  # (member, hour, ...)
    daily: Index  # (member, day, ...)
    daily_conc: Floats  # (member, day, ..., 6), daily means and MDA8


@dataclass(frozen=True)
class _Table:
    """One column: steps -> IAQI. The last two entries: above the last node, and missing."""

    iaqi: NDArray[np.int16]
    steps_per_unit: float
    half_even: bool  # True: to the nearest step, ties to even; False: up to the next step


def daily(conc: Floats, standard: Standard, *, o3_1h: Floats | None = None) -> Index:
    """Index of natural days.

    Source: HJ 633-2012 4.2-4.4; HJ 633-2026 4.2.2-4.3.1, 5.3.1. A missing item: 2012 takes the
    maximum of the rest, 2026 as well but only an AQI above 100 stands. The 2012 daily report
    also lists ozone's highest hour; as in the published daily AQI it counts only where MDA8 is
    above 800.

    Args:
        conc: (..., 6), daily means, and MDA8 in ozone's place. Checked by `checked`, not here:
            a negative value counts as missing, an infinite one as above every node.
        standard: The edition that holds for the date of the data.
        o3_1h: (...), the day's highest 1-h ozone, for the 2012 rule above 800 ug m-3; without
            it such an IAQI is not computed.

    Returns:
        Index with the leading dims of conc.
    """
    return _index(conc, standard, DAILY, fallback=(_O3, o3_1h))


def hourly(conc: Floats, standard: Standard, *, so2_24h: Floats | None = None) -> Index:
    """Index of single hours, as the national centre publishes it under both editions.

    Gases on the 1-h columns, ozone its 1-h value, PM its 1-h value on the 24-h column
    (HJ 633-2026 4.2.3; practice before). Missing items as in `daily`.

    Args:
        conc: (..., 6), 1-h values; negative ones count as missing (see `checked`).
        standard: The edition that holds for the date of the data.
        so2_24h: (...), 24-h mean, for the 2012 rule above 800 ug m-3; without it such an IAQI
            is not computed.
    """
    return _index(conc, standard, HOURLY, fallback=(_SO2, so2_24h))


def any_24h(means: Floats, standard: Standard) -> Index:
    """Index of any 24 hours, for warnings: PM2.5, PM10, SO2, NO2 and CO; ozone does not count.

    Args:
        means: (..., 6), 24-h means (`validity.running_means`); ozone's place is not read.
        standard: The edition that holds for the date of the data.

    Returns:
        Index; ozone's IAQI is NaN and does not count as missing.
    """
    columns = tuple(None if p == "o3" else c for p, c in zip(POLLUTANTS, DAILY, strict=True))
    return _index(means, standard, columns)


def ensemble(
    conc: Floats,
    standard: Standard,
    *,
    first_hour: int,
    rules: Validity | None = None,
) -> EnsembleIndex:
    """Hourly and daily index of every member, one member at a time to bound memory.

    Args:
        conc: 1-h values (member, hour, ..., 6), float32 or float64, without gaps in time.
        standard: The edition of the data; a run across a change of edition is split by day.
        first_hour: Local hour at which the first value ends, 1 .. 24.
        rules: When a mean counts; the shipped rules if left out.

    Returns:
        The first day is the one of the first value, cut-off days as in `daily_from_hourly`.
        The 2012 rules above 800 ug m-3 have no second column here: those items are not computed.
    """
    members = len(conc)
    aqi = np.empty(conc.shape[:-1], dtype=np.float32)
    primary = np.empty(conc.shape[:-1], dtype=np.uint8)
    means = []
    for m in range(members):
        part = _index(conc[m], standard, HOURLY, want_iaqi=False)
        aqi[m], primary[m] = part.aqi, part.primary
        means.append(daily_from_hourly(conc[m], first_hour=first_hour, axis=0, rules=rules))
    daily_conc = np.stack(means)
    return EnsembleIndex(aqi, primary, daily(daily_conc, standard), daily_conc)


def iaqi(conc: Floats, column: Column, standard: Standard) -> NDArray[np.float32]:
    """Index of one column of the standard's table, as "so2_1h"; NaN where it is not computed."""
    codes = _codes(np.asarray(conc).reshape(-1), _table(standard, column), _slack(conc))
    return _floats(codes).reshape(np.shape(conc))


def checked(conc: Floats, *, where: str) -> Floats:
    """Refuse concentrations that cannot be; the border of the functions above.

    Args:
        conc: (..., 6); NaN is missing and passes.
        where: File or product, for the message.

    Raises:
        DataError: One problem per pollutant that has negative or infinite values; or the last
            dim does not hold the six pollutants.
    """
    if not conc.ndim or conc.shape[-1] != len(POLLUTANTS):
        raise DataError([Problem(where, f"shape {conc.shape}", f"(..., {len(POLLUTANTS)})")])
    problems = []
    for p, name in enumerate(POLLUTANTS):
        bad = conc[..., p][(conc[..., p] < 0) | np.isinf(conc[..., p])]
        if bad.size:
            found = f"{bad.size} values such as {bad.flat[0]:g}"
            expected = f"0 or more {VARIABLES[name].units}, or missing"
            problems.append(Problem(f"{where}: {name}", found, expected))
    if problems:
        raise DataError(problems)
    return conc


def levels(aqi: Floats, standard: Standard | None = None) -> NDArray[np.uint8]:
    """Level 1 .. 6 of an AQI; 0 where it is NaN. The bands of all editions are the same."""
    bands = (standard or load(EDITIONS[-1])).categories.levels
    ends = np.array([c.high for c in bands[:-1]], dtype=np.float64)
    level = np.searchsorted(ends, aqi, side="left") + 1
    return np.where(np.isnan(aqi), 0, level).astype(np.uint8)


def primary_names(mask: int) -> tuple[str, ...]:
    """Pollutants of a bit mask, in the order of POLLUTANTS."""
    return tuple(name for p, name in enumerate(POLLUTANTS) if mask >> p & 1)


def primary_text(masks: NDArray[np.uint8]) -> NDArray[np.str_]:
    """Names joined by +, as "pm25+pm10"; "" for none."""
    texts = np.array(["+".join(primary_names(m)) for m in range(1 << len(POLLUTANTS))])
    return np.asarray(texts[masks])


def _index(
    conc: Floats,
    standard: Standard,
    columns: tuple[Column | None, ...],
    *,
    fallback: tuple[int, Floats | None] = (0, None),
    want_iaqi: bool = True,
) -> Index:
    """The index by one column per pollutant (None: left out), block by block."""
    if not conc.ndim or conc.shape[-1] != len(POLLUTANTS):
        found = f"shape {conc.shape}"
        raise ConfigError([Problem("concentrations", found, f"(..., {len(POLLUTANTS)})")])
    shape = conc.shape[:-1]
    flat = conc.reshape(-1, len(POLLUTANTS))
    which, spare = fallback
    other = None if spare is None else np.broadcast_to(spare, shape).reshape(-1)
    parts = np.full((len(POLLUTANTS), len(flat) if want_iaqi else 0), np.nan, dtype=np.float32)
    aqi = np.empty(len(flat), dtype=np.float32)
    primary = np.empty(len(flat), dtype=np.uint8)
    for block in _blocks(len(flat)):
        codes: dict[int, NDArray[np.int16]] = {}
        for p, column in enumerate(columns):
            if column is None:
                continue
            codes[p] = _codes(flat[block, p], _table(standard, column), _slack(conc))
            if p == which and other is not None:
                codes[p] = _other(codes[p], column, other[block], standard)
            if want_iaqi:
                parts[p, block] = _floats(codes[p])
        aqi[block], primary[block] = _worst(codes, standard)
    iaqis = np.moveaxis(parts.reshape(len(POLLUTANTS), *shape), 0, -1) if want_iaqi else parts
    return Index(iaqis, aqi.reshape(shape), primary.reshape(shape))


def _worst(
    codes: dict[int, NDArray[np.int16]], standard: Standard
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """The highest index of some items, whether it stands, and whose it is."""
    worst = np.maximum.reduce(list(codes.values()))
    np.maximum(worst, _MISSING, out=worst)
    if standard.missing.publish_above is not None:
        gap = np.minimum.reduce(list(codes.values())) < 0
        worst[gap & (worst <= standard.missing.publish_above)] = _MISSING
    primary = np.zeros(len(worst), dtype=np.uint8)
    named = worst > standard.primary.above
    for p, code in codes.items():
        primary |= ((code == worst) & named).astype(np.uint8) << np.uint8(p)
    there = worst >= 0
    aqi = np.clip(worst, standard.aqi_range.low, standard.aqi_range.high).astype(np.float32)
    aqi[~there] = np.nan
    return aqi, primary


def _codes(conc: NDArray[Any], table: _Table, slack: float) -> NDArray[np.int16]:
    """IAQI of concentrations (n,) as whole numbers; -1 missing, -2 another column is wanted."""
    steps = np.multiply(conc, table.steps_per_unit, dtype=np.float64)
    missing = ~(steps >= 0)  # NaN and negative
    if table.half_even:
        # A mean that should be a tie may miss it by float noise: put it on the tie first.
        halves = steps * 2
        tie = np.rint(halves)
        halves -= tie
        near = np.abs(halves, out=halves) <= tie * slack
        np.multiply(tie, 0.5, out=steps, where=near)
        np.rint(steps, out=steps)
    else:
        steps *= 1 - slack
        np.ceil(steps, out=steps)
    np.minimum(steps, len(table.iaqi) - 2, out=steps)
    steps[missing] = len(table.iaqi) - 1
    return np.asarray(table.iaqi.take(steps.astype(np.intp)))


def _other(
    codes: NDArray[np.int16], column: Column, conc: NDArray[Any], standard: Standard
) -> NDArray[np.int16]:
    """Indices of the other column where this one is above its last node and the edition says so."""
    use = next((o.use for o in standard.over_range if o.column == column), None)
    if use is None:
        return codes
    return np.where(
        codes == _OTHER_COLUMN, _codes(conc, _table(standard, use), _slack(conc)), codes
    )


def _floats(codes: NDArray[np.int16]) -> NDArray[np.float32]:
    out = codes.astype(np.float32)
    out[codes < 0] = np.nan
    return out


def _slack(conc: NDArray[Any]) -> float:
    """Relative distance within which a value is on a step: the type's own rounding, and a bit."""
    return 2.0**-23 if conc.dtype == np.float32 else 2.0**-40


def _blocks(n: int) -> Iterator[slice]:
    return (slice(start, min(start + _BLOCK, n)) for start in range(0, n, _BLOCK))


def _table(standard: Standard, column: Column) -> _Table:
    rounding = standard.rounding
    decimals = rounding.decimals[column.split("_")[0]] if rounding.rule == "half_even" else None
    rule = next((o for o in standard.over_range if o.column == column), None)
    nodes = standard.breakpoints.columns[column]
    index = standard.breakpoints.index[: len(nodes)]
    over = int(index[-1])  # the cap
    if rule is not None:
        over = _OTHER_COLUMN if rule.index is None else rule.index
    return _built(nodes, index, decimals, over)


@lru_cache(maxsize=64)
def _built(
    nodes: tuple[float, ...], index: tuple[float, ...], decimals: int | None, over: int
) -> _Table:
    """Table of one column, in whole numbers only.

    Where concentrations are not rounded, the grid is the coarsest power of ten on which every
    concentration at which the index rises is a whole step: between two steps it cannot rise.
    """
    scale = _grid(nodes, index) if decimals is None else 10**decimals
    ends = [round(b * scale) for b in nodes]
    iaqi = np.zeros(ends[-1] + 3, dtype=np.int64)
    for low, high, i_low, i_high in zip(ends, ends[1:], index, index[1:], strict=False):
        k = np.arange(low, high + 1)
        rise = round(i_high - i_low)
        iaqi[low : high + 1] = round(i_low) - (-rise * (k - low) // (high - low))  # up
    iaqi[-2:] = over, _MISSING
    return _Table(iaqi.astype(np.int16), float(scale), decimals is not None)


def _grid(nodes: tuple[float, ...], index: tuple[float, ...]) -> int:
    for scale in (1, 10, 100, 1000):
        spans = [round((b - a) * scale) for a, b in pairwise(nodes)]
        rises = [round(b - a) for a, b in pairwise(index)]
        if all(s % r == 0 for s, r in zip(spans, rises, strict=True)):
            return scale
    raise ConfigError([Problem("breakpoints", str(nodes), "index steps of at most 3 decimals")])
