"""neuralforecast's networks and its multi-quantile loss, fed with windows of this project.

Takes Windows as arrays, gives quantiles in asinh space. The networks are the library's classes,
unchanged: TFT (Lim et al. 2021), TiDE (Das et al. 2023), NHITS (Challu et al. 2023), TSMixerx
(Chen et al. 2023), each given past pollutants (`hist_exog`), weather and calendar of past and
coming hours (`futr_exog`) and the station (`stat_exog`). What a series is:

    none        (station, pollutant), told by the static features: the library's global model
    pollutants  station; the loss asks for six times as many outputs, so one pass serves all six
    all         all (station, pollutant) at once: the library's multivariate models
"""

import logging
import warnings
from typing import Any, Final, cast

import numpy as np
import torch
from torch import Tensor, nn

from forecast.problems import ConfigError, Problem
from forecast.schema import MAX_LEAD, QUANTILES
from training.peers.settings import PeerConfig
from training.peers.windows import PLACE, N, Scale, Windows

_Q: Final = len(QUANTILES)
_CHATTY: Final = ("pytorch_lightning", "lightning_fabric", "lightning", "lightning.fabric")


def build(config: PeerConfig, scale: Scale, stations: int, seed: int) -> Any:
    """A new network of the library for so many stations, weights from `seed`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the library and what it imports
        try:
            from neuralforecast import models
            from neuralforecast.losses.pytorch import MQLoss
        except ImportError as error:
            found = f"no {error.name}"
            raise ConfigError([Problem("peers", found, "the extra: lantian[peers]")]) from error

        for name in _CHATTY:
            logging.getLogger(name).setLevel(logging.ERROR)
        loss = MQLoss(quantiles=list(QUANTILES))
        if config.together == "pollutants":
            loss.outputsize_multiplier = N * _Q
        apart = config.together != "all"
        static = PLACE + (N if config.together == "none" else 0)
        arguments: dict[str, Any] = {
            "futr_exog_list": [f"f{i}" for i in range(scale.future_channels())],
            "hist_exog_list": [f"h{i}" for i in range(2 * N)] if apart else None,
            "stat_exog_list": [f"s{i}" for i in range(static)] if apart else None,
            **({} if apart else {"n_series": stations * N}),
            **config.sizes,
        }
        torch.manual_seed(seed)
        return getattr(models, config.architecture)(
            h=MAX_LEAD, input_size=config.history_hours, loss=loss, scaler_type="identity",
            max_steps=1, random_seed=seed, **arguments,
        )  # fmt: skip


def parameters(net: nn.Module) -> int:
    """Trained parameters."""
    return sum(p.numel() for p in net.parameters() if p.requires_grad)


def pinball(made: Tensor, y: Tensor, mask: Tensor) -> Tensor:
    """The library's MQLoss: (b, lead, series, QUANTILES) against (b, lead, series), mask 0/1."""
    from neuralforecast.losses.pytorch import MQLoss

    return MQLoss(quantiles=list(QUANTILES))(y=y, y_hat=made, mask=mask)  # type: ignore[no-any-return]


def forward(net: Any, config: PeerConfig, w: Windows, pick: "Pick | None" = None) -> Tensor:
    """Quantiles in z, not yet in order.

    Args:
        net: From `build`.
        config: What it was built with.
        w: Windows of n issue times.
        pick: Which series; all where left out.

    Returns:
        (b, lead, series, QUANTILES): b = windows and series = 1 (none) or POLLUTANTS
        (pollutants), or b = n and series = station x POLLUTANTS (all).
    """
    n, hours, s, _ = w.past.shape
    if config.together == "all":
        y = torch.from_numpy(w.past.reshape(n, hours, s * N))
        # (n, hour, s, f) -> (n, f, hour, s x N)
        future = np.repeat(np.moveaxis(w.future, 3, 1), N, axis=3)
        mask = torch.from_numpy(w.known.reshape(y.shape))
        exog = {"futr_exog": torch.from_numpy(future), "hist_exog": None, "stat_exog": None}
        out = net({"insample_y": y, "insample_mask": mask, **exog})
        return cast("Tensor", out.reshape(n, MAX_LEAD, s * N, _Q))
    at = pick if pick is not None else Pick.everything(n, s, config.together == "none")
    past = w.past[at.issue, :, at.station]  # (b, hour, N)
    known = w.known[at.issue, :, at.station]
    future = w.future[at.issue, :, at.station]
    place = w.place[at.station]
    rows = np.arange(len(at.issue))
    if config.together == "none":
        place = np.concatenate([place, np.eye(N, dtype=np.float32)[at.pollutant]], axis=1)
    out = net({
        "insample_y": torch.from_numpy(past[rows, :, at.pollutant][..., None]),
        "insample_mask": torch.from_numpy(known[rows, :, at.pollutant][..., None]),
        "futr_exog": torch.from_numpy(future),
        "hist_exog": torch.from_numpy(np.concatenate([past, known], axis=-1)),
        "stat_exog": torch.from_numpy(place),
    })  # fmt: skip
    return cast("Tensor", out.reshape(len(rows), MAX_LEAD, -1, _Q))


class Pick:
    """Series of some windows: arrays of issue, station and pollutant, one entry per window."""

    def __init__(self, issue: np.ndarray, station: np.ndarray, pollutant: np.ndarray) -> None:
        self.issue, self.station, self.pollutant = issue, station, pollutant

    @classmethod
    def everything(cls, n: int, stations: int, apart: bool) -> "Pick":
        """All series of n issue times, in the order (issue, station[, pollutant])."""
        shape = (n, stations, N) if apart else (n, stations, 1)
        return cls(*(a.ravel() for a in np.indices(shape)))

    @classmethod
    def drawn(
        cls, n: int, stations: int, each: int, apart: bool, rng: np.random.Generator
    ) -> "Pick":
        """So many random series of each issue time."""
        issue = np.repeat(np.arange(n), each)
        size = len(issue)
        pollutant = rng.integers(0, N, size) if apart else np.zeros(size, dtype=np.int64)
        return cls(issue, rng.integers(0, stations, size), pollutant)
