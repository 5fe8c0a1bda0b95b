"""Page 9: the trail, checked on request, and the accounts."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy import select

from serving import accounts
from serving.console import site as web
from serving.console.site import Form, Visitor
from serving.console.texts import audit as words
from serving.permissions import ROLES
from serving.store import audit
from serving.store.engine import reading
from serving.store.models import Entry

router = APIRouter()
Reader = Annotated[Visitor, Depends(web.needs("audit.read"))]
Manager = Annotated[Visitor, Depends(web.needs("account.manage"))]
LAST: Final = 100


@router.get("/audit")
def trail(request: Request, who: Reader, check: str = "") -> Response:
    """The last rows; the whole trail is checked where it is asked for."""
    site = web.of(request)
    with reading(site.store) as session:
        rows = session.scalars(select(Entry).order_by(Entry.seq.desc()).limit(LAST)).all()
    return web.page(
        request, "audit.html", words.WORDS, who=who, rows=rows, roles=ROLES,
        verdict=audit.verify(site.store) if check else None,
        people=accounts.every(site.store) if who.may("account.manage") else None,
    )  # fmt: skip


@router.post("/audit/accounts")
def add(request: Request, who: Manager, form: Form) -> Response:
    """A new account."""
    site = web.of(request)
    password = form.get("password")
    accounts.add(
        site.store, name=web.text(form, "name"), role=web.text(form, "role"),
        password=password if isinstance(password, str) else "",
        display=web.text(form, "display")[:200], enterprise=web.text(form, "enterprise") or None,
        by=who.actor.name, now=site.now(),
    )  # fmt: skip
    return web.go("/audit#accounts")


@router.post("/audit/disable")
def disable(request: Request, who: Manager, form: Form) -> Response:
    """An account's end; its decisions stay."""
    site = web.of(request)
    accounts.disable(site.store, name=web.text(form, "name"), by=who.actor.name, now=site.now())
    return web.go("/audit#accounts")
