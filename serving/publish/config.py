"""Who publishes, how a warning becomes a CAP message, and the channels. Data, no sending.

Secrets are named by the environment variable that holds them; this module never reads one.
"""

import datetime as dt
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from forecast.config import Names, Section, configs_dir, read_yaml, there, validated
from response.rules import Level

Carried = Literal["cap", "bulletin", "order", "reminder", "alarm"]
CapWord = Annotated[str, Field(pattern=r"^[^\s,<&]+$", max_length=100)]
Response = Literal[
    "Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "Assess", "AllClear", "None"
]
LocalTime = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class Basis(Section):
    """Where a mapping comes from."""

    document: str
    source: str
    assumption: bool = False


class CapLevel(Section):
    """What a colour is in CAP."""

    severity: Literal["Extreme", "Severe", "Moderate", "Minor"]
    response: tuple[Response, ...] = Field(min_length=1)
    instruction: Names


class EventCode(Section):
    """CAP <eventCode>."""

    name: str
    value: str


class Profile(Section):
    """configs/publish/cap-*.yaml."""

    profile: str
    basis: Basis
    event: Names
    category: tuple[Literal["Env", "Health", "Met"], ...] = Field(min_length=1)
    immediate_below_hours: int = Field(ge=0, le=96)
    scope: Literal["Public"]
    event_codes: tuple[EventCode, ...] = ()
    levels: dict[Level, CapLevel]


class _Channel(Section):
    name: str = Field(pattern=r"^[a-z0-9-]{1,40}$")
    carries: tuple[Carried, ...] = Field(min_length=1)
    exercise: bool = False  # may get exercises
    actual: bool = True  # gets actual messages; false for a channel that is for exercises only


class Folder(_Channel):
    """A folder that a gateway collects from; the file's name is the key, so twice is once."""

    kind: Literal["folder"]
    path: Path  # below the home, or absolute


class Webhook(_Channel):
    """POST with an Idempotency-Key; no redirect is followed, no proxy is used."""

    kind: Literal["webhook"]
    url: str
    hosts: tuple[str, ...] = Field(min_length=1)
    token_env: str | None = None
    seconds: float = Field(20, gt=0, le=120)

    @model_validator(mode="after")
    def _only_configured_hosts(self) -> "Webhook":
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or parts.hostname not in self.hosts:
            raise ValueError(f"host {parts.hostname!r}: one of `hosts`, by http or https")
        if parts.username is not None or parts.password is not None or parts.fragment:
            raise ValueError("user, password and fragment have no place in a URL: use token_env")
        return self


class Mail(_Channel):
    """SMTP with a Message-ID that the key gives."""

    kind: Literal["mail"]
    host: str
    port: int = Field(25, ge=1, le=65535)
    starttls: bool = False
    user_env: str | None = None
    password_env: str | None = None
    sender: str = Field(pattern=r"^[^\s@<>]+@[^\s@<>]+$")
    to: tuple[Annotated[str, Field(pattern=r"^[^\s@<>]+@[^\s@<>]+$")], ...] = Field(min_length=1)
    seconds: float = Field(30, gt=0, le=120)


class Apprise(_Channel):
    """Whatever apprise knows (WeCom, DingTalk, SMS gateways); its URL is a secret."""

    kind: Literal["apprise"]
    url_env: str


Channel = Annotated[Folder | Webhook | Mail | Apprise, Field(discriminator="kind")]


class Source(Section):
    """A folder that is imported each hour."""

    source: str
    path: Path


class Schedule(Section):
    """When the periodic jobs run, local time."""

    daily_at: LocalTime = "16:10"
    alarm_at: LocalTime = "18:30"
    import_minute: int = Field(20, ge=0, le=59)
    sources: tuple[Source, ...] = ()

    @model_validator(mode="after")
    def _in_time(self) -> "Schedule":
        if not self.daily_at < self.alarm_at < "20:00":
            raise ValueError("daily_at before alarm_at before 20:00 (HJ 633-2026, 5.2)")
        return self


class House(Section):
    """A house that publishes: configs/publish/<house>.yaml."""

    profile: Path
    sender: CapWord
    sender_name: Names
    contact: str = ""
    web: str | None = None
    attempts: int = Field(12, ge=1, le=100)
    backoff_seconds: float = Field(30, gt=0)
    backoff_most_seconds: float = Field(1800, gt=0)
    lease_seconds: float = Field(180, gt=0)
    reminder_hours: float = Field(2, gt=0)
    channels: tuple[Channel, ...] = Field(min_length=1)
    schedule: Schedule = Schedule()

    @model_validator(mode="before")
    @classmethod
    def _absolute(cls, data: Any, info: Any) -> Any:
        base: Path | None = (info.context or {}).get("base")
        if base is None or not isinstance(data, dict) or not isinstance(data.get("profile"), str):
            return data
        own = base / data["profile"]
        return {**data, "profile": own if there(own) else configs_dir() / "publish" / own.name}

    @model_validator(mode="after")
    def _sound(self) -> "House":
        names = [c.name for c in self.channels]
        if len(set(names)) != len(names):
            raise ValueError("each channel has its own name")
        # A lease that ends while its message is on the way would let another send it, too.
        slowest = max((2 * getattr(c, "seconds", 15) for c in self.channels), default=0)
        if self.lease_seconds <= slowest:
            raise ValueError(f"lease_seconds above {slowest:g}: twice the slowest channel's limit")
        return self

    def channel(self, name: str) -> Channel | None:
        """By name; None where there is none (any more)."""
        return next((c for c in self.channels if c.name == name), None)

    def channels_for(self, carried: Carried, *, exercise: bool) -> tuple[Channel, ...]:
        """Which channels get a message of one sort and mode."""
        return tuple(
            c
            for c in self.channels
            if carried in c.carries and (c.exercise if exercise else c.actual)
        )

    @property
    def lease(self) -> dt.timedelta:
        """How long a dispatcher may take for one message."""
        return dt.timedelta(seconds=self.lease_seconds)


def load(path: Path) -> House:
    """A house's configuration.

    Raises:
        ConfigError: Every wrong field, named.
    """
    return validated(House, read_yaml(path), path=path)


def load_profile(path: Path) -> Profile:
    """A CAP profile.

    Raises:
        ConfigError: Every wrong field, named.
    """
    return validated(Profile, read_yaml(path), path=path)
