"""Spread of a forecaster corrected by what its past forecasts missed.

Takes PITs of forecasts of a time not trained on, gives for each wanted probability the level at
which the forecaster's own quantile function is to be read (Kuleshov et al. 2018; Gneiting et al.
2007). Only the spread is corrected: levels are made symmetric about the median, since a bias of one
year need not be the next one's.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from forecast.batch import Floats
from forecast.error_templates import BINS, MISSING
from forecast.schema import MAX_LEAD, POLLUTANTS, QUANTILES

DAYS: Final = MAX_LEAD // 24
TIERS: Final = 3  # none, forecast, perfect: network_inputs.TRUST
_EDGE: Final = (0.002, 0.998)
_LEAST: Final = 2000  # PITs below which nothing is corrected


@dataclass(frozen=True)
class Recalibration:
    """Levels (TIERS, DAYS, POLLUTANTS, QUANTILES); QUANTILES themselves where nothing is known."""

    levels: Floats

    def apply(self, z: Floats, trust: int) -> Floats:
        """Quantiles in z read at the levels of their tier.

        Args:
            z: (n, lead 1..96, s, POLLUTANTS, QUANTILES), increasing, any scale that is about
                symmetric: between levels it is linear in the normal score of the level, and
                beyond the outermost ones it goes on so.
            trust: 0 none, 1 forecast, 2 perfect.
        """
        own = np.asarray(ndtri(QUANTILES), dtype=np.float32)
        out = np.empty_like(z)
        for day in range(DAYS):
            hours = slice(24 * day, 24 * day + 24)
            for p in range(len(POLLUTANTS)):
                to = _matrix(own, ndtri(self.levels[trust, day, p]).astype(np.float32))
                out[:, hours, :, p] = z[:, hours, :, p] @ to
        return np.maximum.accumulate(out, axis=-1)


def identity() -> Recalibration:
    """Nothing corrected."""
    shape = (TIERS, DAYS, len(POLLUTANTS), len(QUANTILES))
    return Recalibration(np.broadcast_to(np.array(QUANTILES, np.float32), shape).copy())


def fit(pits: dict[int, NDArray[np.uint8]]) -> Recalibration:
    """Levels from PITs.

    Args:
        pits: By trust: (issue, lead 1..96, station, POLLUTANTS), error_templates.MISSING = none.
    """
    levels = identity().levels
    for trust, values in pits.items():
        for day in range(DAYS):
            for p in range(len(POLLUTANTS)):
                u = values[:, 24 * day : 24 * day + 24, :, p].ravel()
                u = u[u != MISSING].astype(np.float32) / (BINS - 1)
                if len(u) >= _LEAST:
                    levels[trust, day, p] = _symmetric(np.quantile(u, QUANTILES))
    return Recalibration(levels)


def _symmetric(found: NDArray[np.float64]) -> NDArray[np.float64]:
    score = ndtri(np.clip(found, *_EDGE))
    return np.clip(ndtr((score - score[::-1]) / 2), *_EDGE)


def _matrix(own: Floats, wanted: Floats) -> Floats:
    """(QUANTILES, QUANTILES): columns read the quantile function at the wanted normal scores."""
    k = np.clip(np.searchsorted(own, wanted, side="right") - 1, 0, len(own) - 2)
    share = (wanted - own[k]) / (own[k + 1] - own[k])
    out = np.zeros((len(own), len(wanted)), dtype=np.float32)
    at = np.arange(len(wanted))
    out[k, at] = 1 - share
    out[k + 1, at] = share
    return out
