"""Page 1: today's forecast, the machine's proposal, and the pen."""

import datetime as dt
import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from markupsafe import Markup

from forecast.problems import DataError, Problem
from serving.bulletin import words as spelt
from serving.bulletin.content import Day, Lang
from serving.console import site as web
from serving.console import summary
from serving.console.site import Visitor
from serving.console.state import Standing
from serving.console.summary import RunView
from serving.console.texts import today as words

router = APIRouter()
Reader = Annotated[Visitor, Depends(web.needs("forecast.read"))]
OLD = dt.timedelta(hours=26)
_STYLE = re.compile(r'getElementById\("([0-9a-f]{64})"\)')
KEPT = {"Cache-Control": "private, max-age=31536000, immutable"}


@dataclass(frozen=True)
class DayChange:
    """One day in this run and the one before."""

    date: str
    before: str
    now: str
    change: str


@router.get("/")
def today(request: Request, who: Reader, run: str = "") -> Response:
    """The newest run, or the one asked for."""
    site = web.of(request)
    shown = summary.view(site.home, run) if run else summary.newest(site.home)
    if shown is None:
        return web.page(request, "no_run.html", words.WORDS, who=who)
    lang = web.language(request)
    previous = summary.before(site.home, shown.name)
    now = site.kept.now(site.store, site.city)
    standings, names = now.standings, summary.names(site.home)[:30]
    announce = _announce(shown)
    of = (shown.name, shown.stamp, previous and (previous.name, previous.stamp), lang)

    def fragment(name: str, *also: Hashable, caller: Callable[[], Markup]) -> Markup:
        return site.kept.fragment(("today", name, *also, *of), caller)

    age = site.now() - shown.bulletin.issue_time.to_pydatetime()
    return web.page(
        request, "today.html", words.WORDS, who=who,
        exercise_open=any(s.exercise for s in standings),
        exercise=bool(standings) and all(s.exercise for s in standings),
        run=shown, b=shown.bulletin, p=shown.proposal, w=spelt, standings=standings,
        old=int(age.total_seconds() // 3600) if age > OLD else 0,
        names=names, fragment=fragment,
        previous=previous, changes=lambda: changes(shown, previous, lang),
        recorded=now.runs.get(shown.bulletin.issue_time.to_pydatetime(), "missing"),
        announce=announce, late=announce is not None and announce < site.now(), mine=mine,
        plotly=plotly_version(), plotly_styles=plotly_styles(),
    )  # fmt: skip


@router.get("/data/{run}/{name}.json")
def data(request: Request, who: Reader, run: str, name: str) -> Response:  # noqa: ARG001
    """What the charts draw; the address carries the run's digest, so it may be kept."""
    shown = summary.view(web.of(request).home, run)
    if name not in ("fans", "map"):
        raise DataError([Problem("data", name, "fans or map")])
    found = summary.fans(shown) if name == "fans" else summary.stations_map(shown)
    return JSONResponse(found, headers=KEPT)


@router.get("/bulletin/{run}.{lang}.{kind}")
def bulletin(request: Request, who: Reader, run: str, lang: str, kind: str) -> Response:  # noqa: ARG001
    """The run's bulletin as it was written."""
    shown = summary.view(web.of(request).home, run)
    path = shown.folder / f"bulletin.{lang}.{kind}"
    if lang not in ("zh", "en") or kind not in ("html", "png") or not path.is_file():
        raise DataError([Problem("bulletin", f"{lang}.{kind}", "zh or en; html or png")])
    # The page carries its own style; it has no script.
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
    return FileResponse(path, headers={"Content-Security-Policy": policy})


def changes(run: RunView, previous: RunView | None, lang: Lang) -> list[DayChange]:
    """Days that both runs have: range and median then and now."""
    if previous is None:
        return []
    there = {d.date: d for d in previous.bulletin.days}
    return [
        DayChange(
            spelt.date(day.date, lang),
            spelt.with_range(there[day.date].aqi),
            spelt.with_range(day.aqi),
            _change(there[day.date], day),
        )
        for day in run.bulletin.days
        if day.date in there
    ]


def _change(before: Day, now: Day) -> str:
    if before.aqi is None or now.aqi is None:
        return spelt.DASH
    return f"{now.aqi.median - before.aqi.median:+.0f}".replace("-", "−")


def _announce(run: RunView) -> dt.datetime | None:
    """Until when a warning is to be announced, naive UTC."""
    found = run.proposal.get("announce_by")
    if not found:
        return None
    return dt.datetime.fromisoformat(found).astimezone(dt.UTC).replace(tzinfo=None)


@lru_cache(maxsize=1)
def plotly_version() -> str:
    """Of the wheel: the address of its file."""
    return version("plotly")


@lru_cache(maxsize=1)
def plotly_styles() -> tuple[str, ...]:
    """Ids of style elements that plotly.js would make by itself; the page makes them, with its
    nonce, so that the policy has nothing to refuse.
    """
    found = files("plotly").joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8")
    return tuple(dict.fromkeys(_STYLE.findall(found)))


def mine(standing: Standing, who: Visitor) -> bool:
    """Whether this person can sign the draft now."""
    signed = {s.account for s in standing.state.signatures}
    able = "sign" in standing.possible(who.actor.role) and standing.state.signatures_needed > 0
    second = bool(signed) and who.actor.role != "leader"
    return able and who.actor.account not in signed and not second
