"""Pictures of a verification, drawn from the content of scores.json alone.

Each function gives a matplotlib figure; titles are Chinese and English. What is not defined
(too few events or days) is left blank, never drawn as zero.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from forecast.plotting import COLORS, LEVEL_COLORS, LEVEL_ZH, figure, level_bands
from forecast.schema import POLLUTANTS, VARIABLES

Scores = Mapping[str, Any]
_LEADS = np.arange(1, 97)
_DAYS = ("D1", "D2", "D3")
_NAMES = {"persistence": "持续性 persistence", "climatology": "气候 climatology"}


def by_lead(scores: Scores, metric: str) -> Figure:
    """MAE or CRPS by lead of six pollutants, with its interval, beside the references."""
    fig = figure(11, 5.6)
    zh = {"mae": "平均绝对误差 MAE", "crps": "连续分级概率评分 CRPS"}[metric]
    fig.suptitle(f"{zh}，按预报时效 by lead", x=0.01, ha="left")
    for axes, p in _panels(fig):
        curves = scores["stations"][p]["by_lead"]
        own = _floats(curves[metric])
        for i, (name, pairs) in enumerate(scores["comparison"].items()):
            if p in pairs["stations"]:
                other = _floats(pairs["stations"][p]["by_lead"]["other"][metric])
                axes.plot(_LEADS, other, color=COLORS[i + 1], lw=1.2, label=_NAMES.get(name, name))
        axes.plot(_LEADS, own, color=COLORS[0], lw=1.8, label=scores["header"]["model"])
        if "intervals" in curves:
            low, high = _bounds(curves["intervals"][metric])
            axes.fill_between(_LEADS, low, high, color=COLORS[0], alpha=0.22, lw=0)
        axes.set_title(f"{VARIABLES[p].zh}  [{_units(p)}]")
        axes.set_ylim(bottom=0)
        _lead_axis(axes)
    fig.axes[0].legend(loc="best")
    return fig


def coverage(scores: Scores) -> Figure:
    """Share of observations inside the central 50, 80 and 90 % interval, by lead."""
    fig = figure(11, 5.2)
    fig.suptitle("区间覆盖率，按预报时效 coverage of central intervals by lead", x=0.01, ha="left")
    for axes, p in _panels(fig):
        curves = scores["stations"][p]["by_lead"]
        for i, share in enumerate((50, 80, 90)):
            values = 100 * _floats(curves[f"cover_{share}"])
            axes.plot(_LEADS, values, color=COLORS[i], lw=1.5, label=f"{share} %")
            axes.axhline(share, color=COLORS[i], lw=0.9, ls="--")
        axes.set_title(VARIABLES[p].zh)
        axes.set_ylim(0, 100)
        axes.set_ylabel("%")
        _lead_axis(axes)
    fig.axes[0].legend(loc="lower left", ncols=3)
    return fig


def ranks(scores: Scores) -> Figure:
    """Rank histogram of the nine quantiles: observed share over expected share, by natural day."""
    fig = figure(11, 5.2)
    title = "秩直方图：实况频率 ÷ 应有频率（1 = 校准） rank histogram, observed / expected"
    fig.suptitle(title, x=0.01, ha="left")
    for axes, p in _panels(fig):
        for i, day in enumerate(_DAYS):
            found = scores["stations"][p]["ranks"][day]
            ratio = _floats(found["observed"]) / np.asarray(found["expected"])
            axes.bar(np.arange(10) + (i - 1) * 0.27, ratio, 0.25, color=COLORS[i], label=day)
        axes.axhline(1, color="black", lw=0.9)
        axes.set_title(VARIABLES[p].zh)
        labels = ("<2", "2", "5", "10", "25", "50", "75", "90", "95", ">98")
        axes.set_xticks(np.arange(10), labels)
        axes.set_xlabel("%", loc="right", labelpad=-2)
    fig.axes[0].legend(loc="best", ncols=3)
    return fig


def csi(scores: Scores, pollutant: str = "pm25") -> Figure:
    """CSI of hourly medians at each threshold by lead."""
    fig = figure(6.4, 3.2)
    axes = fig.subplots()
    found = scores["stations"][pollutant]
    for i, threshold in enumerate(found["thresholds"]):
        values = _floats(found["by_lead"][f"csi_{threshold:g}"])
        events = _events(found["groups"]["all"]["counts"], f"{threshold:g}")
        label = f"≥ {threshold:g} {_units(pollutant)} (n = {events:,})"
        axes.plot(_LEADS, values, color=COLORS[i], lw=1.5, label=label)
    name = VARIABLES[pollutant].zh
    axes.set_title(f"{name} 小时浓度临界成功指数 CSI of hourly medians")
    axes.set_ylim(0, 1)
    _lead_axis(axes)
    axes.legend(loc="best")
    return fig


def days(area: Scores) -> Figure:
    """Observed daily index beside the D+1 forecast with its 10-90 % range, four months a row."""
    table = area["days_table"]
    dates = np.asarray(table["date"], dtype="datetime64[D]")
    seen = _floats(table["observed"])
    middle, low, high = (_floats(table["D1"][k]) for k in ("median", "p10", "p90"))
    rows = -(-len(dates) // 124)
    size = -(-len(dates) // rows)
    top = float(np.nanmax(np.concatenate([seen, high, [160.0]]))) * 1.04
    fig = figure(11, 0.7 + 2.3 * rows)
    fig.suptitle(
        f"全市日 AQI：实况与 D+1 预报（{area['issue_hour_local']:02d} 时起报） "
        "city daily AQI, observed and D+1",
        x=0.01, ha="left",
    )  # fmt: skip
    for i, axes in enumerate(np.atleast_1d(fig.subplots(rows, 1))):
        part = slice(i * size, (i + 1) * size)
        level_bands(axes, highest=top)
        axes.fill_between(
            dates[part], low[part], high[part], color=COLORS[0], alpha=0.3, lw=0,
            label="预报 10–90 % forecast range",
        )  # fmt: skip
        axes.plot(dates[part], middle[part], color=COLORS[0], lw=1.4, label="预报中位 median")
        axes.plot(dates[part], seen[part], "k.-", lw=0.8, ms=4, label="实况 observed")
        axes.set_ylim(0, top)
        axes.set_ylabel("AQI")
        axes.set_xlim(dates[part][0], dates[part][-1])
        ticks = dates[part][:: max(1, size // 9)]
        axes.set_xticks(ticks, [str(t) for t in ticks])
        axes.grid(visible=False, axis="x")
    fig.legend(*fig.axes[0].get_legend_handles_labels(), loc="upper right", ncols=3)
    return fig


def reliability(area: Scores, bounds: Sequence[int]) -> Figure:
    """Observed frequency by forecast probability, and how often each was forecast."""
    fig = figure(11, 3.9)
    fig.suptitle("可靠性 reliability: P(AQI > x)", x=0.01, ha="left")
    grid = fig.subplots(2, len(bounds), sharex=True, height_ratios=[3, 1])
    for c, bound in enumerate(bounds):
        upper, lower = grid[0, c], grid[1, c]
        upper.plot([0, 1], [0, 1], color="#888888", lw=0.9)
        for i, day in enumerate(_DAYS):
            found = area["days"][day]["reliability"][str(bound)]
            p, rate = _floats(found["forecast"]), _floats(found["observed"])
            label = f"{day} ({found['events']}/{sum(found['n'])})"
            upper.plot(p, rate, "o-", color=COLORS[i], ms=4, lw=1.3, label=label)
            at = (np.arange(10) + 0.5) / 10 + (i - 1) * 0.027
            lower.bar(at, np.asarray(found["n"], float), 0.025, color=COLORS[i])
        upper.set_title(f"AQI > {bound}（发生数/样本 events/cases）")
        upper.set_ylim(-0.03, 1.03)
        upper.legend(loc="upper left")
        lower.set_yscale("symlog", linthresh=1)
        lower.set_ylim(bottom=0)
        lower.set_xlabel("预报概率 forecast probability")
    grid[0, 0].set_ylabel("实况频率 observed")
    grid[1, 0].set_ylabel("n")
    return fig


def levels(area: Scores) -> Figure:
    """Contingency tables of the level, forecast by observed, D+1 .. D+3."""
    fig = figure(11, 4.4)
    fig.suptitle(
        "级别列联表 contingency of levels（行：预报 forecast，列：实况 observed）",
        x=0.01,
        ha="left",
    )
    for axes, day in zip(fig.subplots(1, 3), _DAYS, strict=True):
        table = np.asarray(area["days"][day]["level_table"], dtype=float)
        column = table.sum(axis=0, keepdims=True)
        share = np.divide(table, column, out=np.zeros_like(table), where=column > 0)
        axes.imshow(share, cmap="Blues", vmin=0, vmax=1, origin="lower")
        for (f, o), n in np.ndenumerate(table):
            if n:
                ink = "white" if share[f, o] > 0.55 else "black"
                axes.text(o, f, f"{n:.0f}", ha="center", va="center", color=ink, fontsize=8)
        axes.set_xticks(range(6), [z.replace("污染", "") for z in LEVEL_ZH])
        axes.set_yticks(range(6), [z.replace("污染", "") for z in LEVEL_ZH])
        for ticks in (axes.get_xticklabels(), axes.get_yticklabels()):
            for label, color in zip(ticks, LEVEL_COLORS, strict=True):
                label.set_bbox({"facecolor": color, "alpha": 0.35, "edgecolor": "none", "pad": 1.5})
        axes.tick_params(pad=6)
        axes.set_xlabel(" ", fontsize=3)  # room for the colours of the labels
        axes.grid(visible=False)
        accuracy = area["days"][day]["level_accuracy"]
        right = "–" if accuracy is None else f"{100 * accuracy:.0f} %"
        axes.set_title(f"{day}: {right} (n = {area['days'][day]['n']})")
    return fig


def member_ranks(area: Scores) -> Figure:
    """Rank histogram of the members' daily index, in at most 11 classes of ranks."""
    fig = figure(6.4, 3.2)
    axes = fig.subplots()
    for i, day in enumerate(_DAYS):
        found = area["days"][day]["ranks"]
        if found is None:
            continue
        share = _floats(found)
        classes = min(11, len(share))
        edges = np.linspace(0, len(share), classes + 1).round().astype(int)
        ratio = np.add.reduceat(share, edges[:-1]) / np.diff(edges) * len(share)
        axes.bar(np.arange(classes) + (i - 1) * 0.27, ratio, 0.25, color=COLORS[i], label=day)
    axes.axhline(1, color="black", lw=0.9)
    axes.margins(y=0.2)
    axes.set_title("日 AQI 成员秩直方图 rank histogram of members (observed / expected)")
    axes.set_xlabel("实况低于成员 below ← → 高于成员 above")
    axes.set_xticks([])
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="best", ncols=3)
    return fig


def _panels(fig: Figure) -> list[tuple[Axes, str]]:
    return list(zip(fig.subplots(2, 3).ravel(), POLLUTANTS, strict=True))


def _lead_axis(axes: Axes) -> None:
    axes.set_xlim(0, 96)
    axes.set_xticks(range(0, 97, 24), ["0", "24", "48", "72", "96 h"])


def _units(pollutant: str) -> str:
    return {"ug m-3": "µg/m³", "mg m-3": "mg/m³"}[VARIABLES[pollutant].units]


def _events(counts: Mapping[str, int], threshold: str) -> int:
    return counts[f"hit_{threshold}"] + counts[f"miss_{threshold}"]


def _floats(values: Sequence[float | None]) -> NDArray[np.float64]:
    return np.array([np.nan if v is None else v for v in values], dtype=float)


def _bounds(
    intervals: Sequence[Sequence[float] | None],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    pairs = np.array([[np.nan, np.nan] if i is None else i for i in intervals], dtype=float)
    return pairs[:, 0], pairs[:, 1]
