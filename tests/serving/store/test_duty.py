import datetime as dt
import threading
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from forecast.problems import DataError
from response import rules
from serving import duty
from serving.consultation import Day
from serving.duty import Machine
from serving.review_state import Actor, Event, State
from serving.store import audit
from serving.store.engine import Conflict, Refused, Store, reading, writing
from serving.store.models import (
    Account,
    Adjustment,
    Decision,
    Outgoing,
    Proposal,
    Publication,
    Signature,
)

NOW = dt.datetime(2026, 11, 24, 8)
WANG, ZHAO = Actor(1, "wang", "officer"), Actor(2, "zhao", "leader")
MACHINE = Machine("jiaozuo", NOW, "orange", "start", {"probability": {"orange": 0.7}})


@pytest.fixture
def house(store: Store) -> Store:
    with writing(store) as session:
        for actor in (WANG, ZHAO):
            session.add(
                Account(
                    name=actor.name,
                    display=actor.name,
                    role=actor.role,
                    password="x",
                    created_at=NOW,
                )
            )
    return store


def event(kind: str, actor: Actor = WANG, **given: object) -> Event:
    return Event(kind, NOW, actor, reason="because", **given)  # type: ignore[arg-type]


def signed(store: Store) -> tuple[int, State]:
    filed = duty.propose(store, MACHINE, now=NOW)
    assert filed.warning_id
    duty.decide(store, filed.warning_id, event("sign"), seen=1)
    return filed.warning_id, duty.decide(store, filed.warning_id, event("sign", ZHAO), seen=2)


def test_from_proposal_to_publication_with_its_outbox(house: Store) -> None:
    warning_id, state = signed(house)
    assert state.status == "signed"

    def also(session, warning, decision, after):  # type: ignore[no-untyped-def]
        row = Publication(
            warning_id=warning.id,
            exercise=warning.exercise,
            decision_id=decision.id,
            kind="alert",
            identifier="LT-1",
            at=NOW,
            body={"level": after.in_force},
        )
        session.add(row)
        return [row]

    state = duty.decide(house, warning_id, event("publish"), seen=3, also=also)
    assert (state.status, state.in_force) == ("published", "orange")
    with reading(house) as session:
        assert duty.state_of(session, warning_id) == state
        assert session.scalar(select(func.count()).select_from(Signature)) == 2
        chain = session.execute(select(Decision.id, Decision.supersedes).order_by(Decision.seq))
        assert [row.supersedes for row in chain] == [None, 1, 2, 3]
    assert audit.verify(house).whole


def test_the_same_run_again_proposes_nothing_twice(house: Store) -> None:
    first = duty.propose(house, MACHINE, now=NOW)
    again = duty.propose(house, MACHINE, now=NOW + dt.timedelta(hours=1))
    assert (again.proposal_id, again.warning_id) == (first.proposal_id, first.warning_id)
    with reading(house) as session:
        assert session.scalar(select(func.count()).select_from(Proposal)) == 1
    later = replace(MACHINE, issue_time=NOW + dt.timedelta(days=1), level="red")
    filed = duty.propose(house, later, now=NOW)
    assert filed.warning_id == first.warning_id
    assert filed.state
    assert (filed.state.version, filed.state.machine) == (2, "red")


def test_no_level_proposed_opens_nothing(house: Store) -> None:
    filed = duty.propose(house, replace(MACHINE, level=None, action="none"), now=NOW)
    assert filed.warning_id is None
    assert audit.verify(house).rows == 1


def test_who_saw_an_older_version_is_told_who_was_first(house: Store) -> None:
    warning_id = duty.propose(house, MACHINE, now=NOW).warning_id
    assert warning_id
    duty.decide(house, warning_id, event("consult"), seen=1)
    with pytest.raises(Conflict, match="consult by wang"):
        duty.decide(house, warning_id, event("reject", ZHAO), seen=1)


def test_two_officers_at_once_one_wins(house: Store) -> None:
    warning_id = duty.propose(house, MACHINE, now=NOW).warning_id
    assert warning_id
    outcomes: list[str] = []
    gate = threading.Barrier(8)

    def act(number: int) -> None:
        gate.wait()
        try:
            actor = WANG if number % 2 else ZHAO
            duty.decide(house, warning_id, event("reject", actor), seen=1)
            outcomes.append("won")
        except Conflict:
            outcomes.append("told")

    threads = [threading.Thread(target=act, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["told"] * 7 + ["won"]
    assert audit.verify(house).rows == 2


def test_an_adjustment_says_what_it_calls_for_and_stays_beside_the_machine(house: Store) -> None:
    warning_id = duty.propose(house, MACHINE, now=NOW).warning_id
    assert warning_id
    duty.decide(house, warning_id, event("consult"), seen=1)
    edition = rules.load("national-2024")
    days = [Day(dt.date(2026, 11, 25 + n), 150, 210, ("pm25",)) for n in range(3)]
    state = duty.adjust(
        house, warning_id, days, edition, level="yellow", event=event("adjust"), seen=2
    )
    assert (state.machine, state.own, state.adjustment_id) == ("orange", "yellow", 1)
    with reading(house) as session:
        row = session.get_one(Adjustment, 1)
        assert row.days[0] == {"date": "2026-11-25", "high": 210, "low": 150, "primary": ["pm25"]}
        assert row.calls_for in ("yellow", "orange")
    with pytest.raises(DataError) as caught:
        duty.adjust(
            house,
            warning_id,
            [Day(days[0].date, 90, 80), Day(days[2].date, 1, 99, ("smog",))],
            edition,
            level=None,
            event=event("adjust"),
            seen=3,
        )
    assert len(caught.value.problems) == 3


def test_a_refused_decision_leaves_nothing_behind(house: Store) -> None:
    warning_id = duty.propose(house, MACHINE, now=NOW).warning_id
    assert warning_id
    with pytest.raises(Refused):
        duty.decide(house, warning_id, event("publish"), seen=1)
    with pytest.raises(DataError, match="warning"):
        duty.decide(house, 99, event("consult"), seen=1)
    assert audit.verify(house).rows == 1


@pytest.mark.parametrize("table", [Publication, Outgoing])
def test_no_row_of_an_exercise_hangs_on_an_actual_warning(house: Store, table: type) -> None:
    """The store itself refuses what the program should never try."""
    from sqlalchemy.exc import IntegrityError

    warning_id, _ = signed(house)

    def insert() -> None:
        with writing(house) as session:
            row = Publication(
                warning_id=warning_id,
                exercise=table is Publication,
                decision_id=1,
                kind="alert",
                identifier="x",
                at=NOW,
                body={},
            )
            session.add(row)
            session.flush()
            if table is Outgoing:
                session.add(
                    Outgoing(
                        key="k",
                        channel="c",
                        exercise=True,
                        publication_id=row.id,
                        body={},
                        digest="",
                        state="pending",
                        attempts=0,
                        next_attempt=NOW,
                        created_at=NOW,
                    )
                )

    with pytest.raises(IntegrityError):
        insert()


def test_runs_are_started_again_as_the_same_row(house: Store) -> None:
    run = duty.start_run(house, city="jiaozuo", issue_time=NOW, now=NOW)
    assert duty.start_run(house, city="jiaozuo", issue_time=NOW, now=NOW) == run
    duty.finish_run(house, run, status="degraded", report={"weather": "none"}, now=NOW)
    assert audit.verify(house).rows == 3
