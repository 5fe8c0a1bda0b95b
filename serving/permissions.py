"""Who may do what: one table for the console, the API and the state of a warning.

Administrators look after accounts and do not sign; nobody is everything. `own` actions of an
enterprise's account reach that enterprise's rows only.
"""

from collections.abc import Collection, Mapping
from typing import Final, Literal, get_args

Role = Literal["viewer", "officer", "leader", "enterprise", "data_scientist", "admin"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

_HOUSE: Final = frozenset({"viewer", "officer", "leader", "data_scientist", "admin"})
_DUTY: Final = frozenset({"officer", "leader"})
_OWN: Final = frozenset({"enterprise"})

PERMISSIONS: Final[Mapping[str, frozenset[str]]] = {
    "forecast.read": _HOUSE,
    "station.read": _HOUSE,
    "verification.read": _HOUSE,
    "model.read": _HOUSE,
    "model.promote": frozenset({"data_scientist"}),
    "run.start": _DUTY | {"data_scientist"},
    "warning.read": _HOUSE,
    "warning.propose": _DUTY,
    "warning.consult": _DUTY,
    "warning.adjust": _DUTY,
    "warning.notice": _DUTY,
    "warning.sign": _DUTY,
    "warning.publish": _DUTY,
    "warning.reject": _DUTY,
    "warning.change": _DUTY,  # raise, lower, cancel, and taking that back
    "plan.read": _HOUSE,
    "plan.solve": _DUTY,
    "order.read": _HOUSE,
    "order.issue": _DUTY,
    "order.read_own": _OWN,
    "order.acknowledge": _OWN,
    "enterprise.read": _HOUSE,
    "reading.read": _HOUSE,
    "reading.write": _DUTY | _OWN,
    "observation.write": _DUTY,
    "resumption.read": _HOUSE,
    "resumption.request": _OWN,
    "resumption.decide": _DUTY,
    "outbox.read": _DUTY | {"admin"},
    "outbox.retry": _DUTY,
    "audit.read": frozenset({"leader", "admin"}),
    "account.manage": frozenset({"admin"}),
    "token.create": frozenset(ROLES),
}


def allowed(role: str, action: str, *, scope: Collection[str] | None = None) -> bool:
    """Whether a role may do an action; `scope` is a token's and only ever takes away.

    Raises:
        KeyError: An action that is not in the table: a mistake of the program.
    """
    return role in PERMISSIONS[action] and (scope is None or action in scope)


def actions_of(role: str) -> tuple[str, ...]:
    """What a role may do, in the table's order."""
    return tuple(action for action, roles in PERMISSIONS.items() if role in roles)
