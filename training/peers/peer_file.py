"""A trained peer as files: safetensors weights and checked JSON, nothing that runs code.

<folder>/weights.safetensors
<folder>/model.json   what it is, what it expects, the weights' hash; written last
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import pandas as pd
from safetensors import SafetensorError
from safetensors.torch import load as loaded_tensors
from safetensors.torch import save as saved_tensors

from forecast.batch import WeatherTier
from forecast.files import write_bytes, write_text
from forecast.problems import DataError, Problem
from forecast.schema import MAX_LEAD, POLLUTANTS, QUANTILES, VARIABLES, WEATHER
from training.peers import networks
from training.peers.peer import Cost, Peer
from training.peers.settings import PeerConfig
from training.peers.windows import Scale

FORMAT: Final = "lantian-peer-1"
MANIFEST: Final = "model.json"
WEIGHTS: Final = "weights.safetensors"


def save(peer: Peer, folder: Path) -> None:
    """Write a peer; model.json comes last, so a folder with one is whole."""
    state = {k: v.detach().contiguous().clone() for k, v in peer.net.state_dict().items()}
    raw = saved_tensors(state)
    write_bytes(folder / WEIGHTS, raw)
    manifest = _expected() | {
        "name": peer.label,
        "tier": peer.tier,
        "trained_until": peer.trained_until.isoformat(),
        "config": asdict(peer.config) | {"sizes": dict(peer.config.sizes)},
        "scale": asdict(peer.scale) | {"air": dict(peer.scale.air)},
        "stations": list(peer.stations),
        "widening": {p: list(v) for p, v in peer.widening.items()},
        "cost": asdict(peer.cost),
        "sha256": {WEIGHTS: hashlib.sha256(raw).hexdigest()},
    }
    write_text(folder / MANIFEST, json.dumps(manifest, indent=1) + "\n")


def load(folder: Path) -> Peer:
    """Read a folder that `save` wrote.

    Raises:
        DataError: Everything that is absent, changed, or made for other code, at once.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        tier: WeatherTier = manifest["tier"]
        label = str(manifest["name"])
        until = pd.Timestamp(manifest["trained_until"])
        config = PeerConfig(**manifest["config"])
        scale = _scale(manifest["scale"])
        stations = tuple(map(str, manifest["stations"]))
        widening = {p: tuple(map(float, manifest["widening"][p])) for p in POLLUTANTS}
        cost = Cost(**manifest["cost"])
        digest = str(manifest["sha256"][WEIGHTS])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        found = f"{type(error).__name__}: {error}"
        raise DataError([Problem(str(path), found, "a manifest of a trained peer")]) from error
    problems = [
        Problem(f"{path}: {key}", str(manifest.get(key))[:200], str(value)[:200])
        for key, value in _expected().items()
        if manifest.get(key) != value
    ]
    raw = b""
    try:
        raw = (folder / WEIGHTS).read_bytes()
        found = hashlib.sha256(raw).hexdigest()
        if found != digest:
            problems.append(Problem(str(folder / WEIGHTS), f"sha256 {found}", f"{digest}"))
    except OSError as error:
        problems.append(Problem(str(folder / WEIGHTS), str(error), "the weights"))
    if problems:
        raise DataError(problems)
    net = networks.build(config, scale, len(stations), seed=0)
    try:
        net.load_state_dict(loaded_tensors(raw), strict=True)
    except (SafetensorError, RuntimeError) as error:
        raise DataError(
            [Problem(str(folder / WEIGHTS), str(error)[:300], "its weights")]
        ) from error
    net.eval()
    return Peer(label, tier, until, config, scale, stations, widening, cost, net)


def _scale(said: Mapping[str, Any]) -> Scale:
    def numbers(name: str) -> tuple[float, ...]:
        return tuple(map(float, said[name]))

    air = {k: (float(m), float(s)) for k, (m, s) in said["air"].items()}
    lat, lon = numbers("place")
    return Scale(numbers("centre"), numbers("width"), numbers("spread"), air, (lat, lon))


def _expected() -> dict[str, Any]:
    """What a manifest must say for this code to use it."""
    return {
        "format": FORMAT,
        "pollutants": list(POLLUTANTS),
        "quantiles": list(QUANTILES),
        "leads": MAX_LEAD,
        "units": {v: VARIABLES[v].units for v in (*POLLUTANTS, *WEATHER)},
    }
