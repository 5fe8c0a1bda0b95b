"""Which published networks are compared with, and how much each may train.

Names and sizes only; knows no torch. Sizes are the library's own defaults where nothing is said
(neuralforecast 3.3.0), smaller where a default does not fit a CPU budget, and each is written in
the comparison.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from forecast.problems import ConfigError, Problem

Architecture = Literal["TFT", "TiDE", "NHITS", "TSMixerx"]


@dataclass(frozen=True)
class PeerConfig:
    """One peer and its training."""

    architecture: Architecture
    history_hours: int = 168
    sizes: Mapping[str, float | int | bool | list[list[int]]] = field(default_factory=dict)
    # Series that share a window: each (station, pollutant) its own; the pollutants of a station
    # together; everything together.
    together: Literal["none", "pollutants", "all"] = "none"
    steps: int = 1000  # of the trial, and at most of the final training
    checks: int = 8  # of the trial, evenly spaced: how many steps are best
    issues_per_step: int = 16
    windows_per_issue: int = 16  # drawn series of an issue time; all of them where all go together
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    linear: float = 0.5  # share of the loss in concentration; the rest in asinh space
    missing_share: float = 0.03  # of histories and of weather forecasts hidden while training
    validation_days: int = 180  # at most a quarter of the record
    validation_issues: int = 120
    gap_hours: int = 240
    threads: int = 1


PEERS: Final[Mapping[str, PeerConfig]] = MappingProxyType(
    {
        "tft": PeerConfig(
            "TFT", history_hours=72, together="pollutants",
            sizes={"hidden_size": 32, "n_head": 4, "dropout": 0.1},
            steps=1000, issues_per_step=16, windows_per_issue=4,
        ),
        "tide": PeerConfig(
            "TiDE", sizes={"hidden_size": 256, "decoder_output_dim": 16,
                           "temporal_decoder_dim": 64, "dropout": 0.3, "temporal_width": 4},
            steps=1200, issues_per_step=16, windows_per_issue=16,
        ),
        "nhits": PeerConfig(
            "NHITS", sizes={"mlp_units": [[256, 256]] * 3, "dropout_prob_theta": 0.2},
            steps=2000, issues_per_step=16, windows_per_issue=24,
        ),
        "tsmixerx": PeerConfig(
            "TSMixerx", together="all",
            sizes={"n_block": 2, "ff_dim": 64, "dropout": 0.3, "revin": False},
            steps=1500, issues_per_step=32,
        ),
    }
)  # fmt: skip


def named(name: str) -> PeerConfig:
    """The peer of a name.

    Raises:
        ConfigError: There is none.
    """
    if name not in PEERS:
        raise ConfigError([Problem("peer", repr(name), f"one of {tuple(PEERS)}")])
    return PEERS[name]
