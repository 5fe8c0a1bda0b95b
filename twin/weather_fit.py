"""Fit the simulated weather to real weather: `python -m twin.weather_fit --data DIR [--out FILE]`.

Takes the folder with `zhengzhou-typical-year` and `beijing-multi-site`; prints the fitted numbers
and writes them (numbers alone, no data) into configs/twin/weather.yaml. Climate by least squares;
what the regimes' own statistics miss is calibrated by simulating and comparing, month by month.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import yaml

from forecast.config import configs_dir
from forecast.files import write_text
from forecast.problems import DataError
from twin import weather_observed as observed
from twin.config_weather import Climate, WeatherConfig
from twin.weather_clock import mean3, monthly, solar_hour, year_angle
from twin.weather_physics import derive
from twin.weather_regimes import ANOMALIES, State, state

Period = tuple[pd.Timestamp, pd.Timestamp]  # first and last hour
SEED: Final = 1
PERIOD: Final[Period] = (pd.Timestamp("1951-01-01"), pd.Timestamp("2010-12-31 23:00"))
_ROUNDS = 5
_SOURCES = (
    "zhengzhou_570830.epw.gz (Zhengzhou, WMO 570830; EnergyPlus epw): China Standard Weather Data",
    "for Analyzing Building Thermal Conditions, May 2010; months of different years",
    "wind, ssrd: two waves through its months; bias, factors: found by simulating 60 years",
    "rain_mm: order of the 1981-2010 normals of northern Henan, from memory: assumption",
)
_HEAD = """\
# Fitted numbers of the simulated city's weather. Written by `python -m twin.weather_fit`;
# change them there. Waves: constant, cos, sin of the year (and of the half year), angle 0 on
# 1 January 00 UTC; daily courses in mean solar time.
"""


@dataclass(frozen=True)
class Targets:
    """What the calibration aims at, by month."""

    t2m: np.ndarray  # (12,) K
    d2m: np.ndarray
    wind: np.ndarray  # m/s
    ssrd: np.ndarray  # W m-2
    rain: np.ndarray  # mm a month


def fitted(data: Path, *, config: WeatherConfig, period: Period = PERIOD) -> dict[str, Any]:
    """The section `climate` as fitted to the data of a folder.

    Args:
        data: Folder with zhengzhou-typical-year/.
        config: Regimes and physics to calibrate; its rain normals are kept.
        period: Hours that are simulated to calibrate.

    Raises:
        DataError: A file is absent or of another kind.
    """
    table, longitude = observed.typical_year(data / "zhengzhou-typical-year")
    times = pd.DatetimeIndex(table.index)
    waves, daily, std = {}, {}, {}
    for name in ANOMALIES:
        waves[name], daily[name], rest = _least_squares(table[name], longitude, day=name != "sp")
        std[name] = _spread(rest)
    months = table.groupby(pd.DatetimeIndex(times + pd.Timedelta(hours=7)).month).mean()
    climate = {
        "source": list(_SOURCES),
        "t2m_k": waves["t2m"],
        "d2m_k": waves["d2m"],
        "sp_pa": waves["sp"],
        "t2m_diurnal_k": daily["t2m"],
        "d2m_diurnal_k": daily["d2m"],
        "day_std": std,
        "wind_m_s": _smooth(months["wind"].to_numpy()),
        "ssrd_w_m2": _smooth(months["ssrd"].to_numpy()),
        "rain_mm": list(config.climate.rain_mm),
        "calibration": config.climate.calibration.model_dump(),
    }
    targets = Targets(
        _year_of_months(waves["t2m"]),
        _year_of_months(waves["d2m"]),
        np.asarray(climate["wind_m_s"]),
        np.asarray(climate["ssrd_w_m2"]),
        np.array(config.climate.rain_mm),
    )
    start = config.model_copy(update={"climate": Climate.model_validate(climate)})
    climate["calibration"] = calibrated(start, targets, period)
    rounded: dict[str, Any] = _rounded(climate)
    return rounded


def calibrated(config: WeatherConfig, targets: Targets, period: Period = PERIOD) -> dict[str, Any]:
    """The section `climate.calibration`: simulated months brought to the targets."""
    raw = state(config, *period, seed=SEED, raw=True)
    local = pd.DatetimeIndex(raw.times + pd.Timedelta(hours=7))
    month = local.month.to_numpy() - 1
    mean = {name: _smooth(_monthly_mean(raw.channel(name), month)) for name in ANOMALIES}
    std = {}
    for name in ANOMALIES:
        centred = pd.Series(raw.channel(name) - monthly(tuple(mean[name]), raw.times))
        days = centred.groupby(np.arange(len(centred)) // 24).mean().to_numpy()
        std[name] = _smooth(np.sqrt(_monthly_mean(days**2, month[::24])))
    flat = np.ones(12)
    parts: dict[str, Any] = {
        "mean": mean, "std": std, "bias": {"t2m": 0 * flat, "d2m": 0 * flat},
        "wind_factor": flat, "sun_factor": 0.85 * flat, "rain_factor": flat,
    }  # fmt: skip
    for _ in range(_ROUNDS):
        parts = _closer(config, parts, targets, raw, month)
    return parts


def _closer(
    config: WeatherConfig, parts: Mapping[str, Any], targets: Targets, raw: State,
    month: np.ndarray,
) -> dict[str, Any]:  # fmt: skip
    """One round: simulate with these numbers, correct them by what is missed."""
    climate = config.climate.model_dump() | {"calibration": _rounded(dict(parts))}
    trial = config.model_copy(update={"climate": Climate.model_validate(climate)})
    made = derive(state(trial, raw.times[0], raw.times[-1], seed=SEED), trial)
    got = {name: _monthly_mean(made[name], month) for name in ("t2m", "d2m", "ssrd")}
    wind = _monthly_mean(np.hypot(made["u10"], made["v10"]), month)
    hours = np.bincount(month, minlength=12) / (len(month) / 8766)
    rain = _monthly_mean(made["tp"], month) * hours
    angle = year_angle(raw.times)
    std = {}
    for name in ANOMALIES:  # noise and cloud add their own: what is left is the regimes' part
        wanted = _monthly_mean(mean3(config.climate.day_std[name], angle), month)
        departures = made[name] - _season(made[name], raw.times)
        days = departures[: len(departures) // 24 * 24].reshape(-1, 24).mean(axis=1)
        found = np.sqrt(_monthly_mean(days**2, month[::24][: len(days)]))
        std[name] = _smooth(np.asarray(parts["std"][name]) * found / wanted)
    return {
        "mean": parts["mean"],
        "std": std,
        "bias": {
            "t2m": _smooth(parts["bias"]["t2m"] + targets.t2m - got["t2m"]),
            "d2m": _smooth(parts["bias"]["d2m"] + targets.d2m - got["d2m"]),
        },
        "wind_factor": _smooth(parts["wind_factor"] * targets.wind / wind),
        "sun_factor": _smooth(parts["sun_factor"] * targets.ssrd / got["ssrd"]),
        # Not smoothed: the rainy season does begin within weeks.
        "rain_factor": np.clip(
            parts["rain_factor"] * np.sqrt(targets.rain / np.maximum(rain, 0.1)), 0.1, 10
        ),
    }


def _season(values: np.ndarray, times: pd.DatetimeIndex) -> np.ndarray:
    """The long mean of each day of the year, by two waves (hour,)."""
    angle = year_angle(times)
    columns = _waves(angle, 2)
    return np.asarray(columns @ np.linalg.lstsq(columns, values, rcond=None)[0])


def _least_squares(
    series: pd.Series, longitude: float, *, day: bool
) -> tuple[list[float], dict[str, list[float]], pd.Series]:
    """Waves of the year, of the day (by season), and what is left."""
    times = pd.DatetimeIndex(series.index)
    angle = year_angle(times)
    season = _waves(angle, 1)
    hour = 2 * np.pi / 24 * solar_hour(times, longitude)
    shapes = {"cos1": np.cos(hour), "sin1": np.sin(hour),
              "cos2": np.cos(2 * hour), "sin2": np.sin(2 * hour)}  # fmt: skip
    columns = [_waves(angle, 2)]
    if day:
        columns += [shape[:, None] * season for shape in shapes.values()]
    matrix = np.concatenate(columns, axis=1)
    found, *_ = np.linalg.lstsq(matrix, series.to_numpy(), rcond=None)
    daily = {n: found[5 + 3 * i : 8 + 3 * i].tolist() for i, n in enumerate(shapes)} if day else {}
    return found[:5].tolist(), daily, series - matrix @ found


def _spread(rest: pd.Series) -> list[float]:
    """Standard deviation of daily means, as a wave of the year (from absolute departures)."""
    local = pd.DatetimeIndex(rest.index) + pd.Timedelta(hours=7)
    days = rest.groupby(local.floor("D")).mean()
    matrix = _waves(year_angle(pd.DatetimeIndex(days.index)), 1)
    size = np.abs(days.to_numpy()) * np.sqrt(np.pi / 2)
    found: list[float] = np.linalg.lstsq(matrix, size, rcond=None)[0].tolist()
    return found


def _smooth(months: np.ndarray) -> np.ndarray:
    """Two waves through twelve months: a single year's or sample's months are no climate."""
    columns = _waves(2 * np.pi * (np.arange(12) + 0.5) / 12, 2)
    return np.asarray(columns @ np.linalg.lstsq(columns, months, rcond=None)[0])


def _year_of_months(waves: list[float]) -> np.ndarray:
    """Monthly means (12,) of a yearly course."""
    times = pd.date_range("2005-01-01", "2005-12-31 23:00", freq="h", unit="ns")
    values = _waves(year_angle(times), 2) @ np.asarray(waves)
    return _monthly_mean(values, times.month.to_numpy() - 1)


def _waves(angle: np.ndarray, count: int) -> np.ndarray:
    columns = [np.ones(len(angle))]
    for k in range(1, count + 1):
        columns += [np.cos(k * angle), np.sin(k * angle)]
    return np.stack(columns, axis=1)


def _monthly_mean(values: np.ndarray, month: np.ndarray) -> np.ndarray:
    return np.asarray(
        np.bincount(month, weights=values, minlength=12) / np.bincount(month, minlength=12)
    )


def _rounded(part: Any) -> Any:
    """Five significant digits, plain lists."""
    if isinstance(part, Mapping):
        return {key: _rounded(value) for key, value in part.items()}
    if isinstance(part, np.ndarray | list | tuple):
        return [_rounded(value) for value in part]
    return float(f"{part:.6g}") if isinstance(part, float | np.floating) else part


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m twin.weather_fit", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the real data sets")
    parser.add_argument("--out", type=Path, default=configs_dir() / "twin" / "weather.yaml")
    given = parser.parse_args(arguments)
    try:
        climate = fitted(given.data, config=WeatherConfig())
    except DataError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    text = _HEAD + yaml.safe_dump(
        {"climate": climate}, sort_keys=False, default_flow_style=None, width=100
    )
    sys.stdout.write(text)
    write_text(given.out, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
