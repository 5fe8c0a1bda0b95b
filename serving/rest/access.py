"""Who asks: a bearer token with scope and end, or a session of the console; and how often.

A session may read. For anything else it must send its CSRF token, as its forms do: a cookie alone
travels with requests that its owner never made. Limits are counted in this process.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Final

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from forecast.problems import Problem
from serving import auth, tokens
from serving.permissions import actions_of
from serving.rest.problems import Answer
from serving.rest.route import Server
from serving.tokens import Bearer

PER_MINUTE: Final = 600  # requests of one token
STRANGER: Final = 60  # requests of one address without a token that holds
CSRF: Final = "x-csrf-token"
_REALM: Final = {"WWW-Authenticate": 'Bearer realm="lantian"'}
_MOST: Final = 20_000  # keys remembered
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_scheme = HTTPBearer(auto_error=False, description="A token of `lantian user token`.")


@dataclass
class Buckets:
    """A token bucket for each key: `per_minute` at once, then evenly refilled."""

    per_minute: int
    _left: "OrderedDict[str, tuple[float, float]]" = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, key: str, now: float) -> float:
        """0 where the request may pass, else the seconds to wait."""
        rate = self.per_minute / 60
        with self._lock:
            left, then = self._left.pop(key, (float(self.per_minute), now))
            left = min(float(self.per_minute), left + max(0.0, now - then) * rate)
            passes = left >= 1
            self._left[key] = (left - 1 if passes else left, max(now, then))
            while len(self._left) > _MOST:
                self._left.popitem(last=False)
        return 0.0 if passes else (1 - left) / rate


@dataclass(frozen=True)
class Limits:
    """Of one server."""

    tokens: Buckets = field(default_factory=lambda: Buckets(PER_MINUTE))
    strangers: Buckets = field(default_factory=lambda: Buckets(STRANGER))


def caller(
    request: Request,
    server: Server,
    given: Annotated[HTTPAuthorizationCredentials | None, Security(_scheme)] = None,
) -> Bearer:
    """Who asks.

    Raises:
        Answer: 401, 403 (a session without its CSRF token), 429.
    """
    now = server.clock()
    limits: Limits = request.app.state.limits
    secret = given.credentials if given is not None else None
    found = tokens.bearer(server.store, secret, now=now) if secret else None
    if found is None and secret is None:
        secret = request.cookies.get(server.cookie)
        found = _session(request, server, secret)
    seconds = now.timestamp()  # only differences count
    if found is None:
        address = request.client.host if request.client else "unknown"
        _wait(server, limits.strangers.take(address, seconds))
        problem = Problem("Authorization", "no token that holds", "Bearer and a token's value")
        raise Answer(401, problem, headers=_REALM)
    _wait(server, limits.tokens.take(auth.hashed(str(secret)), seconds))
    request.state.account = found.actor.name
    return found


def _session(request: Request, server: Server, value: str | None) -> Bearer | None:
    session = auth.current(server.store, value, now=server.clock())
    if session is None or value is None:
        return None
    if request.method not in _SAFE and not auth.csrf_holds(value, request.headers.get(CSRF)):
        problem = Problem(CSRF, "none that holds", "the session's CSRF token, or a bearer token")
        raise Answer(403, problem)
    scope = frozenset(actions_of(session.actor.role))
    return Bearer(session.actor, session.enterprise, scope)


def _wait(server: Server, seconds: float) -> None:
    if seconds > 0:
        server.metrics.limited.inc()
        expected = f"at most {PER_MINUTE} requests a minute"
        headers = {"Retry-After": str(int(seconds) + 1)}
        raise Answer(429, Problem("requests", "too many", expected), headers=headers)


def needs(*actions: str) -> Callable[..., Bearer]:
    """A caller who may do at least one of some actions.

    Raises:
        Answer: 403.
    """

    def guard(found: Annotated[Bearer, Depends(caller)]) -> Bearer:
        if not any(found.may(action) for action in actions):
            expected = f"scope and role for {' or '.join(actions)}"
            raise Answer(403, Problem("Authorization", found.actor.role, expected))
        return found

    return guard
