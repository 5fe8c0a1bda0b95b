"""How trouble is reported: where, what was found, what was expected; all problems at once.

Two exceptions, because the command line answers them differently: DataError (exit 1: the data
are wrong) and ConfigError (exit 2: the call or the configuration is wrong).
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One finding about one item."""

    where: str  # file and row, field or item
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.where}: found {self.found}, expected {self.expected}"


class LantianError(Exception):
    """A refusal that carries every problem found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class DataError(LantianError):
    """The data are wrong; nothing was half done."""


class ConfigError(LantianError):
    """The call or the configuration is wrong; nothing was started."""
