"""Tables of the store as commands take them: orders as they held, meters, stacks, requests.

/warnings/N/orders.csv        lantian evaluate --orders
/warnings/N/electricity.csv   lantian evaluate --meters
/warnings/N/monitors.csv      lantian evaluate --monitors
/resumption/requests.csv      lantian resume --requests, or requests.csv of the home
"""

import datetime as dt
from typing import Annotated

import pandas as pd
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from forecast.problems import DataError, Problem
from response.evaluation_settings import DEFAULT
from serving import compliance, meters, orders_held
from serving.console import own, state
from serving.console import site as web
from serving.console.site import Site, Visitor
from serving.orders_held import Held
from serving.store.engine import reading

router = APIRouter()
Orders = Annotated[Visitor, Depends(web.needs("order.read"))]
Readings = Annotated[Visitor, Depends(web.needs("reading.read"))]
Requests = Annotated[Visitor, Depends(web.needs("resumption.read"))]
TIME = "%Y-%m-%dT%H:%MZ"


@router.get("/warnings/{number}/orders.csv")
def orders(request: Request, who: Orders, number: int) -> Response:  # noqa: ARG001
    """Orders as they held: unit, start, end, load."""
    held = _held(web.of(request), number)
    rows = [
        {"unit": s.unit, "start": f"{s.start:{TIME}}", "end": f"{s.end:{TIME}}", "load": s.load}
        for s in held.stretches
    ]
    table = pd.DataFrame(rows, columns=["unit", "start", "end", "load"])
    return _csv(table, f"warning-{number}-orders.csv")


@router.get("/warnings/{number}/{kind}.csv")
def readings(request: Request, who: Readings, number: int, kind: str) -> Response:  # noqa: ARG001
    """Hourly electricity per unit, or emission per stack, from 14 days before the orders on."""
    if kind not in ("electricity", "monitors"):
        raise DataError([Problem("table", kind, "orders, electricity or monitors")])
    site = web.of(request)
    held = _held(site, number)
    begin = min((s.start for s in held.stretches), default=site.now())
    last = max((s.end for s in held.stretches), default=site.now())
    register = compliance.register_of(site.home)
    if register is None:
        raise DataError([Problem("register", "none", "lantian import register")])
    seen = meters.metered(
        site.store, register, {o.enterprise for o in held.orders},
        start=begin - dt.timedelta(days=DEFAULT.baseline_days),
        end=min(last + dt.timedelta(days=2), site.now()),
    )  # fmt: skip
    found = seen.power if kind == "electricity" else seen.stacks
    if found is None:
        said = "no readings that fit a unit or a stack of the register"
        raise DataError([Problem(f"{kind} of warning {number}", said, "some: lantian evaluate "
                                 "also does without")])  # fmt: skip
    table = found.to_dataframe().reset_index()
    values = [str(v) for v in found.data_vars]
    table = table.dropna(subset=values, how="all")
    table["time"] = table["time"].dt.strftime(TIME)
    names = ["time", "unit"] if kind == "electricity" else ["time", "stack", "unit"]
    if kind == "monitors":
        values = list(meters.EMISSIONS.values())
        table = table.reindex(columns=[*names, *values])
    return _csv(table[[*names, *values]], f"warning-{number}-{kind}.csv")


@router.get("/resumption/requests.csv")
def requests(request: Request, who: Requests) -> Response:  # noqa: ARG001
    """Requests without an answer, as the daily run takes them; a unit's ramp is the register's
    time to restart.
    """
    site = web.of(request)
    asked = [r for r in own.requested(site.store) if r.decision is None and r.begin is not None]
    ramps = _ramps(site) if asked else {}
    rows = [
        {
            "生产单元": r.row.unit, "爬坡时间(h)": ramps.get(r.row.unit, 0.0),
            "申请复产时间": f"{r.begin + site.offset:%Y-%m-%d %H:%M}" if r.begin else "",
        }
        for r in asked
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["生产单元", "申请复产时间", "爬坡时间(h)"])
    return _csv(table.drop_duplicates("生产单元"), "requests.csv")


def _ramps(site: Site) -> dict[str, float]:
    register = compliance.register_of(site.home)
    if register is None or "hours_to_restart" not in register.units:
        return {}
    hours = register.units["hours_to_restart"].astype(float)
    return {str(unit): float(h) for unit, h in hours.items()}


def _held(site: Site, number: int) -> Held:
    state.standing(site.store, number)  # refused where there is none
    with reading(site.store) as session:
        return orders_held.held(session, site.city, offset=site.offset, warning=number)


def _csv(table: pd.DataFrame, name: str) -> Response:
    text = table.to_csv(index=False, lineterminator="\n")
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)
