"""Health of single stations over the last days, against their own past.

Takes readings with flags; gives per station the share of flagged values, silent hours, and how far
its level beside its neighbours' has moved. A threshold is the largest that the station itself
reached in earlier windows of the same length, and at least a floor: a good station is not reported
for its first flag.
"""

from typing import Final

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from forecast import quality
from forecast.batch import stacked
from forecast.schema import POLLUTANTS
from training.drift import Finding

FLAGGED: Final = 0.05  # floors of what is reported: share of values,
SILENT_HOURS: Final = 24.0  # hours without any value,
JUMP: Final = 0.2  # change of the logarithm of its level over its neighbours'
_NEIGHBOURS: Final = 6
_LEAST_HOURS: Final = 48
_WINDOWS: Final = 24  # looked back at


def judge(flagged: xr.Dataset, usable: xr.Dataset, *, days: int = 30) -> tuple[Finding, ...]:
    """Findings of every station, those beyond and those not; () where there is no earlier window.

    Args:
        flagged: Readings with <pollutant>_flag, on a complete hourly grid up to the last judged
            hour.
        usable: The same without what failed.
        days: Length of the judged days and of the windows before.
    """
    step = 24 * days
    count = min(flagged.sizes["time"] // step, _WINDOWS + 1)
    if count < 2:
        return ()
    last = slice(flagged.sizes["time"] - count * step, None)
    flags = np.stack([flagged[f"{p}_flag"].values[last] for p in POLLUTANTS], axis=-1)
    values = stacked(usable.isel(time=last), POLLUTANTS)
    shape = (count, step, *flags.shape[1:])
    flags = flags.reshape(shape)
    there = flags != quality.MISSING
    bad = (flags == quality.SUSPECT) | (flags == quality.FAIL)
    share = bad.sum(axis=(1, 3)) / np.maximum(there.sum(axis=(1, 3)), 1)
    silent = (~there.any(axis=3)).sum(axis=1)
    moved_from_usual = np.abs(_beside(values.reshape(shape), flagged))
    moved, usual = moved_from_usual[-1], _over_windows(np.nanmax, moved_from_usual[:-1])
    found = []
    ids = flagged["station"].values.astype(str)
    for s, name in enumerate(ids):
        most = max(float(share[:-1, s].max()), FLAGGED)
        found.append(Finding(f"station {name}: share flagged", float(share[-1, s]), most))
        quiet = max(float(silent[:-1, s].max()), SILENT_HOURS)
        # Silent in every earlier window: not yet, or no more, part of the network.
        if quiet < step:
            found.append(Finding(f"station {name}: silent hours", float(silent[-1, s]), quiet))
        for i, p in enumerate(POLLUTANTS):
            if np.isfinite(moved[s, i]):
                most = max(float(usual[s, i]), JUMP)
                what = f"station {name}: level of {p} beside its neighbours, log ratio"
                found.append(Finding(what, float(moved[s, i]), most))
    return tuple(found)


def _beside(values: NDArray[np.float32], obs: xr.Dataset) -> NDArray[np.float64]:
    """How a station's level departs from its usual one, beyond what its neighbours' do.

    Args:
        values: (window, hour, s, POLLUTANTS), NaN = missing; the last window is the judged one.
        obs: With station coordinates.

    Returns:
        (window, s, POLLUTANTS), logarithms; NaN = unknown. Usual is the median of the earlier
        windows; a neighbour that moves alone does not move the neighbours' median.
    """
    known = np.isfinite(values)
    logs = np.log(np.maximum(np.where(known, values, 1.0), 0.1))
    total, count = np.where(known, logs, 0).sum(axis=1), known.sum(axis=1)
    level = np.where(count >= _LEAST_HOURS, total / np.maximum(count, 1), np.nan)
    own = level - _over_windows(np.nanmedian, level[:-1])
    lat, lon = (np.radians(obs[c].values.astype(float)) for c in ("latitude", "longitude"))
    east = np.cos(lat.mean()) * (lon[:, None] - lon[None, :])
    apart = np.hypot(lat[:, None] - lat[None, :], east)
    np.fill_diagonal(apart, np.inf)
    near = np.argsort(apart, axis=1, kind="stable")[:, : min(_NEIGHBOURS, len(lat) - 1)]
    if not near.shape[1]:
        return np.full(own.shape, np.nan)
    return np.asarray(own - _over_windows(np.nanmedian, np.moveaxis(own[:, near], 2, 0)))


def _over_windows(what: object, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Nanmedian or nanmax over the first axis without warnings where nothing is known."""
    unknown = np.asarray(~np.isfinite(values).any(axis=0))
    filled = np.where(unknown[None], 0.0, values)
    return np.asarray(np.where(unknown, np.nan, what(filled, axis=0)))  # type: ignore[operator]


def hours(end: pd.Timestamp, days: int) -> pd.Timestamp:
    """First hour of a record that `judge` can use: the judged days and the windows before."""
    return end - pd.Timedelta(hours=24 * days * (_WINDOWS + 1) - 1)
