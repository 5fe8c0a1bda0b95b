"""Drift as a part of every day: judged beside the daily run, a training proposed if need be.

Takes a configuration, a home and an issue time; leaves <home>/drift/<issue>/ (drift.json, drift.md)
and gives what it says. It never trains and never promotes: a person reads the proposal, trains,
compares and promotes (docs/retraining.md).
"""

from pathlib import Path
from typing import Any

import pandas as pd

from forecast import model_store
from forecast.config import CityConfig
from training import drift_run


def judge(config: CityConfig, home: Path, until: pd.Timestamp) -> dict[str, Any] | None:
    """What the day's drift is.

    Returns:
        `drift_run.DriftReport.as_dict` with `lines` (in words) and `retrain` (whether a training
        is proposed); None where the city's forecaster is no network, which has nothing to drift
        from.

    Raises:
        DataError: The home holds no readings, or a file of the network cannot be read.
    """
    if config.forecast.model != model_store.NETWORK:
        return None
    if model_store.network(home, config.city.id, until) is None:
        return None
    out = home / "drift" / f"{until:%Y%m%dT%H%MZ}"
    report = drift_run.run(config, home=home, until=until, out=out)
    worst = [str(f) for f in report.beyond]
    lines = [f"drift: {len(worst)} out of the ordinary", f"drift: {report.proposal()}"]
    return report.as_dict() | {"lines": lines, "retrain": report.proposes, "worst": worst}
