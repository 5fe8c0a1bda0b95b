"""The warning in force at a moment, from the store: what the daily run proposes against.

Events after the moment do not count, so a run of a past issue time, or one started again, knows
what it knew the first time.
"""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from forecast.problems import LantianError, Problem
from response.rules import Level
from serving import duty, record_run, review
from serving.review_state import highest
from serving.store.engine import Store, reading
from serving.store.models import CityWarning


@dataclass(frozen=True)
class Standing:
    """Levels of a city's warning; None where none holds."""

    in_force: Level | None = None
    notified: Level | None = None  # the highest that province or state has ordered


def at(store: Store, city: str, moment: dt.datetime, *, exercise: bool) -> Standing:
    """What held at a moment.

    Args:
        store: The store.
        city: The city's id.
        moment: Naive UTC; events up to it count.
        exercise: Whether exercises are asked for; a city has one open warning of each mode.
    """
    query = (
        select(CityWarning.id)
        .where(CityWarning.city == city, CityWarning.exercise == exercise)
        .where(CityWarning.opened_at <= moment)
        .order_by(CityWarning.id.desc())
        .limit(1)  # an earlier one was closed before this one was opened
    )
    with reading(store) as session:
        number = session.scalar(query)
        events = [] if number is None else duty.events_of(session, number)
    known = [event for event in events if event.at <= moment]
    if not known:
        return Standing()
    state = review.fold(known)
    if not state.open:
        return Standing()
    return Standing(state.in_force, highest(None, state.notices))


def known(
    home: Path, database_url: str, city: str, moment: dt.datetime, *, exercise: bool
) -> tuple[Standing, list[Problem]]:
    """As `at`, of a store by its URL; what went wrong where it does not answer.

    The forecast never waits for the store: without it the run takes no warning to be in force, and
    says so.
    """
    try:
        store = record_run.opened(home, database_url)
        try:
            return at(store, city, moment, exercise=exercise), []
        finally:
            store.engine.dispose()
    except LantianError as error:
        found = "; ".join(str(p) for p in error.problems)
    except (SQLAlchemyError, OSError) as error:
        found = str(getattr(error, "orig", None) or error).splitlines()[0][:200]
    expected = "the level in force; the proposal was made as if there were none"
    return Standing(), [Problem("warning in force", found, expected)]
