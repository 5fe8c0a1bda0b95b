"""How long the baselines, the trees, the members and the areas take, and how much memory.

    python benchmarks/baselines.py [--train]

On mock data of the size of the Beijing set (two years, 12 stations). --train also trains the
54 tree models of one weather tier at full size (target: 8 minutes on two cores); without it a
small training stands in, and only its prediction is not of full size. Members at 580 stations:
target a few seconds and 2 GB; 1,460 issue times at 12 stations: target 3 minutes.
"""

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pandas as pd

from forecast import area_forecast, baselines, boosting, ensemble, standards
from forecast.batch import batches, leads_of, stacked
from forecast.schema import WEATHER, mock_observations, stations_frame

OFFSET = pd.Timedelta(hours=8)
MEMBERS = 100
T = TypeVar("T")


def timed(what: str, work: Callable[[], T], *, per: float = 1.0) -> T:
    begin = time.perf_counter()
    result = work()
    seconds = (time.perf_counter() - begin) * per
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{what}: {seconds:.1f} s (peak so far {peak:.2f} GB)", flush=True)
    return result


def main() -> None:
    """Print seconds and peak memory per step."""
    wide_members()
    obs = mock_observations(start="2024-01-01", hours=24 * 730, stations=12)
    until = pd.Timestamp("2025-12-01")
    weather, origin = stacked(obs, WEATHER), pd.Timestamp(obs["time"].values[0])
    stations = stations_frame(obs)
    times = pd.date_range(until, periods=64, freq="6h")

    def future(issue_times: pd.DatetimeIndex) -> np.ndarray:
        return leads_of(weather, origin, issue_times)

    batch = next(
        batches(obs, times, future, tier="perfect", offset=OFFSET, history_hours=240,
                stations=stations)
    )  # fmt: skip
    climatology = timed("climatology, fit", lambda: baselines.fit_climatology(obs, until, OFFSET))
    timed("climatology, 64 issue times", lambda: climatology.quantiles(batch))
    persistence = timed("persistence, fit", lambda: baselines.fit_persistence(obs, until, OFFSET))
    quantiles = timed("persistence, 64 issue times", lambda: persistence.quantiles(batch))
    config = boosting.BoostingConfig()
    if "--train" not in sys.argv:
        config = replace(config, rows=20_000, rounds=40)
    trees = timed(
        f"trees, fit ({config.rows} rows, at most {config.rounds} rounds)",
        lambda: boosting.fit(obs, until, future, "perfect", OFFSET, config, 1),
    )
    timed("trees, 64 issue times", lambda: trees.quantiles(batch))
    library = timed("templates, build", lambda: ensemble.TemplateLibrary.build(obs, until, OFFSET))

    def many() -> None:
        for i, at in enumerate(times):
            drawn = library.draw(at, MEMBERS, 1)
            ensemble.members(quantiles[i], drawn, issue_time=at, seed=1)

    timed("members, scaled from 64 to 1,460 issue times", many, per=1460 / 64)


def wide_members() -> None:
    """580 stations x 100 members of one issue time, to areas."""
    rng = np.random.default_rng(0)
    stations = stations_frame(mock_observations(hours=1, stations=580))
    level = rng.uniform(20, 90, (96, 580, 6, 1)).astype(np.float32)
    quantiles = level * np.linspace(0.4, 2.0, 9, dtype=np.float32)
    templates = rng.random((MEMBERS, 96, 580, 6), dtype=np.float32)
    issue = pd.Timestamp("2026-01-10 08:00")
    members = timed(
        "members, 580 stations, one issue time",
        lambda: ensemble.members(quantiles, templates, issue_time=issue, seed=1),
    )
    timed(
        "areas of them",
        lambda: area_forecast.area_members(
            members, stations, issue, OFFSET, standards.load("hj633-2026")
        ),
    )


if __name__ == "__main__":
    main()
