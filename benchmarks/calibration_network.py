"""A mock network without co-location: error before and after, faults found, and the time it takes.

    python benchmarks/calibration_network.py [--stations 120] [--days 90]

The truth is schema.mock_observations with gradients that grow in stagnant air; sensors have gain,
bias, humidity effect and noise, and one in three a fault from the second half on.
"""

import argparse
import os
import resource
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import xarray as xr
from scipy.signal import lfilter

from forecast import transfer, transfer_score
from forecast.calibration_config import load
from forecast.schema import POLLUTANTS, dataset, mock_observations

FAULTS = ("drift", "stuck", "spikes", "noise", "gain", "clock")


def truth(*, stations: int, hours: int, references: int, seed: int) -> xr.Dataset:
    """Mock air with gradients; one in `stations / references` is a reference; none missing."""
    rng = np.random.default_rng(seed)
    base = mock_observations(hours=hours, stations=1, seed=seed)
    base = base.interpolate_na("time").bfill("time").ffill("time")
    kind = rng.permutation(np.r_[np.zeros(references), 1 + np.arange(stations - references) % 2])
    table = pd.DataFrame(
        {
            "name": "模拟", "tier": np.array(["city", "township", "village"])[kind.astype(int)],
            "area": "a", "latitude": 35.2 + rng.uniform(-0.25, 0.25, stations),
            "longitude": 113.2 + rng.uniform(-0.35, 0.35, stations),
            "reference": kind == 0, "background": False,
        },
        index=pd.Index([f"S{i:04d}" for i in range(stations)], name="station"),
    )  # fmt: skip
    wind = np.hypot(base["u10"], base["v10"]).to_numpy()
    calm = 1 / (1 + (wind / 1.5) ** 2)
    # Six smooth patterns that come and go: gradients, larger in calm air.
    place = table[["latitude", "longitude"]].to_numpy() @ rng.normal(0, 12, (2, 6))
    patterns = np.cos(place + rng.uniform(0, 6, 6)) / np.sqrt(6)
    values = {}
    for p in POLLUTANTS:
        course = lfilter([0.2], [1, -0.98], rng.standard_normal((hours, 6)), axis=0)
        local = calm * (0.5 * rng.standard_normal(stations) + 0.6 * course @ patterns.T)
        own = lfilter([0.02], [1, -0.9], rng.standard_normal((hours, stations)), axis=0)
        values[p] = base[p].to_numpy() * np.exp(0.35 * local + own)
    weather = ("u10", "v10", "t2m", "d2m", "sp", "tp")
    wide = np.ones((1, stations))
    values |= {w: base[w].to_numpy() * wide for w in weather}
    return dataset(base["time"].to_numpy(), table, values)


def readings(air: xr.Dataset, *, seed: int) -> tuple[xr.Dataset, "pd.Series[str]"]:
    """What sensors make of it, and which have which fault."""
    rng = np.random.default_rng(seed)
    hours, stations = air["pm25"].shape
    reference = air["reference"].to_numpy()
    kind = np.array(["none"] * stations, dtype=object)
    lower = np.flatnonzero(~reference)
    faulty = rng.permutation(lower)[: len(lower) // 3]
    kind[faulty] = [FAULTS[i % len(FAULTS)] for i in range(len(faulty))]
    c = air["t2m"].to_numpy() - 273.15
    d = air["d2m"].to_numpy() - 273.15
    moist = np.clip(np.exp(17.62 * d / (243 + d) - 17.62 * c / (243 + c)), 0, 0.97)
    late = (np.arange(hours) > hours // 2)[:, None]
    values = {}
    for p in POLLUTANTS:
        x = air[p].to_numpy()
        level = float(np.median(x))
        gain = np.exp(0.25 + 0.2 * rng.standard_normal(stations))
        damp = np.log1p(0.3 * moist / (1 - moist)) * np.clip(rng.normal(0.7, 0.25, stations), 0, 2)
        y = x * gain * np.exp(damp if p.startswith("pm") else 0.3 * (c - 5) / 20)
        y = y + (0 if p.startswith("pm") else level * 0.2 * rng.standard_normal(stations))
        if p in ("no2", "o3"):
            y = y + 0.15 * air["o3" if p == "no2" else "no2"].to_numpy()
        y = np.maximum(y * np.exp(0.1 * rng.standard_normal(x.shape)), 0)
        y = np.where(reference, x * np.exp(0.03 * rng.standard_normal(x.shape)), y)
        age = np.cumsum(late, axis=0) / 24
        y = np.where(kind == "drift", y * np.exp(0.02 * age), y)
        y = np.where((kind == "stuck") & late, y[hours // 2], y)
        y = np.where((kind == "spikes") & late & (rng.random(x.shape) < 0.05), y * 8 + 100, y)
        y = np.where((kind == "noise") & late, y * np.exp(1.0 * rng.standard_normal(x.shape)), y)
        y = np.where((kind == "gain") & late, y * 2.5, y)
        y = np.where((kind == "clock") & late, np.roll(y, 8, axis=0), y)
        values[p] = np.where(rng.random(x.shape) < 0.02, np.nan, y).round(3)
    values |= {w: air[w].to_numpy() for w in ("u10", "v10", "t2m", "d2m", "sp", "tp")}
    table = pd.DataFrame(
        {n: air[n].to_numpy() for n in ("name", "tier", "area", "latitude", "longitude",
                                        "reference", "background")},
        index=pd.Index(air["station"].to_numpy().astype(str), name="station"),
    )  # fmt: skip
    return dataset(air["time"].to_numpy(), table, values), pd.Series(kind, index=table.index)


def main() -> None:
    """Print errors, detections, seconds and memory."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--stations", type=int, default=120)
    parser.add_argument("--days", type=int, default=90)
    given = parser.parse_args()
    air = truth(stations=given.stations, hours=24 * given.days, references=5, seed=1)
    obs, faults = readings(air, seed=2)
    begin = time.perf_counter()
    found = transfer.calibrate_network(obs, load().network)
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    half = air["time"].to_numpy()[12 * given.days]
    parts = [d.sel(time=slice(half, None)) for d in (air, obs, found)]
    table = transfer_score.errors(*parts, faults)
    table["cut"] = 100 * (1 - table["after"] / table["before"])
    print(table[table["tier"] == "village"].round(2).to_string(index=False))
    print(transfer_score.detection(found, faults, since=half).round(2).to_string())
    print(f"{given.stations} stations x {given.days} days: {seconds:.0f} s, peak {peak:.1f} GB")


if __name__ == "__main__":
    main()
