"""A city's fitted models as they lie in a home: champion, candidates, decisions, cards.

Reads what training left (forecast.model_store names the places; training.registry writes
champion.json and promotions.jsonl) and changes nothing. A manifest that cannot be read is told.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import pandas as pd

from forecast import model_store
from forecast.problems import DataError

_MOST: Final = 100
_BLOCKS: Final = ("h1_24", "h25_48", "h49_72")
_CARD: Final = "card.md"


@dataclass(frozen=True)
class Model:
    """One fitted model."""

    name: str  # as the registry's decisions name it, relative to the home; or "shipped/<city>"
    kind: str  # network-any, lightgbm-perfect ...
    until: str  # ISO, UTC: nothing later was seen in training
    first: str | None  # first hour of its data
    stations: int | None
    simulated: bool | None
    code: str | None
    data: str | None  # hash
    seconds: float | None  # training took
    serves: tuple[tuple[str, int], ...]  # weather tiers, how many networks
    errors: Mapping[str, Mapping[str, Any]]  # trust in the weather -> "<pollutant> <block>"
    card: str  # the card's text, "" where there is none
    fault: str = ""


@dataclass(frozen=True)
class Records:
    """All there is."""

    models: tuple[Model, ...]  # the newest first
    champion: str | None  # name of the promoted one
    pointer: Mapping[str, Any] | None
    decisions: tuple[Mapping[str, Any], ...]  # the newest first
    faults: tuple[str, ...]


def of(home: Path, city: str) -> Records:
    """A city's models in a home, and the shipped one."""
    faults: list[str] = []
    place = home / "models" / city
    pointer = _pointer(place / "champion.json", faults)
    decisions = tuple(reversed(list(_decisions(place / "promotions.jsonl", faults))))
    folders = [(p.parent, str(p.parent.relative_to(home))) for p in place.glob("*/*/model.json")]
    shipped = _shipped(home, city, faults)
    if shipped is not None:
        folders.append((shipped, f"shipped/{city}"))
    models = [_model(folder, name) for folder, name in folders]
    models.sort(key=lambda m: (m.until, m.name), reverse=True)
    if pointer is not None and not pointer["folder"]:  # the first promotion was taken back
        pointer = None
    champion = str(pointer["folder"]) if pointer else None
    return Records(tuple(models[:_MOST]), champion, pointer, decisions[:_MOST], tuple(faults))


def _shipped(home: Path, city: str, faults: list[str]) -> Path | None:
    try:
        kept = model_store.network_named(home, city, "network:shipped", pd.Timestamp.max)
    except DataError as error:
        faults += [str(p) for p in error.problems]
        return None
    return None if kept is None else kept.folder


def _pointer(path: Path, faults: list[str]) -> Mapping[str, Any] | None:
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {**found, "folder": str(found["folder"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        faults.append(f"{path.name}: {error!r}")
        return None


def _decisions(path: Path, faults: list[str]) -> Iterator[Mapping[str, Any]]:
    if not path.is_file():
        return
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            found = json.loads(line)
            keys = ("action", "folder", "by", "at", "reason", "forced", "failed")
            yield {k: found[k] for k in keys}
        except (ValueError, KeyError, TypeError) as error:
            faults.append(f"{path.name}, line {number}: {error!r}")


def _model(folder: Path, name: str) -> Model:
    path = folder / model_store.MANIFEST
    stat = path.stat()
    return _read(folder, name, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=256)
def _read(folder: Path, name: str, _mtime_ns: int, _size: int) -> Model:
    kind = "network" if name.startswith("shipped/") else folder.parent.name
    try:
        said = json.loads((folder / model_store.MANIFEST).read_text(encoding="utf-8"))
        about = said.get("about") or {}
        serves: dict[str, int] = {}
        for tiers in said.get("serves", []):
            serves[", ".join(tiers)] = serves.get(", ".join(tiers), 0) + 1
        card = folder / _CARD
        return Model(
            name, kind, str(said["trained_until"]), about.get("first"), about.get("stations"),
            about.get("simulated"), about.get("code"), about.get("data"),
            about.get("train_seconds"), tuple(serves.items()), about.get("errors") or {},
            card.read_text(encoding="utf-8") if card.is_file() else "",
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return Model(name, kind, "", None, None, None, None, None, None, (), {}, "",
                     f"{type(error).__name__}: {error}")  # fmt: skip


def error_rows(model: Model, trust: str, pollutants: tuple[str, ...]) -> list[dict[str, Any]]:
    """Mean absolute errors in blocks not trained on: a row per pollutant, a cell per lead block;
    each cell (mean, worst window) or None.
    """
    found = model.errors.get(trust) or {}
    rows = []
    for p in pollutants:
        cells = [found.get(f"{p} {block}") for block in _BLOCKS]
        if any(cells):
            made = [None if c is None else (c["mae"], c.get("mae_most")) for c in cells]
            rows.append({"pollutant": p, "cells": made})
    return rows
