"""The state of a warning, folded from its events. Pure: knows no store, clock or page.

A warning has a draft (what is being decided: to start, raise, lower or cancel) and, once published,
a level in force. Only a publication changes the level in force, and only a signed draft is
published. The level of a draft is max(own, province, state). Whatever changes a draft voids its
signatures. The machine's version stays beside the officer's. Exercise is a property of the warning
from its first event to its last.
"""

from collections.abc import Iterable
from typing import NoReturn

from forecast.problems import Problem
from serving.permissions import allowed
from serving.review_state import MACHINE, Event, Notice, State, digest, highest, rank
from serving.review_steps import apply, first
from serving.review_table import SOURCES, TRANSITIONS, Kind
from serving.store.engine import Refused


def opened(event: Event) -> State:
    """The state after a warning's first event.

    Raises:
        Refused: The first event is no proposal, or of one who may not propose.
    """
    if event.kind != "propose":
        _refuse(event, "a warning that is not there", "propose first")
    _check_actor(event)
    return first(event)


def step(state: State, event: Event) -> State:
    """The state after one more event.

    Raises:
        Refused: The event is not possible in this state, or not for this actor.
    """
    _check(state, event)
    return apply(state, event)


def fold(events: Iterable[Event]) -> State:
    """The state after events that were accepted when they happened; nothing is judged again.

    Raises:
        ValueError: No events.
    """
    state: State | None = None
    for event in events:
        state = first(event) if state is None else apply(state, event)
    if state is None:
        raise ValueError("a warning without events")
    return state


def possible(state: State, role: str) -> tuple[Kind, ...]:
    """Kinds of events that a role may try in this state: the buttons of the page."""
    return tuple(
        kind
        for kind, rule in TRANSITIONS.items()
        if state.status in rule.states
        and rule.in_force in (None, state.in_force is not None)
        and allowed(role, rule.action)
    )


def _check_actor(event: Event) -> None:
    rule = TRANSITIONS[event.kind]
    if event.actor.role == MACHINE:
        if not rule.machine:
            _refuse(event, "the program itself", "a person")
        return
    if event.actor.account is None or not allowed(event.actor.role, rule.action):
        _refuse(event, f"{event.actor.name} ({event.actor.role})", f"one who may {rule.action}")
    if rule.reason and not event.reason.strip():
        _refuse(event, "no reason", "a reason in words")


def _check(state: State, event: Event) -> None:
    """Everything that is asked of an event before it is applied."""
    rule = TRANSITIONS[event.kind]
    if state.status not in rule.states or rule.in_force not in (None, state.in_force is not None):
        force = f", {state.in_force} in force" if state.in_force else ""
        _refuse(event, f"{state.status}{force}", f"one of {', '.join(sorted(rule.states))}")
    _check_actor(event)
    if event.kind in ("propose", "publish") and event.exercise != state.exercise:
        words = {True: "exercise", False: "actual"}
        _refuse(event, words[event.exercise], f"{words[state.exercise]}, as the warning is")
    if event.kind == "notice" and (event.source not in SOURCES or not event.reference):
        _refuse(event, f"source {event.source}, reference {event.reference}", "both, of the notice")
    if event.kind == "sign":
        _check_signature(state, event)
    if event.kind == "expire" and (state.valid_until is None or event.at < state.valid_until):
        _refuse(event, f"valid until {state.valid_until}", "a draft whose time is over")
    if event.kind in ("raise", "lower", "cancel", "adjust"):
        _check_level(state, event)


def _check_signature(state: State, event: Event) -> None:
    if not state.signatures_needed:
        _refuse(event, "no level", "a level to sign")
    if event.digest != digest(state):
        _refuse(event, "another draft", "the draft as it stands now")
    if event.actor.account in {s.account for s in state.signatures}:
        _refuse(event, f"{event.actor.name} a second time", "another person")
    if state.signatures and event.actor.role != "leader":
        _refuse(event, event.actor.role, "a leader for the second signature")


def _check_level(state: State, event: Event) -> None:
    after = highest(event.level, state.notices)
    force, new = rank(state.in_force), rank(after)
    if event.kind == "cancel":
        if state.notices:
            _refuse(event, _words(state.notices), "no notice of province or state that still holds")
        return
    if event.kind == "adjust":
        if state.in_force and new in (0, force):
            _refuse(event, str(after), f"a level other than {state.in_force}; or drop, or cancel")
        return
    if event.level is None:
        _refuse(event, "no level", "a level")
    if event.kind == "raise" and new <= force:
        _refuse(event, str(after), f"a level above {state.in_force}")
    if event.kind == "lower" and new >= force:
        notices = f" with {_words(state.notices)}" if state.notices else ""
        _refuse(event, f"{after}{notices}", f"a level below {state.in_force}")


def _words(notices: tuple[Notice, ...]) -> str:
    return ", ".join(f"{n.source} {n.level} ({n.reference})" for n in notices)


def _refuse(event: Event, found: str, expected: str) -> NoReturn:
    raise Refused([Problem(event.kind, found, expected)])
