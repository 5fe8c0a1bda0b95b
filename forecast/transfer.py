"""Readings of the lower tiers -> corrected values, through the references around. No co-location.

For hours in which the references agree with each other and the air is mixed, a station's air is
close to the field interpolated between them. Those hours, weighted by how far they are so, teach
each sensor's level, gain, and what humidity, temperature and the other oxidant do to it:

    u = a + m + (1 + b)(x - m) + h * damp + k * warm + c * cross + e

u is the reading and x the field, both as logarithm (PM) or over a typical level m (gases). The
coefficients are Bayesian regressions: a sensor's around its tier's, a tier's around none, so a
station with few good hours borrows from its kind. A fading memory follows ageing, a faster one
for the level follows drift. Large residuals count less (Huber). Then x is solved for.

Online: coefficients of a day (UTC) come from days before; a value uses its own hour's sensor and
weather readings and earlier ones, never a reference's of its own hour.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from forecast import quality_limits, quality_tests
from forecast.calibration_config import NetworkConfig
from forecast.config import configs_dir
from forecast.problems import DataError, Problem
from forecast.quality_limits import Limits
from forecast.schema import POLLUTANTS, attrs_of, check_units
from forecast.sensor_health import CLOCK, COORDINATES, DRIFT, OUT, READING, Health, judge
from forecast.transfer_weather import around, mixing

Floats = NDArray[np.float64]
CROSS: Final[Mapping[str, str]] = {"no2": "o3", "o3": "no2"}  # electrochemical cells see both
_FEATURES: Final = 5  # level, gain, humidity, temperature, cross
_LEAST_GAIN, _MOST_GAIN = 0.4, 2.5


@dataclass(frozen=True)
class _Sensors:
    """One pollutant: readings that can be used, in the fit's space, and what goes with them."""

    u: Floats  # (time, station)
    field: Floats  # (time, station): the references', in the same space; NaN where unknown
    weight: Floats  # (time, station): how far the hour teaches, 0-1
    features: Floats  # (time, station, 5): the second (gain) is filled with field - m
    failed: NDArray[np.bool_]  # (time, station): a reading that is no reading


@dataclass(frozen=True)
class _Fit:
    """What a day's coefficients make of that day."""

    x: Floats  # (time, station): corrected, in the fit's space
    sd: Floats  # its error
    level: Floats  # (time, station): the level's distance from the tier's, in prior sd
    hours: Floats  # (time, station): weight of the hours learned from so far


def calibrate_network(
    obs: xr.Dataset, config: NetworkConfig, *, limits: Limits | None = None
) -> xr.Dataset:
    """Correct every station of a network against its references.

    Args:
        obs: Dataset of the schema (time, station) on a complete hourly grid; NaN = missing.
            Stations with `reference` teach and stay as they are; of tiers that config.tiers does
            not name, values stay, too, unless their sensor is out. Weather (t2m, d2m, u10, v10) is
            used where it is there.
        config: Settings.
        limits: Of the shared quality tests; the ones config.quality names by default.

    Returns:
        The pollutants, corrected, units as before; NaN where there was no reading, or where it or
        its sensor is not to be trusted. <p>_sd: standard deviation of the error. <p>_health
        (time, station): 0 ok, 1 learning, 2 suspect, 3 out; <p>_reason: bits of sensor_health.
        health: the worst of the station's.

    Raises:
        DataError: A variable's units are wrong; the grid is not hourly; there is no reference.
    """
    limits = limits or quality_limits.load(configs_dir() / "quality" / f"{config.quality}.yaml")
    names = [p for p in POLLUTANTS if p in obs]
    _check(obs, names)
    obs = obs.transpose("time", "station")
    reference = obs["reference"].to_numpy().astype(bool)
    stays = ~np.isin(obs["tier"].to_numpy().astype(str), config.tiers)
    latitude, longitude = (obs[c].to_numpy().astype(np.float64) for c in ("latitude", "longitude"))
    misplaced = np.array([bool(w) for w in quality_tests.coordinates(latitude, longitude, limits)])
    # References are no one's neighbours here: a value may not lean on one of its own hour.
    beside = quality_tests.neighbourhood(latitude, longitude, ~misplaced & ~reference, limits)
    raw = {p: obs[p].to_numpy().astype(np.float64) for p in names}
    failed, slow_clock = _screened(raw, obs, beside, limits)
    weather = around(obs)
    mixed = mixing(obs, config.mixing_wind)
    share = _shares(latitude, longitude, reference & ~misplaced, config.reach_km)
    data: dict[str, object] = {}
    worst = np.zeros(raw[names[0]].shape, dtype=np.int8)
    for p in names:
        usable = {q: np.where(failed[q], np.nan, raw[q]) for q in {p, CROSS.get(p, p)} & set(names)}
        sensors = _sensors(p, usable, failed[p], weather, mixed, share, reference, config)
        fit = _fit(p, sensors, obs, reference, config)
        reasons = np.where(failed[p], READING, 0).astype(np.uint8)
        reasons |= np.where(misplaced, COORDINATES, 0).astype(np.uint8)
        reasons |= np.where(slow_clock, CLOCK, 0).astype(np.uint8)
        reasons |= np.where(fit.level > config.drift_limit, DRIFT, 0).astype(np.uint8)
        found = judge(fit.x, beside, fit.hours, reasons, reference, config)
        value, sd = _natural(p, fit, found, config)
        value = np.where(reference | stays, _trusted(usable[p], found.state, reference), value)
        data[p] = (("time", "station"), value, attrs_of(p))
        data[f"{p}_sd"] = (("time", "station"), np.where(np.isnan(value), np.nan, sd),
                           {"units": attrs_of(p)["units"]})  # fmt: skip
        data[f"{p}_health"] = (("time", "station"), found.state)
        data[f"{p}_reason"] = (("time", "station"), found.reason)
        worst = np.maximum(worst, found.state)
    data["health"] = (("time", "station"), worst, {"flag_meanings": "ok learning suspect out"})
    return xr.Dataset(data, coords=obs.coords, attrs=obs.attrs)


def _trusted(values: Floats, state: NDArray[np.int8], reference: NDArray[np.bool_]) -> Floats:
    """Readings as they are, but not those of a sensor that is out; references always."""
    return np.where((state == OUT) & ~reference, np.nan, values)


def _check(obs: xr.Dataset, names: list[str]) -> None:
    if not names:
        have = sorted(map(str, obs.data_vars))
        raise DataError([Problem("observations", f"variables {have}", "a pollutant")])
    check_units(obs, names, where="observations")
    steps = np.diff(obs["time"].to_numpy().astype("datetime64[ns]"))
    problems = []
    if (steps != np.timedelta64(1, "h")).any():
        problems.append(Problem("observations: time", "other steps than 1 h", "every hour once"))
    if not obs["reference"].to_numpy().astype(bool).any():
        problems.append(Problem("observations: reference", "no station", "one or more"))
    if problems:
        raise DataError(problems)


def _screened(
    raw: Mapping[str, Floats], obs: xr.Dataset, beside: NDArray[np.int64], limits: Limits
) -> tuple[dict[str, NDArray[np.bool_]], NDArray[np.bool_]]:
    """Readings that are none (out of range, stuck, spikes), and clocks that are off."""
    tier = obs["tier"].to_numpy().astype(str)
    failed, middles = {}, {}
    for p, values in raw.items():
        flags = np.maximum(
            quality_tests.range_(values, p, tier, limits),
            quality_tests.flat_line(values, p, tier, limits),
        )
        middles[p], _ = quality_tests.surroundings(values, beside, p, limits)
        flags = np.maximum(flags, quality_tests.spike(values, middles[p], p, tier, limits))
        failed[p] = flags >= 3
    times = pd.DatetimeIndex(obs["time"].to_numpy())
    clock = quality_tests.clock(raw, middles, times, limits) == 3
    return failed, clock


def _shares(
    latitude: Floats, longitude: Floats, reference: NDArray[np.bool_], reach: float
) -> tuple[Floats, Floats]:
    """Weight of each reference at each station (station, reference), and the nearest's worth."""
    north = 111.2 * (latitude[:, None] - latitude[reference])
    east = 111.2 * np.cos(np.deg2rad(latitude))[:, None] * (
        longitude[:, None] - longitude[reference]
    )  # fmt: skip
    km = np.hypot(north, east)
    return 1 / (km**2 + 5.0**2), np.exp(-km.min(axis=1, initial=1e4) / reach)


def to_space(values: Floats, name: str, config: NetworkConfig) -> Floats:
    """Concentration -> the space of the fit."""
    if config.space[name] == "log":
        return np.asarray(np.log(np.maximum(values, 0) + config.offsets[name]))
    return np.asarray(values / config.centre[name])


def _middle(name: str, config: NetworkConfig) -> float:
    return float(to_space(np.array(config.centre[name]), name, config))


def _sensors(
    name: str,
    usable: Mapping[str, Floats],
    failed: NDArray[np.bool_],
    weather: tuple[Floats, Floats],
    mixed: Floats,
    share: tuple[Floats, Floats],
    reference: NDArray[np.bool_],
    config: NetworkConfig,
) -> _Sensors:
    u = to_space(usable[name], name, config)
    known = ~np.isnan(u[:, reference])
    seen = np.where(known, u[:, reference], 0.0)
    total = known.astype(np.float64) @ share[0].T
    field = np.where(total > 0, (seen @ share[0].T) / np.maximum(total, 1e-12), np.nan)
    count = known.sum(axis=1)
    mean = seen.sum(axis=1) / np.maximum(count, 1)
    spread = np.sqrt((known * (seen - mean[:, None]) ** 2).sum(axis=1) / np.maximum(count - 1, 1))
    agree = (1 + (spread / config.agreement[name]) ** 2) ** -2
    agree = np.where(count >= 2, agree, 0.25)  # one reference cannot agree with another
    weight = (agree * mixed)[:, None] * share[1]
    features = np.zeros((*u.shape, _FEATURES), dtype=np.float32)
    features[..., 0] = 1
    features[..., 2] = weather[0]
    features[..., 3] = weather[1]
    other = CROSS.get(name)
    if other is not None and other in usable:
        cross = usable[other] / config.centre[other] - 1
        features[..., 4] = np.clip(np.nan_to_num(cross), -1, 3)
    return _Sensors(u, field, weight, features.astype(np.float64), failed)


def _fit(
    name: str,
    sensors: _Sensors,
    obs: xr.Dataset,
    reference: NDArray[np.bool_],
    config: NetworkConfig,
) -> _Fit:
    """Day by day: correct with what was learned before, then learn from the day."""
    hours, stations = sensors.u.shape
    tier = np.unique(obs["tier"].to_numpy().astype(str), return_inverse=True)[1]
    member = np.zeros((tier.max(initial=0) + 1, stations))
    member[tier, np.arange(stations)] = np.where(reference, 0.0, 1.0)
    own = config.prior_sd
    prior = np.array([own.level, own.gain, own.humidity, own.temperature, own.cross]) ** -2
    precision = np.zeros((stations, _FEATURES, _FEATURES))
    moment = np.zeros((stations, _FEATURES))
    fast = np.zeros((2, stations))  # sums of weight and weighted residual
    noise = np.full((2, stations), 10.0)
    noise[1] *= config.noise_sd[name] ** 2
    learned = np.zeros(stations)
    middle = _middle(name, config)
    keep = 0.5 ** (1 / config.half_life_days)
    keep_fast = 0.5 ** (1 / config.fast_half_life_days)
    x, sd = np.full((hours, stations), np.nan), np.full((hours, stations), np.nan)
    level, count = np.zeros((hours, stations)), np.zeros((hours, stations))
    stamps = obs["time"].to_numpy().astype("datetime64[D]")
    starts = np.flatnonzero(np.r_[True, stamps[1:] != stamps[:-1]])
    for begin, end in zip(starts, [*starts[1:], hours], strict=True):
        rows = slice(begin, end)
        # Coefficients of the tier first, then of each sensor around them.
        pooled = np.einsum("ts,sij->tij", member, precision) + np.diag(prior)
        centre = np.linalg.solve(pooled, (member @ moment)[..., None])[..., 0][tier]
        full = precision + np.diag(prior)
        inverse = np.linalg.inv(full)
        beta = np.einsum("sij,sj->si", inverse, moment + prior * centre)
        offset = fast[1] / (fast[0] + config.fast_sd**-2)
        gain = np.clip(1 + beta[:, 1], _LEAST_GAIN, _MOST_GAIN)
        features = sensors.features[rows].copy()
        rest = sensors.u[rows] - middle - offset - np.einsum(
            "tsi,si->ts", features[..., [0, 2, 3, 4]], beta[:, [0, 2, 3, 4]]
        )  # fmt: skip
        solved = rest / gain
        x[rows] = solved + middle
        features[..., 1] = np.clip(solved, -3, 3)
        known = np.einsum("tsi,sij,tsj->ts", features, inverse, features)
        known = known + 1 / (fast[0] + config.fast_sd**-2)
        sd[rows] = np.sqrt(known + noise[1] / noise[0]) / gain
        level[rows] = np.abs(beta[:, 0] + offset - centre[:, 0]) / own.level
        count[rows] = learned
        # Now the day is over: what its references say.
        features[..., 1] = sensors.field[rows] - middle
        gap = sensors.u[rows] - sensors.field[rows]
        good = ~np.isnan(gap)
        features = np.where(good[..., None], features, 0.0)
        error = np.where(good, gap, 0.0) - np.einsum("tsi,si->ts", features, beta)
        weight = np.where(good, sensors.weight[rows], 0.0)
        scale = np.sqrt(noise[1] / noise[0])
        far = np.abs(error - offset) / (config.huber * scale)
        robust = weight / np.maximum(far, 1.0)
        value = robust / (scale**2 * config.together_h)
        precision = precision * keep + np.einsum("ts,tsi,tsj->sij", value, features, features)
        target = np.where(good, gap, 0.0)
        moment = moment * keep + np.einsum("ts,tsi,ts->si", value, features, target)
        fast = fast * keep_fast + np.stack([value.sum(axis=0), (value * error).sum(axis=0)])
        squares = np.minimum((error - offset) ** 2, (4 * scale) ** 2)
        noise = noise * keep + np.stack([weight.sum(axis=0), (weight * squares).sum(axis=0)])
        learned = learned + weight.sum(axis=0)
    return _Fit(x, sd, level, count)


def _natural(name: str, fit: _Fit, found: Health, config: NetworkConfig) -> tuple[Floats, Floats]:
    """Concentration and sd; masked where out, doubtful where suspect."""
    if config.space[name] == "log":
        rise = np.exp(np.minimum(fit.x, 12.0))
        value, sd = np.maximum(rise - config.offsets[name], 0), rise * fit.sd
    else:
        value = np.maximum(fit.x, 0) * config.centre[name]
        sd = fit.sd * config.centre[name]
    sd = sd * np.where(found.state == 2, 2.0, 1.0)
    return np.where(found.state == 3, np.nan, value), sd
