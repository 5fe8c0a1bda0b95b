"""A trained network as files: safetensors and checked JSON, nothing that runs code when loaded.

    <folder>/model.json          what it is, what it expects, hashes of the others; written last
    <folder>/weights.safetensors weights of each network of the ensemble, whole numbers by row
    <folder>/errors.safetensors  PITs of its past errors, how its spread is corrected, blend weights
    <folder>/trees.json.gz       median trees that are blended in, where there are any

A weight matrix is kept as int8 with one float16 scale per row, so that a shipped model stays small
(5 MB at most); other weights as float16. What that costs is measured in docs/results/beijing.md.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from forecast import last_reading, trees
from forecast.error_templates import ErrorTemplates
from forecast.files import write_bytes, write_text
from forecast.last_reading import LastReading
from forecast.network import Network, NetworkConfig
from forecast.network_inputs import Scales
from forecast.problems import DataError, Problem
from forecast.recalibration import Recalibration
from forecast.schema import MAX_LEAD, POLLUTANTS, QUANTILES, VARIABLES, WEATHER
from forecast.trees import MedianTrees

FORMAT: Final = "lantian-network-2"
MANIFEST: Final = "model.json"
WEIGHTS: Final = "weights.safetensors"
ERRORS: Final = "errors.safetensors"
TREES: Final = "trees.json.gz"
_HOUR: Final = pd.Timedelta(hours=1)
_EPOCH: Final = pd.Timestamp("1970-01-01")


@dataclass(frozen=True)
class Artifact:
    """Everything a trained model needs to forecast."""

    networks: tuple[Network, ...]  # in evaluation mode
    serves: tuple[tuple[str, ...], ...]  # tiers of weather each network is for
    scales: Scales
    trees: MedianTrees
    trained_until: pd.Timestamp  # naive UTC; calibration included
    errors: ErrorTemplates
    recalibration: Recalibration
    about: Mapping[str, Any]  # city, data hash, code revision, simulated: shown, not used
    last: LastReading = field(default_factory=last_reading.none)

    def for_tier(self, tier: str) -> tuple[Network, ...]:
        """Networks whose mean is the forecast with a tier of weather; all where none is for it."""
        mine = tuple(n for n, s in zip(self.networks, self.serves, strict=True) if tier in s)
        return mine or self.networks


def write(model: Artifact, folder: Path) -> None:
    """Write a model; model.json comes last, so a folder with one is whole."""
    weights: dict[str, np.ndarray] = {}
    for i, network in enumerate(model.networks):
        for name, tensor in network.state_dict().items():
            weights |= _packed(f"{i}.{name}", tensor.detach().numpy())
    errors: dict[str, np.ndarray] = {
        "pit": model.errors.pit,
        "issue_hours": ((model.errors.issue_times - _EPOCH) // _HOUR).to_numpy().astype(np.int64),
        "error_trust": model.errors.trust.astype(np.int64),
        "levels": model.recalibration.levels.astype(np.float32),
        "blend": model.trees.weights.astype(np.float32),
    }
    files = {WEIGHTS: save(_plain(weights)), ERRORS: save(_plain(errors))}
    if model.trees.models:
        files[TREES] = trees.packed(model.trees.models)
    for name, raw in files.items():
        write_bytes(folder / name, raw)
    manifest = _expected() | {
        "trained_until": model.trained_until.isoformat(),
        "networks": [asdict(n.config) for n in model.networks],
        "serves": [list(s) for s in model.serves],
        "scales": asdict(model.scales),
        "error_stations": list(model.errors.stations),
        "last_reading": {
            key: np.round(value.astype(np.float64), 3).tolist()
            for key, value in asdict(model.last).items()
        },
        "about": dict(model.about),
        "sha256": {name: hashlib.sha256(raw).hexdigest() for name, raw in files.items()},
    }
    write_text(folder / MANIFEST, json.dumps(manifest, indent=1) + "\n")


def read(folder: Path) -> Artifact:
    """Read a folder that `write` wrote.

    Raises:
        DataError: Everything that is absent, changed, or made for other code, at once.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        configs = [_config(c) for c in manifest["networks"]]
        serves = tuple(tuple(map(str, s)) for s in manifest["serves"])
        scales = _scales(manifest["scales"])
        until = pd.Timestamp(manifest["trained_until"])
        stations = tuple(map(str, manifest["error_stations"]))
        hashes, about = dict(manifest["sha256"]), dict(manifest["about"])
        last = _last(manifest.get("last_reading"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        found = f"{type(error).__name__}: {error}"
        raise DataError([Problem(str(path), found, "a manifest of a trained network")]) from error
    problems = [
        Problem(f"{path}: {key}", str(manifest.get(key))[:200], str(value)[:200])
        for key, value in _expected().items()
        if manifest.get(key) != value
    ]
    names = (WEIGHTS, ERRORS, *([TREES] if TREES in hashes else []))
    raw = {name: _checked(folder / name, hashes.get(name), problems) for name in names}
    if problems:
        raise DataError(problems)
    try:
        weights, errors = load(raw[WEIGHTS]), load(raw[ERRORS])
        networks = tuple(_network(c, weights, i) for i, c in enumerate(configs))
        times = pd.DatetimeIndex(_EPOCH + pd.to_timedelta(errors["issue_hours"], unit="h"))
        templates = ErrorTemplates(times, stations, errors["pit"], errors["error_trust"])
        recalibration = Recalibration(errors["levels"])
        blend = errors["blend"]
    except (SafetensorError, KeyError, RuntimeError, ValueError) as error:
        found = f"{type(error).__name__}: {error}"
        raise DataError([Problem(str(folder), found[:300], "tensors of the manifest")]) from error
    boosters = trees.unpacked(raw[TREES], str(folder / TREES)) if TREES in raw else {}
    beside = MedianTrees(boosters, blend)
    return Artifact(networks, serves, scales, beside, until, templates, recalibration, about, last)


def _expected() -> dict[str, Any]:
    """What a manifest must say for this code to use it."""
    return {
        "format": FORMAT,
        "pollutants": list(POLLUTANTS),
        "quantiles": list(QUANTILES),
        "leads": MAX_LEAD,
        "units": {v: VARIABLES[v].units for v in (*POLLUTANTS, *WEATHER)},
    }


def _checked(path: Path, expected: str | None, problems: list[Problem]) -> bytes:
    try:
        raw = path.read_bytes()
    except OSError as error:
        problems.append(Problem(str(path), str(error), "a file of the model"))
        return b""
    digest = hashlib.sha256(raw).hexdigest()
    if digest != expected:
        problems.append(Problem(str(path), f"sha256 {digest}", f"{expected} as in {MANIFEST}"))
    return raw


def _plain(tensors: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Rows one after the other: safetensors writes memory as it lies, whatever its strides."""
    return {name: np.ascontiguousarray(value) for name, value in tensors.items()}


def _packed(name: str, value: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
    if value.ndim != 2 or min(value.shape) < 16:
        return {name: value.astype(np.float16)}
    scale = (np.abs(value).max(axis=1) / 127).astype(np.float16).astype(np.float32)
    safe = np.where(scale > 0, scale, 1.0)[:, None]
    whole = np.clip(np.round(value / safe), -127, 127)
    return {f"{name}|q": whole.astype(np.int8), f"{name}|s": scale.astype(np.float16)}


def _network(config: NetworkConfig, weights: Mapping[str, NDArray[Any]], i: int) -> Network:
    network = Network(config)
    state = {}
    for name in network.state_dict():
        key = f"{i}.{name}"
        if f"{key}|q" in weights:
            scale = weights[f"{key}|s"].astype(np.float32)[:, None]
            value = weights[f"{key}|q"].astype(np.float32) * scale
        else:
            value = weights[key].astype(np.float32)
        state[name] = torch.from_numpy(np.ascontiguousarray(value))
    network.load_state_dict(state)
    return network.eval()


def _last(content: Mapping[str, Any] | None) -> LastReading:
    """Of a manifest; nothing is moved where it has none."""
    made = last_reading.none()
    if content is None:
        return made
    read = {k: np.array(content[k], dtype=np.float32) for k in ("pull", "narrow")}
    for key, value in read.items():
        if value.shape != made.pull.shape or not ((value >= 0) & (value <= 1)).all():
            raise ValueError(f"last_reading.{key}: {value.shape}, {made.pull.shape} of 0 to 1")
    return LastReading(**read)


def _config(content: Mapping[str, Any]) -> NetworkConfig:
    fixed = {**content, "stations": tuple(map(str, content["stations"]))}
    return NetworkConfig(**fixed)


def _scales(content: Mapping[str, Any]) -> Scales:
    def pair(values: Sequence[float]) -> tuple[float, float]:
        return float(values[0]), float(values[1])

    return Scales(
        tuple(map(float, content["pollutant_centre"])),
        tuple(map(float, content["pollutant_width"])),
        *({k: pair(v) for k, v in content[part].items()} for part in ("city", "station", "past")),
    )
