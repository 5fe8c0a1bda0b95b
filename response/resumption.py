"""Who may go back to work when, while the air keeps its bottom line.

Takes members of the base concentrations (every unit at its present load), what each unit adds at
full load, requests and a bottom line; gives a plan. Requests are taken in order (grade, value per
exposure), each gets the choice with the most output that keeps every promise given those before
it. Contributions are never negative and an index never falls with a concentration, so a request
that was refused stays infeasible when others are added: no request is refused that the plan could
still take. Promises bind on the days of the forecast; a start after them rests on climatological
weather, is judged on those days and is provisional. A day whose promise the base itself breaks
takes no unit that adds anything to it. In the end every promise is counted again by forecast.aqi.

Left out: what a unit adds to the rest of today where today is no judged day, ozone where no
contribution is given (a negative one is not credited), carry-over of a part day into the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.schema import CITY_AREA, POLLUTANTS
from response import promises, resumption_options
from response.promises import TOLERANCE
from response.resumption_options import DAY, Options
from response.resumption_records import (
    Base,
    Cell,
    Decision,
    Outcome,
    Plan,
    Promise,
    Risk,
    checked,
)
from response.resumption_settings import BottomLine, Limit, Settings

Doubles = NDArray[np.float64]
Bools = NDArray[np.bool_]
_CHUNK: Final = 16  # options judged at once


@dataclass(frozen=True)
class _Judge:
    """Promises of one phase, ready to be counted fast."""

    limits: tuple[Limit, ...]
    cells: tuple[Cell, ...]  # of the limits in their order
    used: NDArray[np.int64]  # areas some limit is about
    area: NDArray[np.int64]  # (limit,), positions in `used`
    critical: Doubles  # (limit, day, POLLUTANTS)
    begin: int  # days judged one by one
    end: int
    accepted: Doubles  # (cell,)
    broken: Bools  # (cell,) by the base itself

    def shares(self, conc: Doubles) -> Doubles:
        """Share of members that break each cell: (option, cell); conc (option, used, ...)."""
        parts = []
        for k, a in enumerate(self.area):
            over = (conc[:, a] > self.critical[k]).any(axis=-1)  # (option, member, day)
            allowed = self.limits[k].days_allowed
            if allowed is None:
                parts.append(over[:, :, self.begin : self.end].mean(axis=1))
            else:
                many = over[:, :, : self.end].sum(axis=-1) > allowed
                parts.append(many.mean(axis=1, keepdims=True))
        return np.concatenate(parts, axis=1)

    def touched(self, more: Doubles) -> Bools:
        """Cells (option, cell) to which something is added; more (option, used, ...)."""
        parts = []
        for k, a in enumerate(self.area):
            found = (np.isfinite(self.critical[k]) & (more[:, a] > 0)).any(axis=(1, 3))
            if self.limits[k].days_allowed is None:
                parts.append(found[:, self.begin : self.end])
            else:
                parts.append(found[:, : self.end].any(axis=1, keepdims=True))
        return np.concatenate(parts, axis=1)

    def refused(self, shares: Doubles, touched: Bools) -> Bools:
        """(option, cell): the promise would break, or the base breaks it and more is added."""
        over = shares > self.accepted + TOLERANCE
        return np.asarray(np.where(self.broken, touched, over))


def make_plan(
    base: Base,
    requests: pd.DataFrame,
    added: Doubles,
    bottom_line: BottomLine,
    settings: Settings,
    *,
    first: float,
) -> Plan:
    """Decide on every request.

    Args:
        base: Members.
        requests: Index = unit; COLUMNS, with wished in h from the first judged day's local
            midnight (see response.resume_run for times), loads as shares.
        added: (unit, area, member or 1, day, POLLUTANTS), what each unit adds at full load.
        first: Earliest start [h from the first judged day's local midnight].

    Raises:
        ConfigError: Shapes that do not fit, a limit for an area that is not there.
        DataError: Gaps in the members, negative contributions (ozone apart), wrong requests.
    """
    limits = bottom_line.limits
    promises.refuse_gaps(base.conc, limits, base.areas)
    added = checked(base, requests, added)
    order = ranked(base, requests, added, settings)
    table = requests.assign(ramp=_ramp(requests), **order)
    sequence = table.sort_values(["first", "score", "value_yuan_d"], ascending=False, kind="stable")
    conc = base.conc.astype(np.float64)
    taken: dict[float, int] = {}
    decisions: dict[str, Decision] = {}
    phases = [(0, base.forecast_days)]
    if len(base.days) > base.forecast_days:
        phases.append((base.forecast_days, len(base.days)))
    for begin, end in phases:
        judge = _judge(base, conc, limits, begin, end)
        soonest = max(first, DAY * begin) if begin else first  # today lies before day 0
        open_slots = resumption_options.slots(soonest, DAY * end, settings)
        for number, unit in enumerate(sequence.index, start=1):
            if unit in decisions and decisions[unit].outcome != "wait":
                continue
            row = sequence.loc[unit]
            choices = resumption_options.of(row, open_slots, len(base.days), settings, until=end)
            unit_adds = added[requests.index.get_loc(unit)]
            if not len(choices):
                decisions.setdefault(unit, _outside(row, unit, number, judge, conc))
                continue
            found = _decide(row, unit, number, choices, unit_adds, conc, judge, taken, settings)
            decision, chosen = found
            if chosen is not None:
                conc = conc + unit_adds * choices.factor[chosen][:, None]
                at = float(choices.start[chosen])
                taken[at] = taken.get(at, 0) + 1
            elif unit in decisions and decisions[unit].hindered is not None:
                decision = decisions[unit]  # what hindered it first is what can be acted on
            decisions[unit] = replace(decision, provisional=begin > 0 and chosen is not None)
    kept = _promises(base, conc, limits)
    final = tuple(
        replace(d, outcome=_outcome(d, first, settings), headroom=_headroom(d, kept))
        for d in (decisions[u] for u in sequence.index)
    )
    return Plan(base, final, kept, conc, first)


def ranked(
    base: Base, requests: pd.DataFrame, added: Doubles, settings: Settings
) -> dict[str, NDArray[np.float64]]:
    """Exposure [weighted ug m-3], score and whether its kind goes first, per request.

    Exposure is what full load adds to the city (or, without one, to the mean of the areas), on
    the mean of the judged days; score = grade's weight x value / exposure, inf without exposure.
    """
    weights = np.array([settings.exposure.get(p, 0.0) for p in POLLUTANTS])
    by_area = (added.mean(axis=(2, 3)) * weights).sum(axis=-1)  # (unit, area)
    city = base.areas.index(CITY_AREA) if CITY_AREA in base.areas else None
    exposure = by_area[:, city] if city is not None else by_area.mean(axis=1)
    grade = requests["grade"].map(settings.grades).fillna(settings.other_grade).to_numpy(float)
    value = requests["value_yuan_d"].to_numpy(float)
    score = np.full(len(requests), np.inf)
    np.divide(grade * value, exposure, out=score, where=exposure > 0)
    first = requests["kind"].isin(settings.first_kinds).to_numpy(float)
    return {"exposure": exposure, "score": score, "first": first}


def _ramp(requests: pd.DataFrame) -> "pd.Series[float]":
    """Hours from start to load; a unit that stood still also needs its time to restart."""
    cold = requests["load_now"] <= 0
    longest = requests[["ramp_hours", "hours_to_restart"]].max(axis=1)
    return requests["ramp_hours"].where(~cold, longest).astype(float)


def _judge(base: Base, conc: Doubles, limits: Sequence[Limit], begin: int, end: int) -> _Judge:
    """Cells of the days begin..end; a count of days runs from the first day on."""
    cells = tuple(_cells(limits, begin, end))
    where = np.array([base.areas.index(x.area) for x in limits])
    used, area = np.unique(where, return_inverse=True)
    critical = np.stack([promises.critical(x, base.days, base.standard) for x in limits])
    accepted = np.array([c.limit.accepted for c in cells])
    nothing = np.zeros(len(cells), dtype=bool)
    judge = _Judge(tuple(limits), cells, used, area, critical, begin, end, accepted, nothing)
    return replace(judge, broken=judge.shares(conc[used][None])[0] > accepted + TOLERANCE)


def _cells(limits: Sequence[Limit], begin: int, end: int) -> list[Cell]:
    out = []
    for limit in limits:
        if limit.days_allowed is None:
            out += [Cell(limit, (d,)) for d in range(begin, end)]
        else:
            out.append(Cell(limit, tuple(range(end))))
    return out


def _decide(
    row: "pd.Series",
    unit: str,
    number: int,
    choices: Options,
    adds: Doubles,
    conc: Doubles,
    judge: _Judge,
    taken: dict[float, int],
    settings: Settings,
) -> tuple[Decision, int | None]:
    """The best choice that keeps every promise, and why not the one asked for."""
    before = judge.shares(conc[judge.used][None])[0]
    counts = np.array([taken.get(s, 0) for s in choices.start])
    free = counts < settings.starts_per_slot
    chosen: int | None = None
    after = before
    open_choices = np.flatnonzero(free)
    for at in range(0, len(open_choices), _CHUNK):
        part = open_choices[at : at + _CHUNK]
        shares, refused = _judged(choices.factor[part], adds, conc, judge)
        good = np.flatnonzero(~refused.any(axis=1))
        if len(good):
            chosen = int(part[good[0]])
            after = shares[good[0]]
            break
    # The first choice is full load at the earliest start offered: what was asked for.
    wanted, hinder = _judged(choices.factor[:1], adds, conc, judge)
    hindered = None
    if hinder[0].any():
        worst = np.where(hinder[0], wanted[0] - judge.accepted, -np.inf)
        c = int(worst.argmax())
        hindered = Risk(judge.cells[c], float(before[c]), float(wanted[0][c]))
    if chosen is None:
        after = wanted[0]
    most = int((after - before).argmax())
    return (
        Decision(
            unit=unit,
            order=number,
            outcome="wait" if chosen is None else "start_at",
            start=None if chosen is None else float(choices.start[chosen]),
            load=None if chosen is None else float(choices.load[chosen]),
            provisional=False,
            output_days=0.0 if chosen is None else float(choices.output[chosen]),
            exposure=float(row["exposure"]),
            score=float(row["score"]),
            risk=Risk(judge.cells[most], float(before[most]), float(after[most])),
            hindered=hindered,
            full=hindered is None and not free[0],
            passing_load=_passing_load(row, choices, adds, conc, judge) if hindered else None,
            headroom=None,
        ),
        chosen,
    )


def _judged(factor: Doubles, adds: Doubles, conc: Doubles, judge: _Judge) -> tuple[Doubles, Bools]:
    """Shares (option, cell) with each option, and whether it is refused there."""
    more = factor[:, None, None, :, None] * adds[judge.used]  # (option, used, member or 1, ...)
    shares = judge.shares(conc[judge.used] + more)
    return shares, judge.refused(shares, judge.touched(more))


def _passing_load(
    row: "pd.Series",
    choices: Options,
    adds: Doubles,
    conc: Doubles,
    judge: _Judge,
) -> float:
    """Greatest load that keeps every promise at the wished start, whatever the minimum load."""
    now = float(row["load_now"])
    per_load = choices.factor[:1] / (choices.load[0] - now)
    low, high = now, 1.0
    for _ in range(10):
        middle = (low + high) / 2
        bad = _judged(per_load * (middle - now), adds, conc, judge)[1].any()
        low, high = (low, middle) if bad else (middle, high)
    return low


def _outside(
    row: "pd.Series",
    unit: str,
    number: int,
    judge: _Judge,
    conc: Doubles,
) -> Decision:
    """A request that no offered start can meet: it wishes to start after the horizon."""
    now = judge.shares(conc[judge.used][None])[0]
    risk = Risk(judge.cells[0], float(now[0]), float(now[0]))
    return Decision(unit, number, "wait", None, None, False, 0.0, float(row["exposure"]),
                    float(row["score"]), risk, None, False, None, None)  # fmt: skip


def _outcome(d: Decision, first: float, settings: Settings) -> Outcome:
    if d.start is None or d.load is None:
        return "wait"
    if d.load < 1 - 1e-9:
        return "partial"
    return "start_now" if d.start < first + settings.slot_hours - 1e-9 else "start_at"


def _promises(base: Base, conc: Doubles, limits: Sequence[Limit]) -> tuple[Promise, ...]:
    """Every promise counted by forecast.aqi."""
    out = []
    for limit in limits:
        before = promises.exact(base.conc, base.areas, base.days, limit, base.standard)
        after = promises.exact(conc, base.areas, base.days, limit, base.standard)
        spans = [(0, base.forecast_days)]
        if len(base.days) > base.forecast_days:
            spans.append((base.forecast_days, len(base.days)))
        for begin, end in spans:
            for cell in _cells([limit], begin, end):
                days, allowed = list(cell.days), limit.days_allowed or 0
                was, planned = (
                    float((x[:, days].sum(axis=1) > allowed).mean()) for x in (before, after)
                )
                out.append(Promise(cell, was, planned, provisional=begin > 0))
    return tuple(out)


def _headroom(d: Decision, kept: Sequence[Promise]) -> float | None:
    """Least accepted minus planned probability over the promises that bind this start."""
    if d.start is None:
        return None
    day = int(max(d.start, 0.0) // DAY)
    own = [
        p.cell.limit.accepted - p.planned
        for p in kept
        if p.provisional == d.provisional and max(p.cell.days) >= day
    ]
    return min(own) if own else None
