"""A tiny network and batches of mock data for the tests of the sequence model."""

from dataclasses import replace

import numpy as np
import pandas as pd
import torch

from forecast import error_templates, network_inputs, predict, recalibration, schema
from forecast.artifact import Artifact
from forecast.batch import Floats, IssueBatch, WeatherTier, leads_of, stacked
from forecast.network import Network, NetworkConfig
from forecast.network_inputs import Scales
from forecast.schema import MAX_LEAD, POLLUTANTS, WEATHER
from forecast.trees import MedianTrees

OFFSET = pd.Timedelta(hours=8)
HISTORY_HOURS = 240
TIERS = ("none", "perturbed", "archived", "perfect")
OBS = schema.mock_observations(start="2025-12-01", hours=24 * 30, stations=5, seed=2)
STATIONS = schema.stations_frame(OBS)
VALUES, AIR = stacked(OBS, POLLUTANTS), stacked(OBS, WEATHER)
ORIGIN = pd.Timestamp(OBS["time"].values[0])
TIMES = pd.DatetimeIndex(["2025-12-14T16:00", "2025-12-16T03:00", "2025-12-20T10:00"])


def batch(
    tier: WeatherTier = "perfect", *, values: Floats = VALUES, air: Floats = AIR,
    times: pd.DatetimeIndex = TIMES,
) -> IssueBatch:  # fmt: skip
    """What is known at TIMES; future weather is the record's own but for tier none."""
    last = ((times - ORIGIN) // pd.Timedelta(hours=1)).to_numpy()
    rows = last[:, None] - np.arange(HISTORY_HOURS - 1, -1, -1)[None, :]
    future = None if tier == "none" else leads_of(air, ORIGIN, times)
    return IssueBatch(times, OFFSET, STATIONS, values[rows], air[rows], future, tier)


def of_stations(given: IssueBatch, rows: np.ndarray) -> IssueBatch:
    """The same with its stations in another order, or some of them."""
    future = given.future_weather
    return replace(
        given,
        stations=given.stations.iloc[rows],
        history=given.history[:, :, rows],
        history_weather=given.history_weather[:, :, rows],
        future_weather=None if future is None else future[:, :, rows],
    )


def scales() -> Scales:
    """Scales of the mock record."""
    return network_inputs.fit_scales(VALUES, batch())


def forecaster(
    *, networks: int = 1, trunk: str = "gru", known: int = 4
) -> predict.NetworkForecaster:
    """Untrained but not trivial: every weight is random, the zero identity excepted.

    Args:
        networks: Of the ensemble.
        trunk: Of each.
        known: How many of STATIONS have an identity; the last ones are strangers.
    """
    made = tuple(network(seed, trunk, known) for seed in range(networks))
    rng = np.random.default_rng(5)
    shape = (50, MAX_LEAD, known, len(POLLUTANTS))
    pits = rng.integers(0, error_templates.BINS, shape).astype(np.uint8)
    times = pd.date_range("2025-11-01", periods=50, freq="7h")
    templates = error_templates.ErrorTemplates(
        times, tuple(STATIONS.index[:known]), pits, np.ones(len(times), dtype=np.int64)
    )
    until = pd.Timestamp("2025-12-10")
    about = {"city": "demo", "simulated": True}
    return predict.NetworkForecaster(
        Artifact(
            networks=made,
            serves=(TIERS,) * networks,
            scales=scales(),
            trees=MedianTrees({}, np.zeros((3, 4, len(POLLUTANTS)), np.float32)),
            trained_until=until,
            errors=templates,
            recalibration=recalibration.identity(),
            about=about,
        )
    )


def network(seed: int, trunk: str, known: int) -> Network:
    """A network of width 16 in evaluation mode."""
    torch.manual_seed(seed)
    channels = network_inputs.inputs(batch(), scales()).channels()
    config = NetworkConfig(
        channels, tuple(map(str, STATIONS.index[:known])), width=16, layers=1, blocks=1,
        identity=4, trunk=trunk,
    )  # fmt: skip
    made = Network(config)
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if parameter.ndim > 1 and name != "identity.weight":
                parameter.mul_(2.0)  # answers that depend visibly on what is given
    return made.eval()
