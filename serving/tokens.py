"""API tokens: shown once, kept as a hash, with a scope and an end."""

import datetime as dt
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from forecast.problems import DataError, Problem
from serving.accounts import folded
from serving.auth import hashed, token
from serving.permissions import PERMISSIONS, allowed
from serving.review_state import Actor
from serving.store import audit
from serving.store.engine import Store, reading, writing
from serving.store.models import Account, Token

LONGEST: Final = dt.timedelta(days=366)
PREFIX: Final = "lt_"  # so that a token in a file or log is found


@dataclass(frozen=True)
class Bearer:
    """Who a token speaks for, and what it may do at most."""

    actor: Actor
    enterprise: str | None
    scope: frozenset[str]

    def may(self, action: str) -> bool:
        """Whether both its account's role and its scope allow an action."""
        return allowed(self.actor.role, action, scope=self.scope)


def create(
    store: Store,
    *,
    account: str,
    name: str,
    scope: Collection[str],
    expires_at: dt.datetime,
    by: str,
    now: dt.datetime,
    random: Callable[[], str] = token,
) -> str:
    """A new token, to be shown once.

    Raises:
        DataError: No such account, an action its role may not do, or an end that is past or
            too far; all at once.
    """
    with writing(store) as session:
        audit.lock(session)
        query = select(Account).where(
            Account.name == folded(account), Account.disabled_at.is_(None)
        )
        owner = session.scalars(query).one_or_none()
        problems = []
        if owner is None:
            problems.append(Problem("account", repr(account), "an account that is there"))
        for action in sorted(set(scope)):
            if action not in PERMISSIONS or (owner and not allowed(owner.role, action)):
                problems.append(Problem("scope", action, "actions that the account may do"))
        if not scope:
            problems.append(Problem("scope", "nothing", "one action at least"))
        if not now < expires_at <= now + LONGEST:
            expected = f"after now, {LONGEST.days} days at most"
            problems.append(Problem("expires", f"{expires_at:%Y-%m-%d}", expected))
        if problems or owner is None:
            raise DataError(problems)
        value = PREFIX + random()
        row = Token(
            account_id=owner.id, name=name[:200], secret=hashed(value), scope=sorted(set(scope)),
            created_at=now, expires_at=expires_at,
        )  # fmt: skip
        session.add(row)
        session.flush()
        body = {"name": row.name, "scope": row.scope, "expires_at": expires_at.isoformat()}
        audit.append(
            session, at=now, actor=by, action="token.create", subject=f"tokens/{row.id}", body=body
        )
        return value


def revoke(store: Store, token_id: int, *, by: str, now: dt.datetime) -> None:
    """End a token.

    Raises:
        DataError: No such token.
    """
    with writing(store) as session:
        audit.lock(session)
        row = session.get(Token, token_id)
        if row is None:
            raise DataError([Problem("token", str(token_id), "a token that is there")])
        row.revoked_at = row.revoked_at or now
        audit.append(session, at=now, actor=by, action="token.revoke", subject=f"tokens/{token_id}")


def bearer(store: Store, value: str | None, *, now: dt.datetime) -> Bearer | None:
    """Who a token speaks for; None where it is unknown, over, revoked or of a disabled account."""
    if not value or not value.startswith(PREFIX):
        return None
    with reading(store) as session:
        query = select(Token, Account).join(Account, Account.id == Token.account_id)
        found = session.execute(query.where(Token.secret == hashed(value))).one_or_none()
    if found is None:
        return None
    row, account = found
    if row.revoked_at is not None or now >= row.expires_at or account.disabled_at is not None:
        return None
    actor = Actor(account.id, account.name, account.role)
    return Bearer(actor, account.enterprise, frozenset(row.scope))
