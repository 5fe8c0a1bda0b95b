"""When instruments fail, and what that does to their readings.

Takes Instruments and hours, gives a table of events and the readings with them. Events are drawn by
32 days counted from 1970, so they never depend on where a simulation starts or ends. Knows
nothing of the air.

Kinds: outage (nothing), stuck (the last value again and again), spike (one hour), unit (times a
factor), clock (readings stamped whole hours late), decay (a part of the response is left), drift
(the gain creeps away until maintenance), coordinates (two stations exchanged in the register).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from scipy.stats import poisson

from forecast.schema import POLLUTANTS
from twin.sensor_noise import keys, mixed, normal, uniform
from twin.sensor_physics import MONTH_HOURS, Instruments, drift_rate, service_key, spikes

EVENT_KINDS: Final = ("outage", "stuck", "unit", "clock", "decay", "colocation")
EPOCH_HOURS: Final = 32 * 24
MOST_LATE_HOURS: Final = 8
WHOLE: Final = -1  # in place of a pollutant: the whole station
LISTED_DRIFT: Final = 0.1  # a gain that creeps less in a cycle is no fault
COLOCATION_HOURS: Final = 14 * 24
_YEAR_HOURS = 8766.0
_BLOCK = 96


@dataclass(frozen=True)
class Events:
    """Faults and co-locations as arrays (event,), in order of station within each kind."""

    kind: np.ndarray  # index into EVENT_KINDS
    station: np.ndarray
    pollutant: np.ndarray  # WHOLE: all
    first: np.ndarray  # hours since 1970, both included
    last: np.ndarray
    size: np.ndarray  # unit: factor; clock: hours late; decay: response left; else NaN

    def touching(self, first: int, last: int) -> "Events":
        """Those that touch the hours first..last."""
        hit = (self.first <= last) & (self.last >= first)
        return Events(*(getattr(self, name)[hit] for name in self.__dataclass_fields__))


def events(made: Instruments, *, seed: int, first: int, last: int) -> Events:
    """All events that touch the hours first..last (since 1970), both included."""
    epochs = np.arange(first // EPOCH_HOURS - 1, last // EPOCH_HOURS + 1)
    parts = [
        _of_kind(made, kind, int(epoch), seed=seed)
        for epoch in epochs
        for kind in range(len(EVENT_KINDS))
    ]
    joined = [np.concatenate([getattr(p, n) for p in parts]) for n in Events.__dataclass_fields__]
    return Events(*joined).touching(first, last)


def painted(
    found: Events, kind: str, hours: np.ndarray, shape: tuple[int, int], *, fill: float
) -> np.ndarray:
    """An event kind's sizes on the hours (hour, station, pollutant), `fill` where none is.

    Where events overlap, the later one of the table holds.
    """
    result = np.full((len(hours), *shape), fill)
    mine = found.touching(int(hours[0]), int(hours[-1]))
    for i in np.flatnonzero(mine.kind == EVENT_KINDS.index(kind)):
        rows = slice(
            int(np.searchsorted(hours, mine.first[i])),
            int(np.searchsorted(hours, mine.last[i], side="right")),
        )
        p = slice(None) if mine.pollutant[i] == WHOLE else mine.pollutant[i]
        result[rows, mine.station[i], p] = mine.size[i]
    return result


def swaps(made: Instruments, *, seed: int) -> list[tuple[int, int]]:
    """Pairs of stations whose coordinates are exchanged in the register.

    The chosen stations, nearest in a random order, are paired two by two within the same tier.
    """
    luck = uniform(keys(seed, "coordinates", made.stations), 0)
    share = np.array([made.config.tiers[t].coordinates_swapped for t in made.tier])
    pairs = []
    for tier in sorted(set(made.tier)):
        chosen = np.flatnonzero((luck < share) & (made.tier == tier))
        chosen = chosen[np.argsort(luck[chosen])]
        pairs += [(int(a), int(b)) for a, b in zip(chosen[::2], chosen[1::2], strict=False)]
    return pairs


def table(
    made: Instruments, found: Events, *, first: int, last: int, displaced_m: dict[int, float]
) -> pd.DataFrame:
    """Every fault in the hours first..last.

    Args:
        made: The instruments.
        found: Their events.
        first: First hour since 1970.
        last: Last hour.
        displaced_m: Station number -> how far the register puts it from its place.

    Returns:
        Columns station, pollutant ("all": the whole station), kind, start, end (stamps of the
        first and last hour, naive UTC, cut to the period), size (spike, unit: factor; clock: hours
        late; decay: response left; drift: relative change of the gain over the cycle;
        coordinates: metres; else NaN). By start, station, kind.
    """
    codes = np.array([*POLLUTANTS, "all"])
    real = found.kind != EVENT_KINDS.index("colocation")
    names = np.array(EVENT_KINDS)
    rows = [
        _frame(
            made, found.station[real], codes[found.pollutant[real]], names[found.kind[real]],
            np.maximum(found.first[real], first), np.minimum(found.last[real], last),
            found.size[real],
        ),
        _spike_rows(made, first, last),
        _drift_rows(made, first, last),
    ]  # fmt: skip
    moved = np.array(sorted(displaced_m), dtype=int)
    size = np.array([displaced_m[int(i)] for i in moved], dtype=float)
    whole = np.full(len(moved), first)
    rows.append(
        _frame(made, moved, np.full(len(moved), "all"), np.full(len(moved), "coordinates"),
               whole, np.full(len(moved), last), size)
    )  # fmt: skip
    full = pd.concat([r for r in rows if len(r)] or rows[:1], ignore_index=True)
    order = ["start", "station", "kind", "pollutant"]
    return full.sort_values(order, kind="stable").reset_index(drop=True)


def colocations(made: Instruments, found: Events, *, first: int, last: int) -> pd.DataFrame:
    """When a mobile reference stood beside a station: station, start, end (stamps, UTC)."""
    mine = found.kind == EVENT_KINDS.index("colocation")
    rows = _frame(
        made, found.station[mine], np.full(mine.sum(), "all"), np.full(mine.sum(), ""),
        np.maximum(found.first[mine], first), np.minimum(found.last[mine], last), found.size[mine],
    )[["station", "start", "end"]]  # fmt: skip
    return rows.sort_values(["start", "station"], kind="stable").reset_index(drop=True)


def _of_kind(made: Instruments, number: int, epoch: int, *, seed: int) -> Events:
    """One kind's events that begin in one epoch."""
    kind = EVENT_KINDS[number]
    tiers = made.config.tiers
    if kind == "colocation":
        per_year = np.array([tiers[t].colocation_days_per_year for t in made.tier])
        per_year = per_year * 24 / COLOCATION_HOURS
    else:
        fault = made.config.faults[kind]  # type: ignore[index]
        per_year = np.array([fault.per_year[t] for t in made.tier])
    own = keys(seed, f"fault {kind}", made.stations)
    luck = mixed(own, np.array(epoch))
    mean = per_year * EPOCH_HOURS / _YEAR_HOURS
    count = np.where(mean > 0, poisson.ppf(uniform(luck, 0), mean), 0).astype(int)
    station = np.repeat(np.arange(len(count)), count)
    nth = np.arange(len(station)) - np.repeat(np.cumsum(count) - count, count)
    one = mixed(luck[station], nth)
    first = (uniform(one, 1) * EPOCH_HOURS).astype(np.int64) + epoch * EPOCH_HOURS
    if kind == "colocation":
        length = np.full(len(station), COLOCATION_HOURS)
        pollutant = np.full(len(station), WHOLE)
    else:
        duration = fault.median_hours * np.exp(fault.spread * normal(one, 2))
        length = np.clip(np.rint(duration), 1, EPOCH_HOURS).astype(np.int64)
        which = (uniform(one, 3) * len(POLLUTANTS)).astype(int)
        whole = uniform(one, 4) < fault.whole_station
        pollutant = np.where(whole, WHOLE, which)
    luck_size = uniform(one, 5)
    factors = np.array([made.config.unit_factor[p] for p in POLLUTANTS])
    size = {
        "unit": factors[pollutant],
        "clock": 1 + np.floor(luck_size * MOST_LATE_HOURS),
        "decay": 0.1 + 0.3 * luck_size,
    }.get(kind, np.ones(len(station)))
    numbers = np.full(len(station), number)
    return Events(numbers, station, pollutant, first, first + length - 1, size)


def _frame(
    made: Instruments, station: np.ndarray, pollutant: np.ndarray, kind: np.ndarray,
    first: np.ndarray, last: np.ndarray, size: np.ndarray,
) -> pd.DataFrame:  # fmt: skip
    unsized = np.isin(kind, ["outage", "stuck"])
    return pd.DataFrame(
        {
            "station": np.array(made.stations, dtype=object)[station],
            "pollutant": pollutant.astype(object),
            "kind": kind.astype(object),
            "start": _stamps(first),
            "end": _stamps(last),
            "size": np.where(unsized, np.nan, size.astype(float)),
        }
    )


def _spike_rows(made: Instruments, first: int, last: int) -> pd.DataFrame:
    found = []
    for begin in range(first, last + 1, _BLOCK):
        hours = np.arange(begin, min(begin + _BLOCK, last + 1))
        factor = spikes(made, hours)
        h, s, p = np.nonzero(factor != 1)
        found.append((hours[h], s, p, factor[h, s, p]))
    hour, station, pollutant, size = (np.concatenate(part) for part in zip(*found, strict=True))
    kind = np.full(len(hour), "spike")
    return _frame(made, station, np.array(POLLUTANTS)[pollutant], kind, hour, hour, size)


def _drift_rows(made: Instruments, first: int, last: int) -> pd.DataFrame:
    """Cycles in which the gain creeps by more than LISTED_DRIFT, from half of that on."""
    low = (first + made.phase) // made.cycle_hours
    most = int(((last + made.phase) // made.cycle_hours - low).max()) + 1
    rows = []
    for k in range(most):
        begin = (low + k) * made.cycle_hours - made.phase
        end = np.minimum(begin + made.cycle_hours - 1, last)
        rate = drift_rate(made, service_key(made, (low + k)[:, None]))
        change = rate * ((end - begin) / MONTH_HOURS)[:, None]
        s, p = np.nonzero(np.abs(change) > LISTED_DRIFT)
        half = begin[s] + np.ceil(LISTED_DRIFT / 2 / np.abs(rate[s, p]) * MONTH_HOURS)
        start = np.maximum(half.astype(np.int64), first)
        keep = (start <= end[s]) & (end[s] >= first)
        kind = np.full(keep.sum(), "drift")
        rows.append(
            _frame(made, s[keep], np.array(POLLUTANTS)[p[keep]], kind, start[keep],
                   end[s][keep], change[s, p][keep])
        )  # fmt: skip
    return pd.concat(rows, ignore_index=True)


def _stamps(hours: np.ndarray) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(hours.astype("datetime64[h]").astype("datetime64[ns]"))
