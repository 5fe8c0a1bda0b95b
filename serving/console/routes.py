"""All pages of the console and its files: one list."""

from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, Response

from serving.console import (
    audit_page,
    enterprises,
    evidence,
    login,
    models,
    own,
    plan,
    resumption,
    stations,
    today,
    verification,
    warning,
    warning_forms,
)

STATIC: Final = Path(__file__).parent / "static"
CACHE: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
PARTS: Final = (
    login, today, warning, warning_forms, plan, resumption, enterprises, evidence, own,
    stations, verification, models, audit_page,
)  # fmt: skip
SHORT: Final = {"Cache-Control": "public, max-age=300"}


def attach(app: FastAPI) -> None:
    """Hang the console on an application."""
    for part in PARTS:
        app.include_router(part.router, include_in_schema=False)
    app.get("/static/{name}", include_in_schema=False)(static)
    app.get("/static/plotly/{version}.js", include_in_schema=False)(plotly)


def static(name: str) -> Response:
    """A file of the console."""
    if name not in {p.name for p in STATIC.iterdir()}:
        raise HTTPException(404)
    return FileResponse(STATIC / name, headers=SHORT)


def plotly(request: Request, version: str) -> Response:  # noqa: ARG001 - only makes the address new
    """plotly.js as its Python wheel carries it, compressed once."""
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers = {**CACHE, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        return Response(_compressed(), media_type="text/javascript", headers=headers)
    path = str(files("plotly").joinpath("package_data", "plotly.min.js"))
    return FileResponse(path, media_type="text/javascript", headers=CACHE)


@lru_cache(maxsize=1)
def _compressed() -> bytes:
    import gzip

    found = files("plotly").joinpath("package_data", "plotly.min.js").read_bytes()
    return gzip.compress(found, 6, mtime=0)
