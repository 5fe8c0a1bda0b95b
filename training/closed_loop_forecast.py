"""The closed loop's own small forecaster: hourly city concentrations from air and weather forecast.

Ridge regression on the logarithm, one per pollutant over all leads, fitted on a winter without
measures; its members are the point forecast times whole error trajectories of that winter's issue
times, each made without the days around it. It is no product of this system: it stands for a fair
forecast where a loop needs a thousand of them. Air in, members out; knows no policy.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from forecast.schema import POLLUTANTS
from training.closed_loop_city import REACH

Floats = NDArray[np.float64]
_RIDGE: Final = 3.0
_FOLDS: Final = 6
_LEAST: Final = 0.05  # of any concentration, before the logarithm


@dataclass(frozen=True)
class Fitted:
    """A fitted forecaster."""

    climate: Floats  # (POLLUTANTS,) mean logarithm
    mean: Floats  # (feature,)
    scale: Floats
    weights: Floats  # (feature + 1, POLLUTANTS)
    errors: Floats  # (issue, lead, POLLUTANTS), in the logarithm, out of sample

    def members(self, past: Floats, weather: xr.Dataset, issue: pd.Timestamp, count: int) -> Floats:
        """Possible courses (member, lead 1..80, POLLUTANTS).

        Args:
            past: The city's hours up to the issue time, 24 at least (hour, POLLUTANTS).
            weather: A vintage.
            issue: Naive UTC.
            count: Members.
        """
        middle = self._logarithm(past, weather, issue)
        chosen = np.linspace(0, len(self.errors) - 1, count).round().astype(int)
        return np.asarray(np.exp(middle + self.errors[chosen]))

    def median(self, past: Floats, weather: xr.Dataset, issue: pd.Timestamp) -> Floats:
        """The deterministic forecast (1, lead, POLLUTANTS)."""
        middle = self._logarithm(past, weather, issue)
        return np.asarray(np.exp(middle + np.median(self.errors, axis=0))[None])

    def _logarithm(self, past: Floats, weather: xr.Dataset, issue: pd.Timestamp) -> Floats:
        x = (features(past, weather, issue, self.climate) - self.mean) / self.scale
        return np.asarray(np.column_stack([x, np.ones(len(x))]) @ self.weights)


def fit(
    air: Floats, times: pd.DatetimeIndex, issues: pd.DatetimeIndex,
    weather: Callable[[pd.Timestamp], xr.Dataset],
) -> Fitted:  # fmt: skip
    """Fit on one winter.

    Args:
        air: (hour, POLLUTANTS), the city's value.
        times: Its hours, naive UTC.
        issues: Issue times with 24 hours of air before and REACH after them.
        weather: Vintage by issue time.
    """
    climate = _log(air).mean(axis=0)
    x, y = [], []
    for issue in issues:
        at = int(times.get_indexer(pd.DatetimeIndex([issue]))[0]) + 1
        x.append(features(air[:at], weather(issue), issue, climate))
        y.append(_log(air[at : at + REACH]))
    inputs, targets = np.stack(x), np.stack(y)
    mean, scale = inputs.mean(axis=(0, 1)), inputs.std(axis=(0, 1)) + 1e-9
    inputs = (inputs - mean) / scale
    inputs = np.concatenate([inputs, np.ones((*inputs.shape[:2], 1))], axis=2)
    errors = np.empty_like(targets)
    for fold in np.array_split(np.arange(len(issues)), _FOLDS):
        near = (np.arange(len(issues)) >= fold[0] - 4) & (np.arange(len(issues)) <= fold[-1] + 4)
        weights = _ridge(inputs[~near], targets[~near])
        errors[fold] = targets[fold] - inputs[fold] @ weights
    return Fitted(climate, mean, scale, _ridge(inputs, targets), errors)


def features(past: Floats, weather: xr.Dataset, issue: pd.Timestamp, climate: Floats) -> Floats:
    """Inputs (lead 1..80, feature): air up to the issue time, weather forecast for the lead."""
    leads = np.arange(1, REACH + 1)
    day, hours = (_log(past[-n:]).mean(axis=0) - climate for n in (24, 6))
    parts = [np.exp(-leads / t)[:, None] * day for t in (24.0, 72.0)]
    parts += [np.exp(-leads / 8.0)[:, None] * hours]
    table = pd.DataFrame(
        {n: weather[n].mean("station").to_numpy() for n in ("u10", "v10", "t2m", "d2m", "tp")},
        index=pd.DatetimeIndex(weather["time"].to_numpy()),
    ).astype(float)
    table["blh"] = np.log(weather["blh"].mean("station").to_numpy() + 30.0)
    table["wind"] = np.log(np.hypot(table["u10"], table["v10"]) + 0.3)
    table["damp"] = table["t2m"] - table["d2m"]
    valid = issue + pd.to_timedelta(leads, unit="h")
    for window in (1, 12, 36):
        names = ["blh", "wind", "damp"] if window == 1 else list(table)
        parts.append(table[names].rolling(window, min_periods=1).mean().reindex(valid).to_numpy())
    hour = 2 * np.pi * np.asarray(valid.hour) / 24
    parts.append(np.stack([f(k * hour) for k in (1, 2) for f in (np.sin, np.cos)], axis=1))
    return np.asarray(np.concatenate(parts, axis=1))


def _log(values: Floats) -> Floats:
    return np.asarray(np.log(np.maximum(values, _LEAST)))


def _ridge(x: Floats, y: Floats) -> Floats:
    flat, target = x.reshape(-1, x.shape[-1]), y.reshape(-1, len(POLLUTANTS))
    penalty = _RIDGE * x.shape[0] / 10 * np.eye(flat.shape[1])
    penalty[-1, -1] = 0.0
    return np.asarray(np.linalg.solve(flat.T @ flat + penalty, flat.T @ target))
