"""Accounts: made by command, disabled instead of deleted, passwords set; all of it audited."""

import datetime as dt
import unicodedata
from collections.abc import Sequence
from typing import Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from forecast.problems import DataError, Problem
from serving import passwords
from serving.permissions import ROLES
from serving.store import audit
from serving.store.engine import Conflict, Store, reading, writing
from serving.store.models import Account, Attempt, Login, Token

EXTERNAL: Final = "oidc:"  # begins the mark that a provider's account has instead of a password


def folded(name: str) -> str:
    """A name as it is kept and compared: NFKC, without case or blanks around it."""
    return unicodedata.normalize("NFKC", name).casefold().strip()


def add(
    store: Store,
    *,
    name: str,
    role: str,
    password: str,
    display: str = "",
    enterprise: str | None = None,
    by: str,
    now: dt.datetime,
) -> int:
    """A new account's number. There is no default account and no default password.

    Raises:
        DataError: Everything that is wrong with what was given.
        Conflict: The name is taken.
    """
    key = folded(name)
    problems = [p for p in [name_fault(key)] if p]
    if role not in ROLES:
        problems.append(Problem("role", repr(role), f"one of {', '.join(ROLES)}"))
    if (role == "enterprise") != bool(enterprise):
        problems.append(
            Problem("enterprise", repr(enterprise), "one for the role enterprise, and only for it")
        )
    text = ""
    try:
        text = passwords.checked(password, name=key)
    except DataError as error:
        problems.extend(error.problems)
    if problems:
        raise DataError(problems)
    kept = passwords.hashed(text)
    with writing(store) as session:
        audit.lock(session)
        if _find(session, key) is not None:
            raise Conflict([Problem("name", repr(key), "one that is not taken")])
        row = Account(
            name=key, display=display or name, role=role, enterprise=enterprise or None,
            password=kept, created_at=now,
        )  # fmt: skip
        session.add(row)
        session.flush()
        body: dict[str, object] = {"enterprise": enterprise or None, "role": role}
        _record(session, now, by, "account.add", key, body)
        return row.id


def name_fault(key: str) -> Problem | None:
    """What is wrong with a folded name."""
    if 2 <= len(key) <= 64 and all(c.isalnum() or c in "._-@" for c in key):
        return None
    return Problem("name", repr(key), "2 to 64 letters, digits or . _ - @")


def set_password(store: Store, *, name: str, password: str, by: str, now: dt.datetime) -> None:
    """A new password; every session of the account ends.

    Raises:
        DataError: No such account, one that logs in at the provider, or the policy.
    """
    key = folded(name)
    kept = passwords.hashed(passwords.checked(password, name=key))
    with writing(store) as session:
        audit.lock(session)
        account = _there(session, key)
        if account.password.startswith(EXTERNAL):
            expected = "an account made here: this one logs in at the provider"
            raise DataError([Problem("account", key, expected)])
        account.password = kept
        _end_sessions(session, account.id, now)
        _record(session, now, by, "account.password", key, {})


def disable(store: Store, *, name: str, by: str, now: dt.datetime) -> None:
    """No login from now on; sessions and tokens end. The account's decisions stay.

    Raises:
        DataError: No such account.
    """
    with writing(store) as session:
        audit.lock(session)
        account = _there(session, folded(name))
        account.disabled_at = account.disabled_at or now
        _end_sessions(session, account.id, now)
        mine = (Token.account_id == account.id, Token.revoked_at.is_(None))
        session.execute(update(Token).where(*mine).values(revoked_at=now))
        _record(session, now, by, "account.disable", account.name, {})


def unlock(store: Store, *, name: str, by: str, now: dt.datetime) -> int:
    """Forget an account's failed attempts to log in; how many there were.

    Raises:
        DataError: No such account.
    """
    with writing(store) as session:
        audit.lock(session)
        account = _there(session, folded(name))
        mine = (Attempt.name == account.name, Attempt.succeeded.is_(False))
        count = session.scalar(select(func.count()).select_from(Attempt).where(*mine)) or 0
        session.execute(delete(Attempt).where(*mine))
        _record(session, now, by, "account.unlock", account.name, {"attempts": count})
        return count


def every(store: Store) -> Sequence[Account]:
    """All accounts by name."""
    with reading(store) as session:
        return session.scalars(select(Account).order_by(Account.name)).all()


def _find(session: Session, key: str) -> Account | None:
    return session.scalars(select(Account).where(Account.name == key)).one_or_none()


def _there(session: Session, key: str) -> Account:
    account = _find(session, key)
    if account is None:
        raise DataError([Problem("name", repr(key), "an account that is there")])
    return account


def _end_sessions(session: Session, account: int, now: dt.datetime) -> None:
    mine = (Login.account_id == account, Login.ended_at.is_(None))
    session.execute(update(Login).where(*mine).values(ended_at=now))


def _record(
    session: Session, now: dt.datetime, by: str, action: str, name: str, body: dict[str, object]
) -> None:
    audit.append(session, at=now, actor=by, action=action, subject=f"accounts/{name}", body=body)
