"""Page 7: skill by lead, officers against the machine, past episodes with their evaluation."""

import datetime as dt
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from forecast.schema import VARIABLES
from response import rules
from response.ranges import level_of_ranges
from serving import against_machine, city_days
from serving.against_machine import Version
from serving.bulletin import words as spelt
from serving.city_days import CityDay
from serving.console import reports, state
from serving.console import site as web
from serving.console.site import Site, Visitor
from serving.console.texts import verification as words
from serving.review_table import CLOSED

router = APIRouter()
Reader = Annotated[Visitor, Depends(web.needs("verification.read"))]


@dataclass(frozen=True)
class Called:
    """An adjusted forecast with what the observed days called for."""

    version: Version
    level: str | None
    known: bool  # whether all of its days are observed


@router.get("/verification")
def verification(request: Request, who: Reader, report: str = "") -> Response:
    """Scores of a report, both versions of adjusted forecasts, episodes that are over."""
    site = web.of(request)
    found = reports.of(site.home, "verification", "scores.json", reports.scores)
    shown = next((r for r in found if r.name == report), found[0] if found else None)
    changed = against_machine.versions(site.store, site.city)
    came = _came(site, changed)
    pairs = against_machine.pairs(changed, came, offset=site.offset)
    evaluated = reports.of(site.home, "evaluations", "evaluation.json", reports.evaluation)
    by_name = {r.name: r for r in evaluated}
    over = [(w, d) for w, d in state.recent(site.store, site.city) if d.state in CLOSED]
    names = {f"warning-{w.id}" for w, _ in over}
    return web.page(
        request, "verification.html", words.WORDS, who=who, w=spelt, variables=VARIABLES,
        found=found, shown=shown, changed=[_called(site, one, came) for one in changed],
        modes=[(e, against_machine.by_lead([p for p in pairs if p.exercise == e]),
                sum(p.exercise == e for p in pairs)) for e in (False, True)],
        pairs=pairs, over=over, evaluated=by_name,
        others=[r for r in evaluated if r.name not in names], home=site.home.name,
    )  # fmt: skip


def _came(site: Site, changed: list[Version]) -> dict[dt.date, CityDay]:
    """Observed days of all adjusted forecasts."""
    dates = [d.date for one in changed for d in one.officer]
    if not dates:
        return {}
    with site.context.netcdf:
        return city_days.between(
            site.context.config, site.home, min(dates), max(dates), until=site.now()
        )


def _called(site: Site, one: Version, came: dict[dt.date, CityDay]) -> Called:
    """The level the observed days call for, each taken as its own range."""
    days = [came.get(d.date) for d in one.officer]
    if any(d is None for d in days):
        return Called(one, None, known=False)
    edition = rules.load(site.context.config.rules)
    ranges = [(float(d.aqi), float(d.aqi)) for d in days if d is not None]
    return Called(one, level_of_ranges(ranges, edition).level, known=True)
