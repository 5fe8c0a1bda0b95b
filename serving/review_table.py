"""The state of a warning as data: states, which event is possible from where."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Status = Literal[
    "proposed", "in_consultation", "signed", "published", "raised", "lowered",
    "cancelled", "rejected", "expired",
]  # fmt: skip
Kind = Literal[
    "propose", "consult", "adjust", "notice", "sign", "publish", "raise", "lower", "cancel",
    "drop", "reject", "expire",
]  # fmt: skip
Change = Literal["start", "raise", "lower", "cancel"]

DRAFT: Final[frozenset[Status]] = frozenset({"proposed", "in_consultation", "signed"})
STANDING: Final[frozenset[Status]] = frozenset({"published", "raised", "lowered"})
CLOSED: Final[frozenset[Status]] = frozenset({"cancelled", "rejected", "expired"})

# What a publication makes of the state.
AFTER: Final[Mapping[Change, Status]] = {
    "start": "published",
    "raise": "raised",
    "lower": "lowered",
    "cancel": "cancelled",
}
SOURCES: Final = ("province", "state")


@dataclass(frozen=True)
class Rule:
    """Where one kind of event is possible."""

    states: frozenset[Status]
    action: str  # of serving.permissions
    in_force: bool | None = None  # only with (True) or without (False) a level in force
    reason: bool = False  # has to be given
    machine: bool = False  # the program may do it, too


TRANSITIONS: Final[Mapping[Kind, Rule]] = {
    "propose": Rule(DRAFT | STANDING, "warning.propose", machine=True),
    "consult": Rule(frozenset({"proposed"}), "warning.consult"),
    "adjust": Rule(frozenset({"in_consultation", "signed"}), "warning.adjust", reason=True),
    "notice": Rule(DRAFT | STANDING, "warning.notice", reason=True),
    "sign": Rule(frozenset({"proposed", "in_consultation"}), "warning.sign"),
    "publish": Rule(frozenset({"signed"}), "warning.publish"),
    "raise": Rule(STANDING, "warning.change", in_force=True, reason=True),
    "lower": Rule(STANDING, "warning.change", in_force=True, reason=True),
    "cancel": Rule(STANDING, "warning.change", in_force=True, reason=True),
    "drop": Rule(DRAFT, "warning.change", in_force=True, reason=True),
    "reject": Rule(DRAFT, "warning.reject", in_force=False, reason=True),
    "expire": Rule(DRAFT, "warning.reject", in_force=False, machine=True),
}
