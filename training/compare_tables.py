"""Tables of a comparison, from the content of compare.json; knows no files and no pictures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import getitem
from typing import Any, Final

from forecast.schema import CITY_AREA, POLLUTANTS, VARIABLES

BLOCKS: Final = ("h1_24", "h25_48", "h49_72")
DAYS: Final = ("D1", "D2", "D3")
SEASONS: Final = {"MAM": "spring", "JJA": "summer", "SON": "autumn", "DJF": "winter"}
# Scores of pairs: label, where (pollutant or the city), key, whether lower is better.
_PAIRS: Final = (
    ("PM2.5 MAE", "pm25", "mae", True), ("PM2.5 CRPS", "pm25", "crps", True),
    ("PM10 CRPS", "pm10", "crps", True), ("SO2 CRPS", "so2", "crps", True),
    ("NO2 CRPS", "no2", "crps", True), ("CO CRPS", "co", "crps", True),
    ("O3 MAE", "o3", "mae", True), ("O3 CRPS", "o3", "crps", True),
    ("city AQI CRPS", "", "crps", True), ("level right", "", "level_accuracy", False),
    ("AQI > 200: Brier", "", "brier_200", True), ("AQI > 200: CSI", "", "csi_200", False),
)  # fmt: skip
_CITY_ROWS: Final = (
    ("AQI MAE", "mae", 1), ("AQI CRPS", "crps", 1), ("level right", "level_accuracy", 3),
    ("primary pollutant, one in common", "primary_any", 3),
    ("80 % interval holds", "cover_80", 2), ("90 % interval holds", "cover_90", 2),
    ("AQI > 150: CSI", "csi_150", 2), ("AQI > 150: Brier", "brier_150", 3),
    ("AQI > 200: CSI", "csi_200", 2), ("AQI > 200: POD", "pod_200", 2),
    ("AQI > 200: FAR", "far_200", 2), ("AQI > 200: Brier", "brier_200", 3),
)  # fmt: skip


@dataclass(frozen=True)
class Table:
    """Rows of words under a title; the first column names the row."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def of_tier(result: Mapping[str, Any], tier: str) -> list[Table]:
    """Tables of one weather tier."""
    found: Mapping[str, Any] = result["systems"][tier]
    models = tuple(found)
    tables = [
        Table(
            f"Stations, weather {tier}", ("", *models), tuple(_stations(found)),
            "Hours 1-24 / 25-48 / 49-72; in brackets the 95 % interval of the first value.",
        ),
        Table(
            f"The city's day, weather {tier}", ("", *models), tuple(_city(found)),
            "D+1 / D+2 / D+3; in brackets the 95 % interval of the first value.",
        ),
        Table(
            f"Heavy days (city AQI > 200), stations, weather {tier}", ("", *models),
            tuple(_heavy(found)),
            "Chosen by what was observed: read beside CSI and Brier score, never alone. "
            "Hours 1-24 / 25-48 / 49-72.",
        ),
        Table(
            f"Seasons, weather {tier}", ("", *models), tuple(_seasons(found)),
            "Hours 1-24 / 25-48 / 49-72.",
        ),
    ]  # fmt: skip
    for reference in result["references"]:
        others = [m for m in models if m != reference]
        if others:
            tables.append(
                Table(
                    f"Differences to {reference}, weather {tier}",
                    ("", *others),
                    tuple(_pairs(found, others, reference)),
                    f"Own - {reference} on the same cases, with its 95 % interval; errors also in %"
                    f" of {reference}. + better and - worse beyond the interval, = neither.",
                )
            )
    return tables


def cost(result: Mapping[str, Any]) -> Table:
    """What each model took."""
    head = (
        "model and weather", "trained numbers", "training, s by the clock (of a core)",
        "training, peak MB", "forecast, ms of a core per issue time", "hindcast, s", "peak MB",
    )  # fmt: skip
    rows = []
    for name, c in result["cost"].items():
        t = c["training"] or {}
        rows.append(
            (
                name,
                _whole(c["parameters"]),
                f"{_whole(t.get('seconds'))} ({_whole(t.get('cpu_seconds'))})",
                _whole(t.get("peak_mb")),
                _whole(c["forecast_ms"]),
                _whole(c["hindcast_seconds"]),
                _whole(c["hindcast_peak_mb"]),
            )
        )
    note = (
        "Trained numbers: weights, or leaves of trees. A hindcast includes members, area index and "
        "the file, the same for all. - : trained earlier, not measured."
    )
    return Table("Cost", head, tuple(rows), note)


def budget(result: Mapping[str, Any]) -> Table:
    """What each model was allowed."""
    rows = tuple((m, words or "see its own page") for m, words in result["budget"].items())
    return Table("Budget", ("model", "training"), rows)


def markdown(table: Table) -> str:
    """A table as Markdown."""
    lines = [f"## {table.title}", ""]
    if table.note:
        lines += [table.note, ""]
    lines += [_line(table.head), "|" + "---|" * len(table.head), *map(_line, table.rows)]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _stations(found: Mapping[str, Any]) -> list[tuple[str, ...]]:
    rows = []
    for p in POLLUTANTS:
        digits = 3 if p == "co" else 1
        for key in ("mae", "crps"):
            label = f"{VARIABLES[p].en} {key.upper()}, {VARIABLES[p].units}"
            rows.append(_row(found, label, _at("stations", p, "groups"), key, digits))
    for p in ("pm25", "o3"):
        for width in ("80", "90"):
            label = f"{VARIABLES[p].en} {width} % interval holds"
            key = f"cover_{width}"
            rows.append(_row(found, label, _at("stations", p, "groups"), key, 2))
    label = "PM2.5 CSI at 150"
    rows.append(_row(found, label, _at("stations", "pm25", "groups"), "csi_150", 2))
    return rows


def _at(*keys: str) -> Callable[[Any], Any]:
    """What stands under nested keys of a run's scores."""
    return lambda scores: reduce(getitem, keys, scores)


def _row(
    found: Mapping[str, Any], label: str, where: Callable[[Any], Any], key: str, digits: int
) -> tuple[str, ...]:
    cells = []
    for scores in found.values():
        groups = where(scores)
        names = BLOCKS if BLOCKS[0] in groups else DAYS
        text = " / ".join(_number(groups[g].get(key), digits) for g in names)
        interval = groups[names[0]].get("intervals", {}).get(key)
        if interval:
            text += f" [{_number(interval[0], digits)}, {_number(interval[1], digits)}]"
        cells.append(text)
    return (label, *cells)


def _city(found: Mapping[str, Any]) -> list[tuple[str, ...]]:
    def days(scores: Any) -> Any:
        return scores["areas"][CITY_AREA]["days"]

    def count(scores: Any) -> str:
        groups = days(scores)
        return " / ".join(
            str(groups[d]["counts"]["hit_200"] + groups[d]["counts"]["miss_200"]) for d in DAYS
        )

    rows = [
        ("days scored", *(" / ".join(str(days(s)[d]["n_days"]) for d in DAYS)
                          for s in found.values())),
        ("issue times before a day with AQI > 200", *map(count, found.values())),
    ]  # fmt: skip
    return rows + [_row(found, label, days, key, digits) for label, key, digits in _CITY_ROWS]


def _heavy(found: Mapping[str, Any]) -> list[tuple[str, ...]]:
    rows = [("heavy days in the window", *(str(s["heavy_days"]["days"]) for s in found.values()))]
    for p in ("pm25", "o3"):
        label = VARIABLES[p].en

        def hours(scores: Any, p: str = p) -> Any:
            return scores["heavy_days"]["stations"][p]

        rows.append(_row(found, f"{label} station hours", hours, "n", 0))
        rows.append(_row(found, f"{label} MAE", hours, "mae", 1))
        rows.append(_row(found, f"{label} CRPS", hours, "crps", 1))
        rows.append(_row(found, f"{label} bias of the median", hours, "bias", 1))
        rows.append(_row(found, f"{label} 80 % interval holds", hours, "cover_80", 2))
        rows.append(_row(found, f"{label} 90 % interval holds", hours, "cover_90", 2))
    return rows


def _seasons(found: Mapping[str, Any]) -> list[tuple[str, ...]]:
    rows = []
    first = next(iter(found.values()))
    for season, word in SEASONS.items():
        if season not in first["stations"]["pm25"]["by_season"]:
            continue
        for p, key in (("pm25", "mae"), ("pm25", "crps"), ("o3", "mae")):
            rows.append(
                _row(
                    found,
                    f"{word}: {VARIABLES[p].en} {key.upper()}",
                    _at("stations", p, "by_season", season),
                    key,
                    1,
                )
            )
        if season in first["areas"][CITY_AREA]["by_season"]:
            rows.append(
                _row(
                    found,
                    f"{word}: city level right",
                    _at("areas", CITY_AREA, "by_season", season),
                    "level_accuracy",
                    2,
                )
            )
    return rows


def _pairs(
    found: Mapping[str, Any], others: Sequence[str], reference: str
) -> list[tuple[str, ...]]:
    rows = []
    for label, pollutant, key, lower in _PAIRS:
        digits = 3 if pollutant == "co" or not lower or key.startswith("brier") else 1
        cells = []
        for model in others:
            pair = found[model]["comparison"][reference]
            part = pair["stations"].get(pollutant) if pollutant else pair["areas"].get(CITY_AREA)
            if part is None:
                cells.append("-")
                continue
            names = BLOCKS if pollutant else DAYS
            cells.append(" / ".join(_difference(part[g][key], digits, lower) for g in names))
        rows.append((label, *cells))
    return rows


def _difference(pair: Mapping[str, Any], digits: int, lower: bool) -> str:
    value, interval = pair["difference"], pair["difference_interval"]
    if value is None:
        return "-"
    text = f"{value:+.{digits}f}"
    if pair.get("skill") is not None:
        text += f" ({-100 * pair['skill']:+.0f} %)"
    if interval is None or None in interval:
        return text
    low, high = interval
    beyond = "=" if low <= 0 <= high else "+" if (high < 0) == lower else "-"
    return f"{text} [{low:+.{digits}f}, {high:+.{digits}f}] {beyond}"


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _whole(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"
