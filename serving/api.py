"""The API: versioned REST under /api/v1 and what machines watch, hung on the application.

Every answer from 400 on is problem+json. The description is at /api/v1/openapi.json.
"""

from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute

from forecast.problems import Problem
from serving.context import Context
from serving.logs import Observed
from serving.rest import access, forecasts, operations, orders, problems, readings, warnings
from serving.rest.problems import Answer
from serving.rest.route import PREFIX, Route

VERSION: Final = "1.0.0"
PARTS: Final = (operations, forecasts, warnings, orders, readings)
METHODS: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
_REFUSED: Final = {
    "description": "Refused, with every problem.",
    "content": {problems.MEDIA: {"schema": {"$ref": "#/components/schemas/Refusal"}}},
}


def attach(app: FastAPI, context: Context, *, limits: access.Limits | None = None) -> None:
    """Hang the API, the watching routes, the log and the measurements on an application."""
    app.state.context = context
    app.state.limits = limits or access.Limits()
    app.add_middleware(Observed, metrics=context.metrics)
    for part in PARTS:
        app.include_router(part.router)
    app.include_router(_rest())


def routes() -> list[APIRoute]:
    """Every route that the description names."""
    return [r for part in PARTS for r in part.router.routes if isinstance(r, APIRoute)]


def _rest() -> APIRouter:
    """The description; and the answer to every other path or method."""
    described = _description()
    router = APIRouter(route_class=Route)

    def openapi() -> JSONResponse:
        """This description."""
        return JSONResponse(described)

    def nothing(request: Request) -> Response:
        """No such path, or not with this method: told as everything else is."""
        path = request.url.path
        allowed = {m for r in routes() if r.path_regex.match(path) for m in r.methods or ()}
        if path == f"{PREFIX}/openapi.json":
            allowed = {"GET"}
        if allowed:
            problem = Problem("method", request.method, " or ".join(sorted(allowed)))
            raise Answer(405, problem, headers={"Allow": ", ".join(sorted(allowed))})
        raise Answer(404, Problem("path", "nothing there", f"a path of {PREFIX}/openapi.json"))

    router.add_api_route(f"{PREFIX}/openapi.json", openapi, include_in_schema=False)
    for path in ("/api/{rest:path}", "/health", "/ready", "/metrics"):
        router.add_api_route(path, nothing, methods=METHODS, include_in_schema=False)
    return router


def _description() -> dict[str, Any]:
    """OpenAPI of the routes, with our refusals in place of FastAPI's."""
    out = get_openapi(
        title="Lantian 蓝天", version=VERSION, routes=routes(),
        description="Times in UTC with Z unless an offset stands there; see docs/api.md.",
    )  # fmt: skip
    schemas = out["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    refusal = problems.Refusal.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update({**refusal.pop("$defs"), "Refusal": refusal})
    for path in out["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
            operation["responses"]["4XX"] = _REFUSED
    return out
