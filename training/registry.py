"""Which network a city runs: the gate, the pointer, and who decided.

Takes a model folder of a home and a comparison (`compare.json` of training.compare); leaves

    models/<city>/champion.json      what runs now; forecast.model_store.champion reads it
    models/<city>/promotions.jsonl   every decision, refusals included; lines are only ever added

A decision counts from the moment champion.json is replaced, and holds all of it: one that died
before its line was written is in `decisions` all the same, and the next command writes the line.

The gate lets a candidate pass that is nowhere worse than the champion beyond the interval of their
paired difference, and names every line on which it is. A first model has no champion to be
compared with; without a comparison, or against the gate, it takes --force and a reason, which is
kept. Rolling back is a decision like the others: the pointer returns to the one before.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from forecast import artifact, files, model_store
from forecast.problems import ConfigError, DataError, Problem
from forecast.schema import CITY_AREA

POINTER: Final = "champion.json"
LOG: Final = "promotions.jsonl"
_BLOCKS: Final = ("h1_24", "h25_48", "h49_72")
_DAYS: Final = ("D1", "D2", "D3")
# Lines of the gate: words, part and key of the paired difference, whether lower is better.
GATE: Final = (
    ("PM2.5 CRPS", "pm25", "crps", True), ("PM2.5 MAE", "pm25", "mae", True),
    ("PM10 CRPS", "pm10", "crps", True), ("NO2 CRPS", "no2", "crps", True),
    ("SO2 CRPS", "so2", "crps", True), ("CO CRPS", "co", "crps", True),
    ("O3 CRPS", "o3", "crps", True), ("O3 MAE", "o3", "mae", True),
    ("AQI CRPS", "", "crps", True), ("AQI level right", "", "level_accuracy", False),
    ("AQI > 200 Brier", "", "brier_200", True), ("AQI > 200 CSI", "", "csi_200", False),
)  # fmt: skip


@dataclass(frozen=True)
class Decision:
    """One line of promotions.jsonl."""

    action: str  # promote, refuse or roll-back
    city: str
    folder: str  # of the model, relative to the home; "" when nothing was promoted before
    model_sha256: str  # of its model.json
    trained_until: str
    before: str  # folder of the champion until then, "" for none
    by: str
    at: str  # UTC
    reason: str
    forced: bool
    comparison: str  # sha256 of compare.json, "" without one
    failed: tuple[str, ...]  # lines of the gate that were not met

    def lines(self) -> list[str]:
        """The decision in words."""
        said = [f"{self.action}: {self.folder or 'no promoted model'} ({self.city}), by {self.by}"]
        said += [f"gate: {line}" for line in self.failed]
        return said


def promote(
    home: Path,
    city: str,
    candidate: Path,
    *,
    by: str,
    reason: str,
    now: pd.Timestamp,
    comparison: Path | None = None,
    names: tuple[str, str] = ("network", "champion"),
    force: bool = False,
) -> Decision:
    """Make a candidate the champion of a city, if the gate lets it.

    Args:
        home: LANTIAN_HOME.
        city: Its id.
        candidate: Model folder; one outside the home's models (an MLflow artifact) is copied in.
        by: Who decides.
        reason: Why; needed.
        now: Naive UTC.
        comparison: compare.json in which candidate and champion were scored side by side.
        names: Names of candidate and champion in it.
        force: Promote although the gate is not met; the record says so.

    Raises:
        DataError: The model or the comparison cannot be read, or the gate is not met (every line
            is named; the refusal is recorded, the pointer stays).
        ConfigError: No name or no reason; the candidate is another city's.
    """
    _said_who_and_why(by, reason)
    made = artifact.read(candidate)
    own = str(made.about.get("city", city))
    if own != city:
        raise ConfigError([Problem(str(candidate), f"a model of {own}", f"one of {city}")])
    with files.exclusive(home):
        before = pointer(home, city)
        failed = gate(comparison, before is not None, names, str(candidate / artifact.MANIFEST))
        refused = bool(failed) and not force
        place = candidate if refused else _inside(home, city, candidate, made.trained_until)
        inside = place.resolve().is_relative_to(home.resolve())
        decision = Decision(
            "refuse" if refused else "promote", city,
            str(place.resolve().relative_to(home.resolve())) if inside else str(place),
            _sha(candidate / artifact.MANIFEST), made.trained_until.isoformat(),
            str(before["folder"]) if before else "", by, now.isoformat(), reason,
            force and bool(failed), _sha(comparison) if comparison else "", tuple(failed),
        )  # fmt: skip
        if refused:
            _log(home, city, decision)
        else:
            _point(home, decision)
    if refused:
        where = f"promotion of {candidate}"
        raise DataError([Problem(where, line, "no worse than the champion") for line in failed])
    return decision


def roll_back(home: Path, city: str, *, by: str, reason: str, now: pd.Timestamp) -> Decision:
    """Return to the champion before the present one (to none, if it was the first).

    Raises:
        ConfigError: No name or reason, or nothing was promoted.
        DataError: The model to return to is gone or changed.
    """
    _said_who_and_why(by, reason)
    with files.exclusive(home):
        present = pointer(home, city)
        if present is None:
            where = str(home / "models" / city / POINTER)
            raise ConfigError([Problem(where, "nothing promoted", "a promotion to take back")])
        stack = _stack(decisions(home, city))
        back = stack[-2] if len(stack) > 1 else None
        if back is not None:
            manifest = home / str(back["folder"]) / artifact.MANIFEST
            if _sha(manifest) != back["model_sha256"]:
                found = "changed since it was promoted" if manifest.is_file() else "not there"
                raise DataError([Problem(str(manifest), found, "the model that was promoted")])
        decision = Decision(
            "roll-back", city, str(back["folder"]) if back else "",
            str(back["model_sha256"]) if back else "", str(back["trained_until"]) if back else "",
            str(present["folder"]), by, now.isoformat(), reason, False, "", (),
        )  # fmt: skip
        _point(home, decision)
    return decision


def pointer(home: Path, city: str) -> Mapping[str, Any] | None:
    """champion.json of a city, or None."""
    if model_store.champion(home, city) is None:
        return None
    return _pointed(home, city)


def decisions(home: Path, city: str) -> list[Mapping[str, Any]]:
    """All decisions about a city, oldest first.

    Raises:
        DataError: A line that is none.
    """
    path = home / "models" / city / LOG
    found: list[Mapping[str, Any]] = []
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    for number, line in enumerate(lines, start=1):
        try:
            found.append(json.loads(line))
        except ValueError as error:
            where = f"{path}: line {number}"
            raise DataError([Problem(where, line[:80], "a decision as JSON")]) from error
    last = _pointed(home, city)
    return found if last is None or last in found else [*found, last]


def gate(
    comparison: Path | None, has_champion: bool, names: tuple[str, str], where: str
) -> list[str]:
    """Lines a candidate does not meet; none: it may pass.

    A line fails when the paired difference (candidate - champion, same cases) is worse and its
    interval does not reach 0. Tiers, days and lead blocks are judged apart.

    Raises:
        DataError: The comparison cannot be read, or does not hold the pair.
    """
    if comparison is None:
        missing = "the champion" if has_champion else "references (this is the first model)"
        return [f"{where}: no comparison with {missing}"]
    candidate, champion = names
    try:
        systems = json.loads(comparison.read_text(encoding="utf-8"))["systems"]
        pairs = {t: s[candidate]["comparison"] for t, s in systems.items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        found = f"{type(error).__name__}: {error}"
        expected = f"a comparison that holds {candidate!r}"
        raise DataError([Problem(str(comparison), found, expected)]) from error
    absent = [t for t, p in pairs.items() if champion not in p]
    if has_champion and absent:
        found = f"no paired difference to {champion!r} with weather {', '.join(absent)}"
        expected = f"lantian compare --reference {champion}"
        raise DataError([Problem(str(comparison), found, expected)])
    failed = []
    for tier, others in pairs.items():
        against = [champion] if has_champion else sorted(others)
        for other in against:
            failed += [f"weather {tier}, against {other}: {w}" for w in _worse(others[other])]
    return failed


def _worse(pair: Mapping[str, Any]) -> list[str]:
    found = []
    for words, pollutant, key, lower in GATE:
        part = pair["stations"].get(pollutant) if pollutant else pair["areas"].get(CITY_AREA)
        for group in _BLOCKS if pollutant else _DAYS:
            score = (part or {}).get(group, {}).get(key)
            if score is None or score["difference"] is None:
                continue
            interval = score["difference_interval"]
            if interval is None or None in interval:
                continue
            low, high = interval
            if (low > 0) if lower else (high < 0):
                found.append(
                    f"{words} {group}: {score['difference']:+.3g} [{low:+.3g}, {high:+.3g}]"
                )
    return found


def _stack(found: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Promotions in force under each other, the present one last.

    A model promoted again while it is the champion takes its own place, so that taking the
    promotion back leads to another model.
    """
    stack: list[Mapping[str, Any]] = []
    for decision in found:
        if decision["action"] == "promote":
            if stack and all(stack[-1][k] == decision[k] for k in ("folder", "model_sha256")):
                stack.pop()
            stack.append(decision)
        elif decision["action"] == "roll-back" and stack:
            stack.pop()
    return stack


def _inside(home: Path, city: str, candidate: Path, until: pd.Timestamp) -> Path:
    """The candidate's folder in the home; copied there, whole, if it lies elsewhere.

    A folder's name carries the digest of its manifest, so two models of one date stay apart.
    """
    if candidate.resolve().is_relative_to((home / "models" / city).resolve()):
        return candidate
    digest = _sha(candidate / artifact.MANIFEST)[:12]
    place = home / "models" / city / "promoted" / f"{until:%Y%m%dT%H%MZ}-{digest}"
    place.mkdir(parents=True, exist_ok=True)
    names = [p.name for p in candidate.iterdir() if p.is_file() and p.name != artifact.MANIFEST]
    for name in (*names, artifact.MANIFEST):  # the manifest last: a folder with one is whole
        files.write_bytes(place / name, (candidate / name).read_bytes())
    return place


def _point(home: Path, decision: Decision) -> None:
    """The decision holds from here on; its line follows."""
    content = asdict(decision)
    path = home / "models" / decision.city / POINTER
    _log(home, decision.city)  # of one that died, before its pointer goes
    files.write_text(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    _log(home, decision.city)


def _pointed(home: Path, city: str) -> dict[str, Any] | None:
    """champion.json as it is: the last decision that moved it; no folder: nothing is promoted."""
    path = home / "models" / city / POINTER
    if not path.is_file():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _log(home: Path, city: str, refusal: Decision | None = None) -> None:
    """Every decision there is into the log, whole or not at all, and a refusal behind them."""
    said = [*decisions(home, city), *([asdict(refusal)] if refusal else [])]
    text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in said)
    path = home / "models" / city / LOG
    if text and not (path.is_file() and path.read_text(encoding="utf-8") == text):
        files.write_text(path, text)


def _said_who_and_why(by: str, reason: str) -> None:
    problems = [
        Problem(option, "nothing", expected)
        for option, value, expected in (("--by", by, "who decides"), ("--reason", reason, "why"))
        if not value.strip()
    ]
    if problems:
        raise ConfigError(problems)


def _sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
