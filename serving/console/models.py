"""Page 8: the champion, its challengers, who promoted what and why, drift, cards. Read only."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from forecast.schema import POLLUTANTS, VARIABLES
from serving import model_records
from serving.console import reports, summary
from serving.console import site as web
from serving.console.site import Visitor
from serving.console.texts import models as words
from serving.model_records import Model

router = APIRouter()
Reader = Annotated[Visitor, Depends(web.needs("model.read"))]
_TRUST: Final = ("2", "1", "0")  # perfect, forecast, none


@router.get("/models")
def models(request: Request, who: Reader) -> Response:
    """All models of the city."""
    site = web.of(request)
    config = site.context.config
    found = model_records.of(site.home, site.city)
    newest = summary.newest(site.home)
    drifts = reports.of(site.home, "drift", "drift.json", reports.drift)
    return web.page(
        request, "models.html", words.WORDS, who=who, found=found, variables=VARIABLES,
        configured=config.forecast.model, tables={m.name: _tables(m) for m in found.models},
        running=newest.bulletin.model_version if newest else None,
        ran=newest.bulletin.issue_time if newest else None,
        learns=config.forecast.model in ("network", "lightgbm"),
        drift=drifts[0] if drifts else None, drifts=drifts[1:15],
    )  # fmt: skip


def _tables(model: Model) -> list[tuple[str, list[dict[str, object]]]]:
    """Errors by trust in the weather, where they were kept."""
    made = [(t, model_records.error_rows(model, t, POLLUTANTS)) for t in _TRUST]
    return [(t, rows) for t, rows in made if rows]
