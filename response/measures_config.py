"""Editions of the measures by industry and grade: configs/measures/<edition>.yaml, typed.

Every step says where it stands; what was not read in its source is an assumption and has a note
for the officer. Knows no register.
"""

from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from forecast.config import Section, configs_dir, read_yaml, validated
from forecast.problems import ConfigError, Problem
from response.rules import Basis, Words

EDITION: Final = "mee-2020-340"
Action = Literal["autonomous", "trucks", "cut", "half_lines", "stop", "exempt", "min_load"]
Grade = Literal["A+", "A", "B", "B-", "C", "D", "leading", "non_leading"]
KindOf = Literal["guarantee", "minor", "key_project"]
Share = Annotated[float, Field(ge=0, le=1)]
KEY_INDUSTRIES: Final = 39
LIMIT_WORDS: Final = ("限值", "达标", "排放浓度")


class Step(Section):
    """What a level asks for.

    Attributes:
        action: Word of the register.
        cut: Share of production that goes, for `cut`.
        trucks: Share of transport that stays away.
    """

    action: Action
    cut: Share = 0.0
    trucks: Share = 0.0

    @model_validator(mode="after")
    def _cut_where_cut(self) -> "Step":
        if (self.action == "cut") != (self.cut > 0):
            raise ValueError("cut: a share above zero exactly where the action is cut")
        return self


class Levels(Section):
    """The steps of one grade."""

    yellow: Step
    orange: Step
    red: Step

    @model_validator(mode="after")
    def _rising(self) -> "Levels":
        for low, high in pairwise((self.yellow, self.orange, self.red)):
            if high.trucks < low.trucks:
                raise ValueError("a higher level keeps fewer trucks away than the one below it")
        return self

    def at(self, level: str) -> Step:
        """The step of a level: yellow, orange or red."""
        return {"yellow": self.yellow, "orange": self.orange, "red": self.red}[level]


class Based(Section):
    """A rule of which only its basis is data."""

    basis: Basis


class Slow(Section):
    """Hours from which a process counts as not stoppable within a warning."""

    hours: float = Field(gt=0)
    basis: Basis


class AsGrade(Section):
    """A grade that is treated as another one."""

    grade: Grade
    basis: Basis


class KindRule(Section):
    """One step for all levels."""

    step: Step
    basis: Basis


class Pattern(Section):
    """Steps by grade where an industry has none of its own."""

    basis: Basis
    grades: Mapping[Grade, Levels]


class Proof(Section):
    """The parameter that proves a measure at units whose name has one of the words."""

    words: tuple[str, ...] = Field(min_length=1)
    proof: str = Field(min_length=1)

    def fits(self, name: str) -> bool:
        """One of the words stands in a unit's name."""
        return any(w in name for w in self.words)


class UnitRule(Proof):
    """A process of an industry: its proof, and steps where it has its own."""

    basis: Basis | None = None
    grades: Mapping[Grade, Levels] = {}


class Industry(Section):
    """One industry; several may share a key industry and are told apart by `names`."""

    key: str = Field(min_length=1)
    names: tuple[str, ...] = ()
    proof: str = Field(min_length=1)
    basis: Basis | None = None
    grades: Mapping[Grade, Levels] = {}
    units: tuple[UnitRule, ...] = ()

    @model_validator(mode="after")
    def _based(self) -> "Industry":
        parts: tuple[Industry | UnitRule, ...] = (self, *self.units)
        for part in parts:
            if bool(part.grades) != (part.basis is not None):
                raise ValueError("a basis exactly where there are steps (grades)")
        return self

    def unit(self, name: str) -> UnitRule | None:
        """The rule of a process by the unit's name."""
        return next((u for u in self.units if u.fits(name)), None)


class Edition(Section):
    """One edition of the measures."""

    edition: str = Field(pattern=r"^[a-z0-9-]+$")
    name: Words
    document: str = Field(min_length=1)
    slow: Slow
    lines: Based
    trucks: Based
    base: Based
    as_grade: Mapping[Grade, AsGrade]
    kinds: Mapping[str, KindRule]
    pattern: Pattern
    autonomy: Based
    proof: str = Field(min_length=1)
    proofs: tuple[Proof, ...]
    proof_basis: Basis
    industries: Mapping[str, Industry]

    @model_validator(mode="after")
    def _whole(self) -> "Edition":
        wrong = []
        if len(self.key_industries) != KEY_INDUSTRIES:
            wrong.append(f"{len(self.key_industries)} key industries, not {KEY_INDUSTRIES}")
        if lost := {a.grade for a in self.as_grade.values()} - set(self.pattern.grades):
            wrong.append(f"as_grade: no pattern for {sorted(lost)}")
        every = [self.proof, *(p.proof for p in self.proofs)]
        for industry in self.industries.values():
            every += [industry.proof, *(u.proof for u in industry.units)]
        # No measure may rest on keeping an emission limit (regulation notes, 5.3).
        wrong += [
            f"proof {p!r} rests on a limit" for p in every if any(w in p for w in LIMIT_WORDS)
        ]
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    @property
    def key_industries(self) -> tuple[str, ...]:
        """The 39, in the order of the file."""
        return tuple(dict.fromkeys(i.key for i in self.industries.values()))

    @property
    def assumptions(self) -> tuple[Words, ...]:
        """What of the common rules was not read in its source, for the officer."""
        parts = [self.slow.basis, self.lines.basis, self.trucks.basis, self.proof_basis]
        parts += [self.pattern.basis, *(a.basis for a in self.as_grade.values())]
        parts += [k.basis for k in self.kinds.values()]
        return tuple(b.note for b in parts if b.note is not None)

    def industry(self, name: str, key: str) -> Industry | None:
        """The industry of an enterprise: by its own name first, by the key industry then."""
        for one in self.industries.values():
            if name and name in one.names:
                return one
        for one in self.industries.values():
            if key and one.key == key and (not one.names or len(self._of(key)) == 1):
                return one
        return None

    def proof_of(self, unit: Mapping[Any, Any]) -> str:
        """The parameter that proves a unit's measure, by its name and its industry."""
        known, name = self.industry(unit["industry"], unit["key_industry"]), str(unit["name"])
        part = known.unit(name) if known else None
        if part is not None:
            return part.proof
        common = next((p.proof for p in self.proofs if p.fits(name)), None)
        return common or (known.proof if known else self.proof)

    def _of(self, key: str) -> list[Industry]:
        return [i for i in self.industries.values() if i.key == key]


def editions() -> tuple[str, ...]:
    """Names of the editions that are there."""
    names = {p.stem for p in (configs_dir() / "measures").glob("*.yaml")} - {"ratios"}
    return tuple(sorted(names))


@lru_cache(maxsize=8)
def load(edition: str = EDITION) -> Edition:
    """An edition by its name.

    Raises:
        ConfigError: There is no such edition, or everything that is wrong with its file.
    """
    if edition not in editions():
        found = Problem("measures", repr(edition), f"one of {', '.join(editions())}")
        raise ConfigError([found])
    path = configs_dir() / "measures" / f"{edition}.yaml"
    made = validated(Edition, read_yaml(path), path=path)
    if made.edition != edition:
        raise ConfigError([Problem(f"{path}: edition", repr(made.edition), repr(edition))])
    return made
