"""City configuration: one typed YAML per city; unknown keys refused; all errors at once.

Takes a path, gives a frozen CityConfig whose file references are absolute. Regulatory numbers are
not here but in configs/standards and configs/rules, which a city names by edition.
"""

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from forecast.problems import ConfigError, Problem

Probability = Annotated[float, Field(gt=0, le=1)]
M = TypeVar("M", bound=BaseModel)
Standard = Literal["auto", "hj633-2012", "hj633-2026"]
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast where it is there


def configs_dir() -> Path:
    """The folder configs/ beside the packages, in a checkout and in an installation alike."""
    return Path(__file__).resolve().parents[1] / "configs"


class Section(BaseModel):
    """Base of every section: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class City(Section):
    """Who the forecast is for."""

    id: str = Field(pattern=r"^[a-z0-9-]+$")
    zh: str
    en: str
    geocode: str = Field(pattern=r"^\d{6}$")
    utc_offset_hours: int = Field(8, ge=-12, le=14)


class Names(Section):
    """What an area is called."""

    zh: str
    en: str


class Weather(Section):
    """Where weather forecasts come from, best first."""

    sources: tuple[str, ...] = ()
    max_age_hours: int = Field(36, ge=1, le=240)  # an older vintage is not used at all


class Model(Section):
    """Which forecaster, and how its members are drawn."""

    model: str = "lightgbm"
    members: int = Field(100, ge=10, le=1000)
    history_hours: int = Field(240, ge=168, le=24 * 60)
    seed: int = 20130301


class Proposal(Section):
    """Probability from which the machine proposes a level."""

    yellow: Probability = 0.5
    orange: Probability = 0.5
    red: Probability = 0.5


class Inbox(Section):
    """A folder the daily run imports from before it forecasts."""

    source: str
    path: Path


class CityConfig(Section):
    """Everything a run of one city needs."""

    city: City
    stations: Path
    standard: Standard = "auto"
    rules: str = "national-2024"
    quality: Path = Path("quality/default.yaml")
    weather: Weather = Weather()
    forecast: Model = Model()
    proposal: Proposal = Proposal()
    inbox: tuple[Inbox, ...] = ()
    areas: dict[str, Names] = {}  # id in the station register -> names; others show the id
    calibrate: bool = False  # correct township and village stations through the references
    simulated: bool = False  # True: everything shown carries the word
    forecast_store: str | None = Field(  # object storage for a copy of every run: fsspec URL
        None, pattern=r"^[a-z][a-z0-9+.-]*://"
    )

    @property
    def offset(self) -> pd.Timedelta:
        """Local time minus UTC."""
        return pd.Timedelta(hours=self.city.utc_offset_hours)

    @property
    def digest(self) -> str:
        """Hash of the content, written into every product; where copies go is no content."""
        content = self.model_dump_json(exclude={"forecast_store"})
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    @model_validator(mode="before")
    @classmethod
    def _absolute(cls, data: Any, info: Any) -> Any:
        base: Path | None = (info.context or {}).get("base")
        if base is None or not isinstance(data, dict):
            return data
        moved = dict(data)
        for key in ("stations", "quality"):
            value = moved.get(key, "quality/default.yaml" if key == "quality" else None)
            if isinstance(value, str):
                moved[key] = str((base / value).resolve())
        if isinstance(moved.get("inbox"), list):
            moved["inbox"] = [
                {**i, "path": str((base / str(i["path"])).resolve())}
                if isinstance(i, dict) and "path" in i
                else i
                for i in moved["inbox"]
            ]
        return moved


def read_yaml(path: Path) -> Any:
    """Parsed YAML of a file.

    Raises:
        ConfigError: The file is absent, unreadable or not YAML.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 - safe
    except (OSError, ValueError) as error:  # not there, not UTF-8, no name of a file
        raise ConfigError([Problem(str(path), str(error), "a readable YAML file")]) from error
    except yaml.YAMLError as error:
        raise ConfigError([Problem(str(path), str(error), "valid YAML")]) from error


def validated(model: type[M], data: Any, *, path: Path) -> M:
    """Check parsed YAML against a pydantic model.

    Raises:
        ConfigError: One problem per wrong field, each with the file, the field, what was found.
    """
    try:
        return model.model_validate(data, context={"base": path.parent.resolve()})
    except ValidationError as error:
        problems = [
            Problem(
                f"{path}: {'.'.join(map(str, e['loc'])) or 'file'}",
                repr(e.get("input"))[:120],
                e["msg"],
            )
            for e in error.errors(include_url=False)
        ]
        raise ConfigError(problems) from error


def load(path: Path) -> CityConfig:
    """Read a city's configuration.

    Raises:
        ConfigError: Everything that is wrong with it, at once.
    """
    config = validated(CityConfig, read_yaml(path), path=path)
    problems = [
        Problem(f"{path}: {field}", f"no file {file}", "an existing file")
        for field, file in (("stations", config.stations), ("quality", config.quality))
        if not there(file)
    ]
    rules = configs_dir() / "rules" / f"{config.rules}.yaml"
    if not there(rules):
        have = sorted(p.stem for p in rules.parent.glob("*.yaml"))
        problems.append(Problem(f"{path}: rules", repr(config.rules), f"one of {have}"))
    if problems:
        raise ConfigError(problems)
    return config


def there(file: Path) -> bool:
    """Whether it is a file; a name that is too long for one is none."""
    try:
        return file.is_file()
    except (OSError, ValueError):
        return False
