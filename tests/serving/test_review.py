"""The state of a warning: hand-written days, and a machine that tries everything."""

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from response.rules import LEVELS, Level
from serving import review
from serving.permissions import ROLES, allowed
from serving.review_state import (
    MACHINE,
    Actor,
    Event,
    State,
    digest,
    from_json,
    highest,
    rank,
    to_json,
)
from serving.review_table import CLOSED, DRAFT, STANDING, TRANSITIONS, Kind
from serving.store.engine import Refused

NOW = dt.datetime(2026, 11, 24, 8)
WANG = Actor(1, "wang", "officer")
LI = Actor(2, "li", "officer")
ZHAO = Actor(3, "zhao", "leader")
SUN = Actor(4, "sun", "leader")
PROGRAM = Actor(None, "daily", MACHINE)
PEOPLE = [WANG, LI, ZHAO, SUN, Actor(5, "v", "viewer"), Actor(6, "e", "enterprise"),
          Actor(7, "d", "data_scientist"), Actor(8, "a", "admin"), PROGRAM]  # fmt: skip


def event(kind: Kind, actor: Actor = WANG, **given: Any) -> Event:
    return Event(kind, NOW, actor, **{"reason": "because", **given})


def proposed(level: Level | None = "orange", **given: Any) -> State:
    return review.opened(event("propose", PROGRAM, level=level, **given))


def signed(state: State, *actors: Actor) -> State:
    for actor in actors:
        state = review.step(state, event("sign", actor, digest=digest(state)))
    return state


def published(level: Level = "orange") -> State:
    return review.step(signed(proposed(level), WANG, ZHAO), event("publish"))


def test_yellow_takes_one_signature_and_orange_and_red_two_people() -> None:
    assert signed(proposed("yellow"), WANG).status == "signed"
    for level in ("orange", "red"):
        state = signed(proposed(level), WANG)
        assert (state.status, len(state.signatures)) == ("in_consultation", 1)
        assert signed(state, ZHAO).status == "signed"


@pytest.mark.parametrize("level", [None, "blue", "red"])
def test_a_draft_proposed_anew_by_an_officer_is_not_the_one_that_was_signed(
    level: Level | None,
) -> None:
    state = review.step(signed(proposed("yellow"), WANG), event("propose", LI, level=level))
    assert state.status == "in_consultation"
    assert not state.signatures
    with pytest.raises(Refused):
        review.step(state, event("publish"))


@pytest.mark.parametrize("second", [WANG, LI])
def test_the_second_signature_is_another_person_and_a_leader(second: Actor) -> None:
    with pytest.raises(Refused, match=r"leader|another person"):
        signed(proposed(), WANG, second)
    with pytest.raises(Refused, match="another person"):
        signed(proposed(), ZHAO, ZHAO)
    with pytest.raises(Refused, match="leader"):
        signed(proposed(), ZHAO, WANG)


def test_a_changed_proposal_keeps_the_machines_version() -> None:
    state = review.step(proposed("yellow"), event("consult"))
    state = review.step(state, event("adjust", level="red", adjustment_id=4))
    assert (state.machine, state.own, state.level) == ("yellow", "red", "red")
    assert state.changed_by_officer
    with pytest.raises(Refused, match="reason"):
        review.step(state, event("adjust", level="orange", reason="  "))


def test_an_adjustment_voids_signatures() -> None:
    state = signed(proposed(), WANG, ZHAO)
    state = review.step(state, event("adjust", LI, level="red"))
    assert (state.status, state.signatures) == ("in_consultation", ())
    with pytest.raises(Refused, match="publish"):
        review.step(state, event("publish"))


def test_a_signature_under_another_draft_is_refused() -> None:
    state = review.step(proposed(), event("consult"))
    seen = digest(state)
    state = review.step(state, event("adjust", level="red"))
    with pytest.raises(Refused, match="another draft"):
        review.step(state, event("sign", digest=seen))


def test_the_level_in_force_changes_by_publication_only() -> None:
    state = published("orange")
    state = review.step(state, event("raise", level="red"))
    assert (state.in_force, state.level, state.change) == ("orange", "red", "raise")
    state = review.step(signed(state, WANG, ZHAO), event("publish"))
    assert (state.in_force, state.status) == ("red", "raised")
    state = review.step(state, event("lower", level="yellow"))
    assert state.signatures_needed == 2  # as many as the level in force takes
    state = review.step(signed(state, LI, SUN), event("publish"))
    assert (state.in_force, state.status) == ("yellow", "lowered")
    state = review.step(state, event("cancel"))
    assert (state.signatures_needed, state.level) == (1, None)
    state = review.step(signed(state, WANG), event("publish"))
    assert (state.in_force, state.status, state.open) == (None, "cancelled", False)


def test_a_dropped_change_leaves_what_is_in_force() -> None:
    state = review.step(published(), event("cancel"))
    state = review.step(state, event("drop"))
    assert (state.status, state.in_force, state.level) == ("published", "orange", "orange")


def notice(level: Level | None, source: str = "province", reference: str = "2026-7") -> Event:
    return event("notice", level=level, source=source, reference=reference)


def test_the_highest_of_own_province_and_state_holds() -> None:
    state = review.step(proposed("yellow"), notice("orange"))
    assert (state.own, state.level) == ("yellow", "orange")
    state = review.step(state, notice("red", "state"))
    assert state.level == "red"
    state = review.step(state, notice(None, "state"))
    assert state.level == "orange"
    assert [n.source for n in state.notices] == ["province"]


def test_a_notice_raises_what_is_in_force_and_forbids_to_end_it() -> None:
    state = review.step(published("orange"), notice("red"))
    assert (state.status, state.change, state.in_force) == ("in_consultation", "raise", "orange")
    state = review.step(signed(state, WANG, ZHAO), event("publish"))
    for kind, level in (("cancel", None), ("lower", "yellow")):
        with pytest.raises(Refused, match="province red"):
            review.step(state, event(kind, level=level))
    state = review.step(state, notice(None))
    assert state.in_force == "red"
    assert review.step(state, event("lower", level="orange")).level == "orange"


def test_an_exercise_is_never_published_as_actual() -> None:
    state = signed(proposed("red", exercise=True), WANG, ZHAO)
    with pytest.raises(Refused, match="exercise"):
        review.step(state, event("publish"))
    assert review.step(state, event("publish", exercise=True)).exercise


def test_a_newer_run_moves_an_untouched_draft_only() -> None:
    newer = event("propose", PROGRAM, level="red", proposal_id=9)
    assert review.step(proposed("yellow"), newer).own == "red"
    state = review.step(review.step(proposed("yellow"), event("consult")), newer)
    assert (state.own, state.machine) == ("yellow", "red")
    state = review.step(published("orange"), newer)
    assert (state.own, state.machine, state.status) == ("orange", "red", "published")


def test_a_draft_expires_at_its_time_and_not_before() -> None:
    state = proposed(valid_until=NOW + dt.timedelta(hours=1))
    with pytest.raises(Refused, match="expire"):
        review.step(state, event("expire", PROGRAM))
    late = Event("expire", NOW + dt.timedelta(hours=1), PROGRAM)
    assert review.step(state, late).status == "expired"
    with pytest.raises(Refused, match="in force"):
        review.step(published(), late)


@pytest.mark.parametrize("kind", TRANSITIONS)
@pytest.mark.parametrize("role", [*ROLES, "nobody"])
def test_who_may_not_is_refused(kind: Kind, role: str) -> None:
    if allowed(role, TRANSITIONS[kind].action):
        return
    states = [proposed(), signed(proposed(), WANG, ZHAO), published()]
    for state in states:
        with pytest.raises(Refused):
            review.step(state, event(kind, Actor(9, "x", role), level="red"))


@pytest.mark.parametrize("kind", [k for k, r in TRANSITIONS.items() if not r.machine])
def test_the_program_decides_nothing(kind: Kind) -> None:
    for state in (proposed(), signed(proposed(), WANG, ZHAO), published()):
        with pytest.raises(Refused):
            review.step(state, event(kind, PROGRAM, level="red"))


def test_every_state_of_the_table_is_known() -> None:
    for name, row in TRANSITIONS.items():
        assert row.states <= DRAFT | STANDING, name
        assert not row.states & CLOSED


LEVEL = st.sampled_from([None, *LEVELS])


class Warnings(RuleBasedStateMachine):
    """Any events by anyone in any order: what must never happen does not."""

    @initialize(level=LEVEL, exercise=st.booleans())
    def begin(self, level: Level | None, exercise: bool) -> None:
        self.events = [event("propose", PROGRAM, level=level, exercise=exercise)]
        self.state = review.opened(self.events[0])
        self.signers: list[Actor] = []

    @rule(
        kind=st.sampled_from(list(TRANSITIONS)),
        actor=st.sampled_from(PEOPLE),
        level=LEVEL,
        exercise=st.booleans(),
        source=st.sampled_from([None, "province", "state", "city"]),
        reason=st.sampled_from(["", "because"]),
    )
    def anything(self, kind: Kind, actor: Actor, **given: Any) -> None:
        self.attempt(Event(kind, NOW, actor, reference="7", digest=digest(self.state), **given))

    @rule(actors=st.lists(st.sampled_from(PEOPLE[:4]), max_size=3))
    def sign(self, actors: Sequence[Actor]) -> None:
        for actor in actors:
            self.attempt(event("sign", actor, digest=digest(self.state)))

    @rule()
    def publish(self) -> None:
        self.attempt(event("publish", exercise=self.state.exercise))

    @rule(kind=st.sampled_from(["raise", "lower", "cancel", "consult", "adjust"]), level=LEVEL)
    def change(self, kind: Kind, level: Level | None) -> None:
        self.attempt(event(kind, level=level))

    def attempt(self, one: Event) -> None:
        before = self.state
        try:
            self.state = review.step(before, one)
        except Refused:
            return
        self.events.append(one)
        assert before.open
        assert self.state.exercise == before.exercise
        if one.kind == "sign":
            self.signers.append(one.actor)
        elif self.state.draft != before.draft and one.kind != "publish":
            self.signers = []
        if one.kind != "publish":
            if self.state.open:
                assert self.state.in_force == before.in_force
            return
        assert one.exercise == before.exercise
        people = {actor.account for actor in self.signers}
        assert people
        for level in (self.state.in_force, before.in_force):
            if level in ("orange", "red"):
                assert len(people) >= 2
                assert self.signers[1].role == "leader"
        if self.state.status != "cancelled":
            assert rank(self.state.in_force) >= rank(highest(None, self.state.notices))
        self.signers = []

    @invariant()
    def the_state_is_its_events(self) -> None:
        assert review.fold(self.events) == self.state
        again = [from_json(json.loads(json.dumps(to_json(one)))) for one in self.events]
        assert again == self.events
        assert self.state.version == len(self.events)

    @invariant()
    def what_is_in_force_fits_the_status(self) -> None:
        state = self.state
        if state.status in STANDING:
            assert state.in_force
            assert not state.signatures
        if state.status in CLOSED:
            assert not state.in_force
        if state.status == "signed":
            assert len(state.signatures) == state.signatures_needed > 0


Warnings.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestWarnings = Warnings.TestCase
