"""Accounts, their sessions and tokens (only hashes of both), and attempts to log in."""

import datetime as dt

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from serving.store.base import Base, Big, Digest, Document, Id, Name, Word


class Account(Base):
    """A person or an enterprise's login; never deleted, only disabled."""

    __tablename__ = "accounts"
    __table_args__ = (
        CheckConstraint(
            "(role = 'enterprise') = (enterprise IS NOT NULL)", name="enterprise_of_role"
        ),
    )
    id: Mapped[Id]
    name: Mapped[Name] = mapped_column(unique=True)  # folded: lower case, NFKC
    display: Mapped[Name]
    role: Mapped[Word]
    enterprise: Mapped[Name | None] = mapped_column(index=True)
    password: Mapped[str]  # argon2id
    created_at: Mapped[dt.datetime]
    disabled_at: Mapped[dt.datetime | None]


class Login(Base):
    """A session of the console."""

    __tablename__ = "sessions"
    token: Mapped[Digest] = mapped_column(primary_key=True)  # SHA-256 of the cookie's value
    account_id: Mapped[Big] = mapped_column(ForeignKey("accounts.id"), index=True)
    address: Mapped[Name]
    created_at: Mapped[dt.datetime]
    seen_at: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime]
    ended_at: Mapped[dt.datetime | None]


class Token(Base):
    """An API token: shown once, kept as a hash."""

    __tablename__ = "tokens"
    id: Mapped[Id]
    account_id: Mapped[Big] = mapped_column(ForeignKey("accounts.id"), index=True)
    name: Mapped[Name]
    secret: Mapped[Digest] = mapped_column(unique=True)
    scope: Mapped[Document]  # actions of serving.permissions
    created_at: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime]
    revoked_at: Mapped[dt.datetime | None]


class Attempt(Base):
    """One attempt to log in, counted before the password is looked at."""

    __tablename__ = "login_attempts"
    __table_args__ = (
        Index("ix_login_attempts_name_at", "name", "at"),
        Index("ix_login_attempts_address_at", "address", "at"),
    )
    id: Mapped[Id]
    at: Mapped[dt.datetime]
    name: Mapped[Name]
    address: Mapped[Name]
    succeeded: Mapped[bool]
