"""Where fitted models lie in a home, and which one a run may use.

    models/<city>/<name>-<tier>/<trained until, UTC>/

A run at an issue time may use a model only if nothing it was fitted on is later than that.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from forecast.batch import WeatherTier

_STAMP = "%Y%m%dT%H%MZ"


@dataclass(frozen=True)
class Kept:
    """A fitted model in a home."""

    folder: Path
    trained_until: pd.Timestamp


def trained_with(tier: WeatherTier) -> WeatherTier:
    """The tier a model must be fitted with to serve a tier: real forecasts have errors, too."""
    return "perturbed" if tier == "archived" else tier


def folder(
    home: Path, city: str, name: str, tier: WeatherTier, trained_until: pd.Timestamp
) -> Path:
    """Where a model is kept."""
    return home / "models" / city / f"{name}-{tier}" / trained_until.strftime(_STAMP)


def newest(
    home: Path, city: str, name: str, tier: WeatherTier, issue_time: pd.Timestamp
) -> Kept | None:
    """The last fitted model that a run at `issue_time` may use, or None."""
    found = []
    for path in (home / "models" / city / f"{name}-{trained_with(tier)}").glob("*/model.json"):
        try:
            until = pd.Timestamp(pd.to_datetime(path.parent.name, format=_STAMP))
        except ValueError:  # not ours
            continue
        if until <= issue_time:
            found.append(Kept(path.parent, until))
    return max(found, key=lambda k: k.trained_until, default=None)
