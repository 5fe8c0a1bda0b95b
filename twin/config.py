"""The simulated city's configuration: one typed YAML, unknown keys refused, all errors at once.

Takes a path, gives a frozen TwinConfig that holds everything, the contents of the files it names
included, so that its digest stands for the city wherever the files lie. `extends: other.yaml`
takes over another configuration; what the file itself says goes over it, key by key.
"""

import hashlib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import Field, model_validator

from forecast import stations as station_register
from forecast.config import City, Section, read_yaml, validated
from forecast.problems import ConfigError, Problem
from twin.config_air import AirConfig
from twin.config_emissions import GRADED, EmissionsConfig, EnterprisesConfig, Industries
from twin.config_geography import GeographyConfig
from twin.config_sensors import SensorsConfig
from twin.config_weather import WeatherConfig
from twin.shares import apportion


class Period(Section):
    """The local days that are simulated, both included."""

    start: date
    end: date

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.end < self.start:
            raise ValueError(f"time goes backwards: from {self.start} to {self.end}")
        return self


class TwinConfig(Section):
    """Everything the simulated city is made from."""

    city: City
    seed: int = Field(ge=0)
    period: Period
    geography: GeographyConfig
    emissions: EmissionsConfig
    enterprises: EnterprisesConfig
    industries: Industries
    weather: WeatherConfig = WeatherConfig()
    air: AirConfig = AirConfig()
    sensors: SensorsConfig = SensorsConfig()

    @property
    def digest(self) -> str:
        """Hash of the content, the seed left out: `twin:<digest>:<seed>` names a city."""
        text = self.model_dump_json(exclude={"seed"})
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def load(path: Path) -> TwinConfig:
    """Read a simulated city's configuration.

    Raises:
        ConfigError: Everything that is wrong with it, at once.
    """
    data = _gathered(path, seen=())
    problems: list[Problem] = []
    data = _with_stations(data, problems)
    try:
        config = validated(TwinConfig, data, path=path)
    except ConfigError as error:
        raise ConfigError([*problems, *error.problems]) from error
    problems += across(config, where=str(path))
    if problems:
        raise ConfigError(problems)
    return config


def across(config: TwinConfig, *, where: str) -> list[Problem]:
    """What is wrong between sections: counts that cannot hold, names nobody knows."""
    kinds, want = config.industries.industries, config.enterprises
    problems = []

    def expect(field: str, holds: bool, found: str, expected: str) -> None:
        if not holds:
            problems.append(Problem(f"{where}: {field}", found, expected))

    graded = sum(n for grade, n in want.grades.items() if grade in GRADED)
    for scheme, wanted in (("graded", graded), ("leading", want.total - graded)):
        offered = sum(i.count for i in kinds.values() if i.scheme == scheme)
        if want.total == sum(i.count for i in kinds.values()):
            text = f"{offered} enterprises in industries with scheme {scheme}"
            expect("enterprises.grades", offered == wanted, text, f"{wanted}, as the grades say")
        else:
            text = f"no industry with scheme {scheme}"
            expect("enterprises.grades", offered > 0 or not wanted, text, "at least one")
            if wanted and not offered:
                return problems
    counts = industry_counts(config)
    sure = sum(n for i, n in counts.items() if kinds[i].voc == "all")
    possible = sum(n for i, n in counts.items() if kinds[i].voc != "none")
    text = f"{sure} to {possible}, as the industries say"
    expect("enterprises.voc", sure <= want.voc <= possible, str(want.voc), text)
    known = set(kinds)
    for field, named in (
        ("enterprises.prefer", set(want.prefer)),
        ("industries.measures.industries", set(config.industries.measures.industries)),
    ):
        unknown = sorted(named - known)
        expect(field, not unknown, f"industries {unknown}", f"some of {sorted(known)}")
    areas = {a.id for a in config.geography.areas}
    named_areas = {a for weights in want.prefer.values() for a in weights}
    unknown = sorted(named_areas - areas)
    expect("enterprises.prefer", not unknown, f"areas {unknown}", f"some of {sorted(areas)}")
    missing = sorted(set(want.grades) - set(config.industries.grade_intensity))
    expect("industries.grade_intensity", not missing, f"no {missing}", "one per grade used")
    for flag in ("guarantee", "minor", "key_project"):
        offered = sum(n for i, n in counts.items() if getattr(kinds[i], flag))
        # Not every one can be minor: somebody must emit what the industry emits.
        offered = offered // 2 if flag == "minor" else offered
        wanted = getattr(want, flag)
        expect(f"enterprises.{flag}", wanted <= offered, str(wanted), f"at most {offered}")
    return problems


def industry_counts(config: TwinConfig) -> dict[str, int]:
    """Enterprises per industry: the configured counts, scaled where the total is another one."""
    kinds, want = config.industries.industries, config.enterprises
    if want.total == sum(i.count for i in kinds.values()):
        return {name: i.count for name, i in kinds.items()}
    graded = sum(n for grade, n in want.grades.items() if grade in GRADED)
    counts: dict[str, int] = {}
    for scheme, total in (("graded", graded), ("leading", want.total - graded)):
        mine = {name: i.count for name, i in kinds.items() if i.scheme == scheme}
        shared = apportion(total, np.array(list(mine.values())))
        counts |= dict(zip(mine, map(int, shared), strict=True))
    return {name: counts[name] for name in kinds}


def _gathered(path: Path, *, seen: tuple[Path, ...]) -> dict[str, Any]:
    """The file's content over what it extends, with the industries read in."""
    try:
        path = path.resolve()
    except (OSError, ValueError) as error:
        raise ConfigError([Problem(repr(str(path)), str(error), "the name of a file")]) from error
    if path in seen:
        raise ConfigError([Problem(str(path), "extends itself", "an end to the chain")])
    data = read_yaml(path)
    if not isinstance(data, dict):
        raise ConfigError([Problem(str(path), type(data).__name__, "keys and values")])
    if isinstance(name := data.get("industries"), str):
        data = {**data, "industries": read_yaml(path.parent / name)}
    national = _national(data)
    if isinstance(national, str):
        stations = {**data["geography"]["stations"], "national": str(path.parent / national)}
        data = {**data, "geography": {**data["geography"], "stations": stations}}
    base = data.pop("extends", None)
    if base is None:
        return data
    return _over(_gathered(path.parent / str(base), seen=(*seen, path)), data)


def _over(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    """`top` laid over `base`: mappings key by key, all else whole; null takes a key away."""
    merged = {key: value for key, value in base.items() if top.get(key, value) is not None}
    for key, value in top.items():
        if value is None:
            continue
        below = merged.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        merged[key] = _over(below, value) if both else value  # type: ignore[arg-type]
    return merged


def _national(data: Mapping[str, Any]) -> Any:
    geography = data.get("geography")
    stations = geography.get("stations") if isinstance(geography, Mapping) else None
    return stations.get("national") if isinstance(stations, Mapping) else None


def _with_stations(data: dict[str, Any], problems: list[Problem]) -> dict[str, Any]:
    """Put the rows of the station register where its name stands."""
    name = _national(data)
    if not isinstance(name, str):
        return data
    try:
        table = station_register.load(Path(name))
    except ConfigError as error:
        problems.extend(error.problems)
        return data
    table = table[table["tier"] == "city"].drop(columns=["alias", "tier"]).reset_index()
    stations = {**data["geography"]["stations"], "national": table.to_dict("records")}
    return {**data, "geography": {**data["geography"], "stations": stations}}
