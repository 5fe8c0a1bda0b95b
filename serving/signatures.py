"""How many people sign a level: configs/signatures.yaml, with clause and source."""

from functools import lru_cache
from typing import Annotated, Final

from pydantic import Field, model_validator

from forecast.config import Section, configs_dir, read_yaml, validated
from response.rules import LEVELS, Basis, Level

TWO: Final = ("orange", "red")  # never fewer than two people, whatever a file says
Count = Annotated[int, Field(ge=1, le=4)]


class Signatures(Section):
    """Signatures by level, and where that stands."""

    signatures: dict[Level, Count]
    basis: Basis

    @model_validator(mode="after")
    def _complete(self) -> "Signatures":
        if set(self.signatures) != set(LEVELS):
            raise ValueError(f"each of {', '.join(LEVELS)}")
        counts = [self.signatures[level] for level in LEVELS]
        if counts != sorted(counts):
            raise ValueError("no fewer for a higher level")
        if any(self.signatures[level] < 2 for level in TWO):
            raise ValueError(f"two or more for {' and '.join(TWO)}")
        return self


@lru_cache(maxsize=1)
def load() -> Signatures:
    """The house's signatures.

    Raises:
        ConfigError: Everything that is wrong in the file.
    """
    path = configs_dir() / "signatures.yaml"
    return validated(Signatures, read_yaml(path), path=path)


def needed(level: Level) -> int:
    """Signatures that a level takes."""
    return load().signatures[level]
