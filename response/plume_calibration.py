"""Bring contributions to what the network sees: one factor per pollutant and day.

    seen = increment(observed_daily, reference, settings=settings)   # per day
    made = increment(modelled_daily, reference, settings=settings)
    sums = city_sum(modelled_daily, reference)                       # the day itself among them
    factor = factors(seen, made, day, level=sums, settings=settings)
    days = calibrated(days, factor)

Three parts. `scale` is what the model is off by before anything was seen. The city's modelled sum
of the day against its mean of earlier days says how stagnant the model takes the day to be; puffs
overdo that, so the sum goes with a power of it. Observed increments of earlier days correct what
is left, with little trust: a local increment (reference stations less a low percentile of the
network) is made by registered units only in part, and that part (`share`) is a city's own.
Takes tables and datasets; knows nothing of plumes.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from forecast.problems import DataError, Problem
from response.plume_settings import Settings

CALIBRATED = ("pm25", "pm10", "so2", "no2", "co")


def increment(daily: xr.Dataset, reference: np.ndarray, *, settings: Settings) -> pd.DataFrame:
    """Local increment by day.

    Args:
        daily: Pollutants (day, station), daily means; a missing station is left out of its day.
        reference: Which stations make the city value (station,).
        settings: The percentile.

    Returns:
        One row per day, one column per pollutant found; NaN where fewer than four stations, or no
        reference, have a value.
    """
    columns = {}
    for name in CALIBRATED:
        if name not in daily:
            continue
        values = daily[name].transpose("day", "station").to_numpy().astype(float)
        known = np.isfinite(values)
        enough = (known.sum(axis=1) >= 4) & known[:, reference].any(axis=1)
        found = np.full(len(values), np.nan)
        some = values[enough]
        low = np.nanpercentile(some, settings.calibration.percentile, axis=1)
        found[enough] = np.nanmean(some[:, reference], axis=1) - low
        columns[name] = found
    return pd.DataFrame(columns, index=pd.DatetimeIndex(daily["day"].to_numpy(), name="day"))


def city_sum(daily: xr.Dataset, reference: np.ndarray) -> pd.DataFrame:
    """Mean of the reference stations by day, a column per pollutant; arguments as increment()."""
    columns = {
        name: daily[name].transpose("day", "station").to_numpy().astype(float)[:, reference]
        for name in CALIBRATED if name in daily
    }  # fmt: skip
    index = pd.DatetimeIndex(daily["day"].to_numpy(), name="day")
    return pd.DataFrame({name: values.mean(axis=1) for name, values in columns.items()}, index)


def factors(
    observed: pd.DataFrame,
    modelled: pd.DataFrame,
    day: pd.Timestamp,
    *,
    settings: Settings,
    level: pd.DataFrame | None = None,
) -> dict[str, float]:
    """Factor of each pollutant for one day, from observations of the days before it alone.

    scale x (level of the day / geometric mean of earlier days' levels)^(stagnation - 1) x
    (share x seen / (scale x made))^(trust x n / (n + prior_days)), bounded; seen and made are sums
    over the n earlier days, half as heavy per half-life. Parts without data are one.

    Args:
        observed: increment() of observations.
        modelled: increment() of the units' sum at full load (or at the load they ran at).
        day: Local day, midnight.
        settings: The calibration's.
        level: city_sum() of the model, with the day itself; None: stagnation is not corrected.
    """
    c = settings.calibration
    result = {}
    for name in CALIBRATED:
        scale = float(getattr(c.scale, name))
        factor = scale
        if level is not None and name in level and day in level.index:
            sums = level[name][level[name] > 0]
            earlier = sums[sums.index < day]
            if len(earlier) and day in sums.index:
                usual = float(np.exp(np.log(earlier).mean()))
                factor *= (float(sums[day]) / usual) ** (c.stagnation - 1)
        if name in observed and name in modelled:
            both = pd.concat([observed[name], modelled[name]], axis=1, keys=["seen", "made"])
            both = both[both.index < day].dropna()
            age = (day - pd.DatetimeIndex(both.index)).to_numpy() / np.timedelta64(1, "D")
            weight = 0.5 ** (age / c.half_life_days)
            seen = float(getattr(c.share, name)) * float((weight * both["seen"]).sum())
            made = scale * float((weight * both["made"]).sum())
            if seen > 0 and made > 0:
                says = float(np.clip(seen / made, c.least, c.most))
                factor *= says ** (c.trust * len(both) / (len(both) + c.prior_days))
        result[name] = float(np.clip(factor, c.least, c.most))
    return result


def by_day(
    daily: xr.Dataset,
    *,
    settings: Settings,
    level: pd.DataFrame | None = None,
    observed: pd.DataFrame | None = None,
    modelled: pd.DataFrame | None = None,
) -> xr.Dataset:
    """Contributions of several days, each with its own factors.

    Args:
        daily: Dims with `day`; its coordinate `date` (local midnight) says which each is.
        settings: The calibration's.
        level: city_sum() of the model with these days among them; None: no stagnation.
        observed, modelled: increment() of observations and of the units' sum; None: none.

    Returns:
        The same; attrs `calibration` of a pollutant are the factors of the days.
    """
    none = pd.DataFrame()
    dates = pd.DatetimeIndex(daily["date"].to_numpy())
    found = [
        factors(
            none if observed is None else observed, none if modelled is None else modelled, day,
            settings=settings, level=level,
        )
        for day in dates
    ]  # fmt: skip
    parts = [calibrated(daily.isel(day=[i]), f) for i, f in enumerate(found)]
    result = xr.concat(parts, dim="day", combine_attrs="override")
    for name in CALIBRATED:
        if name in result:
            result[name].attrs["calibration"] = [round(f[name], 4) for f in found]
    return result


def calibrated(days: xr.Dataset, factor: Mapping[str, float]) -> xr.Dataset:
    """Contributions times their factors; ozone stays as it is. New values, attrs say the factors.

    Raises:
        DataError: A factor that is no positive number.
    """
    wrong = {n: f for n, f in factor.items() if not (np.isfinite(f) and f > 0)}
    if wrong:
        raise DataError([Problem(f"factor of {n}", str(f), "above zero") for n, f in wrong.items()])
    result = days.copy()
    for name, value in factor.items():
        if name in days:
            result[name] = (days[name] * np.float32(value)).assign_attrs(days[name].attrs)
            result[name].attrs["calibration"] = round(value, 4)
    result.attrs["calibrated"] = (
        "scale, stagnation and increments of earlier days; share is an assumption"
    )
    return result
