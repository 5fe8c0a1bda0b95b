"""Fits the micro-sensor's errors on a sensor that stood beside a national station.

    python -m twin.sensor_fit --data DIR [--out FILE]

Takes the folder of the real data sets (micro-sensor/colocated.csv.gz: reference, sensor and
weather by hour), prints what it finds, and writes numbers alone, no data, to
configs/twin/sensors.yaml. Then simulates sensors on the same reference and weather and prints
simulated beside real. Knows nothing of the simulated city.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from scipy.optimize import least_squares, nnls

from forecast.config import configs_dir
from forecast.problems import DataError, LantianError, Problem
from forecast.schema import POLLUTANTS
from forecast.weather_derived import dew_point
from twin.config_sensors import SensorsConfig
from twin.sensor_noise import hour_number, smooth_autocorrelation
from twin.sensor_physics import DENSITY, LEAST_GAIN, SPACINGS, Instruments, instruments, respond

CROSS = {"pm10": "pm25", "no2": "o3", "o3": "no2", "so2": "no2", "co": "no2"}
HUMID_MOST = 95.0  # %: the growth's formula has a pole at 100, and the box is not that damp inside
LAGS = np.array([0, 1, 2, 3, 6, 12, 24, 48, 72, 168, 336, 504])
CYCLE_HOURS = 120 * 24.0  # the data's span: one break inside it
SOURCE = "micro-sensor/colocated.csv.gz: one micro-station beside a national station"


def load(folder: Path) -> pd.DataFrame:
    """The co-located hours: ref_* and sensor by pollutant, temperature degC, relative_humidity %.

    Raises:
        DataError: The file is absent, or lacks columns.
    """
    path = folder / "micro-sensor" / "colocated.csv.gz"
    try:
        table = pd.read_csv(path, parse_dates=["time"]).set_index("time").sort_index()
    except (OSError, ValueError) as error:
        raise DataError([Problem(str(path), str(error), "the co-located series")]) from error
    wanted = [*(f"ref_{p}" for p in POLLUTANTS), *POLLUTANTS, "temperature", "relative_humidity"]
    if missing := [c for c in wanted if c not in table]:
        raise DataError([Problem(str(path), f"no column {missing}", "the co-located series")])
    return table[wanted].dropna()


def service_break(table: pd.DataFrame) -> int:
    """Row from which the sensor behaves differently: the split that explains all pollutants best.

    For each day's start: straight lines sensor on reference before and after, residual variances
    relative to one line's, summed over the pollutants; the smallest wins.
    """
    days = (
        np.flatnonzero(np.diff(table.index.to_numpy().astype("datetime64[D]").astype(int)) > 0) + 1
    )
    margin = len(table) // 10
    best = (np.inf, margin)
    for row in days[(days > margin) & (days < len(table) - margin)]:
        score = 0.0
        for p in POLLUTANTS:
            x, y = table[f"ref_{p}"].to_numpy(), table[p].to_numpy()
            parts = [_line_sse(x[:row], y[:row]), _line_sse(x[row:], y[row:])]
            score += sum(parts) / _line_sse(x, y)
        best = min(best, (score, int(row)))
    return best[1]


def spikes(series: np.ndarray) -> tuple[np.ndarray, float]:
    """Which hours spike (n,), and by what factor in the median (two where none does)."""
    usual = pd.Series(series).rolling(5, center=True, min_periods=3).median().to_numpy()
    away = np.abs(series - usual)
    width = max(float(np.median(away)) * 1.4826, 0.05 * float(np.median(series)))
    hit = (away > 12 * width) & (series > usual)
    factor = float(np.median(series[hit] / usual[hit])) if hit.any() else 2.0
    return hit, factor


def fit(table: pd.DataFrame) -> dict[str, Any]:
    """All pollutants' parameters, as configs/twin/sensors.yaml holds them."""
    row = service_break(table)
    cycle = (np.arange(len(table)) >= row).astype(int)
    micro = {p: _fit_one(table, p, cycle) for p in POLLUTANTS}
    warm, cold = (float(table["temperature"].quantile(q)) for q in (0.995, 0.005))
    return {
        "source": f"{SOURCE}, {len(table)} hours; behaves anew from {table.index[row]:%Y-%m-%d}",
        "ranges": {
            "temperature_c": [round(cold, 1), round(warm, 1)],
            "humidity_percent": [20.0, HUMID_MOST],
        },
        "micro": micro,
    }


def simulated(
    table: pd.DataFrame, parameters: dict[str, Any], *, sensors: int, seed: int
) -> tuple[Instruments, np.ndarray]:
    """Readings (hour, sensor, pollutant) of simulated sensors of the fitted quality beside it."""
    tier = {
        "qualities": [{"share": 1.0, "scale": 1.0}], "unit_gain_sd": 0.0, "unit_offset_sd": 0.0,
        "analyser_relative": 0.0, "analyser_floors": 0.0, "drift_per_month": 0.0,
        "maintenance_days": 120,
    }  # fmt: skip
    config = SensorsConfig.model_validate({**parameters, "tiers": {"village": tier}})
    names = pd.Index([f"S{i:03d}" for i in range(sensors)], name="station")
    made = instruments(pd.DataFrame({"tier": "village"}, index=names), config, seed=seed)
    truth = table[[f"ref_{p}" for p in POLLUTANTS]].to_numpy()[:, None, :]
    wide = (len(table), sensors)
    t2m = np.broadcast_to(table["temperature"].to_numpy()[:, None] + 273.15, wide)
    humid = np.broadcast_to(table["relative_humidity"].to_numpy()[:, None], wide)
    truth = np.broadcast_to(truth, (*wide, len(POLLUTANTS)))
    shown = respond(made, truth, t2m, dew_point(t2m, humid), hour_number(table.index.to_numpy()))
    return made, shown


def statistics(reference: np.ndarray, shown: np.ndarray, times: np.ndarray) -> dict[str, float]:
    """Bias, MAE, r, r within weeks, standard deviation, autocorrelation of the error (1, 24 h)."""
    error = shown - reference
    week = (times - times[0]) // np.timedelta64(7, "D")
    pair = pd.DataFrame({"x": reference, "y": shown})
    inner = pair - pair.groupby(week).transform("mean")
    hourly = pd.Series(error, pd.DatetimeIndex(times)).resample("h").mean()
    return {
        "bias": float(error.mean()),
        "mae": float(np.abs(error).mean()),
        "r": float(np.corrcoef(reference, shown)[0, 1]),
        "r_week": float(inner["x"].corr(inner["y"])),
        "sd": float(shown.std()),
        "acf1": float(hourly.autocorr(1)),
        "acf24": float(hourly.autocorr(24)),
    }


def comparison(
    table: pd.DataFrame, parameters: dict[str, Any], *, sensors: int = 100, seed: int = 1
) -> pd.DataFrame:
    """Real statistics beside the simulated sensors' 5 %, 50 % and 95 %; one row each."""
    _, shown = simulated(table, parameters, sensors=sensors, seed=seed)
    times = table.index.to_numpy()
    rows = []
    for i, p in enumerate(POLLUTANTS):
        reference = table[f"ref_{p}"].to_numpy()
        real = statistics(reference, table[p].to_numpy(), times)
        made = pd.DataFrame(
            [statistics(reference, shown[:, k, i], times) for k in range(shown.shape[1])]
        )
        for name, value in real.items():
            low, middle, high = made[name].quantile([0.05, 0.5, 0.95])
            rows.append((p, name, value, low, middle, high))
    columns = ["pollutant", "statistic", "real", "simulated_05", "simulated_50", "simulated_95"]
    return pd.DataFrame(rows, columns=columns)


def _fit_one(table: pd.DataFrame, p: str, cycle: np.ndarray) -> dict[str, Any]:
    shown = table[p].to_numpy()
    hit, factor = spikes(shown)
    kept = table[~hit]
    cycle, shown = cycle[~hit], shown[~hit]
    own = kept[f"ref_{p}"].to_numpy()
    other = kept[f"ref_{CROSS[p]}"].to_numpy() if p in CROSS else None
    found = _particles(kept, p, own, other, cycle) if p[:2] == "pm" else _gas(kept, p, own, other)
    level = found.pop("level")
    if p[:2] != "pm":
        gains = [_gas(kept[cycle == c], p, own[cycle == c], _of(other, cycle == c))["gain"]
                 for c in (0, 1)]  # fmt: skip
        gains = [max(g, LEAST_GAIN) for g in gains]
        weight = np.array([(cycle == 0).mean(), (cycle == 1).mean()])
        change = float(weight @ gains) - found["gain"]
        level = level + change * (own - own.mean())
        found["gain"] += change
        found["cycle_gain_sd"] = float(abs(gains[0] - gains[1]) / np.sqrt(2))
    error = shown - level
    additive, relative = _spread(error, level) if p[:2] == "pm" else (float(np.std(error)), 0.0)
    scaled = pd.Series(error / np.hypot(additive, relative * level), kept.index)
    parts = {k: v for k, v in found.items() if k != "cross"}
    result: dict[str, Any] = {k: _short(v) for k, v in parts.items()}
    result["cross"] = {CROSS[p]: _short(found["cross"])} if p in CROSS else {}
    result |= {"additive": _short(additive), "relative": _short(relative)}
    result["shares"] = _shares(scaled)
    result["floor"] = _short(float(shown.min()))
    result |= {"spike_share": _short(float(hit.mean())), "spike_factor": _short(factor)}
    return result


def _particles(
    kept: pd.DataFrame, p: str, own: np.ndarray, other: np.ndarray | None, cycle: np.ndarray
) -> dict[str, Any]:
    """Growth times (gain own + cross other) + offset, robustly; the gain also by service cycle."""
    activity = kept["relative_humidity"].clip(20, HUMID_MOST).to_numpy() / 100
    shown = kept[p].to_numpy()
    second = np.zeros(len(own)) if other is None else other

    def level(t: np.ndarray) -> np.ndarray:
        growth = 1 + t[1] / DENSITY * activity / (1 - activity)
        return np.asarray(growth * (t[0] * own + t[3] * second) + t[2])

    def miss(t: np.ndarray) -> np.ndarray:
        return np.asarray(level(t) - shown)

    most = 1e-9 if other is None else 3.0
    t = least_squares(
        miss, [1.0, 0.1, 5.0, most / 2],
        bounds=([0.02, 0, -50, 0], [3, 2, 100, most]), loss="soft_l1", f_scale=15.0,
    ).x  # fmt: skip
    ratios = [np.median(shown[cycle == c] - t[2]) / np.median(level(t)[cycle == c] - t[2])
              for c in (0, 1)]  # fmt: skip
    sd = float(t[0] * abs(ratios[0] - ratios[1]) / np.sqrt(2))
    return {
        "gain": float(t[0]), "cycle_gain_sd": sd, "kappa": float(t[1]), "offset": float(t[2]),
        "cross": float(t[3]), "temperature": 0.0, "humidity": 0.0, "level": level(t),
    }  # fmt: skip


def _gas(kept: pd.DataFrame, p: str, own: np.ndarray, other: np.ndarray | None) -> dict[str, Any]:
    """Least squares within weeks, so that slow drift does not pass for a response."""
    week = (kept.index - kept.index[0]) // pd.Timedelta(days=7)
    damp = np.maximum(kept["relative_humidity"].clip(20, HUMID_MOST).to_numpy() - 60, 0) / 10
    columns = {"own": own, "t": kept["temperature"].to_numpy() - 10, "rh": damp}
    if other is not None:
        columns["cross"] = other
    x = pd.DataFrame(columns, index=kept.index)
    inner = (x - x.groupby(week).transform("mean")).to_numpy()
    y = kept[p]
    b = np.linalg.lstsq(inner, (y - y.groupby(week).transform("mean")).to_numpy(), rcond=None)[0]
    b[0] = max(b[0], LEAST_GAIN)
    offset = float(y.mean() - x.to_numpy().mean(axis=0) @ b)
    return {
        "gain": float(b[0]), "cycle_gain_sd": 0.0, "kappa": 0.0, "offset": offset,
        "cross": float(b[3]) if other is not None else 0.0, "temperature": float(b[1]),
        "humidity": float(b[2]), "level": x.to_numpy() @ b + offset,
    }  # fmt: skip


def _spread(error: np.ndarray, level: np.ndarray) -> tuple[float, float]:
    """Additive and relative part of the error's standard deviation."""
    columns = np.column_stack([np.ones(len(level)), level**2])
    weight = 1 / (0.2 * level + level.mean() * 0.2) ** 2
    found, _ = nnls(columns * weight[:, None], error**2 * weight)
    return float(np.sqrt(found[0])), float(np.sqrt(found[1]))


def _shares(scaled: pd.Series) -> dict[str, float]:
    """Parts of the error by time scale whose autocovariances sum to the observed one."""
    hourly = scaled.resample("h").mean()
    hourly = hourly - hourly.mean()
    seen = np.array([float((hourly * hourly.shift(k)).mean()) for k in LAGS])
    parts = [np.where(LAGS == 0, 1.0, 0.0)]
    parts += [smooth_autocorrelation(LAGS, spacing=s) for s in SPACINGS.values()]
    parts.append(np.clip(1 - LAGS / CYCLE_HOURS, 0, 1))
    found, _ = nnls(np.column_stack(parts), seen)
    rounded = [round(float(v), 3) for v in found / found.sum()]
    rounded[int(np.argmax(rounded))] += round(1 - sum(rounded), 3)
    return dict(zip(("white", *SPACINGS, "cycle"), (round(v, 3) for v in rounded), strict=True))


def _line_sse(x: np.ndarray, y: np.ndarray) -> float:
    covariance = np.cov(x, y)
    return float((covariance[1, 1] - covariance[0, 1] ** 2 / covariance[0, 0]) * (len(x) - 1))


def _of(values: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    return None if values is None else values[rows]


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def main(arguments: list[str] | None = None) -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the real data sets")
    default = configs_dir() / "twin" / "sensors.yaml"
    parser.add_argument("--out", type=Path, default=default)
    given = parser.parse_args(arguments)
    try:
        table = load(given.data)
    except LantianError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    parameters = fit(table)
    head = (
        "# Fitted numbers of the simulated sensors. Written by `python -m twin.sensor_fit`;\n"
        "# change them there. Units of the schema. How tiers mix instruments and how often they\n"
        "# fail is assumed: sensors_assumed.yaml.\n"
    )
    text = yaml.safe_dump(parameters, sort_keys=False, allow_unicode=True, width=96)
    sys.stdout.write(text + "\n")
    given.out.write_text(head + text, encoding="utf-8")
    sys.stdout.write(comparison(table, parameters).round(3).to_string(index=False) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
