"""The audit trail, its head, and leases."""

import datetime as dt

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from serving.store.base import BIG, Base, Big, Digest, Name


class Entry(Base):
    """One row of the trail. Append-only; all text, so that every byte is in the hash."""

    __tablename__ = "audit"
    seq: Mapped[int] = mapped_column(BIG, primary_key=True, autoincrement=False)
    at: Mapped[str]  # ISO, UTC, microseconds
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    body: Mapped[str]  # canonical JSON
    previous: Mapped[Digest]
    hash: Mapped[Digest]


class Head(Base):
    """The last row's number and hash: the one row every writer must lock."""

    __tablename__ = "audit_head"
    __table_args__ = (CheckConstraint("id = 1", name="one"),)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[Big]
    hash: Mapped[Digest]


class Lease(Base):
    """Who may do a periodic job until when; the fence only grows."""

    __tablename__ = "leases"
    name: Mapped[Name] = mapped_column(primary_key=True)
    holder: Mapped[Name]
    until: Mapped[dt.datetime]
    fence: Mapped[Big]
