"""What `lantian verify` says on the screen: what a forecaster asks for first."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def lines(scores: Mapping[str, Any], out: Path) -> list[str]:
    """A few lines about PM2.5 at stations and the city's daily index, then where the rest is."""
    header, times = scores["header"], scores["issue_times"]
    said = [
        f"{scores['file']}: model {header['model']}, weather {header['weather_tier']}, "
        f"{times['n']} issue times on {times['days']} days"
        + (", SIMULATED" if scores["simulated"] else "")
    ]
    groups = scores["stations"].get("pm25", {}).get("groups", {})
    for name, label in (("h1_24", "hours 1-24"), ("h25_48", "25-48"), ("h49_72", "49-72")):
        g = groups.get(name)
        if g and g["n"]:
            said.append(
                f"PM2.5 {label}: MAE {_n(g['mae'])}, CRPS {_n(g['crps'])} ug/m3, 80 % interval "
                f"holds {_n(100 * (g['cover_80'] or 0))} %, n {g['n']}"
            )
    city = scores["areas"].get("city", {}).get("days", {})
    for day in ("D1", "D2", "D3"):
        d = city.get(day)
        if d and d["n"]:
            said.append(
                f"city AQI {day}: level right {_share(d['level_accuracy'])}, AQI > 200: CSI "
                f"{_n(d['csi_200'], 2)}, POD {_n(d['pod_200'], 2)}, FAR {_n(d['far_200'], 2)}, "
                f"days {d['n_days']}"
            )
    return [*said, f"all scores: {out / 'scores.json'}", f"report: {out / 'report.html'}"]


def _n(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f} %"
