"""From fields to stations: what the air is at the points where they stand.

Takes the grid, the stations and the hour's fields, gives values by station. The value between cell
centres is bilinear; the surroundings that a cell does not show (a road, a village) enter as factors
whose mean over all stations is one, so that the network as a whole reads what the fields hold.
More NO2 than the cell's takes as much ozone. Knows nothing of instruments and their faults.
"""

from dataclasses import dataclass

import numpy as np

from forecast.schema import POLLUTANTS
from twin.config_air import Readout
from twin.geography import Geography
from twin.seeds import rng

_NO2, _O3 = POLLUTANTS.index("no2"), POLLUTANTS.index("o3")
_OZONE_PER_NO2 = 48.0 / 46.01
_LEAST_OZONE = 0.1  # part of the cell's ozone that titration by the roadside leaves


@dataclass(frozen=True)
class Points:
    """Where stations stand: four cells and weights each, and factors."""

    cells: np.ndarray  # (4, station) flat indices
    weights: np.ndarray  # (4, station), sum one
    factors: np.ndarray  # (station, 6), mean one over stations

    def read(self, fields: np.ndarray) -> np.ndarray:
        """Values (station, 6) of fields (6, ny, nx)."""
        flat = fields.reshape(len(fields), -1)[:, self.cells]  # (6, 4, station)
        plain = (flat * self.weights).sum(axis=1).T
        values = plain * self.factors
        ozone = plain[:, _O3] - _OZONE_PER_NO2 * (values[:, _NO2] - plain[:, _NO2])
        values[:, _O3] = np.maximum(ozone, _LEAST_OZONE * plain[:, _O3])
        return np.asarray(values)


def points(geography: Geography, settings: Readout, *, seed: int) -> Points:
    """Points of all stations, in the order of `geography.stations`."""
    table = geography.stations
    column = np.clip(table["x"].to_numpy() / geography.dx_m - 0.5, 0, geography.nx - 1)
    row = np.clip(table["y"].to_numpy() / geography.dx_m - 0.5, 0, geography.ny - 1)
    left = np.minimum(column.astype(int), geography.nx - 2)
    south = np.minimum(row.astype(int), geography.ny - 2)
    fx, fy = column - left, row - south
    cells = np.stack([(south + j) * geography.nx + left + i for j in (0, 1) for i in (0, 1)])
    wx, wy = (1 - fx, fx), (1 - fy, fy)
    weights = np.stack([wy[j] * wx[i] for j in (0, 1) for i in (0, 1)])
    kinds = [settings.kinds.get(str(kind), {}) for kind in table["kind"]]
    by_kind = np.array([[kind.get(p, 1.0) for p in POLLUTANTS] for kind in kinds])
    random = rng(seed, "readout", "stations")
    own = np.exp(settings.spread * random.standard_normal((len(table), len(POLLUTANTS))))
    factors = by_kind.reshape(len(table), -1) * own
    # PM10 holds PM2.5: one place's fine particles are part of its coarse reading.
    factors[:, 1] = np.maximum(factors[:, 1], factors[:, 0] * 0.97)
    return Points(cells, weights, factors / factors.mean(axis=0))
