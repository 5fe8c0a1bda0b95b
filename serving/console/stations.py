"""Page 6: every station's newest reading, flags, calibration and indicative forecast."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from forecast.schema import TIERS
from serving import station_health
from serving.bulletin import words as spelt
from serving.bulletin.content import Station
from serving.console import site as web
from serving.console import summary
from serving.console.site import Visitor
from serving.console.texts import stations as words

router = APIRouter()
Reader = Annotated[Visitor, Depends(web.needs("station.read"))]
SHOWN: Final = ("all", "silent", "flagged", "out")


@router.get("/stations")
def stations(request: Request, who: Reader, tier: str = "", only: str = "all") -> Response:
    """Stations of one tier or of all; all of them, or those that need looking after."""
    site = web.of(request)
    newest = summary.newest(site.home)
    if newest is None:
        return web.page(request, "no_run.html", words.WORDS, who=who)
    b, health = newest.bulletin, _health(newest.folder)
    single: dict[str, dict[str, Any]] = health["stations"] if health else {}
    rows = [s for s in b.stations if (not tier or s.tier == tier) and _fits(s, single, only)]
    if only != "all":
        rows.sort(key=lambda s: station_health.worst_first(single[s.id]) if s.id in single else ())
    states = [one["state"] for one in single.values() if "state" in one]
    return web.page(
        request, "stations.html", words.WORDS, who=who, b=b, w=spelt, rows=rows, tier=tier,
        tiers=TIERS, silent=[s for s in b.stations if s.now is None], only=only, shown=SHOWN,
        health=health, single=single,
        states={s: states.count(s) for s in station_health.STATES} if states else None,
    )  # fmt: skip


def _fits(station: Station, single: dict[str, dict[str, Any]], only: str) -> bool:
    one = single.get(station.id)
    if only == "silent":
        return station.now is None
    if only == "flagged":
        return one is not None and one["failed"] + one["suspect"] > 0
    if only == "out":
        return one is not None and one.get("state") in ("out", "suspect")
    return True


def _health(folder: Path) -> dict[str, Any] | None:
    """What the run left of single stations; None where it left nothing."""
    path = folder / station_health.FILE
    return _read(path, path.stat().st_mtime_ns) if path.is_file() else None


@lru_cache(maxsize=4)
def _read(path: Path, _mtime_ns: int) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return found if isinstance(found.get("stations"), dict) else None
    except (OSError, ValueError, AttributeError):
        return None
