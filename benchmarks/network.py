"""From checked arrays to members for 580 stations: seconds and memory of the network.

    python -m benchmarks.network

One issue time, 580 stations of four tiers, 96 h, six pollutants, 100 members, weather forecast
given. Goal on two cores: at most 1.5 s and 2 GB, and at least 25 times faster than the LightGBM
quantile baseline in the same run (its members by the Schaake shuffle). Networks have the size of
`configs/train/default.yaml` and random weights, trees of the baseline their usual number of rounds
on mock data: both cost the same as trained ones.
"""

import resource
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pandas as pd
import torch

from forecast import boosting, ensemble, error_templates, network_inputs, recalibration, trees
from forecast.artifact import Artifact
from forecast.batch import batches, leads_of, stacked
from forecast.network import Network, NetworkConfig
from forecast.predict import NetworkForecaster
from forecast.schema import MAX_LEAD, POLLUTANTS, WEATHER, mock_observations, stations_frame
from training import settings

OFFSET = pd.Timedelta(hours=8)
STATIONS, MEMBERS, TEMPLATES, KEPT = 580, 100, 160, 40
T = TypeVar("T")


def timed(what: str, work: Callable[[], T], rounds: int = 3) -> tuple[T, float]:
    """Least of some rounds, printed."""
    seconds = []
    for _ in range(rounds):
        begin = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - begin)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{what}: {min(seconds):.2f} s (peak so far {peak:.2f} GB)", flush=True)
    return result, min(seconds)


def main() -> None:
    """Print what each step takes."""
    obs = mock_observations(start="2025-01-01", hours=24 * 40, stations=STATIONS)
    stations = stations_frame(obs)
    air, origin = stacked(obs, WEATHER), pd.Timestamp(obs["time"].values[0])
    at = pd.DatetimeIndex(["2025-02-04"])
    batch = next(
        batches(obs, at, lambda t: leads_of(air, origin, t), tier="perturbed", offset=OFFSET,
                history_hours=240, stations=stations)
    )  # fmt: skip
    forecaster = NetworkForecaster(_artifact(obs, batch))
    del obs

    def network() -> np.ndarray:
        quantiles = forecaster.quantiles(batch)[0]
        return forecaster.dependence.members(
            quantiles, issue_time=at[0], count=MEMBERS, seed=1, stations=stations, tier="perturbed"
        )

    network()  # the first call of a process compiles or reads the kernel
    timed("network, quantiles", lambda: forecaster.quantiles(batch))
    made, own = timed("network, quantiles and members", network)
    assert made.shape == (MEMBERS, MAX_LEAD, STATIONS, len(POLLUTANTS))

    few = mock_observations(start="2024-01-01", hours=24 * 120, stations=12)
    small, first = stacked(few, WEATHER), pd.Timestamp(few["time"].values[0])
    config = boosting.BoostingConfig(rows=20_000, rounds=120, least_rounds=120, min_rows_in_leaf=50)
    baseline = boosting.fit(
        few, pd.Timestamp(few["time"].values[-1]), lambda t: leads_of(small, first, t),
        "perturbed", OFFSET, config, 1,
    )  # fmt: skip
    templates = np.random.default_rng(1).random((MEMBERS, MAX_LEAD, STATIONS, len(POLLUTANTS)))

    def lightgbm() -> np.ndarray:
        quantiles = baseline.quantiles(batch)[0]
        return ensemble.members(quantiles, templates.astype("f4"), issue_time=at[0], seed=1)

    _, other = timed("LightGBM quantiles and members", lightgbm, rounds=1)
    print(f"LightGBM takes {other / own:.0f} times as long", flush=True)


def _artifact(obs: "object", batch: "object") -> Artifact:
    section = settings.load(settings.default("any")).network
    scales = network_inputs.fit_scales(stacked(obs, POLLUTANTS), batch)
    channels = network_inputs.inputs(batch, scales).channels()
    names = tuple(map(str, batch.stations.index))
    torch.manual_seed(1)
    built = tuple(
        Network(NetworkConfig(channels, names, **section.model_dump())).eval() for _ in range(3)
    )
    rng = np.random.default_rng(1)
    shape = (TEMPLATES, MAX_LEAD, KEPT, len(POLLUTANTS))
    pits = rng.integers(0, 255, shape, dtype=np.uint8)
    times = pd.date_range("2024-01-01", periods=TEMPLATES, freq="53h")
    errors = error_templates.library(times, names[:KEPT], pits, np.ones(TEMPLATES, dtype=np.int64))
    return Artifact(
        built, (("perturbed",),) * 3, scales, trees.none(), pd.Timestamp("2025-01-01"), errors,
        recalibration.identity(), {},
    )  # fmt: skip


if __name__ == "__main__":
    main()
