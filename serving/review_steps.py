"""What each kind of event does to the state of a warning; nothing is judged here."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from serving.review_state import MACHINE, Event, Notice, Signed, State, highest, rank
from serving.review_table import AFTER, STANDING, Change, Kind, Status


def first(event: Event) -> State:
    """The state after a proposal."""
    return State(
        version=1, status="proposed", exercise=event.exercise, own=event.level,
        machine=event.level if event.actor.role == MACHINE else None,
        in_force=None, standing=None, change="start", draft=1,
        valid_until=event.valid_until, proposal_id=event.proposal_id,
    )  # fmt: skip


def apply(state: State, event: Event) -> State:
    """The state after an event that was accepted."""
    return _STEPS[event.kind](replace(state, version=state.version + 1), event)


def _adjusted(state: State, event: Event) -> State:
    kept = state.adjustment_id if event.adjustment_id is None else event.adjustment_id
    return _redrafted(replace(state, own=event.level, adjustment_id=kept))


def _changed(state: State, event: Event) -> State:
    return _redrafted(replace(state, own=event.level))


def _cancelling(state: State, _event: Event) -> State:
    return replace(_redrafted(state), change="cancel")


def _reproposed(state: State, event: Event) -> State:
    """A newer run: it moves a draft nobody has touched; beside all others it is only kept."""
    if event.actor.role == MACHINE:
        state = replace(state, machine=event.level, proposal_id=event.proposal_id)
        if state.status != "proposed":
            return state
    if state.status in STANDING:
        return state
    moved = replace(state, own=event.level, valid_until=event.valid_until or state.valid_until)
    if moved == state:
        return state
    # Another draft is not the one that was signed, whoever proposes it.
    status: Status = "in_consultation" if state.status == "signed" else state.status
    return replace(moved, status=status, draft=state.draft + 1, signatures=())


def _redrafted(state: State) -> State:
    """Another draft: signatures fall, the change follows from the level in force."""
    change: Change = "start"
    if state.in_force:
        new = highest(state.own, state.notices)
        change = "raise" if rank(new) > rank(state.in_force) else "lower"
    return replace(
        state, status="in_consultation", change=change, draft=state.draft + 1, signatures=()
    )


def _noticed(state: State, event: Event) -> State:
    kept = tuple(n for n in state.notices if n.source != event.source)
    if event.level is not None:
        kept = (*kept, Notice(str(event.source), event.level, str(event.reference)))
    after = replace(state, notices=kept)
    new, force = rank(highest(after.own, kept)), rank(state.in_force)
    if not state.in_force:
        status: Status = "proposed" if state.status == "proposed" else "in_consultation"
        return replace(_redrafted(after), status=status)
    if new > force:
        return _redrafted(after)
    if state.status in STANDING:
        return after
    if state.change == "cancel" and not kept:
        return replace(_redrafted(after), change="cancel")
    return _redrafted(after) if 0 < new < force and state.change != "cancel" else _standing(after)


def _signed(state: State, event: Event) -> State:
    actor = event.actor
    signature = Signed(int(actor.account or 0), actor.name, actor.role, event.at)
    signatures = (*state.signatures, signature)
    complete = len(signatures) >= state.signatures_needed
    return replace(state, signatures=signatures, status="signed" if complete else "in_consultation")


def _published(state: State, _event: Event) -> State:
    status = AFTER[state.change]
    return replace(
        state, status=status, standing=status, in_force=state.level,
        draft=state.draft + 1, signatures=(),
    )  # fmt: skip


def _standing(state: State) -> State:
    """Back to what was published last; the pending change is gone."""
    return replace(
        state, status=state.standing or state.status, own=state.in_force, change="start",
        draft=state.draft + 1, signatures=(),
    )  # fmt: skip


_STEPS: Final[Mapping[Kind, Callable[[State, Event], State]]] = {
    "propose": _reproposed,
    "consult": lambda state, _: replace(state, status="in_consultation"),
    "adjust": _adjusted,
    "notice": _noticed,
    "sign": _signed,
    "publish": _published,
    "raise": _changed,
    "lower": _changed,
    "cancel": _cancelling,
    "drop": lambda state, _: _standing(state),
    "reject": lambda state, _: replace(state, status="rejected"),
    "expire": lambda state, _: replace(state, status="expired"),
}
