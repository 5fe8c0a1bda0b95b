"""What a bulletin shows, in plain values: the page and the poster know nothing of models.

Everything is frozen. A number that is not known is None and is shown as a dash; nothing stands
in for it. Times are naive UTC; `Bulletin.offset` brings them to local time. Units are those of
forecast.schema (ug m-3, CO mg m-3). Texts come in Chinese and English.
"""

from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

Lang = Literal["zh", "en"]
Severity = Literal["info", "warning", "error"]
WarningLevel = Literal["blue", "yellow", "orange", "red"]
Action = Literal["none", "start", "raise", "keep", "lower", "cancel"]
Series = tuple[float | None, ...]


@dataclass(frozen=True)
class Text:
    """The same words in both languages."""

    zh: str
    en: str

    def __getitem__(self, lang: Lang) -> str:
        return self.zh if lang == "zh" else self.en


@dataclass(frozen=True)
class Category:
    """One level of the index with its official colour and advice (HJ 633, tables 1 and 2)."""

    level: int  # 1..6
    low: int  # first AQI of the level
    high: int | None  # last AQI of the level; None: open
    name: Text
    rgb: tuple[int, int, int]
    effect: Text = Text("", "")  # what it does to health
    advice: Text = Text("", "")  # what to do


@dataclass(frozen=True)
class Interval:
    """Median and range of a quantity over the members."""

    low: float
    median: float
    high: float


@dataclass(frozen=True)
class Exceedance:
    """Share of members above an index."""

    value: float
    at_least: bool  # True: some members cannot be judged, so the true share may be higher


@dataclass(frozen=True)
class Primary:
    """A pollutant and the share of members in which it leads the day (ties count for each)."""

    pollutant: str
    share: float


@dataclass(frozen=True)
class Day:
    """The forecast of one natural day."""

    number: int  # 1 = D+1
    date: pd.Timestamp  # local date
    aqi: Interval | None  # None: not enough data for an index
    levels: tuple[float, ...] | None  # probability of levels 1..6
    primary: tuple[Primary, ...]  # falling share; empty when no member has one
    over_150: Exceedance | None
    over_200: Exceedance | None  # heavy pollution
    concentrations: dict[str, Interval | None]  # pollutant -> daily mean, o3: MDA8
    groups: Text | None = None  # who is sensitive to what may exceed; None: nobody is named


@dataclass(frozen=True)
class ObservedDay:
    """The measured index of one past natural day."""

    date: pd.Timestamp
    aqi: int | None
    primary: tuple[str, ...]


@dataclass(frozen=True)
class History:
    """Measured hourly values of the city, oldest first."""

    times: tuple[pd.Timestamp, ...]
    values: dict[str, Series]  # pollutant -> one value per time


@dataclass(frozen=True)
class Fan:
    """Quantiles over the members by hour, with what was measured before."""

    key: str  # pm25, o3 or aqi24
    name: Text
    units: str  # "" for an index
    times: tuple[pd.Timestamp, ...]
    quantiles: tuple[float, ...]  # rising, symmetric about 0.5
    values: tuple[Series, ...]  # one series per quantile
    observed_times: tuple[pd.Timestamp, ...]
    observed: Series
    lines: tuple[tuple[float, int], ...] = ()  # (value, level that begins above it)


@dataclass(frozen=True)
class Station:
    """One station on the map."""

    id: str
    name: str
    tier: str
    lon: float
    lat: float
    reference: bool
    now: int | None  # hourly AQI of the newest reading that is not too old
    now_time: pd.Timestamp | None
    days: tuple[int | None, ...]  # index of the medians of D+1..D+3: indicative


@dataclass(frozen=True)
class AreaRow:
    """One area of the table."""

    id: str
    name: Text
    days: tuple[Interval | None, ...]


@dataclass(frozen=True)
class WarningBox:
    """What the machine proposes; officers decide."""

    level: WarningLevel | None  # to be in force; None: no warning
    action: Action
    probabilities: dict[str, float | None]  # level of the edition: that its criteria are met
    start: pd.Timestamp | None  # median over the members, UTC
    end: pd.Timestamp | None
    reasons: tuple[Text, ...]
    assumptions: tuple[Text, ...] = ()


@dataclass(frozen=True)
class Section:
    """A table with words: the control plan, the resumption plan, what drives the forecast."""

    title: Text
    summary: Text
    points: tuple[Text, ...] = ()
    columns: tuple[Text, ...] = ()
    rows: tuple[tuple[Text, ...], ...] = ()
    assumptions: tuple[Text, ...] = ()


@dataclass(frozen=True)
class Note:
    """Something the reader must know about this run."""

    text: Text
    severity: Severity = "warning"


@dataclass(frozen=True)
class Weather:
    """Which weather forecast the run stood on."""

    tier: str  # none, perturbed, perfect, archived
    source: str
    vintage: pd.Timestamp | None = None  # UTC
    age_hours: float | None = None


@dataclass(frozen=True)
class DataHealth:
    """How much of the network reported in the last 24 hours."""

    stations: int
    reporting: int
    by_tier: tuple[tuple[str, int, int], ...] = ()  # tier, reporting, all
    missing_share: float | None = None
    suspect_share: float | None = None
    fail_share: float | None = None


@dataclass(frozen=True)
class Provenance:
    """What the run was made of."""

    run: str = ""
    config: str = ""
    data: str = ""
    code: str = ""


@dataclass(frozen=True)
class Bulletin:
    """One bulletin, complete."""

    city: Text
    issue_time: pd.Timestamp
    offset: pd.Timedelta
    standard: str
    rules: str
    model: str
    model_version: str
    weather: Weather
    simulated: bool
    categories: tuple[Category, ...]
    days: tuple[Day, ...]
    members: int
    range_quantiles: tuple[float, float] = (0.1, 0.9)
    observed_days: tuple[ObservedDay, ...] = ()
    history: History = field(default_factory=lambda: History((), {}))
    fans: tuple[Fan, ...] = ()
    stations: tuple[Station, ...] = ()
    areas: tuple[AreaRow, ...] = ()
    warning: WarningBox | None = None  # None: no proposal could be made
    response: tuple[Section, ...] = ()  # what is proposed to be done; () where nothing is
    explanation: Section | None = None  # what drives the forecast
    notes: tuple[Note, ...] = ()
    health: DataHealth | None = None
    provenance: Provenance = Provenance()
    advice_assumed: bool = False  # the advice's wording is not confirmed for this edition

    def category(self, aqi: float | None) -> Category | None:
        """The level an index lies in; None for an unknown index."""
        if aqi is None or aqi != aqi:
            return None
        for category in self.categories:
            if category.high is None or aqi <= category.high:
                return category
        return self.categories[-1]
