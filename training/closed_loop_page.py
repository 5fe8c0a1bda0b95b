"""The closed loop's table: heavy days, breaches, lost output, restarts, false alarms by policy.

Takes the runs of several seeds; gives the numbers (JSON) and the page. With fewer than two seeds
there is no interval.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from forecast import files, validity
from forecast.schema import POLLUTANTS
from response import promises
from training.closed_loop import LEAD_IN, daily_index
from training.closed_loop_city import DAY
from training.closed_loop_decisions import LINES, POLICIES, Policy
from training.closed_loop_store import Run

Floats = NDArray[np.float64]
METRICS: Final = ("heavy_days", "breaches", "lost_output", "restarts", "false_alarms")
EDGES: Final = (0.0, 0.05, 0.2, 0.5, 0.8, 0.95, 1.0)
_OZONE: Final = POLLUTANTS.index("o3")
_PM25: Final = POLLUTANTS.index("pm25")


def numbers(
    runs: Mapping[Policy, Run], value_yuan_d: Floats, first: pd.Timestamp, days: int
) -> dict[Policy, dict[str, float]]:
    """The metrics of one seed.

    Args:
        runs: Of every policy; `none` is what false alarms are judged by.
        value_yuan_d: (unit,).
        first: First local day that counts.
        days: How many.

    Returns:
        heavy_days: days of AQI above 200. breaches: days above 150 and days above 200, added.
        lost_output: million yuan. restarts: of units from a standstill. false_alarms: warnings
        (adjoining days under orders) in which the city without measures had no day above 200 nor
        two adjoining days above 150. Beside them warned_days, pm25 and o3 (means over the days).
    """
    part = slice(LEAD_IN, LEAD_IN + days)
    index = {p: daily_index(np.stack(r.air[part]), first) for p, r in runs.items()}
    free = index["none"]
    high = free > 150
    two = high & (np.append(high[1:], False) | np.append(False, high[:-1]))
    bad = (free > 200) | two
    made = {}
    for policy, run in runs.items():
        aqi = index[policy]
        warned = np.array([bool(name) for name in run.levels[part]])
        starts = np.flatnonzero(warned & ~np.append(False, warned[:-1]))
        ends = np.flatnonzero(warned & ~np.append(warned[1:], False)) + 1
        daily = validity.day_values(np.stack(run.air[part]), axis=-2)
        lost = ((1 - np.stack(run.loads[part])) * value_yuan_d).sum() / 1e6
        made[policy] = {
            "heavy_days": float((aqi > LINES[1]).sum()),
            "breaches": float(sum((aqi > line).sum() for line in LINES)),
            "lost_output": float(lost),
            "restarts": float(sum(run.stops[part])),
            "false_alarms": float(
                sum(not bad[a:b].any() for a, b in zip(starts, ends, strict=True))
            ),
            "warned_days": float(warned.sum()),
            "pm25": float(daily[:, _PM25].mean()),
            "o3": float(daily[:, _OZONE].mean()),
        }
    return made


def kept_promises(runs: Sequence[Run], first: pd.Timestamp) -> pd.DataFrame:
    """Every promise for a next day with what happened.

    Args:
        runs: Of one policy, one per seed.
        first: First local day that counts.

    Returns:
        line, kind, promised (0..1), broken, block (a week of a seed: one draw of the weather).
    """
    rows = []
    for number, run in enumerate(runs):
        aqi = daily_index(np.stack(run.air), first - LEAD_IN * DAY)
        rows += [
            (p.line, p.kind, p.share, bool(aqi[p.day] > p.line), 100 * number + p.day // 7)
            for p in run.promises
            if p.day < len(aqi)
        ]
    return pd.DataFrame(rows, columns=["line", "kind", "promised", "broken", "block"])


def promise_lines(table: pd.DataFrame) -> list[str]:
    """Promised probabilities against frequencies, by line and bin; 95 % intervals."""
    if table.empty:
        return ["No promise was made."]
    lines = [
        "| line | promised, bin | promises | promised, mean | happened | 95 % interval | inside |",
        "|---|---|---|---|---|---|---|",
    ]
    for line, part in table.groupby("line"):
        found = promises.calibration(
            part["promised"].to_numpy(), part["broken"].to_numpy(), edges=EDGES,
            blocks=part["block"].to_numpy(),
        )  # fmt: skip
        for row in found.table.itertuples():
            lines.append(
                f"| AQI {line} | {row.low:g} to {row.high:g} | {row.count} | {row.promised:.3f} |"
                f" {row.realised:.3f} | {row.ci_low:.3f} to {row.ci_high:.3f} |"
                f" {'yes' if row.agrees else 'no'} |"
            )
    kinds = {"free": "without orders", "plan": "under a plan", "resumption": "while units resume"}
    lines.append("")
    for said, part in table.groupby("line"):
        for kind, own in part.groupby("kind"):
            promised, happened = own["promised"].mean(), own["broken"].mean()
            lines.append(
                f"- AQI {said}, {kinds[str(kind)]}: {len(own)} promises, mean {promised:.3f}, "
                f"happened {happened:.3f}."
            )
    return lines


def as_json(found: Sequence[Mapping[Policy, Mapping[str, float]]]) -> dict[str, Any]:
    """{policy: {metric: [value per seed]}}."""
    return {
        p: {m: [round(seed[p][m], 3) for seed in found] for m in METRICS}
        for p in POLICIES
        if all(p in seed for seed in found)
    }


def write(
    out: Path, found: Sequence[Mapping[Policy, Mapping[str, float]]], *, head: Sequence[str],
    tail: Sequence[str],
) -> tuple[Path, Path]:  # fmt: skip
    """closed-loop.json and closed-loop.md in a folder.

    Args:
        out: The folder.
        found: `numbers` of each seed.
        head, tail: Lines before and after the tables.
    """
    data, page = out / "closed-loop.json", out / "closed-loop.md"
    files.write_text(data, json.dumps(as_json(found), indent=1) + "\n")
    files.write_text(page, "\n".join([*head, "", *table(found), "", *tail]) + "\n")
    return data, page


def table(found: Sequence[Mapping[Policy, Mapping[str, float]]]) -> list[str]:
    """Means over seeds with 95 % intervals (Student's t), and the goal against the flat list."""
    names = {
        "heavy_days": "heavy days", "breaches": "breaches", "lost_output": "lost output, 1e6 yuan",
        "restarts": "restarts", "false_alarms": "false alarms", "warned_days": "days under orders",
        "pm25": "PM2.5, ug m-3", "o3": "MDA8 ozone, ug m-3",
    }  # fmt: skip
    have = [p for p in POLICIES if all(p in seed for seed in found)]
    lines = ["| | " + " | ".join(have) + " |", "|---|" + "---|" * len(have)]
    for metric, name in names.items():
        cells = [interval([seed[p][metric] for seed in found]) for p in have]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    for p in ("lantian", "oracle"):
        if p in have and "flat" in have:
            less = [s[p]["breaches"] - s["flat"]["breaches"] for s in found]
            ratio = [s[p]["lost_output"] / max(s["flat"]["lost_output"], 1e-9) for s in found]
            said = (
                f"{p} against flat, paired by seed: breaches {interval(less)}, lost output "
                f"{interval(ratio, 2)} of the flat list's."
            )
            lines += ["", said]
    return lines


def interval(values: Sequence[float], decimals: int = 1) -> str:
    """Mean and 95 % interval of it, or the mean alone of one seed."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return f"{mean:.{decimals}f}"
    half = float(
        stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    )
    return f"{mean:.{decimals}f} ({mean - half:.{decimals}f} to {mean + half:.{decimals}f})"
