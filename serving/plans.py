"""Control plans of a warning in the store: kept as solved, another one supersedes."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from forecast.problems import ConfigError, DataError, Problem
from response import register_home
from serving import duty
from serving.permissions import allowed
from serving.review_state import Actor
from serving.store import audit
from serving.store.engine import Conflict, Refused, Store, reading, writing
from serving.store.models import CityWarning, Plan


def keep(
    store: Store,
    warning_id: int,
    body: Mapping[str, Any],
    *,
    after: int | None,
    actor: Actor,
    reason: str,
    now: dt.datetime,
) -> int:
    """Put a plan on record; its number.

    Args:
        store: The store.
        warning_id: The open warning it is for.
        body: `plan_run.PlanResult.as_dict`.
        after: The plan the officer had before him; None where there was none.
        actor: Who keeps it.
        reason: In words.
        now: Naive UTC.

    Raises:
        DataError: No such warning, or no reason.
        Refused: The warning is closed, or the actor may not.
        Conflict: Another plan was kept in between.
    """
    if not reason.strip():
        raise DataError([Problem("reason", "nothing", "a reason in words")])
    if actor.account is None or not allowed(actor.role, "plan.solve"):
        raise Refused([Problem("plan", actor.role, "one who may plan.solve")])
    with writing(store) as session:
        audit.lock(session)
        warning = session.get(CityWarning, warning_id)
        if warning is None:
            raise DataError([Problem("warning", str(warning_id), "a warning that is there")])
        state = duty.state_of(session, warning_id)
        if not state.open:
            raise Refused([Problem(f"warning {warning_id}", state.status, "an open warning")])
        last = latest(session, warning_id)
        there = last.id if last else None
        if there != after:
            raise Conflict([Problem("plan", f"plan {there}", f"plan {after}, as you saw it")])
        row = Plan(
            warning_id=warning_id, exercise=warning.exercise, account_id=actor.account, at=now,
            body={**body, "reason": reason}, supersedes=there,
        )  # fmt: skip
        session.add(row)
        session.flush()
        audit.append(
            session, at=now, actor=actor.name, action="plan.solve", subject=f"plans/{row.id}",
            body={"reason": reason, "level": body.get("level")}, rows=[row],
        )  # fmt: skip
        return row.id


def latest(session: Session, warning_id: int) -> Plan | None:
    """The plan of a warning that holds; None where none was kept."""
    query = select(Plan).where(Plan.warning_id == warning_id).order_by(Plan.id.desc()).limit(1)
    return session.scalars(query).first()


def of_warning(store: Store, warning_id: int) -> Plan | None:
    """As `latest`, in its own transaction."""
    with reading(store) as session:
        return latest(session, warning_id)


def proofs(home: Path) -> dict[str, dict[str, Any]]:
    """What proves each unit's order, as the register states it; empty without a register."""
    try:
        units = register_home.current(home).units
    except (DataError, ConfigError):
        return {}
    stated = units["proof"].dropna()
    return {
        str(unit): {"parameter": str(p), "zh": str(p), "en": str(p), "bound": None, "unit": ""}
        for unit, p in stated[stated.astype(str).str.strip() != ""].items()
    }
