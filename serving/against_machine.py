"""Officers against the machine: both versions of a forecast, verified by what came.

An officer's days in consultation never overwrite the machine's. Each adjustment that was the last
one on a proposal is paired with that proposal, day by day; days that were over when the officer
adjusted are left out. What was observed is so under whatever measures were in force.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from serving import consultation
from serving.city_days import CityDay
from serving.consultation import Day
from serving.store.engine import Store, reading
from serving.store.models import Adjustment, CityWarning, Decision, Proposal

MOST: Final = 200  # adjustments looked at, the newest


@dataclass(frozen=True)
class Version:
    """An adjusted forecast beside the machine's."""

    warning: int
    exercise: bool
    at: dt.datetime  # of the adjustment, naive UTC
    issued: dt.datetime  # of the machine's forecast, naive UTC
    machine_level: str | None
    officer_level: str | None
    reason: str
    machine: tuple[Day, ...]
    officer: tuple[Day, ...]


@dataclass(frozen=True)
class Pair:
    """One day of both."""

    warning: int
    exercise: bool
    lead: int  # 1: the day after the issue time
    machine: Day
    officer: Day
    observed: CityDay | None  # None: not over or not known


@dataclass(frozen=True)
class Score:
    """How one side did over some days; counts, so that few days look like few."""

    days: int
    inside: int  # observed index within the range
    missed: float | None  # mean distance from the range, 0 within
    width: float | None  # mean width of the range
    primary: int  # one of its primary pollutants was one
    primary_days: int  # days with an observed one


def versions(store: Store, city: str) -> list[Version]:
    """Adjusted forecasts with the machine's, the newest first; only those with both."""
    made: list[Version] = []
    with reading(store) as session:
        query = (
            select(Adjustment, CityWarning.exercise)
            .join(CityWarning, CityWarning.id == Adjustment.warning_id)
            .where(CityWarning.city == city)
            .order_by(Adjustment.id.desc())
            .limit(MOST)
        )
        changed = [(a, bool(e)) for a, e in session.execute(query)]
        of_them = sorted({a.warning_id for a, _ in changed})
        decisions = session.scalars(
            select(Decision)
            .where(Decision.warning_id.in_(of_them))
            .order_by(Decision.warning_id, Decision.seq)
        ).all()
        named = {d.proposal_id for d in decisions if d.proposal_id is not None}
        proposals = {
            p.id: p for p in session.scalars(select(Proposal).where(Proposal.id.in_(named)))
        }
    before = _proposal_before(decisions)
    level = {d.adjustment_id: d.level for d in decisions if d.kind == "adjust"}
    seen: set[tuple[int, int]] = set()
    for row, exercise in changed:
        number = before.get(row.id)
        if number is None or (row.warning_id, number) in seen:
            continue  # opened by hand, or a later adjustment stands in its place
        seen.add((row.warning_id, number))
        proposal = proposals[number]
        days = consultation.from_json(proposal.machine.get("days", []))
        if days:
            made.append(
                Version(
                    row.warning_id, exercise, row.at, proposal.issue_time, proposal.level,
                    level.get(row.id), row.reason, days, consultation.from_json(row.days),
                )
            )  # fmt: skip
    return made


def _proposal_before(decisions: Sequence[Decision]) -> dict[int, int]:
    """By adjustment: the machine's newest proposal of its warning then."""
    found: dict[int, int] = {}
    newest: dict[int, int] = {}
    for d in decisions:
        if d.kind == "propose" and d.proposal_id is not None:
            newest[d.warning_id] = d.proposal_id
        if d.kind == "adjust" and d.adjustment_id is not None and d.warning_id in newest:
            found[d.adjustment_id] = newest[d.warning_id]
    return found


def pairs(
    found: Sequence[Version], observed: Mapping[dt.date, CityDay], *, offset: dt.timedelta
) -> list[Pair]:
    """Days that both have and that were to come when the officer adjusted."""
    made = []
    for one in found:
        machine = {d.date: d for d in one.machine}
        issued, adjusted = (one.issued + offset).date(), (one.at + offset).date()
        for day in one.officer:
            if day.date in machine and day.date > adjusted:
                lead = (day.date - issued).days
                made.append(
                    Pair(one.warning, one.exercise, lead, machine[day.date], day,
                         observed.get(day.date))
                )  # fmt: skip
    return made


def score(days: Sequence[tuple[Day, CityDay]]) -> Score:
    """One side's days against what came."""
    if not days:
        return Score(0, 0, None, None, 0, 0)
    missed = [max(f.low - o.aqi, o.aqi - f.high, 0) for f, o in days]
    named = [(f, o) for f, o in days if o.primary]
    return Score(
        len(days), sum(m == 0 for m in missed), sum(missed) / len(days),
        sum(f.high - f.low for f, _ in days) / len(days),
        sum(bool(set(f.primary) & set(o.primary)) for f, o in named), len(named),
    )  # fmt: skip


def by_lead(found: Sequence[Pair]) -> list[tuple[int, Score, Score]]:
    """Lead in days, the machine's score, the officers' on the same days; known days only."""
    made = []
    for lead in sorted({p.lead for p in found}):
        own = [(p, p.observed) for p in found if p.lead == lead]
        known = [(p, o) for p, o in own if o is not None]
        machine = score([(p.machine, o) for p, o in known])
        made.append((lead, machine, score([(p.officer, o) for p, o in known])))
    return made
