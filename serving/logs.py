"""Log lines as JSON, one a request, without secrets; and the time each request took."""

import logging
import re
import sys
import time
import uuid
from collections.abc import MutableMapping
from typing import Any, Final, TextIO

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.metrics import Metrics

SECRET: Final = re.compile(r"(authorization|cookie|csrf|passw|secret|token)", re.IGNORECASE)
_VALUE: Final = re.compile(
    r"lt_[A-Za-z0-9_-]{8,}|Bearer\s+\S+|://[^/\s:@]+:[^/\s@]+@"
    r"|(?i:[?&][a-z_-]*(?:token|passw\w*|secret|csrf|code|state)=)[^&\s\"']+"
)
log = structlog.get_logger("serving.http")


def without_secrets(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A processor of structlog: secrets by key, and tokens and passwords inside any text."""
    return {
        k: "(left out)" if SECRET.search(k) else _VALUE.sub("(left out)", v)
        if isinstance(v, str) else v
        for k, v in event.items()
    }  # fmt: skip


def configure(stream: TextIO | None = None, *, level: int = logging.INFO) -> None:
    """JSON lines on standard error, for the program's own log and the libraries'."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        without_secrets,
    ]
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )


class Observed:
    """ASGI middleware: one log line and one measurement a request, by route, never by path."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and look at the clock."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, status, number = time.perf_counter(), 500, uuid.uuid4().hex

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                message.setdefault("headers", []).append((b"x-request-id", number.encode()))
            await send(message)

        try:
            await self.app(scope, receive, counted)
        finally:
            seconds = time.perf_counter() - begun
            route = route_of(scope)
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self.metrics.seconds.labels(method, route, str(status)).observe(seconds)
            log.info(
                "request", method=method, route=route, status=status, id=number,
                milliseconds=round(1000 * seconds, 1),
                account=scope.get("state", {}).get("account"),
            )  # fmt: skip


_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def route_of(scope: Scope) -> str:
    """The route's pattern, such as /warnings/{id}; `none` where no route matched."""
    return str(getattr(scope.get("route"), "path", "none"))
