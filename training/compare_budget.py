"""What each forecaster of a comparison may spend on training, in words. Knows no torch."""

import json
from pathlib import Path

from forecast import model_store
from forecast.boosting_train import BoostingConfig
from forecast.schema import POLLUTANTS, QUANTILES
from training.peers import settings


def words(model: str, folder: Path | None = None) -> str:
    """The budget of a model; empty where it is stated elsewhere.

    Args:
        model: Its name.
        folder: Where it is kept: a network's own settings are read from there.
    """
    if model_store.is_network(model):
        return _network(folder) if folder is not None else ""
    if model in ("persistence", "climatology"):
        return "fitted in seconds, nothing tuned"
    if model == "lightgbm":
        c = BoostingConfig()
        n = len(POLLUTANTS) * len(QUANTILES)
        return (
            f"{n} models (pollutant x quantile); {c.rows} rows each for a trial and for the final"
            f" training, at most {c.rounds} rounds of {c.leaves} leaves, rounds and widths chosen"
            f" on the last {c.validation_days} days before the test"
        )
    if model in settings.PEERS:
        p = settings.named(model)
        each = "all series" if p.together == "all" else f"{p.windows_per_issue} series"
        sizes = ", ".join(f"{k} {v}" for k, v in p.sizes.items())
        return (
            f"one network of {p.architecture} ({sizes}; {p.history_hours} h of history); {p.steps}"
            f" steps of {p.issues_per_step} issue times x {each} for a trial, at most as many for"
            f" the final training, steps and widths chosen on the last {p.validation_days} days"
            " before the test"
        )
    return ""


def _network(folder: Path) -> str:
    """What a network's manifest says of its training; empty where it says nothing."""
    try:
        said = json.loads((folder / model_store.MANIFEST).read_text(encoding="utf-8"))
        settings = said["about"]["settings"]
        experts, o = settings["experts"], settings["optimiser"]
        seeds = sum(len(e["seeds"]) for e in experts)
        folds = settings["calibration"]["folds"]
        trees, width = settings["trees"]["rows"], settings["network"]["width"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return (
        f"{seeds} networks of width {width} and {len(experts) * folds} for blocks not trained on,"
        f" {o['steps']} steps of {o['batch']} issue times each, nothing chosen on later data;"
        f" median trees of {trees} rows beside them"
    )
