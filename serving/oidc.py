"""Logging in at the house's own OpenID Connect provider: who it says that someone is.

Configured by the environment alone. Takes the provider's answer; gives an Identity with a role of
this program, or refuses. Authorization code flow with PKCE; the state, nonce and verifier are in a
cookie of the browser that began, so that an answer meant for another browser is worth nothing. The
ID token's signature, issuer, audience, times and nonce are checked (OpenID Connect Core 1.0,
3.1.3.7). Nobody becomes an administrator or an enterprise this way. Needs the extra `oidc`.

    LANTIAN_OIDC_ISSUER          https://login.example          (http for 127.0.0.1 only)
    LANTIAN_OIDC_CLIENT_ID, LANTIAN_OIDC_CLIENT_SECRET
    LANTIAN_OIDC_REDIRECT        https://duty.example/login/oidc/callback
    LANTIAN_OIDC_ROLES           duty=officer,heads=leader      group=role; the first that fits
    LANTIAN_OIDC_CLAIM           groups                         the claim with the groups
"""

import hmac
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from forecast.problems import ConfigError, Problem
from serving.auth import Denied
from serving.permissions import ROLES

ALLOWED: Final = tuple(r for r in ROLES if r not in ("admin", "enterprise"))
ALGORITHMS: Final = ["RS256", "ES256", "PS256"]
LEEWAY: Final = 60  # seconds between the provider's clock and ours
TIMEOUT: Final = 10  # seconds
_NAMES: Final = ("ISSUER", "CLIENT_ID", "CLIENT_SECRET", "REDIRECT", "ROLES")


@dataclass(frozen=True)
class Provider:
    """Where to log in, and what its groups may do here."""

    issuer: str
    client_id: str
    client_secret: str
    redirect: str
    roles: tuple[tuple[str, str], ...]  # group, role
    claim: str = "groups"


@dataclass(frozen=True)
class Begun:
    """A login on its way: where the browser goes, and what its cookie keeps."""

    url: str
    cookie: str


@dataclass(frozen=True)
class Identity:
    """Someone whom the provider knows."""

    issuer: str
    subject: str
    name: str
    display: str
    role: str


def from_environment(given: Mapping[str, str]) -> Provider | None:
    """The provider; None where no LANTIAN_OIDC_ISSUER is set.

    Raises:
        ConfigError: Everything that is missing or wrong; never a secret.
    """
    found = {n: given.get(f"LANTIAN_OIDC_{n}", "").strip() for n in _NAMES}
    if not found["ISSUER"]:
        return None
    problems = [Problem(f"LANTIAN_OIDC_{n}", "nothing", "a value") for n in _NAMES if not found[n]]
    for name in ("ISSUER", "REDIRECT"):
        parts = urlsplit(found[name])
        near = parts.hostname in ("127.0.0.1", "localhost")
        if found[name] and not (parts.scheme == "https" or (parts.scheme == "http" and near)):
            expected = "an https address (http for this machine only)"
            problems.append(Problem(f"LANTIAN_OIDC_{name}", found[name], expected))
    roles = []
    for pair in filter(None, (p.strip() for p in found["ROLES"].split(","))):
        group, _, role = (part.strip() for part in pair.partition("="))
        if not group or role not in ALLOWED:
            expected = f"group=role, a role of {', '.join(ALLOWED)}"
            problems.append(Problem("LANTIAN_OIDC_ROLES", pair, expected))
        roles.append((group, role))
    if problems:
        raise ConfigError(problems)
    return Provider(
        found["ISSUER"].rstrip("/"), found["CLIENT_ID"], found["CLIENT_SECRET"],
        found["REDIRECT"], tuple(roles), given.get("LANTIAN_OIDC_CLAIM", "").strip() or "groups",
    )  # fmt: skip


def begin(provider: Provider, *, random: Callable[[], str] | None = None) -> Begun:
    """Where a browser goes to log in.

    Raises:
        Denied: The provider does not answer as one.
    """
    from authlib.integrations.requests_client import OAuth2Session  # type: ignore[import-untyped]

    token = random or (lambda: secrets.token_urlsafe(32))
    state, nonce, verifier = token(), token(), token()
    with _session(OAuth2Session, provider) as session:
        where = _metadata(provider)["authorization_endpoint"]
        url, _ = session.create_authorization_url(
            where, state=state, nonce=nonce, code_verifier=verifier
        )
    return Begun(url, json.dumps([state, nonce, verifier]))


def finish(
    provider: Provider, answer: Mapping[str, str], cookie: str, *, now: float | None = None
) -> Identity:
    """Who came back.

    Args:
        provider: The provider.
        answer: Query of the callback.
        cookie: Of `begin`, from the browser that comes back.
        now: Unix time, of the ID token's check.

    Raises:
        Denied: Anything that is not as it was begun, or not as the standard says; or no group of
            his has a role here.
    """
    from authlib.integrations.requests_client import OAuth2Session

    try:
        state, nonce, verifier = (str(part) for part in json.loads(cookie))
    except (ValueError, TypeError):
        raise _denied("no login that this browser began", "one begun here") from None
    if not hmac.compare_digest(state.encode(), answer.get("state", "").encode()):
        raise _denied("another login's state", "the state this browser was sent with")
    if "code" not in answer:
        raise _denied(str(answer.get("error", "no code"))[:60], "a code")
    metadata = _metadata(provider)
    try:
        with _session(OAuth2Session, provider) as session:
            tokens = session.fetch_token(
                metadata["token_endpoint"], code=answer["code"], code_verifier=verifier,
                grant_type="authorization_code", timeout=TIMEOUT,
            )  # fmt: skip
    except Exception as error:  # requests', authlib's: whatever it is, nobody is let in
        raise _denied(f"{type(error).__name__} for a token", "an answer of the provider") from None
    claims = _claims(provider, metadata, str(tokens.get("id_token", "")), nonce, now)
    return _identity(provider, claims)


def _identity(provider: Provider, claims: Mapping[str, Any]) -> Identity:
    groups = claims.get(provider.claim, ())
    mine = {groups} if isinstance(groups, str) else {str(g) for g in groups or ()}
    role = next((role for group, role in provider.roles if group in mine), None)
    if role is None:
        raise _denied(f"no group of {provider.claim} with a role here", "a group that has one")
    subject = claims["sub"]
    name = str(claims.get("preferred_username") or claims.get("email") or "")
    return Identity(provider.issuer, subject, name, str(claims.get("name") or name), role)


def _claims(
    provider: Provider, metadata: Mapping[str, Any], token: str, nonce: str, now: float | None
) -> Mapping[str, Any]:
    """An ID token's claims, checked."""
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    must: dict[str, Any] = {
        "iss": {"essential": True, "value": metadata["issuer"]},
        "aud": {"essential": True, "value": provider.client_id},
        "sub": {"essential": True}, "exp": {"essential": True}, "iat": {"essential": True},
        "nonce": {"essential": True, "value": nonce},
    }  # fmt: skip
    try:
        published: Any = _get(metadata["jwks_uri"])
        keys = KeySet.import_key_set(published)
        claims: dict[str, Any] = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
        at = int(time.time() if now is None else now)
        jwt.JWTClaimsRegistry(now=at, leeway=LEEWAY, **must).validate(claims)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise _denied(f"an ID token that does not hold: {error}"[:120], "a valid one") from None
    audience = claims["aud"]
    many = not isinstance(audience, str) and len(audience) > 1
    if (many or "azp" in claims) and claims.get("azp") != provider.client_id:
        raise _denied("an ID token for another client", provider.client_id)
    if not isinstance(claims["sub"], str) or not claims["sub"]:
        raise _denied("an ID token without a subject", "one")
    return claims


def _metadata(provider: Provider) -> Mapping[str, Any]:
    """The provider's description of itself (OpenID Connect Discovery 1.0, 4)."""
    found = _get(f"{provider.issuer}/.well-known/openid-configuration")
    if str(found.get("issuer", "")).rstrip("/") != provider.issuer:
        raise _denied(f"issuer {found.get('issuer')}", provider.issuer)
    needed = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    if missing := [n for n in needed if not isinstance(found.get(n), str)]:
        raise _denied(f"a provider without {', '.join(missing)}", "all of them")
    return found


def _get(url: str) -> dict[str, Any]:
    import requests

    try:
        answer = requests.get(url, timeout=TIMEOUT, allow_redirects=False)
        answer.raise_for_status()
        found = answer.json()
    except (requests.RequestException, ValueError) as error:
        raise _denied(f"{type(error).__name__} from the provider", "an answer") from None
    return found if isinstance(found, dict) else {}


def _session(kind: Any, provider: Provider) -> Any:
    return kind(
        provider.client_id, provider.client_secret, redirect_uri=provider.redirect,
        scope="openid profile", code_challenge_method="S256",
    )  # fmt: skip


def _denied(found: str, expected: str) -> Denied:
    return Denied([Problem("login at the provider", found, expected)])
