"""The command `lantian calibrate`: a micro-station's table in, the same rows corrected out.

Columns out, in the rows' own order: time (as written), pm25 pm10 co no2 so2 o3 (units of the
input), <pollutant>_sd (standard deviation of the error, same unit), <pollutant>_age_h (hours
since the newest reference known before the row; empty: none so far), health. An empty value: the
sensor had none there.

health is `ok`, or words joined by `;`: learning (few references so far), stale (no reference for
longer than the settings say), stuck:<pollutant>, missing:<pollutant>; unusable: the row's time was
wrong or was there before.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast import colocated
from forecast.calibration import Corrected, calibrate
from forecast.calibration_config import ColocatedConfig, load
from forecast.colocated import POLLUTANTS, Colocated
from forecast.files import write_text
from forecast.problems import Problem
from forecast.sensor_health import run_hours


def run(table: Path, *, out: Path, config: Path | None = None) -> list[Problem]:
    """Write the corrected values of a table; each uses only what was known before it.

    Args:
        table: The CSV (forecast.colocated names its columns).
        out: The CSV to write; whole or not at all.
        config: Settings; the shipped ones by default.

    Returns:
        What is wrong in the data, by row and column; all else was done.

    Raises:
        ConfigError: The file, its columns or the settings are wrong; nothing was written.
    """
    settings = load(config).colocated
    source, problems = colocated.read(table)
    data = source.readings
    if np.isnan(data.reference).all():
        expected = "a reference (ref_<pollutant>); values stay as read"
        problems.append(Problem(str(table), "no reference in any row", expected))
    corrected = calibrate(data, settings)
    words = health(data, corrected.age_h, settings)
    write_text(out, _cells(source, corrected, words).to_csv(index=False, lineterminator="\n"))
    return problems


def health(data: Colocated, age_h: NDArray[np.float64], config: ColocatedConfig) -> list[str]:
    """Words on the station's state per row, from that row and earlier ones."""
    known = ~np.isnan(data.reference)
    # References before the row: the row's own one is not known yet.
    any_known = np.asarray(known.any(axis=1), dtype=np.int64)
    so_far = np.cumsum(any_known) - any_known
    with np.errstate(invalid="ignore"):
        youngest = np.fmin.reduce(age_h, axis=1, initial=np.inf)
    present = ~np.isnan(data.sensor)
    # A pollutant counts as carried from its first reading on: later rows are not known yet.
    carried = np.logical_or.accumulate(present, axis=0)
    stuck = np.asarray(run_hours(data.sensor, data.hours) >= config.stuck_h)
    words = []
    for i in range(len(data.hours)):
        found = ["learning"] if so_far[i] < config.learning_rows else []
        found += ["stale"] if config.stale_h < youngest[i] < np.inf else []
        found += [f"stuck:{p}" for k, p in enumerate(POLLUTANTS) if stuck[i, k]]
        found += [
            f"missing:{p}" for k, p in enumerate(POLLUTANTS) if carried[i, k] and not present[i, k]
        ]
        words.append(";".join(found) or "ok")
    return words


def _cells(source: colocated.Table, corrected: Corrected, words: list[str]) -> pd.DataFrame:
    """The table to write, rows as they came."""
    where, used = np.maximum(source.position, 0), source.position >= 0
    columns: dict[str, object] = {"time": source.time.to_numpy()}

    def placed(values: NDArray[np.float64], decimals: int) -> NDArray[np.float64]:
        if not len(values):
            return np.full(len(where), np.nan)
        return np.asarray(np.where(used, np.round(values[where], decimals), np.nan))

    for suffix, block, decimals in (
        ("", corrected.values, 3),
        ("_sd", corrected.sd, 3),
        ("_age_h", corrected.age_h, 2),
    ):
        for k, p in enumerate(POLLUTANTS):
            columns[f"{p}{suffix}"] = placed(block[:, k], decimals)
    columns["health"] = [words[i] if ok else "unusable" for i, ok in zip(where, used, strict=True)]
    return pd.DataFrame(columns)
