"""`/login/oidc`: to the provider and back. Hung on the server where a provider is configured."""

import logging
from typing import Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, Response

from serving import auth, oidc, oidc_accounts
from serving.console import site as web
from serving.context import COOKIE
from serving.oidc import Provider

PATH: Final = "/login/oidc"
BEGUN: Final = "lantian_oidc"
SECONDS: Final = 600  # for typing a password elsewhere
# Not a redirect: a strict cookie is not sent on one that another site began.
ENTERED: Final = (
    '<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>蓝天 Lantian</title>'
    '<meta http-equiv="refresh" content="0; url=/"><p><a href="/">继续 Continue</a></p></html>'
)
router = APIRouter()
log = logging.getLogger(__name__)


def attach(app: FastAPI, provider: Provider | None) -> None:
    """Hang the routes on an application; nothing without a provider."""
    app.state.provider = provider
    if provider is not None:
        app.include_router(router, include_in_schema=False)


def _provider(request: Request) -> Provider:
    found = request.app.state.provider
    if not isinstance(found, Provider):
        raise TypeError("an application without a provider")
    return found


@router.get(PATH)
def begin(request: Request) -> Response:
    """To the provider's page."""
    begun = oidc.begin(_provider(request))
    answer = web.go(begun.url)
    # Lax: the browser comes back from another site.
    answer.set_cookie(
        BEGUN, begun.cookie.encode().hex(), max_age=SECONDS, path=PATH, httponly=True,
        samesite="lax", secure=web.of(request).secure,
    )  # fmt: skip
    return answer


@router.get(PATH + "/callback")
def finish(request: Request) -> Response:
    """Back from the provider: a session, or a refusal; what was begun is over in both cases."""
    site = web.of(request)
    try:
        cookie = bytes.fromhex(request.cookies.get(BEGUN, "")).decode()
    except ValueError:
        cookie = ""
    address = request.client.host if request.client else "unknown"
    answer: Response
    try:
        who = oidc.finish(_provider(request), dict(request.query_params), cookie)
        token = oidc_accounts.log_in(
            site.store, who, address=address, now=site.now(), before=request.cookies.get(COOKIE)
        )
    except auth.Denied as error:
        log.warning("login at the provider refused: %s", error.problems[0])
        answer = web.go("/login?refused=oidc")
    else:
        answer = HTMLResponse(ENTERED)
        answer.set_cookie(
            COOKIE, token, max_age=int(auth.ABSOLUTE.total_seconds()), httponly=True,
            samesite="strict", secure=site.secure,
        )  # fmt: skip
    answer.delete_cookie(BEGUN, path=PATH)
    return answer
