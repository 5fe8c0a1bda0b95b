"""The first hours of a forecast pulled towards what a station showed last.

A network that forecasts 96 hours at once knows the last reading but does not hold on to it: in the
first hours persistence is better. Takes forecasts of a time not trained on, the last reading and
what came, and gives by lead and pollutant how far the median is moved towards the last reading and
how much nearer to it the other quantiles come.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from forecast.batch import Floats
from forecast.recalibration import TIERS
from forecast.schema import POLLUTANTS

HOURS: Final = 24  # leads that may be moved
BACK: Final = 3  # hours a last reading may be old
_SHARES: Final = np.linspace(0, 1, 21)
_LEAST: Final = 2000  # cases below which nothing is moved


@dataclass(frozen=True)
class LastReading:
    """Share of the way, and factor of distances from the median: (TIERS, HOURS, POLLUTANTS)."""

    pull: Floats
    narrow: Floats

    def apply(self, z: Floats, last: Floats, trust: int) -> Floats:
        """Quantiles moved; where there is no last reading they stay.

        Args:
            z: (n, lead 1..96, s, POLLUTANTS, QUANTILES), any scale.
            last: (n, s, POLLUTANTS) in the same scale, NaN = none.
            trust: 0 none, 1 forecast, 2 perfect.
        """
        if not self.pull[trust].any():
            return z
        out = z.copy()
        first = z[:, :HOURS]
        middle = first[..., first.shape[-1] // 2, None]
        pull = self.pull[trust][:, None, :, None].astype(np.float32)
        narrow = self.narrow[trust][:, None, :, None].astype(np.float32)
        moved = middle + pull * (last[:, None, ..., None] - middle) + narrow * (first - middle)
        out[:, :HOURS] = np.where(np.isnan(moved), first, moved)
        return out


def none() -> LastReading:
    """Nothing moved."""
    shape = (TIERS, HOURS, len(POLLUTANTS))
    return LastReading(np.zeros(shape, np.float32), np.ones(shape, np.float32))


def latest(history: Floats) -> Floats:
    """(n, hour, s, POLLUTANTS) -> (n, s, POLLUTANTS): the last value of the last BACK hours."""
    found = history[:, -1].copy()
    for back in range(2, BACK + 1):
        found = np.where(np.isnan(found), history[:, -back], found)
    return np.asarray(found, dtype=np.float32)


def fit(cases: Mapping[int, tuple[Floats, Floats, Floats]]) -> LastReading:
    """Shares with the least mean absolute error, non-increasing with lead.

    Args:
        cases: By trust: medians (n, lead, s, POLLUTANTS), last readings (n, s, POLLUTANTS), what
            came (n, lead, s, POLLUTANTS), all in one scale, NaN = missing.
    """
    made = none()
    for trust, (medians, last, came) in cases.items():
        for p in range(len(POLLUTANTS)):
            most = 1.0
            for hour in range(HOURS):
                m, y, r = medians[:, hour, :, p], came[:, hour, :, p], last[..., p]
                known = np.isfinite(m) & np.isfinite(y) & np.isfinite(r)
                if known.sum() < _LEAST:
                    break
                m, y, r = m[known], y[known], r[known]
                shares = _SHARES[most + 1e-9 >= _SHARES]
                errors = [float(np.abs(y - m - w * (r - m)).mean()) for w in shares]
                best = int(np.argmin(errors))
                most = float(shares[best])
                if not most:
                    break
                made.pull[trust, hour, p] = most
                made.narrow[trust, hour, p] = errors[best] / errors[0]
    return made
