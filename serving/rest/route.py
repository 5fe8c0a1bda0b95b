"""One way in and out for every route: size limit, refusals as problem+json, ETag, pages.

A route never answers 500 for what was sent; what it cannot explain is logged without the request's
content and answered without the program's inside.
"""

import base64
import datetime as dt
import hashlib
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Annotated, Any, Final

import structlog
from fastapi import Depends, Query, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic import AfterValidator, AwareDatetime, Field
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.types import Message

from forecast.problems import Problem
from serving.context import Context
from serving.rest import problems
from serving.rest.problems import Answer

PREFIX: Final = "/api/v1"
LIMIT: Final = 8 * 1024 * 1024  # bytes of a request: some 40 000 readings
PAGE: Final = 100
LONGEST_PAGE: Final = 500
BIGGEST: Final = 2**63 - 1  # of a key in either engine
_BUSY: Final = (OperationalError, PoolTimeout)
log = structlog.get_logger("serving.api")


def _printable(value: str) -> str:
    if not value.isprintable() or value != value.strip():
        raise ValueError("printable characters without blanks around them")
    return value


def _no_control(value: str) -> str:
    if any(not c.isprintable() and c not in "\n\t" for c in value):
        raise ValueError("text without control characters")
    return value


def _utc(value: dt.datetime) -> dt.datetime:
    try:
        return value.astimezone(dt.UTC).replace(tzinfo=None)
    except OverflowError:
        raise ValueError("a time of this century") from None


Utc = Annotated[AwareDatetime, AfterValidator(_utc)]  # with an offset; naive UTC from here on
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)]
Words = Annotated[str, Field(max_length=2000), AfterValidator(_no_control)]
Limit = Annotated[int, Query(ge=1, le=LONGEST_PAGE, description="Items of a page.")]
Cursor = Annotated[str | None, Query(max_length=200, description="From the last page's `next`.")]


def context_of(request: Request) -> Context:
    """The server's context."""
    context = request.app.state.context
    if not isinstance(context, Context):
        raise TypeError("an application without a context")
    return context


Server = Annotated[Context, Depends(context_of)]


class Route(APIRoute):
    """FastAPI's route with our limits and refusals around it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own handler, guarded."""
        inner = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await inner(_limited(request))
            except Exception as error:
                if isinstance(error.__cause__, Answer):  # FastAPI makes 400 of what reading raised
                    error = error.__cause__
                known = problems.response(request.url.path, error)
                return known if known is not None else _unknown(request, error)

        return handler


def _unknown(request: Request, error: Exception) -> Response:
    path = request.url.path
    route = getattr(request.scope.get("route"), "path", "none")
    log.error("unanswered", method=request.method, route=route, error=type(error).__name__,
              exc_info=not isinstance(error, _BUSY))  # fmt: skip
    if isinstance(error, _BUSY):  # the store does not answer now
        problem = Problem("store", "no answer", "a store that answers; try again")
        return problems.body(path, 503, [problem], headers={"Retry-After": "5"})
    return problems.body(path, 500, [Problem("server", "a mistake of the program", "an answer")])


def _limited(request: Request) -> Request:
    """The request, of which no more than LIMIT bytes are read."""
    said = request.headers.get("content-length", "0")
    if said.isascii() and said.isdigit() and len(said) < 20 and int(said) > LIMIT:
        raise _too_large(int(said))
    read = 0

    async def receive() -> Message:
        nonlocal read
        message = await request.receive()
        read += len(message.get("body", b""))
        if read > LIMIT:
            raise _too_large(read)
        return message

    return Request(request.scope, receive)


def _too_large(found: int) -> Answer:
    return Answer(413, Problem("body", f"{found} bytes", f"at most {LIMIT}; send several batches"))


def tagged(
    request: Request,
    content: bytes,
    *,
    media: str,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An answer with its ETag, or 304 where the asker has it."""
    tag = f'W/"{hashlib.sha256(content).hexdigest()[:32]}"'
    return unchanged(request, tag) or Response(
        content, media_type=media, headers={**of_tag(tag), **(headers or {})}
    )


def unchanged(request: Request, tag: str) -> Response | None:
    """304 where If-None-Match names the tag."""
    given = request.headers.get("if-none-match", "")
    mine = tag.removeprefix("W/")
    if given.strip() == "*" or mine in [t.strip().removeprefix("W/") for t in given.split(",")]:
        return Response(status_code=304, headers=of_tag(tag))
    return None


def of_tag(tag: str) -> dict[str, str]:
    """Headers of an answer that may be asked for again."""
    return {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Accept, Authorization"}


def as_json(
    request: Request, content: Any, *, headers: Mapping[str, str] | None = None
) -> Response:
    """JSON with its ETag."""
    return tagged(request, dumped(content), media="application/json", headers=headers)


def dumped(content: Any) -> bytes:
    """JSON in UTF-8, without NaN."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")


def page(request: Request, items: Sequence[Any], *, after: str | None) -> Response:
    """A page of a list; `after` is the cursor of the next one, None on the last."""
    following = None if after is None else encoded(after)
    headers = {}
    if following is not None:
        url = request.url.include_query_params(cursor=following)
        headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    return as_json(request, {"items": list(items), "next": following}, headers=headers)


def encoded(key: str) -> str:
    """A key as a cursor."""
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def decoded(cursor: str | None) -> str | None:
    """The key in a cursor; None for the first page.

    Raises:
        Answer: No cursor of ours.
    """
    if cursor is None:
        return None
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return _printable(raw.decode())
    except ValueError:
        raise _bad_cursor(cursor) from None


def number(cursor: str | None) -> int | None:
    """The number in a cursor."""
    key = decoded(cursor)
    if key is None:
        return None
    if not (key.isascii() and key.isdigit() and len(key) < 20 and int(key) <= BIGGEST):
        raise _bad_cursor(str(cursor))
    return int(key)


def _bad_cursor(cursor: str) -> Answer:
    return Answer(422, Problem("query.cursor", repr(cursor), "the `next` of an earlier page"))
