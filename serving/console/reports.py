"""What commands left in the home for pages to show: scores, evaluations, drift. Read, not made.

    verification/<name>/scores.json      lantian verify FILE --out verification/<name>
    evaluations/<name>/evaluation.json   lantian evaluate ... --out evaluations/<name>
    drift/<issue>/drift.json             the daily run, or lantian drift --out

A file that cannot be read, or is of another version, is told as such; it never takes a page down.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

_NAME: Final = re.compile(r"[\w.+:-]{1,120}")
_MOST: Final = 200
BLOCKS: Final = (
    ("h1_24", "1–24 h"), ("h25_48", "25–48 h"), ("h49_72", "49–72 h"), ("h73_96", "73–96 h"),
)  # fmt: skip
DAYS: Final = ("D1", "D2", "D3")


@dataclass(frozen=True)
class Report:
    """One file of one folder."""

    name: str
    content: Mapping[str, Any] | None  # None: it cannot be read
    fault: str = ""


def of(home: Path, kind: str, file: str, short: Callable[[Any], Mapping[str, Any]]) -> list[Report]:
    """The home's reports of a kind, the newest first.

    Args:
        home: LANTIAN_HOME.
        kind: Folder of the home.
        file: Name in each report's folder.
        short: What is kept of the file's content; KeyError or TypeError: of another version.
    """
    place = home / kind
    if not place.is_dir():
        return []
    found = []
    for folder in place.iterdir():
        path = folder / file
        if _NAME.fullmatch(folder.name) and path.is_file():
            stat = path.stat()
            found.append((stat.st_mtime_ns, folder.name, path, stat.st_size))
    found.sort(reverse=True)
    return [_read(n, path, mtime, size, short) for mtime, n, path, size in found[:_MOST]]


@lru_cache(maxsize=512)
def _read(
    name: str, path: Path, _mtime_ns: int, _size: int, short: Callable[[Any], Mapping[str, Any]]
) -> Report:
    try:
        return Report(name, short(json.loads(path.read_text(encoding="utf-8"))))
    except (OSError, ValueError) as error:
        return Report(name, None, str(error).splitlines()[0][:200])
    except (KeyError, TypeError, AttributeError) as error:
        return Report(name, None, f"{type(error).__name__}: {error}")


def scores(content: Any) -> Mapping[str, Any]:
    """What the page shows of scores.json (forecast.verify.run)."""
    header, times = content["header"], content["issue_times"]
    references = list(content["comparison"])
    rows = []
    for pollutant, part in content["stations"].items():
        for block, words in BLOCKS:
            group = part["groups"].get(block)
            if group and group["n"]:
                rows.append({
                    "pollutant": pollutant, "block": words, "units": part["units"],
                    "n": group["n"], "mae": group["mae"], "crps": group["crps"],
                    "bias": group["bias"], "cover": group["cover_80"],
                    "interval": group["intervals"].get("mae"),
                    "skill": {r: _skill(content, r, pollutant, block) for r in references},
                })  # fmt: skip
    city = content["areas"].get("city", {}).get("days", {})
    keys = ("n", "n_days", "level_accuracy", "primary_any", "mae", "csi_200", "pod_200", "far_200",
            "brier_200")  # fmt: skip
    days = [{"day": d, **{k: city[d].get(k) for k in keys}} for d in DAYS if d in city]
    curve = content["stations"].get("pm25", {}).get("by_lead", {}).get("mae", [])
    return {
        "header": header, "times": times, "stations": content["stations_scored"],
        "simulated": bool(content["simulated"]), "rows": rows, "days": days,
        "references": references, "curve": _line(curve), "file": content["file"],
    }  # fmt: skip


def _skill(content: Any, reference: str, pollutant: str, block: str) -> dict[str, Any] | None:
    """Skill of CRPS against a reference with its interval; None where it was not compared."""
    pair = content["comparison"][reference]["stations"].get(pollutant, {}).get(block, {})
    score = pair.get("crps")
    if not score or score.get("skill") is None:
        return None
    return {"skill": score["skill"], "interval": score.get("skill_interval")}


def _line(values: list[float | None]) -> dict[str, Any] | None:
    """A curve by lead as points of an SVG 480 wide and 120 high."""
    known = [(h, v) for h, v in enumerate(values, start=1) if v is not None]
    if len(known) < 2:
        return None
    top = max(v for _, v in known) * 1.1 or 1.0
    points = " ".join(f"{480 * h / len(values):.1f},{120 - 120 * v / top:.1f}" for h, v in known)
    return {"points": points, "top": top, "hours": len(values),
            "first": known[0][1], "last": known[-1][1]}  # fmt: skip


def evaluation(content: Any) -> Mapping[str, Any]:
    """What the page shows of evaluation.json (response.evaluation_run)."""
    return {
        "issue_time": content["issue_time"], "days": list(content["days"]),
        "simulated": bool(content["simulated"]),
        "words": [{"zh": w["zh"], "en": w["en"]} for w in content["words"]],
    }  # fmt: skip


def drift(content: Any) -> Mapping[str, Any]:
    """What the page shows of drift.json (training.drift_run)."""
    parts = {
        name: {"judged": len(found), "beyond": [dict(f) for f in found if f["beyond"]]}
        for name, found in content["findings"].items()
    }
    keys = ("model", "trained_until", "first", "last", "proposal", "beyond")
    return {**{k: content[k] for k in keys}, "notes": list(content["notes"]), "parts": parts}
