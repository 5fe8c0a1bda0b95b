"""Forecasts: list, one in NetCDF, JSON or CSV, hours of stations, probabilities."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, Literal, ParamSpec, TypeVar

import structlog
from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import FileResponse, Response

from forecast.problems import DataError, Problem
from serving.rest import route, runs, shapes
from serving.rest.access import needs
from serving.rest.problems import Answer
from serving.rest.route import PREFIX, Cursor, Limit, Route, Server

router = APIRouter(route_class=Route, prefix=PREFIX, tags=["forecasts"])
MEDIA: Final = {
    "json": "application/json",
    "csv": "text/csv",
    "nc": "application/x-netcdf",
}
P = ParamSpec("P")
T = TypeVar("T")
log = structlog.get_logger("serving.api")
READ: Final = Depends(needs("forecast.read"))
Pollutant = Literal["pm25", "pm10", "so2", "no2", "co", "o3"]
Run = Annotated[
    str,
    Path(
        pattern=r"^(latest|\d{8}T\d{4}Z)(\.(json|csv|nc))?$",
        description="Issue time, such as 20260208T0800Z, or latest; a suffix goes before Accept.",
    ),
]
CSV: Final = (MEDIA["csv"],)


@router.get(
    "/forecasts", dependencies=[READ], responses=shapes.tagged(shapes.Page[shapes.Run], paged=True)
)
def every(request: Request, server: Server, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """Finished runs, the newest first."""
    after = route.decoded(cursor)
    left = [i for i in runs.ids(server.home) if after is None or i < after]
    items = [runs.summary(server.home, i) for i in left[:limit]]
    return route.page(request, items, after=left[limit - 1] if len(left) > limit else None)


@router.get(
    "/forecasts/{run}/probabilities", dependencies=[READ],
    responses=shapes.tagged(shapes.Probabilities, media=CSV),
)  # fmt: skip
def probabilities(request: Request, server: Server, run: Run) -> Response:
    """Probability of each warning level, and of each AQI category by area and day."""
    run, kind = _which(request, server, run, ("json", "csv"))
    if (known := route.unchanged(request, runs.tag(server.home, run, f"p{kind}"))) is not None:
        return known
    content = _read(runs.probabilities, server, run)
    return _said(server, run, f"p{kind}", content, content["categories"])


@router.get(
    "/forecasts/{run}/stations", dependencies=[READ],
    responses=shapes.tagged(shapes.Page[shapes.StationHour], paged=True, media=CSV),
)  # fmt: skip
def stations(
    request: Request,
    server: Server,
    run: Run,
    pollutant: Annotated[Pollutant, Query()] = "pm25",
    station: Annotated[str | None, Query(max_length=100, description="One only.")] = None,
    limit: Annotated[int, Query(ge=1, le=50, description="Stations of a page.")] = 10,
    cursor: Cursor = None,
) -> Response:
    """Hourly quantiles of stations, 1 to 96 h ahead."""
    run, kind = _which(request, server, run, ("json", "csv"))
    of = _read(runs.stations, server, run)
    if station is not None and station not in of:
        raise _nothing("station", station, "a station of this run")
    start = route.number(cursor) or 0
    which = [station] if station is not None else of[start : start + limit]
    rows = _read(runs.station_rows, server, run, which, pollutant) if which else []
    more = station is None and start + limit < len(of)
    if kind == "csv":
        return route.tagged(request, runs.as_csv(rows), media=MEDIA["csv"])
    return route.page(request, rows, after=str(start + limit) if more else None)


@router.get(
    "/forecasts/{run}", dependencies=[READ],
    responses=shapes.tagged(shapes.Forecast, media=(*CSV, MEDIA["nc"])),
)  # fmt: skip
def one(request: Request, server: Server, run: Run) -> Response:
    """A forecast: the file itself, or every area's days from members as JSON or CSV."""
    run, kind = _which(request, server, run, tuple(MEDIA))
    if (known := route.unchanged(request, runs.tag(server.home, run, kind))) is not None:
        return known
    if kind == "nc":
        return FileResponse(
            runs.file_of(server.home, run), media_type=MEDIA["nc"], filename=f"{run}.nc",
            headers=route.of_tag(runs.tag(server.home, run, kind)),
        )  # fmt: skip
    content = _read(runs.days, server, run)
    return _said(server, run, kind, content, content["days"])


def _read(read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What a run left; a damaged file is the server's trouble, and its path nobody's business."""
    try:
        return read(*args, **kwargs)
    except DataError:
        log.exception("a forecast cannot be read")
        problem = Problem("forecast", "a file that cannot be read", "an undamaged forecast file")
        raise Answer(503, problem) from None


def _said(
    server: Server, run: str, kind: str, content: dict[str, Any], rows: Sequence[runs.Row]
) -> Response:
    headers = route.of_tag(runs.tag(server.home, run, kind))
    if kind.endswith("csv"):
        return Response(runs.as_csv(rows), media_type=MEDIA["csv"], headers=headers)
    return Response(route.dumped(content), media_type=MEDIA["json"], headers=headers)


def _which(request: Request, server: Server, run: str, kinds: Sequence[str]) -> tuple[str, str]:
    """A run's id and the representation that suffix, or else Accept, asks for."""
    name, _, suffix = run.partition(".")
    kind = suffix or _accepted(request.headers.get("accept", "*/*"), kinds)
    if kind not in kinds:
        expected = ", ".join(MEDIA[k] for k in kinds)
        found = suffix or request.headers.get("accept", "")
        raise Answer(406, Problem("Accept", repr(found), expected))
    try:
        return runs.found(server.home, name), kind
    except DataError as error:
        raise Answer(404, *error.problems) from None


def _accepted(header: str, kinds: Sequence[str]) -> str:
    """The best of `kinds` by Accept (RFC 9110, 12.5.1); "" where none will do."""
    best, weight = "", 0.0
    for kind in kinds:
        mine = max((_weight(part, MEDIA[kind]) for part in header.split(",")), default=0.0)
        if mine > weight:
            best, weight = kind, mine
    return best


def _weight(part: str, media: str) -> float:
    name, *parameters = (p.strip().lower() for p in part.split(";"))
    if name not in (media, "*/*", media.split("/")[0] + "/*"):
        return 0.0
    quality = next((p[2:] for p in parameters if p.startswith("q=")), "1")
    try:
        value = float(quality)
    except ValueError:
        return 0.0
    exact = {media: 1.0, "*/*": 0.98}.get(name, 0.99)  # the more exact range goes first
    return value * exact if 0 <= value <= 1 else 0.0


def _nothing(where: str, found: str, expected: str) -> Answer:
    return Answer(404, Problem(where, repr(found), expected))
