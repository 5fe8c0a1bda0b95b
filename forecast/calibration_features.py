"""What the experts of the co-located calibration look at. No look ahead: see each function.

A pair (i, j) is the value of row i as if the newest reference were that of row j < i. With j the
newest known one it is the product; with older j it teaches what an old reference is worth.
Concentrations enter by z(x) = sqrt(x + offset), so that errors of high and low hours weigh alike.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast.calibration_config import ColocatedConfig
from forecast.colocated import POLLUTANTS, WEATHER, Colocated

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
KAPPA = 0.3  # hygroscopicity of urban aerosol (Petters and Kreidenweis, 2007, fig. 1: 0.1-0.5)


@dataclass(frozen=True)
class Inputs:
    """Everything per row that is known at that row, but for the reference of the row itself."""

    hours: Floats
    sensor: Floats  # (row, pollutant), as read
    zs: Floats  # z of the sensor
    zr: Floats  # z of the reference of the row: for later rows only
    last: Rows  # (row, pollutant): newest row up to and with this one with a reference, -1 none
    filled: Floats  # (row, pollutant): z of that reference
    day: Floats  # (row, pollutant): mean of z of the references of the 24 h up to the row
    week: Floats  # the same of 168 h
    weather: Floats  # (row, 5): rain as the last hour's amount
    short: Floats  # (row, feature): the row's own readings
    long: Floats  # (row, feature): with the hours before
    damp: Floats  # (row, 4): particle growth, vapour, humidity squared, temperature

    def own(self, p: int) -> Floats:
        """One pollutant's reading and what the air's moisture does to it (row, feature)."""
        z = self.zs[:, p]
        return np.column_stack([z, z * self.damp[:, 0], self.damp])


def offsets(config: ColocatedConfig) -> Floats:
    """Offset of the transform per pollutant."""
    return np.array([config.offsets[p] for p in POLLUTANTS])


def transform(x: Floats, config: ColocatedConfig) -> Floats:
    """Z of concentrations (..., pollutant)."""
    return np.asarray(np.sqrt(np.maximum(x, 0) + offsets(config)))


def back(z: Floats, offset: "Floats | float") -> Floats:
    """Concentration of z, at least 0."""
    return np.asarray(np.maximum(np.maximum(z, 0) ** 2 - offset, 0))


def inputs(data: Colocated, config: ColocatedConfig) -> Inputs:
    """Features of every row, each from that row and earlier ones."""
    hours = data.hours
    rain = WEATHER.index("rain_counter")
    weather = data.weather.copy()
    fallen = np.diff(data.weather[:, rain], prepend=np.nan)
    weather[:, rain] = np.clip(fallen, 0, 20)  # a counter that starts anew has no amount
    zs, zr = transform(data.sensor, config), transform(data.reference, config)
    last = newest(~np.isnan(zr))
    filled = np.where(last >= 0, np.take_along_axis(zr, np.maximum(last, 0), axis=0), np.nan)
    temperature, humidity = (weather[:, WEATHER.index(n)] for n in WEATHER[3:])
    phase = 2 * np.pi * (hours % 24) / 24
    clock = np.column_stack([f(k * phase) for k in (1, 2) for f in (np.sin, np.cos)])
    activity = np.minimum(humidity / 100, 0.97)
    growth = 1 / (1 + KAPPA * activity / (1 - activity))
    vapour = humidity / 100 * np.exp(17.6 * temperature / (temperature + 243))
    damp = np.column_stack([data.sensor[:, :2] * growth[:, None], growth, vapour, humidity**2])
    short = np.column_stack([data.sensor, zs, weather, clock, damp])
    day_s, day_w = _mean(zs, hours, 24), _mean(weather, hours, 24)
    long = np.column_stack(
        [
            short,
            zs - _before(zs, hours, 1),
            zs - _before(zs, hours, 3),
            zs - day_s,
            zs - _mean(zs, hours, 72),
            day_s,
            weather - _before(weather, hours, 3),
            weather - day_w,
            day_w,
        ]
    )
    return Inputs(
        hours=hours,
        sensor=data.sensor,
        zs=zs,
        zr=zr,
        last=last,
        filled=filled,
        day=_mean(zr, hours, 24),
        week=_mean(zr, hours, 168),
        weather=weather,
        short=short,
        long=long,
        damp=np.column_stack([growth, vapour, humidity**2, temperature]),
    )


def newest(known: NDArray[np.bool_]) -> Rows:
    """The newest row up to and with each row where `known` (row, column) holds; -1: none."""
    rows = np.where(known, np.arange(len(known))[:, None], -1)
    return np.asarray(np.maximum.accumulate(rows, axis=0))


def references(x: Inputs, age: float) -> Rows:
    """J of every row: newest row with a reference at least `age` hours old; (row, pollutant)."""
    upto = np.searchsorted(x.hours, x.hours - age + 1e-6, side="right") - 1
    upto = np.minimum(upto, np.arange(len(x.hours)) - 1)
    return np.where(upto[:, None] >= 0, x.last[np.maximum(upto, 0)], -1)


def state(x: Inputs, transfer: Floats, online: Floats, j: Rows, p: int) -> tuple[Floats, Floats]:
    """Features of pairs (i, j_i) for one pollutant.

    Args:
        x: Inputs.
        transfer: z (row, pollutant) of the transfer at row i, from fits that saw rows <= j only.
        online: z (row, pollutant) of the transfer of each row, from fits before that row.
        j: (row,), -1 = no reference yet.
        p: Index of the pollutant.

    Returns:
        (row, feature), NaN where j is -1; age of the reference (row,) in hours.
    """
    k = np.maximum(j, 0)
    rest = x.filled - online  # the newest residuals of all pollutants known at a row
    trend = x.filled - _before(x.filled, x.hours, 1)
    longer = x.filled - _before(x.filled, x.hours, 3)
    age = np.where(j >= 0, x.hours - x.hours[k], np.nan)
    features = np.column_stack(
        [
            rest[k],
            transfer - x.filled[k],
            x.zs - x.zs[k],
            x.weather - x.weather[k],
            trend[k],
            longer[k],
            x.day[k] - x.filled[k],
            x.filled[k, p],
            (x.day - _mean(online, x.hours, 24))[k],
            x.short,
            np.log1p(age),
        ]
    )
    features[j < 0] = np.nan
    return features, age


def _before(x: Floats, hours: Floats, lag: float) -> Floats:
    """Values at the newest row at least `lag` hours before; NaN where it is 4 h beyond that."""
    row = np.searchsorted(hours, hours - lag + 1e-6, side="right") - 1
    found = (row >= 0) & (hours - hours[np.maximum(row, 0)] <= lag + 4)
    return np.where(found[:, None], x[np.maximum(row, 0)], np.nan)


def _mean(x: Floats, hours: Floats, span: float) -> Floats:
    """Mean of the known values of the `span` hours up to and with each row."""
    known = ~np.isnan(x)
    zero = np.zeros((1, x.shape[1]))
    total = np.concatenate([zero, np.cumsum(np.where(known, x, 0), axis=0)])
    count = np.concatenate([zero, np.cumsum(known, axis=0)])
    end = np.arange(1, len(x) + 1)
    start = np.searchsorted(hours, hours - span + 1e-6, side="left")
    number = count[end] - count[start]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(number > 0, (total[end] - total[start]) / number, np.nan))
