"""Every table of the store, imported once: the metadata that migrations are compared with."""

from typing import Final

from serving.store.base import Base
from serving.store.people import Account, Attempt, Login, Token
from serving.store.trail import Entry, Head, Lease
from serving.store.warnings import Adjustment, CityWarning, Decision, Proposal, Run, Signature
from serving.store.work import (
    Acknowledgement,
    Order,
    Outgoing,
    Plan,
    Publication,
    Reading,
    ResumptionDecision,
    ResumptionRequest,
)

__all__ = [
    "APPEND_ONLY", "Account", "Acknowledgement", "Adjustment", "Attempt", "Base", "CityWarning",
    "Decision",
    "Entry", "Head", "Lease", "Login", "Order", "Outgoing", "Plan", "Proposal", "Publication",
    "Reading", "ResumptionDecision", "ResumptionRequest", "Run", "Signature", "Token",
]  # fmt: skip

# Every row of these has its digest in the trail, and triggers refuse UPDATE and DELETE.
APPEND_ONLY: Final[tuple[type[Base], ...]] = (
    Proposal, Adjustment, Decision, Signature, Plan, Order, Acknowledgement, ResumptionRequest,
    ResumptionDecision, Publication,
)  # fmt: skip
