"""What the API answers, for its description: one model for each body, checked in tests.

Routes build their answers as plain data; these models say what is in them and are validated
against real answers in tests (`extra="forbid"`), so the description cannot drift.
"""

import datetime as dt
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from response.rules import Level

T = TypeVar("T")
Stamp = Annotated[dt.datetime, Field(description="UTC, with Z")]
Share = Annotated[float, Field(ge=0, le=1)]
Quantiles = Annotated[
    list[float | None],
    Field(description="0.02 0.05 0.1 0.25 0.5 0.75 0.9 0.95 0.98; null: unknown"),
]
ETAG: Final[dict[str, Any]] = {
    "description": "Send it as If-None-Match: 304 without a body where nothing changed.",
    "schema": {"type": "string"},
}
LINK: Final[dict[str, Any]] = {
    "description": 'The next page, `<...>; rel="next"`; not there on the last.',
    "schema": {"type": "string"},
}
UNCHANGED: Final = {"description": "Not changed since that ETag.", "headers": {"ETag": ETAG}}


class Shape(BaseModel):
    """Nothing in an answer that is not described."""

    model_config = ConfigDict(extra="forbid")


class Page(Shape, Generic[T]):
    """A page of a list, the newest first."""

    items: list[T]
    next: str | None = Field(description="cursor of the next page; null on the last")


class Run(Shape):
    """A finished run."""

    id: str
    issue_time: Stamp
    model: str | None
    weather: str | None
    simulated: bool | None
    degraded: bool
    proposed_level: Level | None
    href: str


class AreaDay(Shape):
    """One area's day, from members; null where a member has no value."""

    area: str
    day: int = Field(ge=1, le=3)
    date: dt.date = Field(description="natural day, local")
    members: int
    aqi: list[int] | None = Field(description="quantiles")
    categories: dict[str, Share] | None = Field(description="share of members by category 1-6")
    primary: dict[str, Share] | None = Field(description="share of members by pollutant")
    concentrations: dict[str, Quantiles | None]


class Forecast(Run):
    """A run with every area's days."""

    provenance: dict[str, Any] = Field(description="model, data, configuration, code, edition")
    notes: list[dict[str, str]] = Field(description="severity, zh, en")
    units: dict[str, str]
    quantiles: list[float]
    days: list[AreaDay]


class Categories(Shape):
    """Share of members in each AQI category."""

    area: str
    day: int
    date: dt.date
    categories: dict[str, Share] | None
    members: int


class Probabilities(Shape):
    """Of warning levels, by the proposal, and of categories."""

    id: str
    issue_time: Stamp
    warning: dict[str, Any] | None
    categories: list[Categories]


class StationHour(Shape):
    """A station's hour."""

    station: str
    lead: int = Field(ge=1, le=96)
    time: Stamp
    pollutant: str
    quantiles: Quantiles


class Warned(Shape):
    """A warning as it stands."""

    id: int
    city: str
    exercise: bool
    state: str
    level: Level | None = Field(description="of the draft")
    in_force: Level | None
    version: int
    opened_at: Stamp
    changed_at: Stamp
    href: str


class Decided(Shape):
    """One event of a warning."""

    seq: int
    kind: str
    state: str
    level: Level | None
    in_force: Level | None
    at: Stamp
    role: str
    reason: str


class Sent(Shape):
    """One message that left the house."""

    identifier: str
    kind: Literal["alert", "update", "cancel"]
    at: Stamp


class Ordered(Shape):
    """A level that province or state has ordered."""

    source: str
    level: Level
    reference: str


class Signed(Shape):
    """One signature under the draft."""

    role: str
    at: Stamp


class WarningState(Warned):
    """A warning with its state and its history."""

    change: Literal["start", "raise", "lower", "cancel"] | None
    machine: Level | None
    own: Level | None
    changed_by_officer: bool
    notices: list[Ordered]
    signatures: list[Signed]
    signatures_needed: int
    valid_until: Stamp | None
    decisions: list[Decided]
    publications: list[Sent]


class Acknowledged(Shape):
    """An enterprise's answer."""

    order: int
    answer: Literal["received", "carried_out", "cannot"]
    note: str
    at: Stamp


class Order(Shape):
    """An order: what one unit has to do."""

    id: int
    warning: int
    exercise: bool
    enterprise: str
    unit: str
    at: Stamp
    begins_at: Stamp
    ends_at: Stamp | None
    supersedes: int | None = Field(description="the order whose place it takes")
    superseded_by: int | None = Field(description="the order that took its place: this one is over")
    order: dict[str, Any] = Field(description="level, days, proof; lifted: it only ends the former")
    acknowledgements: list[Acknowledged]
    href: str


class Resumed(Shape):
    """The last decision about a request."""

    outcome: str
    reason: str
    at: Stamp


class Asked(Shape):
    """A request to run a unit again."""

    id: int
    key: str
    enterprise: str
    unit: str
    warning: int | None
    exercise: bool
    at: Stamp
    request: dict[str, Any]
    decision: Resumed | None


class MetersTaken(Shape):
    """What became of a batch."""

    batch: int | None = Field(description="its row in the audit trail; null: nothing was new")
    new: int
    known: int


class StationsTaken(Shape):
    """What became of a batch of station readings."""

    new: int
    replaced: int
    same: int


class Health(Shape):
    """The process answers."""

    status: Literal["ok"]


class Ready(Shape):
    """What the server stands on."""

    status: Literal["ready", "not ready"]
    store: bool
    migrations: bool
    last_run_age_seconds: float | None


Answers = dict[int | str, dict[str, Any]]


def tagged(model: Any, *, paged: bool = False, media: tuple[str, ...] = ()) -> Answers:
    """Answers of a route that gives an ETag.

    Args:
        model: Of the JSON body; None where there is none.
        paged: Whether it is a page of a list, with Link.
        media: Other representations.
    """
    headers = {"ETag": ETAG, **({"Link": LINK} if paged else {})}
    good: dict[str, Any] = {"description": "As asked.", "headers": headers}
    if model is not None:
        good["model"] = model
    if media:
        good["content"] = {m: {"schema": {"type": "string", "format": "binary"}} for m in media}
    return {200: good, 304: UNCHANGED}


def made(model: Any) -> Answers:
    """Answers of a route that makes something once."""
    return {201: {"model": model, "description": "Made."},
            200: {"model": model, "description": "It was there already."}}  # fmt: skip
