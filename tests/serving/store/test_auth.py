import datetime as dt
import itertools
import threading

import pytest
from sqlalchemy import select

from forecast.problems import DataError
from serving import accounts, auth, tokens
from serving.permissions import PERMISSIONS, ROLES, actions_of, allowed
from serving.store import audit
from serving.store.engine import Conflict, Store, reading
from serving.store.models import Account, Login, Token

NOW = dt.datetime(2026, 11, 24, 8)
MINUTE = dt.timedelta(minutes=1)
GOOD = "seven grey herons at dusk"


@pytest.fixture
def house(store: Store) -> Store:
    accounts.add(store, name="Wang.Li", role="officer", password=GOOD, by="console", now=NOW)
    return store


def log_in(store: Store, password: str = GOOD, *, now: dt.datetime = NOW, **given: str) -> str:
    name = given.pop("name", "wang.li")
    return auth.log_in(store, name, password, address="10.0.0.7", now=now, **given)


def test_a_session_is_a_random_value_of_which_only_the_hash_is_kept(house: Store) -> None:
    value = log_in(house, name=" WANG.LI ")
    found = auth.current(house, value, now=NOW)
    assert found
    assert (found.actor.name, found.actor.role, found.display) == ("wang.li", "officer", "Wang.Li")
    with reading(house) as session:
        kept = session.scalars(select(Login)).one().token
        assert session.scalars(select(Account)).one().password.startswith("$argon2id$")
    assert value != kept == auth.hashed(value)
    assert len(value) >= 43
    assert auth.current(house, value + "x", now=NOW) is None
    assert auth.current(house, None, now=NOW) is None


def test_idle_and_absolute_expiry(house: Store) -> None:
    value = log_in(house)
    assert auth.current(house, value, now=NOW + auth.IDLE) is None
    at = NOW
    while at < NOW + auth.ABSOLUTE - 20 * MINUTE:
        at += 20 * MINUTE
        assert auth.current(house, value, now=at), at
    assert auth.current(house, value, now=NOW + auth.ABSOLUTE) is None


def test_logging_in_again_and_out_ends_a_session(house: Store) -> None:
    first = log_in(house)
    second = log_in(house, before=first)
    assert auth.current(house, first, now=NOW) is None
    auth.log_out(house, second, now=NOW)
    auth.log_out(house, second, now=NOW)
    assert auth.current(house, second, now=NOW) is None
    assert audit.verify(house).rows == 4  # add, login, login, logout


def test_a_csrf_token_belongs_to_its_session(house: Store) -> None:
    first, second = log_in(house), log_in(house)
    assert auth.csrf_holds(first, auth.csrf(first))
    assert not auth.csrf_holds(first, auth.csrf(second))
    assert not auth.csrf_holds(first, None)
    assert not auth.csrf_holds(first, "é")


@pytest.mark.parametrize(("name", "password"), [("wang.li", "wrong"), ("nobody", GOOD)])
def test_wrong_and_unknown_are_told_alike(house: Store, name: str, password: str) -> None:
    with pytest.raises(auth.Denied) as caught:
        log_in(house, password, name=name)
    assert (
        str(caught.value)
        == "login: found a wrong name or password, expected an account and its password"
    )


def test_five_failures_lock_the_pair_until_the_window_has_passed(house: Store) -> None:
    for _ in range(5):
        with pytest.raises(auth.Denied):
            log_in(house, "wrong")
    with pytest.raises(auth.LockedOut) as caught:
        log_in(house)
    assert caught.value.until == NOW + auth.WINDOW
    auth.log_in(house, "wang.li", GOOD, address="10.0.0.8", now=NOW)  # the officer's own desk
    assert log_in(house, now=NOW + auth.WINDOW)


def test_failures_and_the_lock_out_are_in_the_trail_without_what_was_typed(house: Store) -> None:
    for name in ("wang.li",) * 5 + ("my secret phrase",):
        with pytest.raises(auth.Denied):
            log_in(house, "wrong", name=name)
    with reading(house) as session:
        rows = [row for row in audit.entries(session) if row["action"].startswith("login")]
    assert [row["action"] for row in rows] == ["login.failed"] * 5 + [
        "login.locked",
        "login.failed",
    ]
    assert {row["actor"] for row in rows} == {"wang.li", "unknown"}
    assert '"by":"pair"' in rows[5]["body"]
    assert "secret" not in "".join(row["subject"] + row["body"] for row in rows)
    assert audit.verify(house).whole


def test_unlocking_forgets_failures_of_that_account(house: Store) -> None:
    for _ in range(5):
        with pytest.raises(auth.Denied):
            log_in(house, "wrong")
    assert accounts.unlock(house, name="Wang.Li", by="root", now=NOW) == 5
    assert log_in(house)
    with pytest.raises(DataError):
        accounts.unlock(house, name="nobody", by="root", now=NOW)


def test_an_account_and_an_address_have_their_limits(house: Store) -> None:
    limits = auth.Limits(pair=5, account=6, address=3)
    for number in range(3):
        with pytest.raises(auth.Denied):
            auth.log_in(house, f"x{number}", "y", address="a", now=NOW, limits=limits)
    with pytest.raises(auth.LockedOut):
        auth.log_in(house, "wang.li", GOOD, address="a", now=NOW, limits=limits)
    for number in range(6):
        with pytest.raises(auth.Denied):
            auth.log_in(house, "wang.li", "y", address=f"b{number}", now=NOW, limits=limits)
    with pytest.raises(auth.LockedOut):
        auth.log_in(house, "wang.li", GOOD, address="c", now=NOW, limits=limits)


def test_attempts_at_once_get_no_more_tries(house: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = itertools.count()
    monkeypatch.setattr(auth.passwords, "verified", lambda *_: next(looked) < 0)
    outcomes: list[type] = []

    def attempt() -> None:
        try:
            log_in(house, "wrong")
        except auth.Denied as error:
            outcomes.append(type(error))

    threads = [threading.Thread(target=attempt) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert next(looked) == 5
    assert outcomes.count(auth.LockedOut) == 5


def test_disabling_and_a_new_password_end_sessions_and_tokens(house: Store) -> None:
    value = log_in(house)
    accounts.set_password(house, name="wang.li", password=GOOD + "!", by="console", now=NOW)
    assert auth.current(house, value, now=NOW) is None
    value = log_in(house, GOOD + "!")
    secret = token(house)
    accounts.disable(house, name="wang.li", by="root", now=NOW)
    assert auth.current(house, value, now=NOW) is None
    assert tokens.bearer(house, secret, now=NOW) is None
    with pytest.raises(auth.Denied):
        log_in(house, GOOD + "!")


def token(store: Store, *scope: str, days: int = 30) -> str:
    return tokens.create(
        store, account="wang.li", name="export", scope=scope or ("forecast.read",),
        expires_at=NOW + dt.timedelta(days=days), by="wang.li", now=NOW,
    )  # fmt: skip


def test_a_token_does_what_scope_and_role_both_allow_until_its_end(house: Store) -> None:
    secret = token(house)
    found = tokens.bearer(house, secret, now=NOW)
    assert found
    assert found.may("forecast.read")
    assert not found.may("warning.sign")
    with reading(house) as session:
        assert secret not in session.scalars(select(Token)).one().secret
    assert tokens.bearer(house, secret, now=NOW + dt.timedelta(days=30)) is None
    tokens.revoke(house, 1, by="wang.li", now=NOW)
    assert tokens.bearer(house, secret, now=NOW) is None


def test_a_token_cannot_ask_for_more_than_its_account_may(house: Store) -> None:
    with pytest.raises(DataError) as caught:
        token(house, "account.manage", "nonsense", days=900)
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "a" * 20,
        "Lantian-2026-winter",
        "my wang.li is strong",
        "x1" * 90,
        "Passw0rd-2026-x",
    ],
)
def test_passwords_that_are_tried_first_are_refused(store: Store, password: str) -> None:
    with pytest.raises(DataError) as caught:
        accounts.add(store, name="wang.li", role="officer", password=password, by="c", now=NOW)
    assert password not in str(caught.value)


def test_everything_wrong_with_an_account_at_once(house: Store) -> None:
    with pytest.raises(DataError) as caught:
        accounts.add(house, name="a b", role="root", password="x", enterprise="E1", by="c", now=NOW)
    assert len(caught.value.problems) == 5
    with pytest.raises(Conflict):
        accounts.add(house, name="WANG.LI", role="viewer", password=GOOD, by="c", now=NOW)
    with pytest.raises(DataError, match="enterprise"):
        accounts.add(house, name="works", role="enterprise", password=GOOD, by="c", now=NOW)


def test_an_enterprises_account_is_bound_to_it(house: Store) -> None:
    accounts.add(
        house, name="works", role="enterprise", password=GOOD, enterprise="E17", by="c", now=NOW
    )
    found = auth.current(house, log_in(house, name="works"), now=NOW)
    assert found
    assert found.enterprise == "E17"


def test_no_secret_is_in_the_trail(house: Store) -> None:
    values = [log_in(house), token(house)]
    with reading(house) as session:
        trail = "".join(row["body"] for row in audit.entries(session))
    assert not [v for v in (*values, GOOD) if v in trail or auth.hashed(v) in trail]


def test_the_table_of_permissions() -> None:
    assert all(roles and roles <= set(ROLES) for roles in PERMISSIONS.values())
    signing = {role for role in ROLES if allowed(role, "warning.sign")}
    assert signing == {"officer", "leader"}
    assert {role for role in ROLES if allowed(role, "account.manage")} == {"admin"}
    assert actions_of("enterprise") == (
        "order.read_own", "order.acknowledge", "reading.write", "resumption.request",
        "token.create",
    )  # fmt: skip
    assert not allowed("officer", "warning.sign", scope=["warning.read"])
    with pytest.raises(KeyError):
        allowed("officer", "warning.sing")
