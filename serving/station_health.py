"""Single stations: what the tests of quality found, and how sensors are calibrated, as of a run.

Takes the run's flagged readings and its calibration; gives for each station the last 24 hours'
flags (which tests, how often) and, where the city corrects its sensors, each sensor's state and the
standard error of its PM2.5. The run leaves it as stations.json for the page.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import xarray as xr

from forecast import quality, sensor_health
from forecast.history import History
from forecast.schema import POLLUTANTS

FILE: Final = "stations.json"
HOURS: Final = 24
STATES: Final = ("ok", "learning", "suspect", "out")  # forecast.sensor_health
REASONS: Final = {
    "reading": sensor_health.READING, "far": sensor_health.FAR,
    "unrelated": sensor_health.UNRELATED, "drift": sensor_health.DRIFT,
    "clock": sensor_health.CLOCK, "coordinates": sensor_health.COORDINATES,
}  # fmt: skip


def content(known: History) -> dict[str, Any]:
    """The last 24 hours of a history by station: for JSON.

    Returns:
        hours; calibrated (bool); stations: id -> known, suspect, failed (values of the
        pollutants), of (how many there could be), tests (name -> values it found), and, of a
        sensor that is corrected, state (of STATES), reasons (of REASONS), sd of the newest
        corrected PM2.5 [ug m-3] or None.
    """
    last = known.flagged.isel(time=slice(-HOURS, None)).transpose("time", "station", ...)
    names = [p for p in POLLUTANTS if f"{p}_flag" in last]
    flags = np.stack([last[f"{p}_flag"].to_numpy() for p in names])  # (pollutant, hour, station)
    bits = np.stack([last[f"{p}_tests"].to_numpy().astype(np.int64) for p in names])
    counts = {
        "known": (flags != quality.MISSING).sum(axis=(0, 1)),
        "suspect": (flags == quality.SUSPECT).sum(axis=(0, 1)),
        "failed": (flags == quality.FAIL).sum(axis=(0, 1)),
    }
    tests = {name: ((bits & (1 << i)) > 0).sum(axis=(0, 1)) for i, name in enumerate(quality.TESTS)}
    whole = int(flags.shape[0] * flags.shape[1])
    sensors = {} if known.calibration is None else _sensors(known.calibration)
    made = {}
    for k, code in enumerate(last["station"].to_numpy().astype(str).tolist()):
        made[code] = {
            **{name: int(values[k]) for name, values in counts.items()}, "of": whole,
            "tests": {name: int(v[k]) for name, v in tests.items() if v[k]},
            **sensors.get(code, {}),
        }  # fmt: skip
    return {"hours": HOURS, "calibrated": known.calibration is not None, "stations": made}


def _sensors(made: xr.Dataset) -> dict[str, dict[str, Any]]:
    """State, reasons and error of each sensor at the last hour; references are not judged."""
    last = made.isel(time=-1)
    reference = last["reference"].to_numpy().astype(bool)
    state = last["health"].to_numpy()
    reasons = np.zeros(len(state), dtype=np.int64)
    for p in POLLUTANTS:
        if f"{p}_reason" in last:
            reasons |= last[f"{p}_reason"].to_numpy().astype(np.int64)
    sd = np.full(len(state), np.nan)
    if "pm25_sd" in made:
        recent = made["pm25_sd"].transpose("time", "station").to_numpy()[-HOURS:]
        known = np.isfinite(recent)
        newest = len(recent) - 1 - np.argmax(known[::-1], axis=0)
        sd = np.where(known.any(axis=0), recent[newest, np.arange(len(state))], np.nan)
    return {
        code: {
            "state": STATES[int(state[k])],
            "reasons": [word for word, bit in REASONS.items() if reasons[k] & bit],
            "sd": round(float(sd[k]), 1) if np.isfinite(sd[k]) else None,
        }
        for k, code in enumerate(last["station"].to_numpy().astype(str).tolist())
        if not reference[k]
    }


def worst_first(one: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """Sorting key of a station: sensors that are out, then flags, then gaps."""
    state = STATES.index(one["state"]) if one.get("state") in STATES else 0
    return (-state, -int(one["failed"]), -int(one["suspect"]), int(one["known"]) - int(one["of"]))
