"""Warnings as the pages show them: state, decisions, the machine's version and the officer's."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from forecast.problems import DataError, Problem
from serving import consultation, duty, review
from serving.consultation import Day
from serving.review_state import State
from serving.review_table import Kind
from serving.store.engine import Store, reading
from serving.store.models import Adjustment, CityWarning, Decision, Proposal, Publication


@dataclass(frozen=True)
class Standing:
    """One warning."""

    id: int
    city: str
    exercise: bool
    state: State
    decisions: tuple[Decision, ...]  # the first one first
    machine: dict[str, Any] | None  # content of the latest proposal
    adjusted: tuple[Day, ...]  # the officer's days; none where he changed nothing
    adjustment: Adjustment | None
    publications: tuple[Publication, ...]

    def possible(self, role: str) -> tuple[Kind, ...]:
        """What a role may try now."""
        return review.possible(self.state, role)

    @property
    def days(self) -> tuple[Day, ...]:
        """The officer's days, else the machine's; none where neither is known."""
        if self.adjusted:
            return self.adjusted
        return consultation.from_json((self.machine or {}).get("days", []))


def standing(store: Store, warning_id: int) -> Standing:
    """A warning by its number.

    Raises:
        DataError: No such warning.
    """
    with reading(store) as session:
        found = session.get(CityWarning, warning_id)
        if found is None:
            raise DataError([Problem("warning", str(warning_id), "a warning that is there")])
        return _standing(session, found)


def open_ones(store: Store, city: str) -> list[Standing]:
    """The city's open warnings: the actual one first, then an exercise."""
    with reading(store) as session:
        return open_in(session, city)


def open_in(session: Session, city: str) -> list[Standing]:
    """The same in a session that is there."""
    found = (duty.open_warning(session, city, exercise=e) for e in (False, True))
    return [_standing(session, w) for w in found if w is not None]


def recent(store: Store, city: str, *, most: int = 50) -> list[tuple[CityWarning, Decision]]:
    """The city's warnings with their last decision, the newest first."""
    query = (
        select(CityWarning, Decision)
        .join(
            Decision,
            (Decision.warning_id == CityWarning.id) & (Decision.seq == CityWarning.version),
        )
        .where(CityWarning.city == city)
        .order_by(CityWarning.id.desc())
        .limit(most)
    )
    with reading(store) as session:
        return [(w, d) for w, d in session.execute(query)]


def _standing(session: Session, warning: CityWarning) -> Standing:
    of_it = select(Decision).where(Decision.warning_id == warning.id).order_by(Decision.seq)
    decisions = tuple(session.scalars(of_it))
    state = duty.state_of(session, warning.id)
    proposal = session.get(Proposal, state.proposal_id) if state.proposal_id else None
    changed = session.get(Adjustment, state.adjustment_id) if state.adjustment_id else None
    sent = select(Publication).where(Publication.warning_id == warning.id).order_by(Publication.id)
    return Standing(
        warning.id, warning.city, warning.exercise, state, decisions,
        proposal.machine if proposal else None,
        consultation.from_json(changed.days) if changed else (), changed,
        tuple(session.scalars(sent)),
    )  # fmt: skip
