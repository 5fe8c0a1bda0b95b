"""Refusals over HTTP: application/problem+json (RFC 9457) with field, found, expected for each."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from forecast.problems import DataError, Problem
from serving.store.engine import Conflict, Refused

MEDIA: Final = "application/problem+json"
_MOST: Final = 200  # errors told in one answer
_LENGTH: Final = 160  # of what was found


class Fault(BaseModel):
    """One thing that is wrong."""

    field: str
    found: str
    expected: str


class Refusal(BaseModel):
    """Body of every answer from 400 on."""

    type: str = Field(description="urn:lantian:problem:<kind>; stays the same")
    title: str
    status: int
    detail: str
    instance: str
    errors: list[Fault] = Field(description="all at once, the first 200")


class Answer(Exception):  # noqa: N818 - an answer, not a mistake
    """Refuse a request."""

    def __init__(
        self, status: int, *problems: Problem, headers: Mapping[str, str] | None = None
    ) -> None:
        self.status = status
        self.problems = problems
        self.headers = headers
        super().__init__(status)


def response(path: str, error: Exception) -> JSONResponse | None:
    """The answer to a refusal; None for what is no refusal but a mistake of the program."""
    headers: Mapping[str, str] | None = None
    problems: Sequence[Problem]
    if isinstance(error, Answer):
        status, problems, headers = error.status, error.problems, error.headers
    elif isinstance(error, RequestValidationError):
        status, problems = 422, [_fault(e) for e in error.errors()]
    elif isinstance(error, Conflict | Refused):
        status, problems = 409, error.problems
    elif isinstance(error, DataError):
        status, problems = 422, error.problems
    elif isinstance(error, HTTPException):
        problems = [Problem("request", str(error.detail), "a request that can be read")]
        status, headers = error.status_code, error.headers
    else:
        return None
    return body(path, status, problems, headers=headers)


def body(
    path: str, status: int, problems: Sequence[Problem], *, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """A refusal with all its problems."""
    title = HTTPStatus(status).phrase
    more = f" (the first {_MOST} of {len(problems)})" if len(problems) > _MOST else ""
    refusal = Refusal(
        type=f"urn:lantian:problem:{title.lower().replace(' ', '-')}",
        title=title,
        status=status,
        detail=f"{len(problems)} problem{'s' * (len(problems) != 1)}{more}",
        instance=path,
        errors=[
            Fault(field=p.where[:_LENGTH], found=p.found[:_LENGTH], expected=p.expected[:_LENGTH])
            for p in problems[:_MOST]
        ],
    )
    content = refusal.model_dump()
    return JSONResponse(_clean(content), status, dict(headers or {}), media_type=MEDIA)


def _clean(value: Any) -> Any:
    """Text that UTF-8 can carry: what was sent may hold lone surrogates."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {k: _clean(v) for k, v in value.items()}
    return [_clean(v) for v in value] if isinstance(value, list) else value


def _fault(error: Mapping[str, Any]) -> Problem:
    where = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error["loc"])
    found = "nothing" if error["type"] == "missing" else repr(error.get("input"))
    return Problem(where.lstrip("."), found[:_LENGTH], str(error["msg"]))
