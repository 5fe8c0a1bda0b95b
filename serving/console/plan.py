"""Page 3: the control plan, its totals against the law, one unit changed by hand."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Final

import pandas as pd
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from forecast.problems import DataError, Problem
from response import register_write
from response.controls_words import MODE_WORDS
from response.register_cells import safe
from serving import plans
from serving.console import site as web
from serving.console import state, summary
from serving.console.site import Form, Site, Visitor
from serving.console.state import Standing
from serving.console.texts import plan as words

router = APIRouter()
Reader = Annotated[Visitor, Depends(web.needs("plan.read"))]
Solver = Annotated[Visitor, Depends(web.needs("plan.solve"))]
MOST: Final = 200  # units on one page; all are in the downloads
GROUPS: Final = ("industry", "grade", "area")
SPECIES: Final = {"so2": "SO₂", "nox": "NOₓ", "pm": "PM", "voc": "VOC"}
EXCEL: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True)
class Shown:
    """A plan on the page: kept for a warning (id) or as the daily run left it (None)."""

    id: int | None
    body: dict[str, Any]
    at: Any  # when it was kept, naive UTC

    orders: pd.DataFrame  # one row a unit and day; never changed


@router.get("/plan")
def plan(
    request: Request, who: Reader, industry: str = "", grade: str = "", area: str = ""
) -> Response:
    """The open warning's plan, else the newest run's."""
    site = web.of(request)
    one = _warning(site)
    found = _shown(site, one)
    if found is None:
        return web.page(request, "plan.html", words.WORDS, who=who, plan=None, one=one)
    orders = found.orders
    asked = {"industry": industry, "grade": grade, "area": area}
    rows = orders
    for column, value in asked.items():
        if value:
            rows = rows[rows[column].astype(str) == value]
    newest = summary.newest(site.home)
    return web.page(
        request, "plan.html", words.WORDS, who=who, plan=found, one=one,
        exercise=bool(one and one.exercise),
        groups={name: _grouped(orders, name) for name in GROUPS},
        choices={name: sorted(orders[name].astype(str).unique()) for name in GROUPS}, asked=asked,
        units=_units(rows), count=orders["unit"].nunique(), species=SPECIES, modes=MODE_WORDS,
        every=orders.drop_duplicates("unit")[["unit", "unit_name", "enterprise_name"]].to_dict(
            "records"
        ),
        issued=newest.bulletin.issue_time if newest else None,
    )  # fmt: skip


@router.post("/plan/adopt")
def adopt(request: Request, who: Solver, form: Form) -> Response:
    """The run's plan becomes the warning's."""
    site = web.of(request)
    one, body = _asked(site, form), _of_run(site)
    if body is None:
        raise DataError([Problem("plan", "none of the newest run", "a plan to adopt")])
    _keep(site, one, body, who, form)
    return web.go("/plan")


@router.post("/plan/solve")
def solve(request: Request, who: Solver, form: Form) -> Response:
    """One unit fixed by hand, everything else settled again."""
    from response import plan_run

    site = web.of(request)
    one = _asked(site, form)
    unit, mode = web.text(form, "unit"), web.text(form, "mode")
    if mode not in MODE_WORDS or not unit:
        raise DataError([Problem("unit", f"{unit} = {mode}", "a unit and a way to run it")])
    before = _shown(site, one)
    fixed = dict(before.body.get("fixed", {})) if before and before.id else {}
    fixed[unit] = mode
    newest = summary.newest(site.home)
    if newest is None or one.state.level is None:
        raise DataError([Problem("plan", "no forecast or no level", "both")])
    with site.context.netcdf:
        made = plan_run.run(
            site.context.config, home=site.home, issue_time=newest.bulletin.issue_time,
            level=one.state.level, fixed=fixed, time_limit_s=60,
        )  # fmt: skip
    _keep(site, one, {**made.as_dict(), "fixed": fixed}, who, form)
    return web.go("/plan")


@router.get("/plan/orders.{kind}")
def download(request: Request, who: Reader, kind: str) -> Response:  # noqa: ARG001
    """The orders as CSV (as Excel wants it) or as a workbook."""
    site = web.of(request)
    found = _shown(site, _warning(site))
    if found is None or kind not in ("csv", "xlsx"):
        raise DataError([Problem("plan", kind, "a plan; csv or xlsx")])
    table = found.orders.copy()
    for column in table.columns[[not pd.api.types.is_numeric_dtype(t) for t in table.dtypes]]:
        table[column] = table[column].map(lambda v: safe(str(v)) if isinstance(v, str) else v)
    headers = {"Content-Disposition": f'attachment; filename="orders.{kind}"'}
    if kind == "csv":
        text = "\ufeff" + table.to_csv(index=False)
        return Response(text, media_type="text/csv; charset=utf-8", headers=headers)
    table = table.astype(object).where(table.notna(), None)
    return Response(
        register_write.excel_bytes({"orders": table}), media_type=EXCEL, headers=headers
    )


def _asked(site: Site, form: Any) -> Standing:
    """The open warning the form was about."""
    one = _warning(site)
    if one is None or one.id != web.number(form, "warning"):
        found = "none open" if one is None else f"warning {one.id}"
        raise DataError([Problem("warning", found, "the warning you saw, still open")])
    return one


def _keep(site: Site, one: Standing, body: dict[str, Any], who: Visitor, form: Any) -> None:
    after = web.number(form, "after")
    plans.keep(
        site.store, one.id, body, after=after if after > 0 else None, actor=who.actor,
        reason=web.text(form, "reason"), now=site.now(),
    )  # fmt: skip


def _warning(site: Site) -> Standing | None:
    """The actual open warning, else the exercise."""
    return next(iter(state.open_ones(site.store, site.city)), None)


def _shown(site: Site, one: Standing | None) -> Shown | None:
    kept = plans.of_warning(site.store, one.id) if one else None
    if kept is not None:
        return Shown(kept.id, kept.body, kept.at, pd.DataFrame(kept.body["orders"]))
    body = _of_run(site)
    return None if body is None else Shown(None, body, None, _frame(site))


def _of_run(site: Site) -> dict[str, Any] | None:
    path = _path(site)
    return None if path is None else dict(_read(path, path.stat().st_mtime_ns)[0])


def _frame(site: Site) -> pd.DataFrame:
    path = _path(site)
    return pd.DataFrame() if path is None else _read(path, path.stat().st_mtime_ns)[1]


def _path(site: Site) -> Path | None:
    newest = summary.newest(site.home)
    path = newest.folder / "plan" / "plan.json" if newest else None
    return path if path is not None and path.is_file() else None


@lru_cache(maxsize=4)
def _read(path: Path, _mtime_ns: int) -> tuple[dict[str, Any], pd.DataFrame]:
    body = json.loads(path.read_text(encoding="utf-8"))
    return body, pd.DataFrame(body["orders"])


def _grouped(orders: pd.DataFrame, name: str) -> list[dict[str, Any]]:
    """Units, how many of them are reduced, loss and cuts of each group."""
    by = orders.groupby(orders[name].astype(str))
    made = by[["loss_yuan", *(f"cut_{s}" for s in SPECIES)]].sum()
    made["units"] = by["unit"].nunique()
    reduced = orders[orders["mode"] != "normal"]
    made["reduced"] = (
        reduced.groupby(reduced[name].astype(str))["unit"].nunique().reindex(made.index).fillna(0)
    )
    made = made.sort_values("loss_yuan", ascending=False)
    rows = made.reset_index(names="name").to_dict("records")
    return [{str(k): v for k, v in row.items()} for row in rows]


def _units(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """One line a unit that is not left alone, with its days."""
    active = rows.loc[rows["mode"] != "normal", "unit"].unique()[:MOST]
    by_unit: dict[str, list[dict[Any, Any]]] = {}
    for order in rows[rows["unit"].isin(active)].to_dict("records"):
        by_unit.setdefault(order["unit"], []).append(order)
    made = []
    for days in by_unit.values():
        first = next(d for d in days if d["mode"] != "normal")
        names = ("unit", "unit_name", "grade", "enterprise_name", "industry", "area")
        made.append({
            **{name: first[name] for name in names}, "zh": first["reason_zh"],
            "en": first["reason_en"], "days": days,
        })  # fmt: skip
    return made
