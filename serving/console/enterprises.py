"""Page 5: the register with orders, their answers, and who does what was ordered."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy import select

from serving import compliance
from serving.compliance import WORDS, Verdict
from serving.console import own
from serving.console import site as web
from serving.console.site import Site, Visitor
from serving.console.texts import own as words
from serving.store.engine import Store, reading
from serving.store.models import Acknowledgement, CityWarning, Order, Reading

router = APIRouter()
Reader = Annotated[Visitor, Depends(web.needs("enterprise.read"))]
MOST: Final = 200
ANSWERS: Final = ("none", "cannot", "received", "carried_out")


@dataclass(frozen=True)
class Standing:
    """An enterprise's recent orders: their answers and verdicts."""

    orders: int
    answers: Counter[str]  # of each order the newest
    verdicts: Counter[str]
    exercise: bool

    @property
    def worst(self) -> int:
        """Place of its worst verdict in WORDS."""
        return min((WORDS.index(w) for w in WORDS if self.verdicts[w]), default=len(WORDS))


@router.get("/enterprises")
def enterprises(
    request: Request, who: Reader, find: str = "", verdict: str = "", answer: str = ""
) -> Response:
    """The register; those with orders first, the worst of them on top."""
    site = web.of(request)
    standing = _standing(site.store, site.city, judged(site), since=site.now() - compliance.RECENT)
    rows = _rows(site)
    if rows is not None:
        asked = find.strip()
        rows = [r for r in rows if asked in r["name"] or asked in r["id"]]
        if verdict in WORDS:
            rows = [r for r in rows if r["id"] in standing and standing[r["id"]].verdicts[verdict]]
        if answer in ANSWERS:
            rows = [r for r in rows if r["id"] in standing and standing[r["id"]].answers[answer]]
        rows.sort(key=lambda r: standing[r["id"]].worst if r["id"] in standing else len(WORDS) + 1)
    return web.page(
        request, "enterprises.html", words.WORDS, who=who, rows=(rows or [])[:MOST],
        total=len(rows or []), known=rows is not None, find=find, standing=standing,
        verdicts=_sum(standing, "verdicts"), answers=_sum(standing, "answers"),
        asked={"verdict": verdict, "answer": answer}, kinds=WORDS, said=ANSWERS,
        exercise=bool(standing) and all(s.exercise for s in standing.values()),
    )  # fmt: skip


@router.get("/enterprises/{enterprise}")
def enterprise(request: Request, who: Reader, enterprise: str) -> Response:
    """One enterprise: orders, answers, verdicts with their evidence, latest readings."""
    site = web.of(request)
    query = (
        select(Reading)
        .where(Reading.enterprise == enterprise)
        .order_by(Reading.at.desc(), Reading.revision.desc())
        .limit(48)
    )
    with reading(site.store) as session:
        readings = session.scalars(query).all()
    orders = own.ordered(site.store, enterprise=enterprise)
    names = {r["id"]: r["name"] for r in _rows(site) or []}
    return web.page(
        request, "enterprise.html", words.WORDS, who=who, name=names.get(enterprise, enterprise),
        id=enterprise, readings=readings, orders=orders, verdicts=judged(site),
        exercise=bool(orders) and all(o.row.exercise for o in orders[:1]),
    )  # fmt: skip


def judged(site: Site) -> Mapping[int, Verdict]:
    """Verdicts by order, as of now."""
    return compliance.verdicts(site.store, site.home, site.context.config, now=site.now())


def _rows(site: Site) -> list[dict[str, Any]] | None:
    """The register's enterprises; None without one."""
    register = compliance.register_of(site.home)
    if register is None:
        return None
    chosen = register.enterprises[["name", "grade", "industry", "area"]].astype(str)
    return [
        {"id": str(i), **{str(k): v for k, v in r.items()}}
        for i, r in zip(chosen.index, chosen.to_dict("records"), strict=True)
    ]


def _standing(
    store: Store, city: str, found: Mapping[int, Verdict], *, since: Any
) -> dict[str, Standing]:
    """By enterprise: its orders that hold or ended lately."""
    recent = (Order.ends_at > since) | Order.ends_at.is_(None)
    query = (
        select(Order.id, Order.enterprise, Order.exercise)
        .join(CityWarning, CityWarning.id == Order.warning_id)
        .where(CityWarning.city == city, recent)
    )
    with reading(store) as session:
        orders: Sequence[Any] = session.execute(query).all()
        numbers = {o.id for o in orders}
        said = session.execute(
            select(Acknowledgement.order_id, Acknowledgement.answer)
            .join(Order, Order.id == Acknowledgement.order_id)
            .where(recent)
            .order_by(Acknowledgement.id)
        )
        newest = {n: str(a) for n, a in said if n in numbers}
    made: dict[str, Standing] = {}
    for number, enterprise, exercise in orders:
        one = made.setdefault(
            str(enterprise), Standing(0, Counter(), Counter(), exercise=bool(exercise))
        )
        one.answers[newest.get(number, "none")] += 1
        one.verdicts[found[number].word if number in found else "unknown"] += 1
        made[str(enterprise)] = Standing(
            one.orders + 1, one.answers, one.verdicts, exercise=one.exercise and bool(exercise)
        )
    return made


def _sum(standing: Mapping[str, Standing], name: str) -> Counter[str]:
    total: Counter[str] = Counter()
    for one in standing.values():
        total.update(getattr(one, name))
    return total
