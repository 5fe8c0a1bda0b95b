"""Members of a city's air -> which warning to propose, and why.

Takes hourly concentrations of members (the first hours may be observed and alike), the rules and
what is in force; gives a Proposal for the duty officer. Levels and probabilities are counted over
members (design, section 7 rule 4). Knows no store, clock or page; times are naive UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.problems import ConfigError, DataError, Problem
from forecast.schema import POLLUTANTS
from forecast.timing import BEIJING_OFFSET
from response import episodes, windows
from response.rules import WINDOW, Criterion, Level, Rules

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]
Action = Literal["none", "start", "raise", "keep", "lower", "cancel"]
DEFAULT_THRESHOLD: Final = 0.5
HOUR: Final = pd.Timedelta(hours=1)


@dataclass(frozen=True)
class Moment:
    """A time over the members that have it (naive UTC); each is the time of some member."""

    median: pd.Timestamp
    early: pd.Timestamp  # 10 %
    late: pd.Timestamp  # 90 %


@dataclass(frozen=True)
class CriterionResult:
    """One criterion of the edition; moments are None where no member meets it."""

    criterion: Criterion
    probability: float
    start: Moment | None  # beginning of the first hour of the first window that meets it
    end: Moment | None  # end of the last hour of the last one, in the first such episode


@dataclass(frozen=True)
class Measured:
    """Heavy pollution that is already there."""

    aqi: float  # 24-h AQI of the window that ends at the issue time
    no_improvement: float  # share of members without clear improvement; NaN = not known
    triggered: bool


@dataclass(frozen=True)
class Ozone:
    """Heavy ozone pollution ahead: a health notice instead of a colour."""

    probability: float
    peak: float  # median over members of the highest 8-h mean ahead, ug m-3
    notice: bool


@dataclass(frozen=True)
class Dust:
    """Suspected dust among the windows ahead."""

    probability: float  # share of members
    excluded: bool
    level_with: Level | None  # what the criteria would call for with dust counted


@dataclass(frozen=True)
class Proposal:
    """What the machine proposes; the officer decides."""

    rules: Rules
    issue_time: pd.Timestamp
    offset: pd.Timedelta
    members: int
    thresholds: Mapping[str, float]
    probability: Mapping[str, float]  # per level of the edition: that level or a higher one
    criteria: tuple[CriterionResult, ...]
    own_level: Level | None  # by the criteria alone
    level: Level | None  # to be in force after the action
    action: Action
    current_level: Level | None
    notified_level: Level | None
    start: Moment | None  # of the episode that calls for own_level
    end: Moment | None
    open_end: float  # share of its members whose episode reaches the end of the forecast
    primary: tuple[tuple[str, float], ...]  # pollutant, share of its windows; largest first
    announce_by: pd.Timestamp | None  # latest issue of a warning to be started or raised
    at_once: bool  # measured or notified: the lead time does not apply
    late: bool  # announce_by has passed
    cancel_known: bool  # False: too short or too gappy a forecast to cancel or lower on
    consult: bool  # a downgrade that needs another consultation first
    measured: Measured | None
    ozone: Ozone | None
    dust: Dust


def propose(
    hourly: Floats,
    times: pd.DatetimeIndex,
    rules: Rules,
    *,
    thresholds: Mapping[str, float],
    issue_time: pd.Timestamp,
    offset: pd.Timedelta = BEIJING_OFFSET,
    standard: str = "auto",
    dust: Bools | None = None,
    current_level: str | None = None,
    notified_level: str | None = None,
) -> Proposal:
    """Propose a warning from members.

    A criterion counts when one of its chains of windows has at least one hour after the issue
    time; hours up to the issue time may be measured. The proposed level is the highest whose
    probability reaches its threshold, raised to a notified level and by the measured trigger.

    Args:
        hourly: The city's concentrations (member, hour, 5 or 6), order and units of the schema,
            NaN = missing; at least 24 hours before the issue time let running episodes count.
        times: Naive UTC ends of the hours, without a gap.
        rules: The edition.
        thresholds: Level -> probability from which it is proposed (0.5 where not named).
        issue_time: Naive UTC; hours up to it are past.
        offset: Local time minus UTC, for the standard by date and for the words.
        standard: "auto" or an edition of HJ 633.
        dust: (hour,) or (member, hour): hours determined to be dust.
        current_level: The level in force, if any.
        notified_level: A level that the province or the state has ordered, if any.

    Raises:
        DataError: The arrays do not fit, or no hour lies after the issue time.
        ConfigError: A threshold or level that the edition does not know.
    """
    limits = _thresholds(thresholds, rules)
    current, notified = rules.rank(current_level), rules.rank(notified_level)
    now = _issue_cell(times, issue_time)
    indexed = windows.day_windows(hourly, times, rules, offset=offset, standard=standard, dust=dust)
    met = episodes.evaluate(indexed.aqi, rules, after=now)
    probability = shares(met)
    own = _highest(probability, limits)
    span = episodes.first_episode(met, own) if own else None
    measured = _measured(hourly, times, rules, now, indexed, limits, offset, standard)
    floor = max(notified, 1 if measured and measured.triggered else 0)
    known = _known(indexed.aqi, now, rules, limits)
    hold = _held(met, now, current, limits) if known else current
    action, level = _act(max(own, floor), current, max(hold, floor))
    start, end = (_first(span, times), _last(span, times)) if span else (None, None)
    new = action in ("start", "raise")
    at_once = new and (level > own or bool(measured and measured.triggered))
    announce = start.median - rules.lead_time.hours * HOUR if new and start else None
    if at_once:
        announce = issue_time
    return Proposal(
        rules=rules,
        issue_time=issue_time,
        offset=offset,
        members=len(hourly),
        thresholds={name: limits[rank] for rank, name in enumerate(rules.names, start=1)},
        probability={n: float(p) for n, p in zip(rules.names, probability, strict=True)},
        criteria=criteria_results(met, times),
        own_level=rules.at(own),
        level=rules.at(level),
        action=action,
        current_level=rules.at(current),
        notified_level=rules.at(notified),
        start=start,
        end=end,
        open_end=float((span.last == len(times) - 1)[span.there].mean()) if span else 0.0,
        primary=_primary(indexed, met, own) if own else (),
        announce_by=announce,
        at_once=at_once,
        late=announce is not None and issue_time > announce,
        cancel_known=known,
        consult=action in ("lower", "cancel") and rules.at(current) in rules.downgrade.consult,
        measured=measured,
        ozone=_ozone(hourly, now, rules, limits),
        dust=_dust(indexed, rules, now, limits, rules.at(own)),
    )


def shares(met: episodes.Met) -> Floats:
    """Share of members that reach each level or a higher one, lowest level first."""
    top = met.rank.max(axis=1, initial=0)
    ranks = np.arange(1, len(met.rules.names) + 1)
    return np.asarray((top[None, :] >= ranks[:, None]).mean(axis=1))


def criteria_results(met: episodes.Met, times: pd.DatetimeIndex) -> tuple[CriterionResult, ...]:
    """Every criterion of the edition with its share and its first episode."""
    out = []
    for criterion, hours in zip(met.rules.criteria, met.hours, strict=True):
        first = np.where(hours, met.episode, np.iinfo(np.int64).max).min(axis=1)
        span = episodes.spans(hours & (met.episode == first[:, None]))
        share = float(span.there.mean())
        found = (_first(span, times), _last(span, times)) if span.there.any() else (None, None)
        out.append(CriterionResult(criterion, share, *found))
    return tuple(out)


def episode_moments(
    met: episodes.Met, rank: int, times: pd.DatetimeIndex
) -> tuple[Moment, Moment] | None:
    """When the first episode of a level begins and ends; None where no member has one."""
    span = episodes.first_episode(met, rank)
    return (_first(span, times), _last(span, times)) if span.there.any() else None


def _act(target: int, current: int, hold: int) -> tuple[Action, int]:
    """The action and the level in force after it; `hold` is what the coming hours still need."""
    if target > current:
        return ("raise" if current else "start"), target
    if not current:
        return "none", 0
    if hold >= current:
        return "keep", current
    return ("lower" if hold else "cancel"), hold


def _held(met: episodes.Met, now: int, current: int, limits: Mapping[int, float]) -> int:
    """The level up to `current` that cannot be left yet.

    A level is left when its criteria are not met in the coming 36 hours (an episode that has an
    hour there counts with all of it), and the forecast says so by the levels' thresholds.
    """
    rank = np.take_along_axis(met.rank, met.episode, axis=1)

    def coming(hours: int) -> Floats:
        soon = slice(now + 1, now + 1 + hours)
        return np.asarray(np.where(met.covered[:, soon], rank[:, soon], 0).max(axis=1, initial=0))

    step_down, over = coming(met.rules.downgrade.hours), coming(met.rules.cancellation.hours)
    held = [r for r in range(1, current + 1) if (step_down >= r).mean() >= limits[r]]
    lowest = 1 if current and (over >= 1).mean() >= limits[1] else 0
    return max([lowest, *held])


def _known(aqi: Floats, now: int, rules: Rules, limits: Mapping[int, float]) -> bool:
    """Whether the coming windows are known well enough to cancel or lower on them."""
    need = max(rules.cancellation.hours, rules.downgrade.hours) + 1  # "more than 36 h"
    ahead = aqi[:, now + 1 : now + 1 + need]
    return ahead.shape[1] == need and bool(np.isnan(ahead).any(axis=1).mean() < limits[1])


def _measured(
    hourly: Floats,
    times: pd.DatetimeIndex,
    rules: Rules,
    now: int,
    indexed: windows.Indexed,
    limits: Mapping[int, float],
    offset: pd.Timedelta,
    standard: str,
) -> Measured | None:
    """The measured trigger; None where no 24-h AQI up to the issue time is known."""
    if now < 0 or np.isnan(indexed.aqi[:, now]).all():
        return None
    aqi = float(np.nanmedian(indexed.aqi[:, now]))
    rule = rules.measured_trigger
    ahead = windows.six(hourly, times)[:, now + 1 : now + 1 + rule.improvement_hours]
    counts = np.isfinite(ahead).sum(axis=1, keepdims=True)
    enough = counts * WINDOW >= rules.index.min_hours * rule.improvement_hours
    means = np.where(
        enough, np.nansum(ahead, axis=1, keepdims=True) / np.maximum(counts, 1), np.nan
    )
    end = times[now + ahead.shape[1] : now + ahead.shape[1] + 1]
    later = windows.index_of(means, end, rules, offset=offset, standard=standard).aqi[:, 0]
    share = float((later > rule.gt).mean()) if np.isfinite(later).any() else float("nan")
    return Measured(aqi, share, bool(aqi > rule.gt and share >= limits[1]))


def _primary(
    indexed: windows.Indexed, met: episodes.Met, rank: int
) -> tuple[tuple[str, float], ...]:
    """Pollutants that make the index in the windows of the level's first episodes."""
    span = episodes.first_episode(met, rank)
    cell = np.arange(met.covered.shape[1])
    inside = (cell >= span.first[:, None]) & (cell <= span.last[:, None]) & span.there[:, None]
    lowest = min(c.bound for r in met.rules.criteria for c in r.all_of)
    chosen = inside & met.covered & (indexed.aqi > lowest)
    makes = indexed.iaqi[chosen] == indexed.aqi[chosen][:, None]
    share = makes.mean(axis=0) if len(makes) else np.zeros(len(POLLUTANTS))
    ordered = sorted(zip(POLLUTANTS, share, strict=True), key=lambda item: -item[1])
    return tuple((name, float(value)) for name, value in ordered if value > 0)


def _ozone(hourly: Floats, now: int, rules: Rules, limits: Mapping[int, float]) -> Ozone | None:
    """Ozone's health notice; None where ozone was not given or is nowhere known."""
    if hourly.shape[-1] != len(POLLUTANTS):
        return None
    peak = np.nan_to_num(windows.ozone_8h(hourly)[:, now + 1 :], nan=-1.0).max(axis=1)
    if (peak < 0).all():
        return None
    share = float((peak > rules.ozone.o3_8h_gt).mean())
    return Ozone(share, float(np.median(peak[peak >= 0])), share >= limits[1])


def _dust(
    indexed: windows.Indexed, rules: Rules, now: int, limits: Mapping[int, float], own: Level | None
) -> Dust:
    """How many members suspect dust, and what the criteria would say with it."""
    share = float(indexed.dust_suspected[:, now + 1 :].any(axis=1).mean())
    excluded = rules.dust.suspected.exclude and bool(indexed.dust_suspected.any())
    level = own
    if excluded:
        met = episodes.evaluate(indexed.aqi_with_dust, rules, after=now)
        level = rules.at(_highest(shares(met), limits))
    return Dust(share, excluded, level)


def _highest(probability: Floats, limits: Mapping[int, float]) -> int:
    """The highest level whose probability reaches its threshold; 0 for none."""
    return max((r for r, p in enumerate(probability, start=1) if p >= limits[r]), default=0)


def _thresholds(given: Mapping[str, float], rules: Rules) -> dict[int, float]:
    """Threshold by place of the level; blue of a config without it takes the default."""
    problems = [
        Problem(f"threshold of {name}", str(value), "above 0 and at most 1")
        for name, value in given.items()
        if not 0 < value <= 1
    ]
    unknown = sorted(set(given) - set(rules.names) - {"blue"})
    if unknown:
        problems.append(Problem("thresholds", str(unknown), f"levels of {rules.edition}"))
    if problems:
        raise ConfigError(problems)
    return {r: given.get(n, DEFAULT_THRESHOLD) for r, n in enumerate(rules.names, start=1)}


def _issue_cell(times: pd.DatetimeIndex, issue_time: pd.Timestamp) -> int:
    """Position of the issue hour; -1 where all hours lie after it."""
    past = int((times <= issue_time).sum())
    if past == len(times):
        found = f"last hour {times[-1]}" if past else "no hours"
        raise DataError([Problem("times", found, f"hours after the issue time {issue_time}")])
    return past - 1


def _first(span: episodes.Spans, times: pd.DatetimeIndex) -> Moment:
    return _moment(span.first[span.there], times, HOUR)


def _last(span: episodes.Spans, times: pd.DatetimeIndex) -> Moment:
    return _moment(span.last[span.there], times, 0 * HOUR)


def _moment(cells: NDArray[np.int64], times: pd.DatetimeIndex, before: pd.Timedelta) -> Moment:
    """Quantiles of positions as times, `before` earlier; no interpolation between members."""
    at = np.quantile(cells, (0.5, 0.1, 0.9), method="inverted_cdf").astype(int)
    median, early, late = (times[i] - before for i in at)
    return Moment(median, early, late)
