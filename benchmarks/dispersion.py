"""Speed of source contributions: 450 enterprises, 1,500 units, 2,000 stacks, 96 h, 75 receptors.

    OMP_NUM_THREADS=1 python -m benchmarks.dispersion

The first call compiles, or reads what an earlier process compiled; the second is the daily one.
Twelve hours before the issue are carried in.
"""

import time
from types import SimpleNamespace

import numpy as np
import pandas as pd
import xarray as xr

from forecast import schema
from response import dispersion, plume_settings

UNITS, STACKS, RECEPTORS, HOURS, CARRY, POINTS = 1500, 2000, 75, 96, 12, 25


def main() -> None:
    register, weather, receptors = case(seed=1)
    issue = pd.Timestamp(weather["time"].to_numpy()[CARRY - 1])
    settings = plume_settings.load()
    for label in ("first", "second"):
        begin, busy = time.perf_counter(), time.process_time()
        made = dispersion.contributions(
            register, weather, receptors, settings=settings, after=issue
        )
        wall, used = time.perf_counter() - begin, time.process_time() - busy
        print(f"{label} call: {wall:.1f} s, {used:.1f} s of processor")
    print(dict(made.sizes), f"{made.nbytes / 1e6:.0f} MB")


def case(*, seed: int) -> tuple[SimpleNamespace, xr.Dataset, pd.DataFrame]:
    """A made-up register, weather that turns, receptors over 80 by 60 km."""
    random = np.random.default_rng(seed)
    ids = np.array([f"U{i}" for i in range(UNITS)])
    columns = ("so2", "nox", "pm", "voc", "co")
    units = pd.DataFrame({c: random.lognormal(3, 1, UNITS) for c in columns}, index=ids)
    profiles = ["continuous", "heating", "two_shift", "day_shift"]
    units = units.assign(pm25_share=0.6, profile=random.choice(profiles, UNITS))
    owner = np.concatenate([np.arange(UNITS), random.integers(0, UNITS, STACKS - UNITS)])
    stacks = pd.DataFrame(
        {
            "unit": ids[owner], "height_m": random.uniform(10, 100, STACKS),
            "diameter_m": random.uniform(0.5, 4, STACKS),
            "temperature_k": random.uniform(300, 400, STACKS), "speed_m_s": 12.0,
            "longitude": random.uniform(112.7, 113.6, STACKS),
            "latitude": random.uniform(34.87, 35.4, STACKS),
        }
    )  # fmt: skip
    stacks["share"] = 1 / stacks.groupby("unit")["unit"].transform("size")
    receptors = pd.DataFrame(
        {
            "latitude": random.uniform(34.87, 35.4, RECEPTORS),
            "longitude": random.uniform(112.7, 113.6, RECEPTORS), "area": "a",
            "reference": np.arange(RECEPTORS) < 6,
        },
        index=[f"S{i}" for i in range(RECEPTORS)],
    )  # fmt: skip
    times = pd.date_range("2016-01-01", periods=HOURS + CARRY, freq="h")
    shape = (len(times), POINTS)
    turn = np.cumsum(random.normal(0, 0.3, len(times)))[:, None] + random.normal(0, 0.1, shape)
    speed = np.clip(2.5 + np.cumsum(random.normal(0, 0.3, len(times))), 0.3, 8)[:, None]
    hour = np.asarray((times.hour + 8) % 24)[:, None]
    sun = np.clip(400 * np.sin((hour - 6) / 12 * np.pi), 0, None)
    values = {
        "u10": speed * np.cos(turn), "v10": speed * np.sin(turn), "t2m": 275.0, "d2m": 271.0,
        "tp": 0.0, "blh": 150 + 2 * sun, "ssrd": sun,
    }  # fmt: skip
    data = {
        n: (("time", "point"), np.broadcast_to(v, shape).astype(float), schema.attrs_of(n))
        for n, v in values.items()
    }
    weather = xr.Dataset(
        data,
        {
            "time": times, "latitude": ("point", random.uniform(34.8, 35.5, POINTS)),
            "longitude": ("point", random.uniform(112.5, 113.7, POINTS)),
        },
    )  # fmt: skip
    return SimpleNamespace(units=units, stacks=stacks), weather, receptors


if __name__ == "__main__":
    main()
