"""Plans, orders, their acknowledgement, readings that prove them, resumption, publication."""

import datetime as dt

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from serving.store.base import Base, Big, Digest, Document, Id, Name, Word
from serving.store.warnings import OF_WARNING


class Plan(Base):
    """A control plan as solved; another one supersedes it. Append-only."""

    __tablename__ = "plans"
    __table_args__ = (ForeignKeyConstraint(*OF_WARNING), UniqueConstraint("id", "exercise"))
    id: Mapped[Id]
    warning_id: Mapped[Big] = mapped_column(index=True)
    exercise: Mapped[bool]
    account_id: Mapped[Big | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    at: Mapped[dt.datetime]
    body: Mapped[Document]
    supersedes: Mapped[Big | None] = mapped_column(ForeignKey("plans.id"), index=True)


class Order(Base):
    """What one enterprise has to do, from when, and what proves it. Append-only."""

    __tablename__ = "orders"
    __table_args__ = (
        ForeignKeyConstraint(*OF_WARNING),
        ForeignKeyConstraint(["plan_id", "exercise"], ["plans.id", "plans.exercise"]),
        UniqueConstraint("plan_id", "enterprise", "unit"),
    )
    id: Mapped[Id]
    warning_id: Mapped[Big] = mapped_column(index=True)
    exercise: Mapped[bool]
    plan_id: Mapped[Big | None]
    enterprise: Mapped[Name] = mapped_column(index=True)
    unit: Mapped[Name]
    at: Mapped[dt.datetime]
    begins_at: Mapped[dt.datetime]
    ends_at: Mapped[dt.datetime | None]
    body: Mapped[Document]  # measure in zh and en, proof parameter and its bound
    supersedes: Mapped[Big | None] = mapped_column(ForeignKey("orders.id"), index=True)


class Acknowledgement(Base):
    """An enterprise's answer to an order. Append-only; the same answer twice is one row."""

    __tablename__ = "acknowledgements"
    __table_args__ = (UniqueConstraint("order_id", "answer"),)
    id: Mapped[Id]
    order_id: Mapped[Big] = mapped_column(ForeignKey("orders.id"))
    account_id: Mapped[Big] = mapped_column(ForeignKey("accounts.id"), index=True)
    at: Mapped[dt.datetime]
    answer: Mapped[Word]  # received, carried_out, cannot
    note: Mapped[str]


class Reading(Base):
    """A meter or stack value by the end of its interval; a corrected value is a new revision."""

    __tablename__ = "meter_readings"
    __table_args__ = (
        Index("ix_meter_readings_received_at", "received_at"),
        Index("ix_meter_readings_batch", "batch"),
    )
    enterprise: Mapped[Name] = mapped_column(primary_key=True)
    meter: Mapped[Name] = mapped_column(primary_key=True)
    parameter: Mapped[Name] = mapped_column(primary_key=True)
    at: Mapped[dt.datetime] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    value: Mapped[float]
    unit: Mapped[Word]
    source: Mapped[Name]
    received_at: Mapped[dt.datetime]
    batch: Mapped[Big] = mapped_column(server_default="0")  # the trail's row that covers it


class ResumptionRequest(Base):
    """An enterprise asks to run a unit again. Append-only."""

    __tablename__ = "resumption_requests"
    id: Mapped[Id]
    key: Mapped[Name] = mapped_column(unique=True)  # the sender's; the same again is one request
    enterprise: Mapped[Name] = mapped_column(index=True)
    unit: Mapped[Name]
    account_id: Mapped[Big] = mapped_column(ForeignKey("accounts.id"), index=True)
    warning_id: Mapped[Big | None] = mapped_column(ForeignKey("warnings.id"), index=True)
    exercise: Mapped[bool]
    at: Mapped[dt.datetime]
    body: Mapped[Document]


class ResumptionDecision(Base):
    """The answer to a request; a change supersedes. Append-only."""

    __tablename__ = "resumption_decisions"
    __table_args__ = (UniqueConstraint("request_id", "seq"),)
    id: Mapped[Id]
    request_id: Mapped[Big] = mapped_column(ForeignKey("resumption_requests.id"))
    seq: Mapped[int]
    account_id: Mapped[Big] = mapped_column(ForeignKey("accounts.id"), index=True)
    at: Mapped[dt.datetime]
    outcome: Mapped[Word]  # start_now, start_at, partial, wait, refused
    reason: Mapped[str]
    body: Mapped[Document]  # risk added, the year's budget before and after


class Publication(Base):
    """What left the house for one decision. Append-only."""

    __tablename__ = "publications"
    __table_args__ = (ForeignKeyConstraint(*OF_WARNING), UniqueConstraint("id", "exercise"))
    id: Mapped[Id]
    warning_id: Mapped[Big] = mapped_column(index=True)
    exercise: Mapped[bool]
    decision_id: Mapped[Big] = mapped_column(ForeignKey("decisions.id"), unique=True)
    kind: Mapped[Word]  # alert, update, cancel
    identifier: Mapped[Name] = mapped_column(unique=True)  # of the CAP message
    at: Mapped[dt.datetime]
    body: Mapped[Document]


class Outgoing(Base):
    """The transactional outbox: written with the decision, sent afterwards, at least once."""

    __tablename__ = "outbox"
    __table_args__ = (
        ForeignKeyConstraint(
            ["publication_id", "exercise"], ["publications.id", "publications.exercise"]
        ),
        Index("ix_outbox_state_next_attempt", "state", "next_attempt"),
    )
    id: Mapped[Id]
    key: Mapped[Name] = mapped_column(unique=True)  # idempotency key, given to the channel
    channel: Mapped[Name]
    exercise: Mapped[bool]
    publication_id: Mapped[Big | None] = mapped_column(index=True)
    body: Mapped[Document]
    digest: Mapped[Digest]  # of the body: the same key never means another message
    state: Mapped[Word]  # pending, sending, sent, dead
    attempts: Mapped[int]
    next_attempt: Mapped[dt.datetime]
    claimed_by: Mapped[Name | None]
    claimed_until: Mapped[dt.datetime | None]
    last_error: Mapped[str | None]
    created_at: Mapped[dt.datetime]
    sent_at: Mapped[dt.datetime | None]
