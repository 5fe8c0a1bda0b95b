"""What training minimises: quantile scores of observed values, and of what the index is made of.

Torch only. Takes quantiles in z (network's scale) and observations, gives one number. A missing
observation counts for nothing. Terms:

- quantile score in z and in concentration, half each (an hour of 20 and one of 300 both matter);
- threshold-weighted quantile score above a pollutant's heavy level: the score of max(x, t), which
  is proper (Gneiting and Ranjan 2011; Allen et al. 2023), so that the tail is weighted without
  weighting days;
- absolute error of 24-h means of the city (area mean of expected hours), which the index rests on.
"""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from forecast.schema import MAX_LEAD, POLLUTANTS, QUANTILES

_Q: Final = torch.tensor(QUANTILES)
_DAYS: Final = MAX_LEAD // 24
_HEAVY: Final = {"pm25": 150.0, "pm10": 350.0, "so2": 475.0, "no2": 180.0, "co": 4.0, "o3": 215.0}


@dataclass(frozen=True)
class LossConfig:
    """Weights of the terms."""

    pollutants: tuple[float, ...] = (2.0, 1.0, 0.7, 1.0, 1.0, 1.5)
    linear: float = 0.5  # of the score in concentration
    tail: float = 0.3
    day: float = 0.3


@dataclass(frozen=True)
class Scale:
    """Scales as tensors: `centre`, `width` of asinh, and mean deviation, all (POLLUTANTS,)."""

    centre: Tensor
    width: Tensor
    spread: Tensor

    def concentration(self, z: Tensor) -> Tensor:
        """(..., POLLUTANTS, k) in z -> schema units."""
        return torch.sinh(z.clamp(-5, 5)) * self.width[:, None] + self.centre[:, None]


def loss(z: Tensor, conc: Tensor, scale: Scale, city: Tensor, config: LossConfig) -> Tensor:
    """Mean weighted score.

    Args:
        z: (n, lead, s, POLLUTANTS, QUANTILES); leads spread evenly over the four days.
        conc: (n, lead, s, POLLUTANTS) of the same leads, NaN = missing.
        scale: Of the training record.
        city: (s,) weight of each station in the area mean, 0 for those that do not count.
        config: Weights.
    """
    known = torch.isfinite(conc)
    y = torch.where(known, conc, scale.centre)
    weight = torch.tensor(config.pollutants, dtype=z.dtype)
    weight = weight / weight.sum()
    made = scale.concentration(z)
    y_z = torch.asinh((y - scale.centre) / scale.width)
    in_z = pinball(z, y_z)
    in_conc = pinball(made, y) / scale.spread
    heavy = torch.tensor([_HEAVY[p] for p in POLLUTANTS], dtype=z.dtype)
    above = pinball(torch.maximum(made, heavy[:, None]), torch.maximum(y, heavy)) / scale.spread
    each = (1 - config.linear) * in_z + config.linear * in_conc + config.tail * above
    total = (_known_mean(each, known, (0, 1, 2)) * weight).sum()
    if config.day:
        total = total + config.day * (_day_error(made, y, known, scale, city) * weight).sum()
    return total


def pinball(quantiles: Tensor, y: Tensor) -> Tensor:
    """Mean quantile score over the last dim of `quantiles`; y has one dim less."""
    gap = y[..., None] - quantiles
    q = _Q.to(gap)
    return torch.maximum(q * gap, (q - 1) * gap).mean(dim=-1)


def expected(quantiles: Tensor) -> Tensor:
    """Mean of the distribution that the quantiles describe, linear between them (last dim)."""
    q = _Q.to(quantiles)
    inner = ((quantiles[..., 1:] + quantiles[..., :-1]) / 2 * (q[1:] - q[:-1])).sum(dim=-1)
    return inner + quantiles[..., 0] * q[0] + quantiles[..., -1] * (1 - q[-1])


def _day_error(made: Tensor, y: Tensor, known: Tensor, scale: Scale, city: Tensor) -> Tensor:
    """Absolute error of the city's 24-h means, (POLLUTANTS,), over the spread of hours."""
    mean = expected(made)
    share = known * city[:, None]
    total = share.sum(dim=2)
    enough = total >= 0.5 * city.sum()
    there = torch.where(enough, total, 1.0)
    gap = ((mean - y) * share).sum(dim=2) / there  # (n, lead, p)
    n, leads, p = gap.shape
    parts = (n, _DAYS, leads // _DAYS, p)
    hours = enough.reshape(parts).sum(dim=2)
    day = torch.where(enough, gap, 0.0).reshape(parts).sum(dim=2) / hours.clamp_min(1)
    return _known_mean(day.abs(), hours >= 0.75 * leads / _DAYS, (0, 1)) / scale.spread


def _known_mean(values: Tensor, known: Tensor, dims: tuple[int, ...]) -> Tensor:
    return (values * known).sum(dim=dims) / known.sum(dim=dims).clamp_min(1)
