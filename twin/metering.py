"""Stack monitors (CEMS) and electricity meters of the simulated enterprises.

Takes what units really emit and run, gives what monitors and meters show by hour. A monitor can be
made to show what was ordered; the meter beside it still counts the load. Knows nothing of the air.
An hour's values hang on the seed, the stack or unit, the hour and that hour's work alone.
"""

from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr

from forecast.problems import DataError, Problem
from twin.compliance import Behaviour
from twin.config_emissions import EMITTED
from twin.config_sensors import Metering
from twin.enterprises import mean_rates
from twin.sensor_noise import hour_number, keys, mixed, normal, smooth, uniform

MONITORED: Final = ("so2", "nox", "pm")
_STANDARD_K = 273.15
_BLOCK_HOURS = 24 * 8  # faults are drawn by such blocks
_STOPPED = 0.02  # load below which a stack is shown as standing


def stack_monitors(
    stacks: pd.DataFrame,
    units: pd.DataFrame,
    rates: np.ndarray,
    actual: np.ndarray,
    ordered: np.ndarray,
    acts: Behaviour,
    times: pd.DatetimeIndex,
    config: Metering,
    *,
    seed: int,
    simulated: str,
) -> xr.Dataset:
    """Hourly readings of every stack's monitor.

    Args:
        stacks: Index = stack; unit, share, diameter_m, speed_m_s, temperature_k.
        units: Index = unit, in the order of `rates`; daily means as Enterprises.units has them.
        rates: Emission without orders (unit, hour, species), kg/h, species as EMITTED.
        actual: Scale really run (unit, hour).
        ordered: Scale ordered (unit, hour).
        acts: Who fakes.
        times: Stamps, naive UTC.
        config: The settings.
        seed: The city's seed.
        simulated: What attrs["simulated"] says.

    Returns:
        so2, nox, pm (time, stack): concentration in mg per standard m3, NaN in calibration and
        outage, never above full scale; flow: standard m3/h; emission_so2 ... : kg/h, concentration
        times flow; truth_so2 ... : kg/h; calibrating, faked (time, stack) bool, the latter truth.

    Raises:
        DataError: Shapes that do not fit, or a stack of an unknown unit.
    """
    _check(stacks, units, rates, actual, ordered, times)
    of = units.index.get_indexer(pd.Index(stacks["unit"]))
    share = stacks["share"].to_numpy(float)[:, None, None]
    normal_rates = _monitored(rates)[of] * share  # (stack, hour, pollutant)
    true = normal_rates * actual[of][:, :, None]
    faked = acts.fakes[of][:, None] & (actual[of] > ordered[of] + 0.01)
    scale = np.where(faked, ordered[of], actual[of])
    usual = mean_rates(units)[:, None, :]
    mean = _monitored(usual)[of] * share
    full = _standard_flow(stacks)[:, None]
    counter = hour_number(times.to_numpy())[None, :]
    key = keys(seed, "cems", [str(s) for s in stacks.index])[:, None]
    load = scale * _activity(rates, usual)[of]
    standing = scale < _STOPPED
    # A plant at half load still blows more than half of the gas.
    flow = full * np.clip(0.4 + 0.6 * load, 0, 1.3)
    flow = np.where(standing, 0.05 * full, flow)
    flow_shown = flow * (1 + config.flow_relative * _part(key, 1, counter))
    shown: dict[str, np.ndarray] = {}
    gone, stuck = _faults(key, counter, config)
    phase = (key % np.uint64(int(config.calibration_days * 24))).astype(np.int64)
    calibrating = (counter + phase) % int(config.calibration_days * 24) < config.calibration_hours
    for i, name in enumerate(MONITORED):
        concentration = normal_rates[..., i] * scale * 1e6 / np.maximum(flow, 1)
        cap = config.cap_factor * mean[..., i] * 1e6 / full
        slow = smooth(mixed(key, 20 + i), counter, spacing=48)
        noise = np.sqrt(0.5) * (_part(key, 10 + i, counter) + slow)
        value = np.clip(concentration * (1 + config.concentration_relative * noise), 0, cap)
        value = _held(value, stuck)
        shown[name] = np.where(gone | calibrating, np.nan, value)
    wide = ("time", "stack")
    data: dict[str, Any] = {
        n: (wide, v.T.astype(np.float32), {"units": "mg m-3", "long_name": f"{n}, standard gas"})
        for n, v in shown.items()
    }
    data["flow"] = (wide, np.where(gone, np.nan, flow_shown).T.astype(np.float32),
                    {"units": "m3 h-1", "long_name": "standard gas flow"})  # fmt: skip
    for i, name in enumerate(MONITORED):
        emitted = (shown[name] * np.where(gone, np.nan, flow_shown) / 1e6).T.astype(np.float32)
        data[f"emission_{name}"] = (wide, emitted, {"units": "kg h-1", "long_name": "shown"})
        data[f"truth_{name}"] = (wide, true[..., i].T.astype(np.float32),
                                 {"units": "kg h-1", "long_name": "simulated truth"})  # fmt: skip
    data["calibrating"] = (wide, (calibrating & ~gone).T, {"long_name": "being calibrated"})
    data["faked"] = (wide, faked.T, {"long_name": "simulated truth: shows what was ordered"})
    coords = {
        "time": times.to_numpy().astype("datetime64[ns]"),
        "stack": stacks.index.to_numpy().astype(str),
        "unit": ("stack", stacks["unit"].to_numpy().astype(str)),
    }
    return xr.Dataset(data, coords, attrs={"simulated": simulated})


def electricity(
    units: pd.DataFrame,
    factors: np.ndarray,
    actual: np.ndarray,
    acts: Behaviour,
    ordered: np.ndarray,
    times: pd.DatetimeIndex,
    config: Metering,
    *,
    seed: int,
    simulated: str,
) -> xr.Dataset:
    """Hourly electricity of every unit, production and abatement apart.

    Args:
        units: Index = unit; value_yuan_d.
        factors: Activity without orders (unit, hour), mean one over a year.
        actual: Scale really run (unit, hour).
        acts: Who fakes: whoever does also saves the abatement's power while evading.
        ordered: Scale ordered (unit, hour).
        times: Stamps, naive UTC.
        config: The settings.
        seed: The city's seed.
        simulated: What attrs["simulated"] says.

    Returns:
        production, abatement (time, unit) kWh of the hour; usual (unit,) kWh, the mean hour.

    Raises:
        DataError: Shapes that do not fit.
    """
    wanted = (len(units), len(times))
    problems = [
        Problem(f"electricity: {n}", f"shape {v.shape}", f"(unit, hour) = {wanted}")
        for n, v in (("factors", factors), ("actual", actual), ("ordered", ordered))
        if v.shape != wanted
    ]
    if problems:
        raise DataError(problems)
    usual = np.maximum(units["value_yuan_d"].to_numpy(float) * config.kwh_per_yuan / 24, 1.0)
    load = factors * actual
    counter = hour_number(times.to_numpy())[None, :]
    key = keys(seed, "meter", [str(u) for u in units.index])[:, None]
    main = usual[:, None] * (1 - config.treatment_share)
    power = main * (config.idle_share + (1 - config.idle_share) * load)
    power = power * (1 + config.meter_relative * _part(key, 1, counter))
    evading = acts.fakes[:, None] & (actual > ordered + 0.01)
    clean = usual[:, None] * config.treatment_share * np.where(evading, 0.3, 1.0)
    clean = clean * np.where(load > _STOPPED, 0.5 + 0.5 * load, 0.05)
    clean = clean * (1 + config.meter_relative * _part(key, 2, counter))
    unit_hours = {"units": "kW h"}
    return xr.Dataset(
        {
            "production": (("time", "unit"), np.maximum(power, 0).T.round(2), unit_hours),
            "abatement": (("time", "unit"), np.maximum(clean, 0).T.round(2), unit_hours),
            "usual": ("unit", usual, unit_hours),
        },
        {
            "time": times.to_numpy().astype("datetime64[ns]"),
            "unit": units.index.to_numpy().astype(str),
        },
        attrs={"simulated": simulated},
    )


def _monitored(rates: np.ndarray) -> np.ndarray:
    """(unit, hour, species) -> (unit, hour, so2 nox pm)."""
    i = {name: k for k, name in enumerate(EMITTED)}
    dust = rates[..., i["pm25"]] + rates[..., i["pm_coarse"]]
    return np.stack([rates[..., i["so2"]], rates[..., i["nox"]], dust], axis=-1).astype(float)


def _activity(rates: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """Each unit's activity (unit, hour) relative to its yearly mean."""
    total = rates.astype(float).sum(axis=2)
    mean = usual.sum(axis=2)
    return np.where(mean > 0, total / np.where(mean > 0, mean, 1), 1.0)


def _standard_flow(stacks: pd.DataFrame) -> np.ndarray:
    """Gas of a stack at full load (stack,), m3/h at 0 degC."""
    area = np.pi / 4 * stacks["diameter_m"].to_numpy(float) ** 2
    speed, hot = stacks["speed_m_s"].to_numpy(float), stacks["temperature_k"].to_numpy(float)
    return np.asarray(area * speed * 3600 * _STANDARD_K / hot)


def _faults(
    key: np.ndarray, counter: np.ndarray, config: Metering
) -> tuple[np.ndarray, np.ndarray]:
    """Hours (stack, hour) without data, and hours stuck: at most one of each in eight days."""
    block, within = np.divmod(counter, _BLOCK_HOURS)
    found = []
    for purpose, per_year in ((30, config.outage_per_year), (40, config.stuck_per_year)):
        mine = mixed(mixed(key, purpose), block)
        happens = uniform(mine, 0) < per_year * _BLOCK_HOURS / 8766
        start = (uniform(mine, 1) * _BLOCK_HOURS).astype(int)
        length = config.median_hours * np.exp(0.8 * normal(mine, 2))
        found.append(happens & (within >= start) & (within < start + length))
    return found[0], found[1]


def _held(values: np.ndarray, stuck: np.ndarray) -> np.ndarray:
    """Stuck hours repeat the last value before; at the very beginning the first one."""
    number = np.where(stuck, 0, np.arange(values.shape[1])[None, :])
    return np.asarray(np.take_along_axis(values, np.maximum.accumulate(number, axis=1), axis=1))


def _part(key: np.ndarray, purpose: int, counter: np.ndarray) -> np.ndarray:
    return normal(mixed(key, purpose), counter)


def _check(
    stacks: pd.DataFrame, units: pd.DataFrame, rates: np.ndarray, actual: np.ndarray,
    ordered: np.ndarray, times: pd.DatetimeIndex,
) -> None:  # fmt: skip
    problems = []
    wanted = (len(units), len(times))
    for name, shape, expected in (
        ("rates", rates.shape, (*wanted, len(EMITTED))), ("actual", actual.shape, wanted),
        ("ordered", ordered.shape, wanted),
    ):  # fmt: skip
        if shape != expected:
            problems.append(Problem(f"stack monitors: {name}", f"shape {shape}", f"{expected}"))
    unknown = stacks.index[~stacks["unit"].isin(units.index)]
    problems += [Problem(f"stack {s}", "an unknown unit", "one of the register") for s in unknown]
    if problems:
        raise DataError(problems)
