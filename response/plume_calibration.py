"""Bring the local share to what the network sees: one factor per pollutant and day.

    seen = increment(observed_daily, reference, settings=settings)   # per day
    made = increment(modelled_daily, reference, settings=settings)
    factor = factors(seen, made, day, settings=settings)             # from days before `day` alone
    days = calibrated(days, factor)

The local increment of a day is the mean of the reference stations less a low percentile of the
whole network's daily means, which stands for what comes from outside. The register's units make a
part of it (`share`, from the inventory), the same part every day: an assumption, said in attrs.
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


def factors(
    observed: pd.DataFrame, modelled: pd.DataFrame, day: pd.Timestamp, *, settings: Settings
) -> dict[str, float]:
    """Factor of each pollutant for one day, from the days before it alone.

    Weighted sums of `share` times the observed and of the modelled increments over earlier days,
    half as heavy per half-life, shrunk towards one by `prior_days` of the mean modelled increment,
    and bounded. One where nothing is known yet.

    Args:
        observed: increment() of observations.
        modelled: increment() of the units' sum at full load (or at the load they ran at).
        day: Local day, midnight.
        settings: The calibration's.
    """
    c = settings.calibration
    result = {}
    for name in CALIBRATED:
        result[name] = 1.0
        if name not in observed or name not in modelled:
            continue
        both = pd.concat([observed[name], modelled[name]], axis=1, keys=["seen", "made"])
        both = both[both.index < day].dropna()
        if not len(both):
            continue
        age = (day - pd.DatetimeIndex(both.index)).to_numpy() / np.timedelta64(1, "D")
        weight = 0.5 ** (age / c.half_life_days)
        share = float(getattr(c.share, name))
        prior = c.prior_days * float(both["made"].clip(lower=0).mean())
        seen = share * float((weight * both["seen"]).sum())
        made = float((weight * both["made"]).sum()) + prior
        if made > 0:
            result[name] = float(np.clip((seen + prior) / made, c.least, c.most))
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
    result.attrs["calibrated"] = "by observed increments of earlier days; share is an assumption"
    return result
