"""Noise that hangs on names and hours alone: no state, so an hour's noise never depends on others.

Takes 64-bit keys (one per station and pollutant) and hour numbers; gives uniform, normal and
smooth noise. A hash of key and counter (SplitMix64's finaliser, Steele et al. 2014, doi
10.1145/2714064.2660195) stands where a generator's state would: stepping hour by hour, in blocks
or backwards gives the same bits.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_A = np.uint64(0xBF58476D1CE4E5B9)
_B = np.uint64(0x94D049BB133111EB)
EPOCH = np.datetime64("1970-01-01T00", "h")


def hour_number(times: np.ndarray) -> np.ndarray:
    """Hours since 1970 of naive UTC stamps, int64, same shape."""
    hours = np.asarray(times).astype("datetime64[h]") - EPOCH
    return np.asarray(hours.astype(np.int64))


def keys(seed: int, purpose: str, names: Sequence[str]) -> np.ndarray:
    """A key per name (n,), uint64; another seed or purpose gives unrelated keys."""
    digests = [
        hashlib.sha256(f"{seed}\x00{purpose}\x00{name}".encode()).digest()[:8] for name in names
    ]
    return np.array([int.from_bytes(d, "little") for d in digests], dtype=np.uint64)


def mixed(key: np.ndarray, counter: np.ndarray | int) -> np.ndarray:
    """A new key from a key and a whole number; broadcasts, uint64."""
    with np.errstate(over="ignore"):
        z = np.asarray(key, np.uint64) + np.asarray(counter).astype(np.uint64) * _GAMMA + _GAMMA
        z = (z ^ (z >> np.uint64(30))) * _A
        z = (z ^ (z >> np.uint64(27))) * _B
    return np.asarray(z ^ (z >> np.uint64(31)))


def uniform(key: np.ndarray, counter: np.ndarray | int) -> np.ndarray:
    """Uniform in (0, 1), one per key and counter; broadcasts."""
    bits = mixed(key, counter) >> np.uint64(11)
    return np.asarray((bits.astype(np.float64) + 0.5) * 2.0**-53)


def normal(key: np.ndarray, counter: np.ndarray | int) -> np.ndarray:
    """Standard normal, one per key and counter; broadcasts."""
    return np.asarray(ndtri(uniform(key, counter)))


def smooth(key: np.ndarray, hours: np.ndarray, *, spacing: int) -> np.ndarray:
    """Standard normal at every hour, changing over about `spacing` hours.

    Between independent nodes the weights are cosine and sine of a quarter turn, so that the
    variance is one at every hour. Nodes of different keys lie at different hours.

    Args:
        key: uint64, broadcast against `hours`.
        hours: Hours since 1970, whole.
        spacing: Hours between nodes, at least one.
    """
    shifted = hours + (key % np.uint64(spacing)).astype(np.int64)
    node, rest = np.divmod(shifted, spacing)
    turn = rest * (np.pi / 2 / spacing)
    return np.asarray(np.cos(turn) * normal(key, node) + np.sin(turn) * normal(key, node + 1))


def smooth_autocorrelation(lags: np.ndarray, *, spacing: int) -> np.ndarray:
    """Autocorrelation of smooth() at whole lags [hours], averaged over where the nodes lie."""
    start = np.arange(spacing)
    node, rest = np.divmod(start[:, None] + np.asarray(lags)[None, :], spacing)
    first, later = start[:, None] * (np.pi / 2 / spacing), rest * (np.pi / 2 / spacing)
    same = np.cos(first) * np.cos(later) + np.sin(first) * np.sin(later)
    passed = np.sin(first) * np.cos(later)  # the second node of one is the first of the other
    return np.asarray(np.where(node == 0, same, np.where(node == 1, passed, 0.0)).mean(axis=0))
