"""A trained network as a forecaster: an IssueBatch in, quantiles in the schema's units out.

Takes an Artifact; answers as every forecaster does (forecast.batch). The mean of the ensemble's
quantiles, in the network's scale, moved by the blend with the trees (forecast.trees) and in the
first hours towards the last reading (forecast.last_reading), is the forecast; its spread is
corrected by what it missed in time it had not seen (forecast.recalibration).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import torch

from forecast import artifact, last_reading, network_inputs
from forecast.artifact import Artifact
from forecast.batch import Floats, IssueBatch, part
from forecast.error_templates import ErrorTemplates
from forecast.network import Network
from forecast.network_inputs import TRUST, Inputs

NAME: Final = "network"
_ROWS_AT_ONCE: Final = 20_000  # station-issues x leads / 10: bounds memory


@dataclass(frozen=True)
class NetworkForecaster:
    """See the module's docstring."""

    model: Artifact

    @property
    def name(self) -> str:
        """The name in files and tables."""
        return NAME

    @property
    def trained_until(self) -> pd.Timestamp:
        """The last hour (UTC) of anything it was fitted on, calibration included."""
        return self.model.trained_until

    @property
    def parameters(self) -> int:
        """Weights of all its networks."""
        return sum(p.numel() for n in self.model.networks for p in n.parameters())

    @property
    def dependence(self) -> ErrorTemplates:
        """What makes members of its quantiles."""
        return self.model.errors

    def quantiles(self, batch: IssueBatch) -> Floats:
        """Quantiles (issue, lead, station, POLLUTANTS, QUANTILES), increasing, never NaN."""
        stations = len(batch.stations)
        size = max(1, _ROWS_AT_ONCE // max(96 * stations // 10, 1))
        parts = [
            self._some(part(batch, i, i + size)) for i in range(0, len(batch.issue_times), size)
        ]
        return np.concatenate(parts)

    def _some(self, batch: IssueBatch) -> Floats:
        given = network_inputs.inputs(batch, self.model.scales)
        z = raw_quantiles(self.model.for_tier(batch.tier), given, batch.stations)
        trust = TRUST[batch.tier]
        medians = self.model.trees.medians(batch)
        if medians is not None:
            z = self.model.trees.blended(z, self.model.scales.z(medians), trust)
        last = self.model.scales.z(last_reading.latest(batch.history))
        z = self.model.last.apply(z, last, trust)
        z = self.model.recalibration.apply(z, trust)
        conc = self.model.scales.concentration(np.moveaxis(z, -1, -2))
        return np.ascontiguousarray(np.moveaxis(conc, -2, -1))


def load(folder: Path) -> NetworkForecaster:
    """A forecaster from a folder of `artifact.write`.

    Raises:
        DataError: What `artifact.read` refuses.
    """
    return NetworkForecaster(artifact.read(folder))


def raw_quantiles(networks: tuple[Network, ...], given: Inputs, stations: pd.DataFrame) -> Floats:
    """Mean of the networks' quantiles in z, (n, lead, s, POLLUTANTS, QUANTILES)."""
    total: torch.Tensor | None = None
    with torch.inference_mode():
        for network in networks:
            known = {s: i + 1 for i, s in enumerate(network.config.stations)}
            identity = torch.tensor([known.get(str(s), 0) for s in stations.index])
            z = network(*tensors(given), identity)
            total = z if total is None else total + z
    if total is None:
        raise ValueError("no network")
    return np.asarray((total / len(networks)).numpy())


def tensors(given: Inputs) -> tuple[torch.Tensor, ...]:
    """Inputs in the order of Network.forward, without a copy."""
    names = (
        "past",
        "field",
        "future",
        "station",
        "hours",
        "same_hour",
        "recent",
        "wind",
        "trust",
        "place",
    )
    return tuple(torch.from_numpy(np.ascontiguousarray(getattr(given, k))) for k in names)
