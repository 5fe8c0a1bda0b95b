"""Weather for an issue time, by how it was come by: none, perfect, perturbed, archived.

Gives FutureWeather callables (forecast/batch.py) for hindcasts, and `future_for_run` with its
ladder for the daily run. What may be read is bounded here: `none` nothing; `archived` the vintages
available at the issue time; `perfect` and `perturbed` observed weather after it, which is why
their scores are always shown under these names.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import xarray as xr

from forecast import weather
from forecast.batch import Floats, FutureWeather, WeatherTier, leads_of, stacked
from forecast.config import CityConfig
from forecast.problems import DataError
from forecast.schema import MAX_LEAD, WEATHER
from forecast.timing import last_lead
from forecast.weather import Vintage, Words
from forecast.weather_perturb import Magnitudes, perturbed_weather
from forecast.weather_perturb import magnitudes as stated_magnitudes
from forecast.weather_points import at_stations

FRESH_HOURS: Final = 24  # an older vintage than this is called older: a newer one should be there
_HOUR: Final = pd.Timedelta(hours=1)


def none() -> FutureWeather:
    """No weather forecast at all."""
    return lambda _: None


def perfect(obs: xr.Dataset) -> FutureWeather:
    """Observed station weather as if it had been forecast: an upper bound, not a forecast.

    Args:
        obs: schema dataset on a complete hourly grid; NaN and variables it lacks are NaN.
    """
    values, origin = stacked(obs, WEATHER), _origin(obs)
    return lambda issue_times: leads_of(values, origin, issue_times)


def perturbed(obs: xr.Dataset, *, seed: int, magnitudes: Magnitudes | None = None) -> FutureWeather:
    """Observed station weather with errors that grow with lead (forecast/weather_perturb.py).

    Args:
        obs: As for `perfect`.
        seed: With an issue time, decides all its errors, whatever else is asked for.
        magnitudes: Error magnitudes; None = configs/weather/perturbation.yaml.
    """
    values, origin = stacked(obs, WEATHER), _origin(obs)
    sizes = magnitudes if magnitudes is not None else stated_magnitudes()
    return lambda issue_times: perturbed_weather(
        values, origin, issue_times, seed=seed, magnitudes=sizes
    )


def archived(
    home: Path,
    sources: Sequence[str],
    stations: pd.DataFrame,
    *,
    max_age_hours: float,
    keep: int = 8,
) -> FutureWeather:
    """Real forecasts: for each issue time the vintage the ladder gives at that moment.

    Rows are NaN where no vintage was available, and after a vintage's end. A vintage that cannot
    be read, or does not reach every station, is passed over for the next. Files that arrive while
    the callable lives may be seen, but only from their available_time on. `keep` vintages stay
    in memory.
    """

    @lru_cache(maxsize=keep)
    def fields(vintage: Vintage) -> tuple[Floats, pd.Timestamp] | None:
        try:
            return _fields(vintage, stations)
        except DataError:
            return None

    def future(issue_times: pd.DatetimeIndex) -> Floats:
        out = np.full((len(issue_times), MAX_LEAD, len(stations), len(WEATHER)), np.nan, np.float32)
        for i, at in enumerate(issue_times):
            for vintage in _vintages(home, sources, at, max_age_hours):
                found = fields(vintage)
                if found is not None:
                    out[i] = leads_of(*found, issue_times[i : i + 1])[0]
                    break
        return out

    return future


def future_for_run(
    home: Path, config: CityConfig, stations: pd.DataFrame, issue_time: pd.Timestamp
) -> tuple[Floats | None, WeatherTier, tuple[Words, ...]]:
    """Weather for a daily run by the stated ladder, and in words which rung it stands on.

    The ladder: the newest available vintage of the first source that has a usable one; an older
    vintage, up to `max_age_hours`; no weather. A vintage is usable when its file can be read and
    it reaches every station. Never raises for want of weather.

    Args:
        issue_time: Naive UTC.

    Returns:
        (1, lead 1..96, station, WEATHER), NaN after the vintage's end and for what it lacks, or
        None; the tier ("archived" or "none"); remarks.
    """
    notes: list[Words] = []
    limit = config.weather.max_age_hours
    for step in weather.candidates(home, config.weather.sources, issue_time, limit):
        if isinstance(step, Words):
            notes.append(step)
            continue
        try:
            values, origin = _fields(step, stations)
        except DataError as error:
            notes.append(_passed_over(step, error))
            continue
        future = leads_of(values, origin, pd.DatetimeIndex([issue_time]))
        reach = last_lead(issue_time, config.offset)
        known = np.isfinite(future[0]).any(axis=(1, 2))
        if not known.any():
            notes.append(_ended(step))
            continue
        notes.append(_used(step, issue_time, older=bool(notes)))
        if not known[:reach].all():
            notes.append(_partial(known[:reach]))
        given = np.isfinite(future[0]).any(axis=(0, 1))
        if not given.all():
            names = " ".join(v for v, there in zip(WEATHER, given, strict=True) if not there)
            notes.append(Words(f"该预报缺少要素:{names}。", f"the vintage lacks {names}"))
        return future, "archived", tuple(notes)
    sources = ", ".join(config.weather.sources) or "-"
    notes.append(
        Words(
            zh=f"没有可用的天气预报(来源:{sources};时效上限 {limit} 小时),本次预报未使用天气预报。",
            en=f"no usable weather forecast (sources: {sources}; at most {limit} h old):"
            " this run uses none",
        )
    )
    return None, "none", tuple(notes)


def _vintages(
    home: Path, sources: Sequence[str], at: pd.Timestamp, max_age_hours: float
) -> Iterator[Vintage]:
    for step in weather.candidates(home, sources, at, max_age_hours):
        if isinstance(step, Vintage):
            yield step


def _fields(vintage: Vintage, stations: pd.DataFrame) -> tuple[Floats, pd.Timestamp]:
    ds = weather.read(vintage)
    return stacked(at_stations(ds, stations, where=str(vintage.path)), WEATHER), _origin(ds)


def _origin(ds: xr.Dataset) -> pd.Timestamp:
    return pd.Timestamp(ds["time"].values[0])


def _used(vintage: Vintage, at: pd.Timestamp, *, older: bool) -> Words:
    hours = int((at - vintage.issue_time) / _HOUR)
    issue = f"{vintage.issue_time:%Y-%m-%d %H:%M}"
    old = older or hours > FRESH_HOURS
    zh = "使用较早的天气预报" if old else "使用天气预报"
    en = "an older weather vintage" if old else "weather vintage"
    return Words(
        zh=f"{zh}:{vintage.source},起报时间 {issue} UTC(距今 {hours} 小时)。",
        en=f"{en} of {vintage.source}, issued {issue} UTC ({hours} h before this run)",
    )


def _passed_over(vintage: Vintage, error: DataError) -> Words:
    first = str(error.problems[0])
    more = f" (+{len(error.problems) - 1})" if len(error.problems) > 1 else ""
    name = f"{vintage.source}/{vintage.path.name}"
    return Words(
        zh=f"天气预报 {name} 不可用,已跳过:{first}{more}。",
        en=f"weather vintage {name} is not usable and was passed over: {first}{more}",
    )


def _ended(vintage: Vintage) -> Words:
    name = f"{vintage.source}/{vintage.path.name}"
    return Words(
        zh=f"天气预报 {name} 在本次起报时间之前已结束,已跳过。",
        en=f"weather vintage {name} ends before this run's first hour and was passed over",
    )


def _partial(known: np.ndarray) -> Words:
    last = int(np.flatnonzero(known)[-1]) + 1
    if known[:last].all():
        return Words(
            zh=f"天气预报只到起报后第 {last} 小时(需要 {len(known)} 小时),其后没有天气预报。",
            en=f"the vintage ends {last} h after the issue time (of {len(known)} h needed);"
            " no weather forecast after that",
        )
    gaps = int((~known).sum())
    return Words(
        zh=f"天气预报缺 {gaps} 小时(需要 {len(known)} 小时),缺测时段没有天气预报。",
        en=f"the vintage lacks {gaps} of the {len(known)} h needed; no weather forecast there",
    )
