"""Pictures of a bulletin: fan charts, station maps, history. Draws on axes it is given.

The page and the poster use the same drawings. Nothing here reads a clock or a display: figures
are made by the Agg canvas, and the same content gives the same bytes.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from forecast import plotting
from forecast.schema import POLLUTANTS
from serving.bulletin import words
from serving.bulletin.content import Bulletin, Category, Fan, Lang, Station

INK: Final = "#1f2d3d"
MUTED: Final = "#62717f"
RULE: Final = "#d5dde5"
BLUE: Final = "#1d5fa8"
PALE: Final = "#f4f7fa"
UNKNOWN: Final = "#ffffff"  # a station without a value: hollow
_MARKERS: Final = {"city": "o", "county": "s", "township": "^", "village": "o"}
_SIZES: Final = {"city": 58.0, "county": 34.0, "township": 24.0, "village": 7.0}


@contextmanager
def style() -> Iterator[None]:
    """Fonts with Chinese glyphs and quiet axes, for everything drawn inside."""
    look: dict[Any, Any] = {
        "font.family": [plotting.font(), "DejaVu Sans"],
        "axes.unicode_minus": False,
        "axes.edgecolor": "#9fb0bf",
        "axes.linewidth": 0.7,
        "text.color": INK,
        "axes.labelcolor": INK,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
    }
    with mpl.rc_context(look):
        yield


def png(figure: Figure, *, dpi: float) -> bytes:
    """The bytes of a figure, without date or software in them."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def blank(width: float, height: float) -> Figure:
    """An empty figure [inches] on the Agg canvas."""
    figure = Figure(figsize=(width, height), facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def colour(category: Category | None) -> str:
    """Official colour of a level as hex; white where there is none."""
    return UNKNOWN if category is None else "#{:02x}{:02x}{:02x}".format(*category.rgb)


def ink_on(category: Category | None) -> str:
    """Black or white, whichever reads better on the level's colour (WCAG relative luminance)."""
    if category is None:
        return INK
    linear = [(c / 255) / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4
              for c in category.rgb]  # fmt: skip
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    on_black = (luminance + 0.05) / 0.05
    on_white = 1.05 / (luminance + 0.05)
    # the official red lies on the line; white on red is what every reader in China expects
    return "#ffffff" if on_white * 1.4 > on_black else "#111111"


def fan(ax: Axes, bulletin: Bulletin, chart: Fan, lang: Lang, *, size: float, last: bool) -> None:
    """One fan chart: measured line, median, nested ranges, day lines, level lines."""
    offset = bulletin.offset
    times = _dates(chart.times, offset)
    series = [_floats(v) for v in chart.values]
    seen = _floats(chart.observed)
    half = len(series) // 2
    for depth in range(half):
        ax.fill_between(
            times, series[depth], series[-1 - depth],
            color=BLUE, alpha=0.16 + 0.05 * depth, linewidth=0, zorder=2,
        )  # fmt: skip
    ax.plot(times, series[half], color=BLUE, linewidth=1.6, zorder=3)
    ax.plot(_dates(chart.observed_times, offset), seen, color="#111111", linewidth=1.3, zorder=4)
    top = _top(series, seen)
    ax.set_ylim(0, top)
    _level_lines(ax, bulletin, chart, lang, top, size)
    _days(ax, bulletin, chart, lang, size=size, last=last)
    units = "μg/m³" if chart.units == "ug m-3" else chart.units
    label = f"{chart.name[lang]}  ({units})" if units else chart.name[lang]
    ax.text(
        0.006, 0.95, label, transform=ax.transAxes, fontsize=size + 1, va="top", zorder=6,
        bbox={"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1.5},
    )  # fmt: skip
    ax.tick_params(labelsize=size, length=2.5)
    if not np.isfinite(np.concatenate([*series, seen])).any():
        ax.text(0.5, 0.5, words.say("no_data", lang), transform=ax.transAxes, ha="center")
        ax.set_yticks([])


def _level_lines(
    ax: Axes, bulletin: Bulletin, chart: Fan, lang: Lang, top: float, size: float
) -> None:
    """A thin line where a level begins, in the level's colour, named at the right edge."""
    shown = [(v, level) for v, level in chart.lines if v < top * 0.97]
    for rank, (value, level) in enumerate(shown):
        category = next((c for c in bulletin.categories if c.level == level), None)
        ax.axhline(value, color=colour(category), linewidth=1.1, zorder=1.5)
        above = shown[rank + 1][0] if rank + 1 < len(shown) else top
        if category is not None and above - value > top * 0.1:
            ax.text(
                1.006, value, words.short_level(category.name[lang]), fontsize=size - 0.5,
                va="bottom", color=MUTED, transform=ax.get_yaxis_transform(),
            )  # fmt: skip


def _days(ax: Axes, bulletin: Bulletin, chart: Fan, lang: Lang, *, size: float, last: bool) -> None:
    offset = bulletin.offset
    issue = bulletin.issue_time + offset
    every = [t + offset for t in (*chart.observed_times, *chart.times)] or [issue]
    start, end = min(every), max(every)
    ax.set_xlim(_day_number(start), _day_number(end))
    midnights = pd.date_range(start.ceil("D"), end, freq="D")
    for midnight in midnights:
        ax.axvline(_day_number(midnight), color=RULE, linewidth=0.8, zorder=1)
    ax.axvline(_day_number(issue), color="#c0392b", linewidth=1.0, linestyle="--", zorder=5)
    noons = [d + pd.Timedelta(hours=12) for d in pd.date_range(start.floor("D"), end, freq="D")]
    noons = [n for n in noons if start + pd.Timedelta(hours=5) < n < end - pd.Timedelta(hours=5)]
    ax.set_xticks([_day_number(n) for n in noons])
    ax.set_xticklabels([words.date(n, lang) for n in noons] if last else [], fontsize=size)
    ax.tick_params(axis="x", length=0)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)


def station_map(
    ax: Axes, bulletin: Bulletin, lang: Lang, *, which: int, size: float, furniture: bool
) -> None:
    """Stations in their level's colour; hollow where there is no value.

    Args:
        which: 0 = the newest hour, 1..3 = D+1..D+3.
        furniture: Draw scale bar and north arrow.
    """
    stations = [s for s in bulletin.stations if np.isfinite([s.lon, s.lat]).all()]
    for tier in ("village", "township", "county", "city"):
        group = [s for s in stations if s.tier == tier]
        if group:
            _points(ax, bulletin, group, tier, which)
    _frame(ax, stations, size)
    if furniture and stations:
        _scale_bar(ax, lang, size)
        ax.annotate(
            words.say("north", lang), xy=(0.94, 0.97), xytext=(0.94, 0.80), ha="center",
            va="top", xycoords="axes fraction", fontsize=size,
            arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 0.9, "shrinkB": 0},
        )  # fmt: skip
    if which == 0:
        title = words.say("map_now", lang)
    else:
        dates = [words.date(d.date, lang) for d in bulletin.days if d.number == which]
        title = words.say("map_day", lang, date=dates[0] if dates else f"D+{which}")
    ax.set_title(title, fontsize=size + 1, pad=3, color=INK)


def value_on_map(station: Station, which: int) -> int | None:
    """The index a map shows for a station."""
    if which == 0:
        return station.now
    return station.days[which - 1] if which <= len(station.days) else None


def _points(ax: Axes, bulletin: Bulletin, group: Sequence[Station], tier: str, which: int) -> None:
    fill = [colour(bulletin.category(value_on_map(s, which))) for s in group]
    known = [value_on_map(s, which) is not None for s in group]
    crowded = 0.6 if len(group) > 40 else 1.0
    ax.scatter(
        [s.lon for s in group], [s.lat for s in group], s=_SIZES[tier] * crowded,
        c=fill, marker=_MARKERS[tier], linewidths=0.3 if tier == "village" else 0.6,
        edgecolors=["#333333" if k else "#9aa5b1" for k in known],
        zorder={"village": 2, "township": 3, "county": 4, "city": 5}[tier],
    )  # fmt: skip


def _frame(ax: Axes, stations: Sequence[Station], size: float) -> None:
    ax.set_facecolor(PALE)
    ax.tick_params(labelsize=size - 1, length=2, pad=1.5)
    if not stations:
        ax.set_xticks([])
        ax.set_yticks([])
        return
    lon = np.array([s.lon for s in stations])
    lat = np.array([s.lat for s in stations])
    stretch = 1 / np.cos(np.radians(lat.mean()))  # a kilometre is as long east as north
    box = ax.get_window_extent()
    by_lon = float(np.ptp(lon)) / stretch * box.height / box.width
    need = max(1.16 * float(np.ptp(lat)), 1.16 * by_lon, 0.08)  # a margin, and never a point
    wide = need * stretch * box.width / box.height
    middle_lon, middle_lat = (lon.min() + lon.max()) / 2, (lat.min() + lat.max()) / 2
    ax.set_xlim(middle_lon - wide / 2, middle_lon + wide / 2)
    ax.set_ylim(middle_lat - need / 2, middle_lat + need / 2)
    for axis, letter in ((ax.xaxis, "E"), (ax.yaxis, "N")):
        axis.set_major_locator(mpl.ticker.MaxNLocator(3, steps=[1, 2, 5, 10]))
        axis.set_major_formatter(mpl.ticker.StrMethodFormatter("{x:g}°" + letter))
    ax.grid(color="white", linewidth=0.8, zorder=0)
    ax.set_axisbelow(True)


def _scale_bar(ax: Axes, lang: Lang, size: float) -> None:
    """A bar of a round number of kilometres in the lower left corner."""
    (west, east), (south, north) = ax.get_xlim(), ax.get_ylim()
    degree = 111.32 * np.cos(np.radians((south + north) / 2))  # km per degree of longitude
    goal = (east - west) * degree * 0.25
    length = max(n for n in (1, 2, 5, 10, 20, 50, 100, 200) if n <= max(goal, 1))
    x, y = west + 0.04 * (east - west), south + 0.05 * (north - south)
    ax.plot([x, x + length / degree], [y, y], color=INK, linewidth=2, solid_capstyle="butt")
    label = f"{length} {words.say('km', lang)}"
    ax.text(x, y + 0.02 * (north - south), label, fontsize=size, va="bottom")


def history(ax: Axes, bulletin: Bulletin, pollutant: str, *, size: float) -> None:
    """Measured hourly values of one pollutant; a gap stays a gap."""
    past = bulletin.history
    times = _dates(past.times, bulletin.offset)
    seen = _floats(past.values.get(pollutant, ()))
    if len(seen) == len(times) and np.isfinite(seen).any():
        ax.plot(times, seen, color=BLUE, linewidth=1.2)
        ax.fill_between(times, 0, seen, color=BLUE, alpha=0.12, linewidth=0)
        ax.set_xlim(times[0], times[-1])
        ax.set_ylim(0, max(float(np.nanmax(seen)) * 1.25, 0.1))
    else:
        ax.text(0.5, 0.5, words.DASH, transform=ax.transAxes, ha="center", va="center")
        ax.set_yticks([])
    units = "mg/m³" if pollutant == "co" else "μg/m³"
    name = f"{words.POLLUTANT_NAMES[pollutant]} ({units})"
    ax.text(0.015, 0.95, name, transform=ax.transAxes, va="top", fontsize=size + 1)
    if past.times:
        start, end = past.times[0] + bulletin.offset, past.times[-1] + bulletin.offset
        midnights = pd.date_range(start.ceil("D"), end, freq="D")
        ax.set_xticks([_day_number(m) for m in midnights])
        ax.set_xticklabels([f"{m:%m-%d}" for m in midnights])
    ax.tick_params(labelsize=size, length=2)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)


def fans_png(bulletin: Bulletin, lang: Lang) -> bytes:
    """All fan charts above each other, for the page."""
    with style():
        count = max(len(bulletin.fans), 1)
        figure = blank(8.6, 1.9 * count + 0.35)
        axes = np.atleast_1d(figure.subplots(count, 1))
        figure.subplots_adjust(left=0.055, right=0.945, top=0.985, bottom=0.05, hspace=0.1)
        for i, chart in enumerate(bulletin.fans):
            fan(axes[i], bulletin, chart, lang, size=8, last=i == count - 1)
        return png(figure, dpi=170)


def maps_png(bulletin: Bulletin, lang: Lang) -> bytes:
    """The newest hour and the forecast days side by side, for the page."""
    with style():
        figure = blank(8.6, 6.4)
        axes = figure.subplots(2, 2).ravel()
        figure.subplots_adjust(left=0.06, right=0.985, top=0.955, bottom=0.04, wspace=0.16)
        for which, ax in enumerate(axes):
            station_map(ax, bulletin, lang, which=which, size=8, furniture=True)
        return png(figure, dpi=150)


def history_png(bulletin: Bulletin) -> bytes:
    """Six small charts of the measured past."""
    with style():
        figure = blank(8.6, 3.1)
        axes = figure.subplots(2, 3).ravel()
        figure.subplots_adjust(left=0.045, right=0.99, top=0.98, bottom=0.08, wspace=0.16)
        for ax, pollutant in zip(axes, POLLUTANTS, strict=True):
            history(ax, bulletin, pollutant, size=7)
        return png(figure, dpi=160)


def _dates(times: Sequence[pd.Timestamp], offset: pd.Timedelta) -> "np.ndarray[Any, Any]":
    return np.array([_day_number(t + offset) for t in times], dtype=float)


def _floats(values: Sequence[float | None]) -> "np.ndarray[Any, Any]":
    return np.array([np.nan if v is None else v for v in values], dtype=float)


def _top(series: Sequence["np.ndarray[Any, Any]"], seen: "np.ndarray[Any, Any]") -> float:
    finite = np.concatenate([*series, seen])
    finite = finite[np.isfinite(finite)]
    return float(finite.max()) * 1.18 if finite.size and finite.max() > 0 else 1.0


def _day_number(local: pd.Timestamp) -> float:
    """Matplotlib's number of a local time: days since 1970."""
    return float((local - pd.Timestamp(0)) / pd.Timedelta(days=1))
