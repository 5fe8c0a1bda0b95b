"""Logging in: sessions of the console, counted attempts, lock-out. The clock is a parameter.

A session is a random value in a cookie; the store keeps its SHA-256. The CSRF token is derived
from the cookie's value, so it needs no row and changes with the session. An attempt is counted
before the password is looked at: many at once do not get more tries.
"""

import datetime as dt
import hashlib
import hmac
import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from forecast.problems import LantianError, Problem
from serving import passwords
from serving.accounts import EXTERNAL, folded
from serving.review_state import Actor
from serving.store import audit
from serving.store.engine import Store, iso, reading, writing
from serving.store.models import Account, Attempt, Login

log = logging.getLogger(__name__)
IDLE: Final = dt.timedelta(minutes=30)
ABSOLUTE: Final = dt.timedelta(hours=12)  # one shift
SEEN_EVERY: Final = dt.timedelta(minutes=1)  # a page does not write on every request
WINDOW: Final = dt.timedelta(minutes=15)
Random = Callable[[], str]


@dataclass(frozen=True)
class Limits:
    """Failed attempts within WINDOW after which no more are looked at."""

    pair: int = 5  # one account from one address
    account: int = 20  # one account from anywhere: higher, or anyone could lock an officer out
    address: int = 50  # any accounts from one address


class Denied(LantianError):  # noqa: N818 - as the user is told
    """No such account and password, or none at this time: never which of them."""


class LockedOut(Denied):
    """Too many attempts; `until` says when one is looked at again."""

    def __init__(self, until: dt.datetime) -> None:
        self.until = until
        super().__init__([Problem("login", "too many attempts", f"a wait until {until:%H:%M} UTC")])


@dataclass(frozen=True)
class Session_:  # noqa: N801 - SQLAlchemy's is the other
    """Who is logged in."""

    actor: Actor
    display: str
    enterprise: str | None
    expires_at: dt.datetime


def token() -> str:
    """A new random value of 256 bits."""
    return secrets.token_urlsafe(32)


def hashed(value: str) -> str:
    """What the store keeps of a random value."""
    return hashlib.sha256(value.encode()).hexdigest()


def csrf(session_token: str) -> str:
    """The CSRF token of a session, for its forms."""
    return hmac.new(session_token.encode(), b"csrf", hashlib.sha256).hexdigest()


def csrf_holds(session_token: str, given: str | None) -> bool:
    """Whether a form's token is this session's."""
    return given is not None and hmac.compare_digest(csrf(session_token).encode(), given.encode())


def log_in(
    store: Store,
    name: str,
    password: str,
    *,
    address: str,
    now: dt.datetime,
    limits: Limits | None = None,
    before: str | None = None,
    random: Random = token,
) -> str:
    """A new session's token, for the cookie; the session of `before` ends (rotation).

    Raises:
        LockedOut: Too many failed attempts by account or address.
        Denied: Wrong, unknown or disabled.
    """
    limits = limits or Limits()
    attempt = _counted(store, folded(name)[:200], address[:200], now, limits)
    with reading(store) as session:
        account = session.scalars(select(Account).where(Account.name == folded(name))).first()
    kept = account.password if account and account.disabled_at is None else None
    if kept is not None and kept.startswith(EXTERNAL):
        kept = None  # he logs in at the provider, not here
    if not passwords.verified(password, kept) or account is None:
        _failed(store, account, folded(name)[:200], address[:200], now, limits)
        raise Denied([Problem("login", "a wrong name or password", "an account and its password")])
    value = random()
    with writing(store) as session:
        audit.lock(session)
        there = session.get_one(Account, account.id, populate_existing=True)
        if there.disabled_at is not None or there.password != kept:
            raise Denied([Problem("login", "an account that has just changed", "another try")])
        session.execute(update(Attempt).where(Attempt.id == attempt).values(succeeded=True))
        end(session, before, now)
        begin(session, account, value, address=address, now=now)
    return value


def begin(
    session: Session,
    account: Account,
    value: str,
    *,
    address: str,
    now: dt.datetime,
    how: Mapping[str, str] | None = None,
) -> None:
    """A session for an account that proved who it is; `how` goes into the trail."""
    session.add(
        Login(
            token=hashed(value), account_id=account.id, address=address[:200], created_at=now,
            seen_at=now, expires_at=now + ABSOLUTE,
        )
    )  # fmt: skip
    _record(session, now, account.name, "login", {"address": address[:200], **(how or {})})


def current(store: Store, value: str | None, *, now: dt.datetime) -> Session_ | None:
    """Who a cookie's value belongs to; None where it is unknown, ended, idle or too old."""
    if not value:
        return None
    columns = (
        Login.token, Login.expires_at, Login.seen_at, Login.ended_at, Account.id, Account.name,
        Account.role, Account.display, Account.enterprise, Account.disabled_at,
    )  # fmt: skip
    with reading(store) as session:  # every request asks: columns, not objects
        query = select(*columns).join(Account, Account.id == Login.account_id)
        found = session.execute(query.where(Login.token == hashed(value))).one_or_none()
    if found is None:
        return None
    over = now >= min(found.expires_at, found.seen_at + IDLE)
    if over or found.ended_at is not None or found.disabled_at is not None:
        return None
    if now - found.seen_at >= SEEN_EVERY:
        mine = (Login.token == found.token, Login.ended_at.is_(None), Login.seen_at < now)
        try:
            with writing(store) as session:
                session.execute(update(Login).where(*mine).values(seen_at=now))
        except OperationalError:  # a store that is busy: the next page tries again
            log.warning("a session's last use was not noted")
    actor = Actor(found.id, found.name, found.role)
    return Session_(actor, found.display, found.enterprise, found.expires_at)


def log_out(store: Store, value: str, *, now: dt.datetime) -> None:
    """End a session; nothing where there is none."""
    with writing(store) as session:
        audit.lock(session)
        name = end(session, value, now)
        if name:
            _record(session, now, name, "logout", {})


def _counted(store: Store, name: str, address: str, now: dt.datetime, limits: Limits) -> int:
    """The attempt's number, counted as failed until it is known better."""
    with writing(store) as session:
        audit.lock(session)  # counts of attempts at once would all be the same
        full = _full(session, name, address, now, limits)
        if full:
            raise LockedOut(max(full.values()))
        row = Attempt(at=now, name=name, address=address, succeeded=False)
        session.add(row)
        session.flush()
        return row.id


def _full(
    session: Session, name: str, address: str, now: dt.datetime, limits: Limits
) -> dict[str, dt.datetime]:
    """Limits that are reached, and until when."""
    since = now - WINDOW
    full = {}
    for which, where, limit in (
        ("pair", (Attempt.name == name, Attempt.address == address), limits.pair),
        ("account", (Attempt.name == name,), limits.account),
        ("address", (Attempt.address == address,), limits.address),
    ):
        recent = [*where, Attempt.at > since, Attempt.succeeded.is_(False)]
        if which == "pair":  # a good login from the same desk starts the count again
            good = session.scalar(
                select(func.max(Attempt.at)).where(*where, Attempt.succeeded.is_(True))
            )
            recent += [Attempt.at > good] if good is not None else []
        count, last = session.execute(
            select(func.count(), func.max(Attempt.at)).where(*recent)
        ).one()
        if count >= limit:
            full[which] = last + WINDOW
    return full


def _failed(
    store: Store, account: Account | None, name: str, address: str, now: dt.datetime, limits: Limits
) -> None:
    """A failed attempt in the trail, and which limit it reached. An unknown name stays out of it:
    people type passwords into the field for names.
    """
    with writing(store) as session:
        audit.lock(session)
        known = "unknown" if account is None else account.name
        body = {"address": address}
        _record(session, now, known, "login.failed", body)
        for which, until in _full(session, name, address, now, limits).items():
            _record(session, now, known, "login.locked", {**body, "by": which, "until": iso(until)})


def end(session: Session, value: str | None, now: dt.datetime) -> str | None:
    """End the session of a value; its account's name, None where none was open."""
    login = session.get(Login, hashed(value)) if value else None
    if login is None or login.ended_at is not None:
        return None
    login.ended_at = now
    return session.get_one(Account, login.account_id).name


def _record(
    session: Session, now: dt.datetime, name: str, action: str, body: dict[str, Any]
) -> None:
    audit.append(session, at=now, actor=name, action=action, subject=f"accounts/{name}", body=body)
