"""A person whom the provider knows -> his account here and a session.

An account that was made this way has no password: its place holds the digest of issuer and
subject, which is who it belongs to whatever name he takes. A name that an account made here has
already is not taken over. The role follows the provider's groups at each login.
"""

import datetime as dt
import hashlib
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from forecast.problems import Problem
from serving import accounts, auth
from serving.auth import Denied
from serving.oidc import ALLOWED, Identity
from serving.store import audit
from serving.store.engine import Store, writing
from serving.store.models import Account

ACTOR: Final = "oidc"


def log_in(
    store: Store,
    who: Identity,
    *,
    address: str,
    now: dt.datetime,
    before: str | None = None,
    random: auth.Random = auth.token,
) -> str:
    """A new session's token, for the cookie; the session of `before` ends (rotation).

    Raises:
        Denied: The account is disabled, or his name belongs to an account made here.
    """
    value = random()
    with writing(store) as session:
        audit.lock(session)
        account = _account(session, who, now)
        if account.disabled_at is not None or account.role not in ALLOWED:
            raise _denied("an account that may not log in this way", "an administrator's help")
        auth.end(session, before, now)
        auth.begin(session, account, value, address=address, now=now, how={"by": ACTOR})
    return value


def mark(issuer: str, subject: str) -> str:
    """What stands in the place of a password."""
    digest = hashlib.sha256(f"{issuer}\n{subject}".encode()).hexdigest()
    return f"{accounts.EXTERNAL}{digest}"


def _account(session: Session, who: Identity, now: dt.datetime) -> Account:
    """His account, made where there is none, with the role his groups give him."""
    mine = mark(who.issuer, who.subject)
    account = session.scalars(select(Account).where(Account.password == mine)).one_or_none()
    if account is not None:
        if account.role != who.role and account.role in ALLOWED and account.disabled_at is None:
            before, account.role = account.role, who.role
            body: dict[str, object] = {"from": before, "to": who.role}
            _record(session, now, "account.role", account.name, body)
        return account
    name = accounts.folded(who.name)
    if problem := accounts.name_fault(name):
        raise Denied([problem])
    if session.scalar(select(Account.id).where(Account.name == name)) is not None:
        raise _denied(f"the name {name!r} of another account", "a name of one's own")
    account = Account(
        name=name, display=who.display[:200] or name, role=who.role, enterprise=None,
        password=mine, created_at=now,
    )  # fmt: skip
    session.add(account)
    session.flush()
    _record(session, now, "account.add", name, {"enterprise": None, "role": who.role})
    return account


def _record(
    session: Session, now: dt.datetime, action: str, name: str, body: dict[str, object]
) -> None:
    audit.append(session, at=now, actor=ACTOR, action=action, subject=f"accounts/{name}", body=body)


def _denied(found: str, expected: str) -> Denied:
    return Denied([Problem("login at the provider", found, expected)])
