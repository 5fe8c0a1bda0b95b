"""Decisions in the store: proposals in, events appended, the loser of a race told.

Every function opens one transaction, in which the rows and their audit entry are written or none
is. Whoever decides says which version he saw; on another one nothing is written (Conflict).
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from forecast.problems import DataError, Problem
from response.rules import Level, Rules
from serving import consultation, review
from serving.consultation import Day
from serving.review_state import MACHINE, Actor, Event, State, digest, from_json, to_json
from serving.review_table import CLOSED
from serving.store import audit
from serving.store.base import Base
from serving.store.engine import Conflict, Store, writing
from serving.store.models import Adjustment, CityWarning, Decision, Proposal, Run, Signature

PROGRAM: Final = Actor(None, "daily", MACHINE)
# Rows that belong to a decision and are written with it: a publication and its outbox.
Also = Callable[[Session, CityWarning, Decision, State], Sequence[Base]]


@dataclass(frozen=True)
class Machine:
    """What the daily run proposes."""

    city: str
    issue_time: dt.datetime
    level: Level | None
    action: str
    content: Mapping[str, Any]  # probabilities, criteria, days; as JSON
    exercise: bool = False
    valid_until: dt.datetime | None = None
    run_id: int | None = None


@dataclass(frozen=True)
class Filed:
    """Where a proposal went."""

    proposal_id: int
    warning_id: int | None  # None: nothing was open and no level is proposed
    state: State | None


def propose(store: Store, machine: Machine, *, now: dt.datetime) -> Filed:
    """File the machine's proposal; the same city, issue time and mode again is the same proposal.

    It goes to the city's open warning of that mode, or opens one where a level is proposed.
    """
    with writing(store) as session:
        audit.lock(session)
        there = _proposal(session, machine)
        if there is not None:
            return _filed(session, there)
        row = Proposal(
            run_id=machine.run_id, city=machine.city, exercise=machine.exercise,
            issue_time=machine.issue_time, at=now, level=machine.level, action=machine.action,
            machine=dict(machine.content),
        )  # fmt: skip
        session.add(row)
        session.flush()
        event = Event(
            "propose", now, PROGRAM, level=machine.level, exercise=machine.exercise,
            valid_until=machine.valid_until, proposal_id=row.id,
        )  # fmt: skip
        warning = open_warning(session, machine.city, exercise=machine.exercise)
        if warning is None and machine.level is None:
            _record(session, event, f"proposals/{row.id}", [row])
            return Filed(row.id, None, None)
        warning, state = _file(session, warning, event, machine.city, [row])
        return Filed(row.id, warning.id, state)


def open_by_hand(
    store: Store, *, city: str, event: Event, also: Also | None = None
) -> tuple[int, State]:
    """An officer opens a warning that the machine did not propose; its id and state.

    Raises:
        Conflict: One is open already.
        Refused: He may not.
    """
    with writing(store) as session:
        audit.lock(session)
        if (there := open_warning(session, city, exercise=event.exercise)) is not None:
            expected = "no open warning: decide on that one"
            raise Conflict([Problem(f"{city}", f"warning {there.id} open", expected)])
        warning, state = _file(session, None, event, city, [], also)
        return warning.id, state


def decide(
    store: Store, warning_id: int, event: Event, *, seen: int, also: Also | None = None
) -> State:
    """Append a decision.

    Args:
        store: The store.
        warning_id: The warning.
        event: What happened; a signature without digest is under the draft of version `seen`.
        seen: Version of the warning that the officer had before him.
        also: Writes what belongs to the decision, in its transaction; gives the append-only rows.

    Raises:
        DataError: No such warning.
        Conflict: Someone decided in between.
        Refused: The event is not possible, or not for this actor.
    """
    with writing(store) as session:
        audit.lock(session)  # before the warning, as everywhere: no two wait for each other
        warning = session.get(CityWarning, warning_id)
        if warning is None:
            raise DataError([Problem("warning", str(warning_id), "a warning that is there")])
        if warning.version != seen:
            raise _late(session, warning, seen)
        return _append(session, warning, event, [], also)[1]


def adjust(
    store: Store,
    warning_id: int,
    days: Sequence[Day],
    rules: Rules,
    *,
    level: Level | None,
    event: Event,
    seen: int,
) -> State:
    """Adjust the forecast in consultation: the officer's days beside the machine's.

    Args:
        store: The store.
        warning_id: The warning.
        days: All days of the officer's forecast.
        rules: The edition that says what they call for.
        level: The city's own level from now on; what the days call for is kept beside it.
        event: Of kind `adjust`, with time, actor and reason.
        seen: Version of the warning that the officer had before him.

    Raises:
        DataError: The days cannot be; all at once.
        Conflict: Someone decided in between.
        Refused: The warning is not in consultation, or the actor may not.
    """
    called = consultation.calls_for(days, rules)
    with writing(store) as session:
        audit.lock(session)  # before the warning, as everywhere: no two wait for each other
        warning = session.get(CityWarning, warning_id)
        if warning is None:
            raise DataError([Problem("warning", str(warning_id), "a warning that is there")])
        if warning.version != seen:
            raise _late(session, warning, seen)
        before = state_of(session, warning_id)
        review.step(before, replace(event, level=level))  # refused before a row is made
        row = Adjustment(
            warning_id=warning_id, account_id=event.actor.account, at=event.at,
            days=consultation.to_json(days), calls_for=called.level, rules=rules.edition,
            reason=event.reason, supersedes=before.adjustment_id,
        )  # fmt: skip
        session.add(row)
        session.flush()
        event = replace(event, level=level, adjustment_id=row.id)
        return _append(session, warning, event, [row], None)[1]


def events_of(session: Session, warning_id: int) -> list[Event]:
    """A warning's events, the first one first."""
    query = select(Decision.event).where(Decision.warning_id == warning_id).order_by(Decision.seq)
    return [from_json(found) for found in session.scalars(query)]


def state_of(session: Session, warning_id: int) -> State:
    """A warning's state.

    Raises:
        ValueError: No such warning.
    """
    return review.fold(events_of(session, warning_id))


def open_warning(session: Session, city: str, *, exercise: bool) -> CityWarning | None:
    """The city's open warning of one mode; there is one at most."""
    query = (
        select(CityWarning)
        .join(
            Decision,
            (Decision.warning_id == CityWarning.id) & (Decision.seq == CityWarning.version),
        )
        .where(CityWarning.city == city, CityWarning.exercise == exercise)
        .where(Decision.state.not_in(CLOSED))
    )
    return session.scalars(query).one_or_none()


def start_run(
    store: Store, *, city: str, issue_time: dt.datetime, exercise: bool = False, now: dt.datetime
) -> int:
    """Number of a daily run; the same run started again is the same row."""
    with writing(store) as session:
        audit.lock(session)
        same = (Run.city == city, Run.issue_time == issue_time, Run.exercise == exercise)
        row = session.scalars(select(Run).where(*same)).one_or_none()
        if row is None:
            row = Run(city=city, issue_time=issue_time, exercise=exercise, started_at=now)
            session.add(row)
        row.status, row.started_at, row.finished_at = "running", now, None
        session.flush()
        audit.append(session, at=now, actor="daily", action="run.start", subject=f"runs/{row.id}")
        return row.id


def finish_run(
    store: Store, run_id: int, *, status: str, report: Mapping[str, Any], now: dt.datetime
) -> None:
    """How a run ended: done, degraded or failed, with its report as JSON."""
    with writing(store) as session:
        audit.lock(session)
        row = session.get_one(Run, run_id)
        row.status, row.finished_at, row.report = status, now, dict(report)
        audit.append(
            session, at=now, actor="daily", action=f"run.{status}", subject=f"runs/{run_id}"
        )


def _file(
    session: Session,
    warning: CityWarning | None,
    event: Event,
    city: str,
    rows: Sequence[Base],
    also: Also | None = None,
) -> tuple[CityWarning, State]:
    """An event on an open warning, or a new warning with it."""
    if warning is None:
        review.opened(event)  # refused before a row is made
        warning = CityWarning(
            city=city, exercise=event.exercise, proposal_id=event.proposal_id,
            opened_at=event.at, version=0,
        )  # fmt: skip
        session.add(warning)
        session.flush()
    return _append(session, warning, event, rows, also)


def _append(
    session: Session,
    warning: CityWarning,
    event: Event,
    rows: Sequence[Base],
    also: Also | None,
) -> tuple[CityWarning, State]:
    """The event's decision, its signature and its audit row; the warning's next version."""
    before = state_of(session, warning.id) if warning.version else None
    if event.kind == "sign" and before is not None and event.digest is None:
        event = replace(event, digest=digest(before))
    state = review.opened(event) if before is None else review.step(before, event)
    seen = warning.version
    moved = session.execute(
        update(CityWarning)
        .where(CityWarning.id == warning.id, CityWarning.version == seen)
        .values(version=seen + 1)
        .execution_options(synchronize_session=False)
    )
    if moved.rowcount != 1:  # type: ignore[attr-defined]  # a cursor's result has it
        raise _late(session, warning, seen)
    session.refresh(warning)
    last = select(Decision.id).where(Decision.warning_id == warning.id, Decision.seq == seen)
    decision = Decision(
        warning_id=warning.id, exercise=warning.exercise, seq=state.version, kind=event.kind,
        state=state.status, level=state.level, in_force=state.in_force, at=event.at,
        account_id=event.actor.account, role=event.actor.role, reason=event.reason,
        event=to_json(event), proposal_id=event.proposal_id, adjustment_id=event.adjustment_id,
        supersedes=session.scalar(last),
    )  # fmt: skip
    session.add(decision)
    session.flush()
    written: list[Base] = [*rows, decision]
    if event.kind == "sign" and before is not None:
        written.append(_signature(warning, decision, before, state))
        session.add(written[-1])
    if also is not None:
        written.extend(also(session, warning, decision, state))
    _record(session, event, f"warnings/{warning.id}", written, version=state.version)
    return warning, state


def _signature(warning: CityWarning, decision: Decision, before: State, after: State) -> Signature:
    last = after.signatures[-1]
    return Signature(
        warning_id=warning.id, decision_id=decision.id, draft=before.draft,
        position=len(after.signatures), account_id=last.account, role=last.role,
        level=before.level, digest=digest(before), at=last.at,
    )  # fmt: skip


def _record(
    session: Session, event: Event, subject: str, rows: Sequence[Base], **body: Any
) -> None:
    audit.append(
        session, at=event.at, actor=event.actor.name, action=f"warning.{event.kind}",
        subject=subject, body={**body, "actor": asdict(event.actor)}, rows=rows,
    )  # fmt: skip


def _late(session: Session, warning: CityWarning, seen: int) -> Conflict:
    """Who was first, for the one who was not."""
    query = select(Decision).where(Decision.warning_id == warning.id).order_by(Decision.seq.desc())
    last = session.scalars(query.limit(1)).one()
    name = last.event["actor"]["name"]
    found = f"version {last.seq}: {last.kind} by {name} at {last.at:%Y-%m-%d %H:%M} UTC"
    return Conflict([Problem(f"warning {warning.id}", found, f"version {seen}, as you saw it")])


def _proposal(session: Session, machine: Machine) -> Proposal | None:
    query = select(Proposal).where(
        Proposal.city == machine.city,
        Proposal.issue_time == machine.issue_time,
        Proposal.exercise == machine.exercise,
    )
    return session.scalars(query.order_by(Proposal.id).limit(1)).first()


def _filed(session: Session, proposal: Proposal) -> Filed:
    query = select(Decision.warning_id).where(
        Decision.proposal_id == proposal.id, Decision.kind == "propose"
    )
    warning = session.scalars(query.limit(1)).first()
    return Filed(proposal.id, warning, None if warning is None else state_of(session, warning))
