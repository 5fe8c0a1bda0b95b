"""Login at a real provider: the right answer opens a session, every other one none."""

import time
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import OctKey, RSAKey
from sqlalchemy import select

from forecast.problems import ConfigError, DataError
from serving import accounts, auth, oidc, oidc_accounts, oidc_routes
from serving.auth import Denied
from serving.oidc import Identity
from serving.store import audit
from serving.store.engine import Store, reading
from serving.store.models import Account, Entry
from tests.serving import console_home
from tests.serving.console_home import NOW, PASSWORD, TestClient
from tests.serving.provider import Provider, provider

__all__ = ["provider"]  # a fixture
CALLBACK = "/login/oidc/callback"


def came_back(provider: Provider, **given: Any) -> Identity:
    """Begin, agree, come back."""
    config = oidc.from_environment(provider.environment())
    assert config is not None
    begun = oidc.begin(config)
    answer = {**provider.log_in(begun.url), **given}
    return oidc.finish(config, answer, begun.cookie)


def test_who_the_provider_knows_comes_back_with_the_role_of_his_group(provider: Provider) -> None:
    provider.claims = {"groups": ["cooks", "heads"]}
    who = came_back(provider)
    assert (who.subject, who.name, who.display, who.role) == ("u-17", "Wang.Wei", "王伟", "leader")


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"nonce": "another"}, "does not hold"),
        ({"iss": "https://elsewhere.example"}, "does not hold"),
        ({"aud": "another-client"}, "does not hold"),
        ({"aud": ["lantian-duty", "other"]}, "another client"),
        ({"azp": "other"}, "another client"),
        ({"exp": 1_700_000_000}, "does not hold"),
        ({"iat": int(time.time()) + 3600}, "does not hold"),
        ({"sub": ""}, "does not hold|subject"),
        ({"groups": ["cooks"]}, "role here"),
        ({"groups": None}, "role here"),
        ({"groups": ["admin"]}, "role here"),
    ],
    ids=["nonce", "issuer", "audience", "two-audiences", "azp", "expired", "future", "subject",
         "group", "no-groups", "admin"],
)  # fmt: skip
def test_an_id_token_that_is_not_ours_is_refused(
    provider: Provider, claims: dict[str, Any], why: str
) -> None:
    provider.claims = claims
    with pytest.raises(Denied, match=why):
        came_back(provider)


def test_another_key_or_no_signature_is_refused(provider: Provider) -> None:
    provider.key = RSAKey.generate_key(2048, {"kid": "k1"})
    with pytest.raises(Denied, match="does not hold"):
        came_back(provider)
    # The public key taken for a shared secret: the oldest trick.
    provider.key = OctKey.import_key("a shared secret of thirty-two bytes", {"kid": "k1"})
    provider.header = {"alg": "HS256", "kid": "k1"}
    with pytest.raises(Denied, match="does not hold"):
        came_back(provider)


def test_another_state_or_another_browsers_answer_is_refused(provider: Provider) -> None:
    with pytest.raises(Denied, match="state"):
        came_back(provider, state="another")
    with pytest.raises(Denied, match="for a token"):
        came_back(provider, code="made up")
    config = oidc.from_environment(provider.environment())
    assert config is not None
    mine, other = oidc.begin(config), oidc.begin(config)
    answer = provider.log_in(mine.url)
    for cookie in (other.cookie, "", "[]", "nonsense"):
        with pytest.raises(Denied):
            oidc.finish(config, answer, cookie)
    refusal = {"error": "access_denied", "state": answer["state"]}
    with pytest.raises(Denied, match="access_denied"):
        oidc.finish(config, refusal, mine.cookie)
    provider.issuer_said = "https://elsewhere.example"
    with pytest.raises(Denied, match="elsewhere"):
        oidc.begin(config)


def test_configuration_is_whole_or_refused_and_names_no_secret() -> None:
    assert oidc.from_environment({}) is None
    given = {
        "LANTIAN_OIDC_ISSUER": "http://login.example", "LANTIAN_OIDC_CLIENT_SECRET": "hush",
        "LANTIAN_OIDC_ROLES": "it=admin,works=enterprise,duty=officer",
    }  # fmt: skip
    with pytest.raises(ConfigError) as caught:
        oidc.from_environment(given)
    text = str(caught.value)
    for part in ("CLIENT_ID", "REDIRECT", "https", "it=admin", "works=enterprise"):
        assert part in text
    assert "duty=officer" not in text
    assert "hush" not in text


def who(**given: Any) -> Identity:
    base = {"issuer": "i", "subject": "s", "name": "Li", "display": "李", "role": "officer"}
    return Identity(**{**base, **given})


def enter(store: Store, **given: Any) -> str:
    return oidc_accounts.log_in(store, who(**given), address="a", now=NOW)


def test_an_account_is_the_subjects_whatever_his_name(store: Store) -> None:
    first = auth.current(store, enter(store), now=NOW)
    again = auth.current(store, enter(store, name="li.neu", role="leader"), now=NOW)
    assert first is not None
    assert again is not None
    assert first.actor.account == again.actor.account
    assert (again.actor.name, again.actor.role) == ("li", "leader")
    with pytest.raises(Denied, match="another account"):
        enter(store, subject="another")  # the name is li's
    with pytest.raises(Denied):
        auth.log_in(store, "li", "anything at all", address="a", now=NOW)
    with pytest.raises(DataError, match="at the provider"):
        accounts.set_password(store, name="li", password=PASSWORD, by="admin", now=NOW)
    accounts.disable(store, name="li", by="admin", now=NOW)
    with pytest.raises(Denied):
        enter(store)
    with reading(store) as session:
        found = session.scalars(select(Entry.action).order_by(Entry.seq)).all()
        assert len(session.scalars(select(Account)).all()) == 1
    assert found[:4] == ["account.add", "login", "account.role", "login"]
    assert audit.verify(store).whole


def test_a_local_account_is_never_taken_over(store: Store) -> None:
    accounts.add(store, name="li", role="admin", password=PASSWORD, by="command", now=NOW)
    with pytest.raises(Denied, match="another account"):
        enter(store)
    assert auth.log_in(store, "li", PASSWORD, address="a", now=NOW)


@pytest.fixture
def client(provider: Provider, tmp_path: Path, sqlite_template: Path) -> TestClient:
    console_home.two_runs(tmp_path)
    _, application = console_home.server(tmp_path, sqlite_template)
    oidc_routes.attach(application, oidc.from_environment(provider.environment()))
    return TestClient(application, base_url="http://lantian.test", follow_redirects=False)


def test_through_the_pages(provider: Provider, client: TestClient) -> None:
    assert "/login/oidc" in client.get("/login").text
    begun = client.get("/login/oidc")
    cookie = begun.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    query = provider.log_in(begun.headers["location"])
    back = client.get(CALLBACK, params=query)
    assert back.status_code == 200
    assert "samesite=strict" in back.headers["set-cookie"].lower()
    assert "王伟" in client.get("/").text
    assert client.get(CALLBACK, params=query).headers["location"] == "/login?refused=oidc"  # once
    provider.claims = {"groups": ["cooks"]}
    client.cookies.clear()
    query = provider.log_in(client.get("/login/oidc").headers["location"])
    refused = client.get(CALLBACK, params=query)
    assert refused.headers["location"] == "/login?refused=oidc"
    assert "没有角色" in client.get(refused.headers["location"]).text
    assert client.get("/").status_code == 303  # nobody is logged in


def test_without_a_provider_there_is_no_such_page(enter_nothing: TestClient) -> None:
    assert enter_nothing.get("/login/oidc").status_code == 404
    assert "/login/oidc" not in enter_nothing.get("/login").text


@pytest.fixture
def enter_nothing(tmp_path: Path, sqlite_template: Path) -> TestClient:
    console_home.two_runs(tmp_path)
    _, application = console_home.server(tmp_path, sqlite_template)
    return TestClient(application, base_url="http://lantian.test", follow_redirects=False)
