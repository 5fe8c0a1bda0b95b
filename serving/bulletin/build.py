"""Forecast, measurements and proposal -> what a bulletin shows.

Takes the arrays of a run, gives a Bulletin of plain values. Index, levels and probabilities come
from members (design, section 7, rule 4); only the station map is made of quantile medians, and
says so. What is not known stays None: nothing is filled in.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from forecast import aqi, standards, timing
from forecast.config import CityConfig
from forecast.problems import DataError, Problem
from forecast.schema import CITY_AREA, POLLUTANTS, QUANTILES, stations_frame
from forecast.standards import Standard
from serving.bulletin import fans, measured
from serving.bulletin.content import (
    AreaRow,
    Bulletin,
    Category,
    DataHealth,
    Day,
    Exceedance,
    Interval,
    Note,
    Primary,
    Provenance,
    Text,
    WarningBox,
    Weather,
)  # fmt: skip

Floats = NDArray[np.floating[Any]]
RANGE: Final = (0.1, 0.9)
GROUP_SHARE: Final = 0.1  # a sensitive group is named from this share of members on


class AreaMembers(Protocol):
    """Members of a run; forecast.ensemble's AreaForecast has this shape."""

    @property
    def areas(self) -> Sequence[str]:
        """Area ids; "city" among them."""

    @property
    def hourly(self) -> Floats:
        """(area, member, lead 1..96, POLLUTANTS)."""

    @property
    def daily(self) -> Floats:
        """(area, member, day 1..3, POLLUTANTS): means, and MDA8 of ozone."""

    @property
    def aqi(self) -> Floats:
        """(area, member, day), NaN where it is not to be published."""

    @property
    def primary(self) -> NDArray[np.uint8]:
        """(area, member, day), bit i is POLLUTANTS[i]."""


def build(
    config: CityConfig,
    issue_time: pd.Timestamp,
    *,
    members: AreaMembers,
    quantiles: Floats | None,
    obs: xr.Dataset,
    weather: Weather,
    model: str,
    model_version: str,
    proposal: WarningBox | None,
    notes: Sequence[Note] = (),
    health: DataHealth | None = None,
    provenance: Provenance = Provenance(),  # noqa: B008 -- frozen
    area_names: Mapping[str, Text] | None = None,
) -> Bulletin:
    """Gather what one run has to say.

    Args:
        config: The city.
        issue_time: Naive UTC.
        members: The run's members by area.
        quantiles: (lead 1..96, station, POLLUTANTS, QUANTILES) in the order of obs' stations,
            for the map; None: the map shows readings only.
        obs: Schema dataset, invalid values already NaN; what lies after the issue time is not
            read, hours it lacks count as missing.
        weather: Which weather forecast was used.
        proposal: None where none could be made.
        notes: Degradations and remarks of the run.
        area_names: Names of areas; an area without one is shown by its id.

    Raises:
        DataError: The members lack the area "city", or the quantiles do not fit the stations.
    """
    _check(members, quantiles, obs)
    offset = config.offset
    first_day = measured.issue_day(issue_time, offset) + pd.Timedelta(days=1)
    dates = [first_day + pd.Timedelta(days=d) for d in range(timing.DAYS)]
    used = [standards.resolve(config.standard, d.date()) for d in dates]
    table = stations_frame(obs)
    past = measured.past(obs, issue_time)
    city = measured.city(past, table)
    at = list(members.areas).index(CITY_AREA)
    return Bulletin(
        city=Text(config.city.zh, config.city.en),
        issue_time=issue_time,
        offset=offset,
        standard=" / ".join(dict.fromkeys(s.document.id for s in used)),
        rules=config.rules,
        model=model,
        model_version=model_version,
        weather=weather,
        simulated=config.simulated or bool(obs.attrs.get("simulated")),
        categories=categories(used[0]),
        days=tuple(_day(members, at, d, dates[d], used[d]) for d in range(timing.DAYS)),
        members=int(members.aqi.shape[1]),
        range_quantiles=RANGE,
        observed_days=measured.observed_days(city, issue_time, offset, config.standard),
        history=measured.history(city, issue_time),
        fans=fans.fans(members.hourly[at], city, issue_time, offset, used),
        stations=measured.stations(
            past, quantiles, table, issue_time, offset, used, config.standard
        ),
        areas=_area_rows(members, area_names or {}),
        warning=proposal,
        notes=tuple(notes),
        health=health or measured.data_health(obs, issue_time),
        provenance=provenance,
        advice_assumed=used[0].advice.assumption,
    )


def categories(standard: Standard) -> tuple[Category, ...]:
    """The six levels of an edition with colours and advice."""
    return tuple(
        Category(
            c.level, c.low, c.high, Text(c.zh, c.en), c.rgb,
            Text(a.effect.zh, a.effect.en), Text(a.measures.zh, a.measures.en),
        )
        for c, a in zip(standard.categories.levels, standard.advice.levels, strict=True)
    )  # fmt: skip


def _check(members: AreaMembers, quantiles: Floats | None, obs: xr.Dataset) -> None:
    problems = []
    if CITY_AREA not in members.areas:
        problems.append(Problem("bulletin: areas", str(list(members.areas)), "'city' among them"))
    expected = (obs.sizes["station"], len(POLLUTANTS), len(QUANTILES))
    if quantiles is not None and quantiles.shape[1:] != expected:
        found = f"shape {quantiles.shape}"
        problems.append(Problem("bulletin: quantiles", found, f"(leads, {expected})"))
    if problems:
        raise DataError(problems)


def _day(members: AreaMembers, at: int, day: int, date: pd.Timestamp, standard: Standard) -> Day:
    index = np.asarray(members.aqi[at, :, day], dtype=float)
    masks = members.primary[at, :, day]
    conc = members.daily[at, :, day]
    known = bool(np.isfinite(index).all())
    levels = np.atleast_1d(aqi.levels(index, standard))
    shares = [float(np.mean(masks >> p & 1)) for p in range(len(POLLUTANTS))] if known else []
    primary = sorted(
        (Primary(n, s) for n, s in zip(POLLUTANTS, shares, strict=False) if s > 0),
        key=lambda p: -p.share,
    )
    return Day(
        number=day + 1,
        date=date,
        aqi=_interval(index),
        levels=tuple(float(np.mean(levels == k)) for k in range(1, 7)) if known else None,
        primary=tuple(primary),
        over_150=_exceedance(index, 150),
        over_200=_exceedance(index, 200),
        concentrations={n: _interval(conc[:, p]) for p, n in enumerate(POLLUTANTS)},
        groups=_groups(conc, standard) if known else None,
    )


def _interval(values: Floats) -> Interval | None:
    """Range and median of members, each a value that a member has; None if any is missing."""
    if not values.size or not np.isfinite(values).all():
        return None
    low, median, high = np.quantile(values, (RANGE[0], 0.5, RANGE[1]), method="inverted_cdf")
    return Interval(float(low), float(median), float(high))


def _exceedance(index: Floats, limit: float) -> Exceedance | None:
    """Share of members above a limit; members without an index are not counted as above."""
    known = np.isfinite(index)
    if not known.any():
        return None
    return Exceedance(float(np.mean(known & (index > limit))), at_least=not known.all())


def _groups(conc: Floats, standard: Standard) -> Text | None:
    """Who is sensitive to what is likely enough to exceed (HJ 633-2026, table 2)."""
    rule = standard.sensitive
    if rule is None:
        return None
    with np.errstate(invalid="ignore"):
        share = np.mean(aqi.daily(conc, standard).iaqi > rule.above, axis=0)
    concerned = [n for n, s in zip(POLLUTANTS, share, strict=True) if s >= GROUP_SHARE]
    words = list(dict.fromkeys((w.zh, w.en) for n in concerned for w in rule.of(n)))
    if not words:
        return None
    return Text("、".join(zh for zh, _ in words), ", ".join(en for _, en in words))


def _area_rows(members: AreaMembers, names: Mapping[str, Text]) -> tuple[AreaRow, ...]:
    return tuple(
        AreaRow(
            area,
            names.get(area, Text(area, area)),
            tuple(_interval(np.asarray(members.aqi[a, :, d])) for d in range(timing.DAYS)),
        )
        for a, area in enumerate(members.areas)
        if area != CITY_AREA
    )
