"""Whole numbers shared out by weight. Takes a total and weights, knows nothing else."""

import numpy as np


def apportion(total: int, weights: np.ndarray, *, least: int = 0) -> np.ndarray:
    """Whole shares of `total` by weight (largest remainder), each at least `least` if it can be.

    Raises:
        ValueError: No weight is positive although there is something to share.
    """
    count = len(weights)
    floor = least if least * count <= total else 0
    rest = total - floor * count
    if weights.sum() <= 0:
        if rest:
            raise ValueError(f"{rest} to share out and no weight above zero")
        return np.full(count, floor)
    ideal = rest * weights / weights.sum()
    whole = np.floor(ideal).astype(int)
    short = rest - whole.sum()
    whole[np.argsort(-(ideal - whole), kind="stable")[:short]] += 1
    return np.asarray(whole + floor)
