"""The server: console and API in one application, with the headers every answer carries."""

import importlib
import logging
import secrets
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from forecast.problems import LantianError
from serving import auth
from serving.console import routes
from serving.console import site as web
from serving.console.texts import common
from serving.context import COOKIE, Context
from serving.store.engine import Conflict

log = logging.getLogger(__name__)
BUSY: Final = (OperationalError, PoolTimeout)
KNOWN: Final = (web.Forbidden, web.Forged, LantianError, HTTPException, RequestValidationError)
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
POLICY: Final = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; "
    "img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)


def create(context: Context, *, secure: bool = False, house: Path | None = None) -> FastAPI:
    """The application of one city.

    Args:
        context: Store, home, configuration and clock.
        secure: Cookies over HTTPS only, and HSTS: where the server is reached so.
        house: Who publishes, configs/publish/*.yaml; default: publish.yaml of the home.
    """
    app = FastAPI(title="Lantian", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.site = web.Site(context, secure, web.environment(), house)
    app.state.context = context
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    app.add_middleware(Guard, secure=secure)
    _with_api(app, context)
    routes.attach(app)
    for kind in (web.LoginNeeded, *KNOWN, *BUSY):
        app.add_exception_handler(kind, _refused)
    return app


def _with_api(app: FastAPI, context: Context) -> None:
    try:
        api = importlib.import_module("serving.api")
    except ModuleNotFoundError as error:
        if error.name != "serving.api":
            raise
        return
    api.attach(app, context)


class Guard:
    """ASGI middleware: the headers; scripts and styles are our own files or carry the nonce.

    A mistake of the program is answered here, so that its page carries the headers, too.
    """

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self.app = app
        self.secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; what an answer says itself stays."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        nonce, begun = secrets.token_urlsafe(16), False
        scope.setdefault("state", {})["nonce"] = nonce

        async def guarded(message: Message) -> None:
            nonlocal begun
            begun = True
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Content-Security-Policy", POLICY.format(nonce=nonce))
                if not scope["path"].startswith(("/static/", "/data/", "/api/")):
                    headers.setdefault("Cache-Control", "no-store")
                if self.secure:
                    headers.setdefault("Strict-Transport-Security", "max-age=31536000")
            await send(message)

        try:
            await self.app(scope, receive, guarded)
        except Exception as error:
            if not begun:
                request = Request(scope, receive)
                answer = await run_in_threadpool(_refused, request, error)
                await answer(scope, receive, guarded)
            raise  # to whoever runs the server


def _refused(request: Request, error: Exception) -> Response:
    """A page that says why not; nothing of the program's inside."""
    if isinstance(error, web.LoginNeeded):
        after = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return web.go("/login?next=" + quote(after if request.method == "GET" else "/", safe=""))
    site = web.of(request)
    known = isinstance(error, KNOWN)  # else nothing more is asked of what has just failed
    who = auth.current(site.store, request.cookies.get(COOKIE), now=site.now()) if known else None
    visitor = web.Visitor(who, request.cookies.get(COOKIE, "")) if who else None
    say = web.sayer(common.WORDS, web.language(request))

    def message(status: int, head: str, long: str = "", **more: object) -> Response:
        values: dict[str, Any] = {"problems": (), "since": (), "back": _back(request), **more}
        return web.page(
            request, "message.html", common.WORDS, who=visitor, status=status,
            head=say(head), long=long, **values,
        )  # fmt: skip

    if isinstance(error, web.Forbidden):
        role = say("role_" + who.actor.role) if who else "—"
        return message(403, "forbidden", say("forbidden_long", role=role))
    if isinstance(error, web.Forged):
        return message(403, "forged", say("forged_long"))
    if isinstance(error, Conflict):
        return message(409, "conflict", say("conflict_plain"), problems=error.problems)
    if isinstance(error, LantianError):
        return message(422, "refused", problems=error.problems)
    if isinstance(error, HTTPException) and error.status_code < 500:
        return message(error.status_code, "not_found", say("not_found_long"))
    if isinstance(error, RequestValidationError):
        return message(422, "not_found", say("not_found_long"))
    if isinstance(error, BUSY):
        log.error("store: %s", type(error).__name__)
        return message(503, "busy", say("busy_long"))
    log.exception("unanswered: %s %s", request.method, request.url.path, exc_info=error)
    return message(500, "error", say("error_long"))


def _back(request: Request) -> str:
    if request.method == "GET":
        return "/"
    parts = request.url.path.split("/")
    return "/".join(parts[:3]) if len(parts) > 3 else "/"
