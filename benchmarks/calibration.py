"""How well a co-located sensor is calibrated: with its reference, and after it has moved on.

    python benchmarks/calibration.py COLOCATED.csv [--out docs/results/calibration.md]

Scores are cuts of the raw sensor's mean absolute error, in per cent. With all earlier references:
the last 30 % of rows. Withheld: from eight moments in the last 60 % of the time on, spaced evenly,
no reference is known any more; scored are the 1, 7 and 30 days that follow. The ridge baseline is
fitted on the 30 days before (sensor, weather, hour; daily anew, or for the last time when the
reference leaves).
"""

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from forecast import colocated
from forecast.calibration import EXPERTS, calibrate
from forecast.calibration_config import load
from forecast.colocated import POLLUTANTS, WEATHER, Colocated

DAYS = (1, 7, 30)
MOMENTS = 8
COLUMNS = ("pm25", "pm10", "no2", "o3", "co", "so2")


def ridge(data: Colocated, *, frozen: float = np.inf) -> np.ndarray:
    """Plain ridge regression on the past 30 days, daily; in hours since `frozen`, the last fit."""
    weather = data.weather.copy()
    rain = WEATHER.index("rain_counter")
    weather[:, rain] = np.clip(np.diff(weather[:, rain], prepend=weather[0, rain]), 0, None)
    phase = 2 * np.pi * (data.hours % 24) / 24
    x = np.column_stack([data.sensor, weather, np.sin(phase), np.cos(phase)])
    result = data.sensor.copy()
    for start in np.arange(data.hours[0] + 240, data.hours[-1] + 1, 24):
        rows = (data.hours >= start) & (data.hours < start + 24)
        end = min(start, frozen)
        past = (data.hours < end) & (data.hours >= end - 720)
        mean, scale = x[past].mean(axis=0), x[past].std(axis=0) + 1e-9
        z = (x[past] - mean) / scale
        level = data.reference[past].mean(axis=0)
        normal = z.T @ z + 10 * np.eye(z.shape[1])
        slope = np.linalg.solve(normal, z.T @ (data.reference[past] - level))
        result[rows] = np.maximum((x[rows] - mean) / scale @ slope + level, 0)
    return result


def error(values: np.ndarray, data: Colocated, rows: np.ndarray) -> np.ndarray:
    return np.asarray(np.nanmean(np.abs(values - data.reference)[rows], axis=0))


def line(name: str, cells: Sequence[object]) -> str:
    return f"| {name} | " + " | ".join(map(str, cells)) + " |"


def row(name: str, values: np.ndarray, decimals: int = 0) -> str:
    order = [POLLUTANTS.index(p) for p in COLUMNS]
    return line(name, [f"{values[k]:.{decimals}f}" for k in order])


def head(first: str) -> list[str]:
    return [line(first, COLUMNS), "|---" * (len(COLUMNS) + 1) + "|"]


def main() -> None:
    """Print the tables, and write them where asked."""
    table, problems = colocated.read(Path(sys.argv[1]))
    assert not problems, problems
    data, config = table.readings, load().colocated
    begin = time.perf_counter()
    found = calibrate(data, config)
    seconds = time.perf_counter() - begin
    last = np.arange(len(data.hours)) >= int(0.7 * len(data.hours))
    raw = error(data.sensor, data, last)

    def cut(values: np.ndarray) -> np.ndarray:
        return 100 * (1 - error(values, data, last) / raw)

    lines = ["## With every earlier reference", "", *head("last 30 % of rows")]
    lines += [
        row("raw sensor: MAE", raw, 2),
        row("corrected: MAE", error(found.values, data, last), 2),
    ]
    lines += [row("**corrected: cut, %**", cut(found.values), 1)]
    lines += [row("plain ridge, past 30 days: cut, %", cut(ridge(data)), 1)]
    lines += [
        row(f"expert {n}: cut, %", cut(found.experts[..., k]), 1) for k, n in enumerate(EXPERTS)
    ]
    far = np.abs(found.values - data.reference) / found.sd
    lines += [
        row(f"errors within {k} sd, %", 100 * (far[last] < k).mean(axis=0), 0) for k in (1, 2)
    ]
    lines += ["", f"{len(data.hours)} rows in {seconds:.0f} s, one thread.", ""]
    lines += withheld(data)
    text = "\n".join(lines)
    print(text)
    if "--out" in sys.argv:
        Path(sys.argv[sys.argv.index("--out") + 1]).write_text(text + "\n", encoding="utf-8")


def withheld(data: Colocated) -> list[str]:
    """Tables of the days after the reference has moved on."""
    config = load().colocated
    span = data.hours[-1] - data.hours[0]
    moments = np.linspace(data.hours[0] + 0.4 * span, data.hours[-1] - 720, MOMENTS)
    sums = {(d, n): np.zeros(6) for d in DAYS for n in ("raw", "corrected", "ridge", "live")}
    near = {(d, k): np.zeros(6) for d in DAYS for k in (1, 2)}
    counts = dict.fromkeys(DAYS, 0)
    live = ridge(data)
    for moment in moments:
        gone = data.reference.copy()
        gone[data.hours >= moment] = np.nan
        found = calibrate(replace(data, reference=gone), config)
        frozen = ridge(data, frozen=moment)
        for d in DAYS:
            rows = (data.hours >= moment) & (data.hours < moment + 24 * d)
            n = int(rows.sum())
            counts[d] += n
            for name, values in (("raw", data.sensor), ("corrected", found.values),
                                 ("ridge", frozen), ("live", live)):  # fmt: skip
                sums[d, name] += n * error(values, data, rows)
            far = np.abs(found.values - data.reference)[rows] / found.sd[rows]
            for k in (1, 2):
                near[d, k] += (far < k).sum(axis=0)
    lines = ["## After the reference has moved on", ""]
    for d in DAYS:
        lines += head(f"the {d} days after ({MOMENTS} departures)")
        lines += [row("raw sensor: MAE", sums[d, "raw"] / counts[d], 2)]
        for name, label in (
            ("corrected", "**corrected: cut, %**"),
            ("ridge", "plain ridge, last fitted at the departure: cut, %"),
            ("live", "plain ridge that still has its reference: cut, %"),
        ):
            lines += [row(label, 100 * (1 - sums[d, name] / sums[d, "raw"]), 1)]
        lines += [row(f"errors within {k} sd, %", 100 * near[d, k] / counts[d]) for k in (1, 2)]
        lines += [""]
    return lines


if __name__ == "__main__":
    main()
