"""report.html: one self-contained page from the content of scores.json.

Pictures are embedded, nothing is fetched. Observed weather as a forecast is named `perfect`
wherever its scores are shown, and a simulated city is called simulated.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from forecast.plotting import data_uri, styled
from forecast.schema import CITY_AREA, POLLUTANTS, VARIABLES
from forecast.verify import figures

TIERS = {
    "none": ("无气象预报", "no weather forecast"),
    "perturbed": ("加扰动的观测气象", "observed weather with errors that grow with lead"),
    "perfect": (
        "perfect：以观测气象代替预报，是上限而非业务水平",
        "perfect: observed weather as if it were forecast, an upper bound, not operational skill",
    ),
    "archived": ("存档的气象预报", "archived weather forecasts"),
}


def render(scores: Mapping[str, Any]) -> str:
    """The page (HTML) of a verification."""
    folder = Path(__file__).parent
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder), autoescape=True,
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {
        "num": _number, "pct": _percent, "ci": _interval, "cipct": _interval_percent,
    }  # fmt: skip
    area = scores["areas"].get(CITY_AREA)
    tier = scores["header"]["weather_tier"]
    return environment.get_template("report.html.j2").render(
        s=scores,
        city=area,
        pollutants=POLLUTANTS,
        zh={p: VARIABLES[p].zh for p in POLLUTANTS},
        units={p: VARIABLES[p].units for p in POLLUTANTS},
        tier=TIERS.get(tier, (tier, tier)),
        days=("D1", "D2", "D3"),
        blocks=("h1_24", "h25_48", "h49_72", "h73_96"),
        pictures=_pictures(scores, area),
    )


def _pictures(scores: Mapping[str, Any], area: Mapping[str, Any] | None) -> dict[str, str]:
    with styled():
        found = {
            "mae": figures.by_lead(scores, "mae"),
            "crps": figures.by_lead(scores, "crps"),
            "coverage": figures.coverage(scores),
            "ranks": figures.ranks(scores),
            "csi": figures.csi(scores),
        }
        if area is not None:
            found |= {
                "days": figures.days(area),
                "reliability": figures.reliability(area, scores["settings"]["aqi_events"]),
                "levels": figures.levels(area),
                "member_ranks": figures.member_ranks(area),
            }
        said = f"气象 weather: {scores['header']['weather_tier']}"
        said += " · 模拟数据 simulated" if scores["simulated"] else ""
        for fig in found.values():  # a picture may be passed on without the page
            fig.supxlabel(said, x=0.995, ha="right", fontsize=7, color="#5a6675")
        return {name: data_uri(fig) for name, fig in found.items()}


def _number(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f}"


def _interval(value: list[float] | None, digits: int = 1) -> str:
    return "" if value is None else f"{value[0]:.{digits}f} … {value[1]:.{digits}f}"


def _interval_percent(value: list[float] | None) -> str:
    return "" if value is None else f"{100 * value[0]:.0f} … {100 * value[1]:.0f}"
