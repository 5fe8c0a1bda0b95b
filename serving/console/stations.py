"""Page 6: every station's newest reading and indicative forecast, and the network's health."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from forecast.schema import TIERS
from serving.bulletin import words as spelt
from serving.console import site as web
from serving.console import summary
from serving.console.site import Visitor
from serving.console.texts import stations as words

router = APIRouter()
Reader = Annotated[Visitor, Depends(web.needs("station.read"))]


@router.get("/stations")
def stations(request: Request, who: Reader, tier: str = "") -> Response:
    """Stations of one tier or of all."""
    site = web.of(request)
    newest = summary.newest(site.home)
    if newest is None:
        return web.page(request, "no_run.html", words.WORDS, who=who)
    b = newest.bulletin
    rows = [s for s in b.stations if not tier or s.tier == tier]
    return web.page(
        request, "stations.html", words.WORDS, who=who, b=b, w=spelt, rows=rows, tier=tier,
        tiers=TIERS, silent=[s for s in b.stations if s.now is None],
    )  # fmt: skip
