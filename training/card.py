"""A network's card, written by the machine: what it is, saw, missed, and is not for.

Takes the manifest of a model folder, gives Markdown; everything in it is read, nothing is claimed.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from forecast import model_store
from forecast.files import write_text
from forecast.problems import DataError, Problem
from forecast.schema import POLLUTANTS, VARIABLES

FILE: Final = "card.md"
_BLOCKS: Final = ("h1_24", "h25_48", "h49_72")
_TRUST: Final = {"0": "none", "1": "forecast with errors", "2": "perfect (observed)"}
_LIMITS: Final = (
    "Trained for one city: another city needs its own training.",
    "Weather called perfect is observed weather: an upper bound, no forecast has it.",
    "Emission cuts it has not seen are not in it: it does not say what a measure would do.",
    "An index comes from its members; medians of single hours give none.",
)


def write(folder: Path) -> Path:
    """Write the card of a model folder beside its manifest.

    Raises:
        DataError: The manifest cannot be read.
    """
    path = folder / model_store.MANIFEST
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        words = text(said)
    except (OSError, ValueError, KeyError, TypeError) as error:
        expected = "a manifest of a trained network"
        raise DataError([Problem(str(path), repr(error), expected)]) from error
    write_text(folder / FILE, words)
    return folder / FILE


def text(manifest: Mapping[str, Any]) -> str:
    """Markdown of a manifest (forecast.artifact.write)."""
    about = manifest["about"]
    simulated = " SIMULATED DATA." if about.get("simulated") else ""
    until, what = manifest["trained_until"], ", ".join(manifest["pollutants"])
    size = f"Stations: {about.get('stations', '?')}; networks: {len(manifest['networks'])}"
    lines = [
        f"# Network of {about.get('city', '?')}, trained until {until} UTC",
        "",
        f"{size}; hourly quantiles of {what} to {manifest['leads']} h.{simulated}",
        "",
        f"- data: {about.get('first', '?')} .. {until} UTC, hash {about.get('data', '?')}",
        f"- code: {about.get('code', '?')}; format {manifest['format']}",
        f"- training: {about.get('train_seconds', '?')} s on the machine it was made on",
    ]
    for tiers, count in _experts(manifest["serves"]).items():
        lines.append(f"- networks for weather {', '.join(tiers)}: {count}")
    lines += ["", "## Errors in blocks of time it was not trained on", ""]
    errors = about.get("errors") or {}
    if not errors:
        lines.append("Not kept.")
    for trust, found in errors.items():
        where = "Mean absolute error of the median at the stations of the city value"
        worst = f"in brackets the worst {found.get('days', '?')} days"
        lines += [
            f"Weather: {_TRUST.get(trust, trust)}. {where}; {worst}.", "",
            "| | units | 1-24 h | 25-48 h | 49-72 h |", "|---|---|---|---|---|",
        ]  # fmt: skip
        for p in POLLUTANTS:
            cells = [_cell(found.get(f"{p} {b}")) for b in _BLOCKS]
            lines.append(f"| {VARIABLES[p].en} | {VARIABLES[p].units} | {' | '.join(cells)} |")
        lines.append("")
    lines += ["", "## What it is not for", "", *(f"- {limit}" for limit in _LIMITS), ""]
    return "\n".join(lines)


def _experts(serves: list[list[str]]) -> dict[tuple[str, ...], int]:
    found: dict[tuple[str, ...], int] = {}
    for tiers in serves:
        found[tuple(tiers)] = found.get(tuple(tiers), 0) + 1
    return found


def _cell(score: Mapping[str, Any] | None) -> str:
    if score is None:
        return "—"
    most = score.get("mae_most")
    worst = "" if most is None else f" ({most:.3g})"
    return f"{score['mae']:.3g}{worst}"
