"""Runs, what the machine proposed, what people decided. All but `runs` and a warning's version
number is append-only (triggers of the migrations).

`exercise` goes through the whole chain: composite foreign keys let no row of one mode hang on a
row of the other.
"""

import datetime as dt
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from serving.store.base import Base, Big, Digest, Document, Id, Name, Word

OF_WARNING: Final = (["warning_id", "exercise"], ["warnings.id", "warnings.exercise"])


class Run(Base):
    """One daily run; started again it is the same row."""

    __tablename__ = "runs"
    __table_args__ = (
        UniqueConstraint("city", "issue_time", "exercise"),
        UniqueConstraint("id", "exercise"),
    )
    id: Mapped[Id]
    city: Mapped[Name]
    issue_time: Mapped[dt.datetime]
    exercise: Mapped[bool]
    status: Mapped[Word]  # running, done, degraded, failed
    started_at: Mapped[dt.datetime]
    finished_at: Mapped[dt.datetime | None]
    report: Mapped[Document | None]


class Proposal(Base):
    """The machine's version; the officer's never overwrites it."""

    __tablename__ = "proposals"
    __table_args__ = (
        ForeignKeyConstraint(["run_id", "exercise"], ["runs.id", "runs.exercise"]),
        UniqueConstraint("id", "exercise"),
    )
    id: Mapped[Id]
    run_id: Mapped[Big | None] = mapped_column(index=True)
    city: Mapped[Name]
    exercise: Mapped[bool]
    issue_time: Mapped[dt.datetime]
    at: Mapped[dt.datetime]
    level: Mapped[Word | None]
    action: Mapped[Word]
    machine: Mapped[Document]  # probabilities, criteria, ranges and primary pollutant per day


class CityWarning(Base):
    """One warning from its proposal to its end; its state is its last decision."""

    __tablename__ = "warnings"
    __table_args__ = (
        ForeignKeyConstraint(["proposal_id", "exercise"], ["proposals.id", "proposals.exercise"]),
        UniqueConstraint("id", "exercise"),
    )
    id: Mapped[Id]
    city: Mapped[Name] = mapped_column(index=True)
    exercise: Mapped[bool]
    proposal_id: Mapped[Big | None] = mapped_column(index=True)
    opened_at: Mapped[dt.datetime]
    version: Mapped[int]  # number of decisions; who decides on an older one is told


class Adjustment(Base):
    """An officer's forecast in consultation: AQI range and primary pollutant per day."""

    __tablename__ = "adjustments"
    id: Mapped[Id]
    warning_id: Mapped[Big] = mapped_column(ForeignKey("warnings.id"), index=True)
    account_id: Mapped[Big] = mapped_column(ForeignKey("accounts.id"), index=True)
    at: Mapped[dt.datetime]
    days: Mapped[Document]
    calls_for: Mapped[Word | None]  # level by the edition's criteria
    rules: Mapped[Name]  # edition
    reason: Mapped[str]
    supersedes: Mapped[Big | None] = mapped_column(ForeignKey("adjustments.id"), index=True)


class Decision(Base):
    """One event of a warning, with the state after it. Never changed: the next one supersedes."""

    __tablename__ = "decisions"
    __table_args__ = (
        ForeignKeyConstraint(*OF_WARNING),
        UniqueConstraint("warning_id", "seq"),
        CheckConstraint("seq >= 1", name="seq"),
    )
    id: Mapped[Id]
    warning_id: Mapped[Big]
    exercise: Mapped[bool]
    seq: Mapped[int]
    kind: Mapped[Word]
    state: Mapped[Word]
    level: Mapped[Word | None]
    in_force: Mapped[Word | None]
    at: Mapped[dt.datetime]
    account_id: Mapped[Big | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    role: Mapped[Word]
    reason: Mapped[str]
    event: Mapped[Document]  # all of it: the state is folded from these
    proposal_id: Mapped[Big | None] = mapped_column(ForeignKey("proposals.id"), index=True)
    adjustment_id: Mapped[Big | None] = mapped_column(ForeignKey("adjustments.id"), index=True)
    supersedes: Mapped[Big | None] = mapped_column(ForeignKey("decisions.id"), index=True)


class Signature(Base):
    """Who signed which draft; two people, because an account signs a draft once."""

    __tablename__ = "signatures"
    __table_args__ = (
        UniqueConstraint("warning_id", "draft", "account_id"),
        UniqueConstraint("warning_id", "draft", "position"),
    )
    id: Mapped[Id]
    warning_id: Mapped[Big] = mapped_column(ForeignKey("warnings.id"))
    decision_id: Mapped[Big] = mapped_column(ForeignKey("decisions.id"), unique=True)
    draft: Mapped[int]
    position: Mapped[int]  # 1, 2
    account_id: Mapped[Big] = mapped_column(ForeignKey("accounts.id"), index=True)
    role: Mapped[Word]
    level: Mapped[Word | None]  # None: the end of a warning
    digest: Mapped[Digest]  # of what was signed
    at: Mapped[dt.datetime]
