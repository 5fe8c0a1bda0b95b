"""Where fitted models lie in a home, and which one a run may use.

    models/<city>/<name>-<tier>/<trained until, UTC>/     fitted in this home
    models/<city>/network-<tag>/<trained until, UTC>/     a candidate: no run picks it up by itself
    forecast/pretrained/<city>/                            shipped with the program (network only)

A run at an issue time may use a model only if nothing it was fitted on is later than that. The
network serves every tier: its <tier> is `any`. `champion` is what a promotion chose for a city.
Which of several networks is meant, a name says: `network` (what a run would use), `network:TAG`,
`network:champion`, `network:shipped`, `network@FOLDER`.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from forecast.batch import WeatherTier
from forecast.problems import ConfigError, DataError, Problem

NETWORK = "network"
MANIFEST = "model.json"
_STAMP = "%Y%m%dT%H%MZ"
_TAG = re.compile(r"[A-Za-z0-9_]+")
_RESERVED = ("any", "champion", "shipped")
_PRETRAINED = Path(__file__).parent / "pretrained"


@dataclass(frozen=True)
class Kept:
    """A fitted model in a home."""

    folder: Path
    trained_until: pd.Timestamp


def trained_with(tier: WeatherTier) -> WeatherTier:
    """The tier a model must be fitted with to serve a tier: real forecasts have errors, too."""
    return "perturbed" if tier == "archived" else tier


def folder(
    home: Path, city: str, name: str, tier: WeatherTier, trained_until: pd.Timestamp,
    tag: str = "",
) -> Path:  # fmt: skip
    """Where a model is kept.

    Raises:
        ConfigError: A tag that is no plain word, or that names something else.
    """
    kind = (tag or "any") if name == NETWORK else tier
    if tag and (tag in _RESERVED or not _TAG.fullmatch(tag)):
        expected = f"letters, digits and _, none of {', '.join(_RESERVED)}"
        raise ConfigError([Problem("tag", repr(tag), expected)])
    return home / "models" / city / f"{name}-{kind}" / trained_until.strftime(_STAMP)


def network(home: Path, city: str, issue_time: pd.Timestamp) -> Kept | None:
    """The network a run at `issue_time` may use: the promoted one, else the newest there is.

    Raises:
        DataError: A shipped manifest cannot be read.
    """
    chosen = champion(home, city)
    if chosen is not None and chosen.trained_until <= issue_time:
        return chosen
    found = _dated(home / "models" / city / f"{NETWORK}-any", issue_time)
    shipped = _PRETRAINED / city / MANIFEST
    if shipped.is_file():
        until = _trained_until(shipped)
        if until <= issue_time:
            found.append(Kept(shipped.parent, until))
    return max(found, key=lambda k: k.trained_until, default=None)


def is_network(name: str) -> bool:
    """Whether a forecaster's name means a network: `network`, `network:TAG`, `network@FOLDER`."""
    return name == NETWORK or name.startswith((f"{NETWORK}:", f"{NETWORK}@"))


def network_named(home: Path, city: str, name: str, issue_time: pd.Timestamp) -> Kept | None:
    """The network a name means, if a run at `issue_time` may use it, or None.

    Raises:
        DataError: A manifest or the pointer cannot be read.
    """
    if name == NETWORK:
        return network(home, city, issue_time)
    rest = name[len(NETWORK) + 1 :]
    found: list[Kept | None] = []
    if name.startswith(f"{NETWORK}@"):
        place = Path(rest)
        if (place / MANIFEST).is_file():
            found = [Kept(place, _trained_until(place / MANIFEST))]
    elif rest == "champion":
        found = [champion(home, city)]
    elif rest == "shipped":
        place = _PRETRAINED / city
        if (place / MANIFEST).is_file():
            found = [Kept(place, _trained_until(place / MANIFEST))]
    elif _TAG.fullmatch(rest):
        found = list(_dated(home / "models" / city / f"{NETWORK}-{rest}", issue_time))
    usable = [k for k in found if k is not None and k.trained_until <= issue_time]
    return max(usable, key=lambda k: k.trained_until, default=None)


def champion(home: Path, city: str) -> Kept | None:
    """What the last promotion of a city chose (training.registry writes it), or None.

    Raises:
        DataError: The pointer cannot be read.
    """
    path = home / "models" / city / "champion.json"
    if not path.is_file():
        return None
    try:
        folder = str(json.loads(path.read_text(encoding="utf-8"))["folder"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError([Problem(str(path), repr(error), "the pointer of a promotion")]) from error
    if not folder:  # the first promotion was taken back
        return None
    return Kept(home / folder, _trained_until(home / folder / MANIFEST))


def _trained_until(manifest: Path) -> pd.Timestamp:
    try:
        return pd.Timestamp(json.loads(manifest.read_text(encoding="utf-8"))["trained_until"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError([Problem(str(manifest), repr(error), "a model's manifest")]) from error


def newest(
    home: Path, city: str, name: str, tier: WeatherTier, issue_time: pd.Timestamp
) -> Kept | None:
    """The last fitted model that a run at `issue_time` may use, or None."""
    kept = _dated(home / "models" / city / f"{name}-{trained_with(tier)}", issue_time)
    return max(kept, key=lambda k: k.trained_until, default=None)


def _dated(place: Path, issue_time: pd.Timestamp) -> list[Kept]:
    found = []
    for path in place.glob(f"*/{MANIFEST}"):
        try:
            until = pd.Timestamp(pd.to_datetime(path.parent.name, format=_STAMP))
        except ValueError:  # not ours
            continue
        if until <= issue_time:
            found.append(Kept(path.parent, until))
    return found
