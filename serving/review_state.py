"""A warning's events and its state as frozen data; and both as JSON."""

import datetime as dt
import hashlib
from dataclasses import asdict, dataclass
from typing import Any, Final

from response.rules import LEVELS, Level
from serving import signatures
from serving.review_table import CLOSED, Change, Kind, Status
from serving.store.base import canonical

MACHINE: Final = "machine"


@dataclass(frozen=True)
class Actor:
    """Who acts; the program itself has no account and the role `machine`."""

    account: int | None
    name: str
    role: str


@dataclass(frozen=True)
class Event:
    """One thing that happened; what a kind does not need stays empty."""

    kind: Kind
    at: dt.datetime  # naive UTC
    actor: Actor
    reason: str = ""
    level: Level | None = None  # propose, adjust, notice (None: withdrawn), raise, lower
    exercise: bool = False  # propose, publish
    source: str | None = None  # notice: province or state
    reference: str | None = None  # notice: number of the document
    digest: str | None = None  # sign: of the draft that was seen
    valid_until: dt.datetime | None = None  # propose: an unpublished draft expires then
    proposal_id: int | None = None
    adjustment_id: int | None = None


@dataclass(frozen=True)
class Notice:
    """A level that the province or the state has ordered."""

    source: str
    level: Level
    reference: str


@dataclass(frozen=True)
class Signed:
    """One signature under the present draft."""

    account: int
    name: str
    role: str
    at: dt.datetime


@dataclass(frozen=True)
class State:
    """A warning as it stands after `version` events."""

    version: int
    status: Status
    exercise: bool
    machine: Level | None  # the latest machine proposal
    own: Level | None  # the city's own: the machine's until an officer changes it
    in_force: Level | None
    standing: Status | None  # of the last publication
    change: Change
    draft: int  # grows with every change of what is to be signed
    notices: tuple[Notice, ...] = ()
    signatures: tuple[Signed, ...] = ()
    valid_until: dt.datetime | None = None
    proposal_id: int | None = None
    adjustment_id: int | None = None

    @property
    def level(self) -> Level | None:
        """What the draft would put in force; None to end the warning, or where none is due."""
        return None if self.change == "cancel" else highest(self.own, self.notices)

    @property
    def open(self) -> bool:
        """True until the warning is cancelled, rejected or expired."""
        return self.status not in CLOSED

    @property
    def signatures_needed(self) -> int:
        """Signatures that the draft needs in all; 0 where there is nothing to sign."""
        counted = {self.level} if self.change in ("start", "raise") else {self.level, self.in_force}
        return max((signatures.needed(level) for level in counted if level), default=0)

    @property
    def changed_by_officer(self) -> bool:
        """True where the city's own level is not the machine's."""
        return self.own != self.machine


def digest(state: State) -> str:
    """SHA-256 of what a signature stands for."""
    what = {
        "adjustment": state.adjustment_id,
        "change": state.change,
        "draft": state.draft,
        "exercise": state.exercise,
        "in_force": state.in_force,
        "level": state.level,
        "notices": [asdict(notice) for notice in state.notices],
        "proposal": state.proposal_id,
    }
    return hashlib.sha256(canonical(what).encode()).hexdigest()


def to_json(event: Event) -> dict[str, Any]:
    """An event as JSON knows it; `from_json` gives it back."""
    out = {k: v for k, v in asdict(event).items() if v not in (None, "", False)}
    for name in ("at", "valid_until"):
        if name in out:
            out[name] = out[name].isoformat()
    return out


def from_json(found: dict[str, Any]) -> Event:
    """An event from `to_json`."""
    values: dict[str, Any] = {**found, "actor": Actor(**found["actor"])}
    for name in ("at", "valid_until"):
        if name in found:
            values[name] = dt.datetime.fromisoformat(found[name])
    return Event(**values)


def highest(own: Level | None, notices: tuple[Notice, ...]) -> Level | None:
    """Of the own level and those ordered from above."""
    return max((own, *(n.level for n in notices)), key=rank)


def rank(level: Level | None) -> int:
    """Place among all levels; 0 for none."""
    return 0 if level is None else LEVELS.index(level) + 1
