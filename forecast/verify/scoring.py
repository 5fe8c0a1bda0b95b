"""One scorer for every system: the same issue times, stations, observations and cases.

Takes systems and observations, gives the dictionary of scores.json; reads and writes no files.
Losses are computed chunk by chunk of issue times, so memory does not grow with the hindcast; for
each reference the chunk's cases that both could be scored on are summed beside.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from forecast.batch import Floats
from forecast.schema import CITY_AREA, POLLUTANTS, VARIABLES
from forecast.verify import bootstrap, daily, episodes, observed, station, summary
from forecast.verify.daily import DailyForecast, DailyObserved
from forecast.verify.observed import ObservedDays
from forecast.verify.settings import VerifySettings
from forecast.verify.station import Losses, Sums
from forecast.verify.systems import System

_CASES = 64 * 12  # issue times x stations in one chunk: below 1 GB with two systems
Pair = tuple[Sums, Sums]  # own and reference, on common cases


def station_scores(
    own: System, references: Sequence[System], obs: xr.Dataset, issue_times: pd.DatetimeIndex,
    offset: pd.Timedelta, settings: VerifySettings,
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:  # fmt: skip
    """Scores at stations of the first system, and its paired comparison with each reference.

    Returns:
        pollutant -> scores; reference name -> pollutant -> group -> paired differences.
    """
    parts: dict[str, list[Sums]] = {p: [] for p in POLLUTANTS}
    pairs: dict[tuple[str, str], list[Pair]] = {}
    seen = observed.hourly(obs)
    size = max(1, _CASES // obs.sizes["station"])
    groups = station.lead_groups(issue_times, offset)
    with_quantiles = [r for r in references if r.quantiles is not None]
    for start in range(0, len(issue_times), size):
        rows = slice(start, start + size)
        target = seen(issue_times[rows])
        found = _losses(own, issue_times[rows], target, settings)
        for p in POLLUTANTS:
            parts[p].append(station.summed(found[p], groups[rows]))
        for reference in with_quantiles:
            other = _losses(reference, issue_times[rows], target, settings)
            for p in POLLUTANTS:
                common = found[p].valid & other[p].valid
                pairs.setdefault((reference.name, p), []).append(
                    (
                        station.summed(found[p], groups[rows], among=common),
                        station.summed(other[p], groups[rows], among=common),
                    )
                )
    stations = obs["station"].values.astype(str).tolist()
    scores = {
        p: {
            "units": VARIABLES[p].units,
            "thresholds": list(settings.tail_thresholds[p]),
            **summary.pollutant_scores(
                station.joined(parts[p]), groups, issue_times, offset, stations, settings.bootstrap
            ),
        }
        for p in POLLUTANTS
    }
    compared: dict[str, dict[str, Any]] = {r.name: {} for r in with_quantiles}
    for (name, p), found_pairs in pairs.items():
        a = station.joined([x for x, _ in found_pairs])
        b = station.joined([y for _, y in found_pairs])
        compared[name][p] = summary.paired(a, b, groups, issue_times, offset, settings.bootstrap)
    return scores, compared


def area_scores(
    own: System, references: Sequence[System], found: ObservedDays, names: Sequence[str],
    issue_times: pd.DatetimeIndex, offset: pd.Timedelta, settings: VerifySettings,
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:  # fmt: skip
    """Scores of the daily index of each area, and the paired comparison with each reference."""
    dates = daily.target_dates(issue_times, offset)
    scores: dict[str, Any] = {}
    compared: dict[str, dict[str, Any]] = {r.name: {} for r in references}
    for name, forecast in own.areas.items():
        if name not in names:
            continue
        target = observed.targets(found, list(names).index(name), dates)
        scores[name] = daily.area_scores(forecast, target, issue_times, offset, settings)
        scores[name] |= _day_by_day(
            forecast, target, found, list(names).index(name), issue_times, offset, settings
        )
        for reference in references:
            if name in reference.areas:
                compared[reference.name][name] = daily.paired(
                    forecast, reference.areas[name], target, issue_times, offset, settings
                )
    return scores, compared


def builtin_areas(
    obs: xr.Dataset, found: ObservedDays, names: Sequence[str], standard: str,
    issue_times: pd.DatetimeIndex, offset: pd.Timedelta, settings: VerifySettings,
) -> dict[str, dict[str, DailyForecast]]:  # fmt: skip
    """Persistence and climatology of each area's daily index, from what was known before."""
    dates = daily.target_dates(issue_times, offset)
    before = np.datetime64((issue_times[0] + offset - pd.Timedelta(hours=1)).date(), "D")
    out: dict[str, dict[str, DailyForecast]] = {"persistence": {}, "climatology": {}}
    for a, name in enumerate(names):
        out["persistence"][name] = observed.persistence(obs, name, standard, issue_times, dates)
        past = observed.climatology(
            found, a, before, dates,
            half_window=settings.climatology_half_window_days,
            members=settings.climatology_members,
        )  # fmt: skip
        if past is not None:
            out["climatology"][name] = past
    return out


def _losses(
    system: System, issue_times: pd.DatetimeIndex, target: Floats, settings: VerifySettings
) -> dict[str, Losses]:
    if system.quantiles is None:
        raise TypeError(f"{system.name} has no quantiles")
    values = system.quantiles(issue_times)
    return {
        p: station.losses(values[:, :, :, i], target[..., i], settings.tail_thresholds[p])
        for i, p in enumerate(POLLUTANTS)
    }


def _day_by_day(
    forecast: DailyForecast, target: DailyObserved, found: ObservedDays, area: int,
    issue_times: pd.DatetimeIndex, offset: pd.Timedelta, settings: VerifySettings,
) -> dict[str, Any]:  # fmt: skip
    """The series of the operational issue hour, the heavy days, and the episodes."""
    hours = (issue_times + offset).hour.to_numpy()
    hour = episodes.operational_hour(hours, settings.operational_hour)
    rows = np.flatnonzero(np.asarray(hours == hour))
    dates = np.arange(target.dates.min(), target.dates.max() + np.timedelta64(1, "D"))
    seen = episodes.series_by_day(dates, found.dates.astype("datetime64[D]"), found.aqi[:, area])
    known = np.asarray(np.isfinite(forecast.aqi).all(axis=-1))
    middle = np.where(known, daily.point(np.where(known[..., None], forecast.aqi, 0)), np.nan)
    low, high = np.quantile(np.where(known[..., None], forecast.aqi, np.nan), [0.1, 0.9], axis=-1)
    heavy = (forecast.aqi > 200).mean(axis=-1)

    def series(values: NDArray[np.float64], day: int) -> NDArray[np.float64]:
        return episodes.series_by_day(dates, target.dates[rows, day], values[rows, day])

    names = [f"D{d + 1}" for d in range(target.dates.shape[1])]
    middles = [series(middle, d) for d in range(len(names))]
    table: dict[str, Any] = {"date": [str(d) for d in dates], "observed": summary.numbers(seen)}
    for d, name in enumerate(names):
        table[name] = {
            "median": summary.numbers(middles[d]),
            "p10": summary.numbers(series(low, d)),
            "p90": summary.numbers(series(high, d)),
            "probability_200": summary.numbers(series(np.where(known, heavy, np.nan), d)),
        }
    return {
        "issue_hour_local": hour,
        "days_table": table,
        "heavy_days": _heavy(dates, seen, middles, table, names, found, area),
        "episodes": {
            str(t): episodes.compared(
                dates,
                seen,
                middles,
                float(t),
                margin=settings.episode_margin_days,
                gap=settings.episode_gap_days,
            )
            for t in settings.episode_thresholds
        },
    }


def _heavy(
    dates: NDArray[np.datetime64], seen: NDArray[np.float64], middles: list[NDArray[np.float64]],
    table: Mapping[str, Any], names: Sequence[str], found: ObservedDays, area: int,
) -> list[dict[str, Any]]:  # fmt: skip
    """Days observed above 200, or forecast above 200 a day ahead (false alarms)."""
    wrong = np.isfinite(seen) & (middles[0] > 200)
    out = []
    for i in np.flatnonzero((np.nan_to_num(seen) > 200) | wrong).tolist():
        row = int((dates[i] - found.dates[0]).astype(int))
        inside = 0 <= row < len(found.dates)
        named = found.primary[row, area] if inside else np.zeros(len(POLLUTANTS), bool)
        entry: dict[str, Any] = {
            "date": str(dates[i]),
            "observed": summary.number(float(seen[i])),
            "primary": [p for p, on in zip(POLLUTANTS, named, strict=True) if on],
        }
        for name in names:
            entry[name] = {
                k: table[name][k][i] for k in ("median", "p10", "p90", "probability_200")
            }
        out.append(entry)
    return out


def enough_days(issue_times: pd.DatetimeIndex, offset: pd.Timedelta, least: int) -> bool:
    """Whether the issue times span enough days for intervals."""
    return int(bootstrap.day_numbers(issue_times, offset).max()) + 1 >= least


def city(scores: Mapping[str, Any]) -> Any:
    """The city's entry of the area scores, None where it was not scored."""
    return scores.get(CITY_AREA)
