"""What each forecaster of a comparison may spend on training, in words. Knows no torch."""

from forecast.boosting_train import BoostingConfig
from forecast.schema import POLLUTANTS, QUANTILES
from training.peers import settings


def words(model: str) -> str:
    """The budget of a model; empty where it is stated elsewhere."""
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
