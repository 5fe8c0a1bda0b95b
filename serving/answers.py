"""What an enterprise answers: an order acknowledged, a request to run a unit again.

Both happen once: the same again is the row that is there. An order of another enterprise does not
exist for who asks.
"""

import datetime as dt
from typing import Any, Final, Literal, get_args

from sqlalchemy import select
from sqlalchemy.orm import Session

from forecast.problems import DataError, Problem
from serving.review_state import Actor
from serving.store import audit
from serving.store.engine import Conflict, Store, writing
from serving.store.models import Acknowledgement, Order, ResumptionRequest

Answer = Literal["received", "carried_out", "cannot"]
ANSWERS: Final = get_args(Answer)


def acknowledge(
    store: Store,
    order_id: int,
    *,
    answer: Answer,
    note: str,
    enterprise: str,
    actor: Actor,
    now: dt.datetime,
) -> tuple[Acknowledgement, bool]:
    """An answer to an order, and whether it is new; the same answer again is the first one.

    Raises:
        DataError: No such order of this enterprise; `cannot` without a note.
    """
    with writing(store) as session:
        audit.lock(session)
        order = _order(session, order_id, enterprise)
        if answer == "cannot" and not note.strip():
            raise DataError([Problem("note", "nothing", "why the order cannot be carried out")])
        there = session.scalars(
            select(Acknowledgement).where(
                Acknowledgement.order_id == order.id, Acknowledgement.answer == answer
            )
        ).one_or_none()
        if there is not None:
            return there, False
        row = Acknowledgement(
            order_id=order.id, account_id=_account(actor), at=now, answer=answer, note=note
        )
        session.add(row)
        session.flush()
        audit.append(
            session, at=now, actor=actor.name, action="order.acknowledge",
            subject=f"orders/{order.id}", body={"answer": answer}, rows=[row],
        )  # fmt: skip
        return row, True


def request_resumption(
    store: Store,
    order_id: int,
    *,
    key: str,
    load: float,
    begin: dt.datetime,
    reason: str,
    enterprise: str,
    actor: Actor,
    now: dt.datetime,
) -> tuple[ResumptionRequest, bool]:
    """A request to run an order's unit again, and whether it is new.

    Args:
        store: The store.
        order_id: The order that stopped or limited the unit.
        key: The sender's, once for each request.
        load: Asked for, 0..1 of normal.
        begin: Asked for, naive UTC.
        reason: In words.
        enterprise: Who asks.
        actor: The account.
        now: Naive UTC.

    Raises:
        DataError: No such order of this enterprise.
        Conflict: The key is there with another content.
    """
    whole_key = f"{enterprise}:{key}"[:200]  # two enterprises' keys are not each other's business
    body: dict[str, Any] = {
        "begin": begin.isoformat(), "load": load, "order": order_id, "reason": reason,
    }  # fmt: skip
    with writing(store) as session:
        audit.lock(session)
        order = _order(session, order_id, enterprise)
        same = ResumptionRequest.key == whole_key
        there = session.scalars(select(ResumptionRequest).where(same)).one_or_none()
        if there is not None:
            if there.body != body:
                raise Conflict([Problem("key", "another content", "a new key for a new request")])
            return there, False
        row = ResumptionRequest(
            key=whole_key, enterprise=enterprise, unit=order.unit, account_id=_account(actor),
            warning_id=order.warning_id, exercise=order.exercise, at=now, body=body,
        )  # fmt: skip
        session.add(row)
        session.flush()
        audit.append(
            session, at=now, actor=actor.name, action="resumption.request",
            subject=f"resumption_requests/{row.id}", rows=[row],
        )  # fmt: skip
        return row, True


def _order(session: Session, order_id: int, enterprise: str) -> Order:
    order = session.get(Order, order_id)
    if order is None or order.enterprise != enterprise:
        raise DataError([Problem("order", str(order_id), "an order of this enterprise")])
    return order


def _account(actor: Actor) -> int:
    if actor.account is None:
        raise DataError([Problem("actor", actor.name, "an account")])
    return actor.account
