"""The picture of a year's budget: used, left, and the fan to the year's end."""

from typing import Final, Literal

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from forecast.plotting import COLORS, figure, styled
from response.budget import Budget, Standing
from response.budget_config import Metric
from response.rules import Words

Language = Literal["zh", "en"]
TITLES: Final[dict[Metric, Words]] = {
    "good_days": Words(zh="优良天数（天）", en="good days (AQI at most 100)"),
    "heavy_days": Words(zh="重度及以上污染天数（天）", en="heavily polluted days (AQI above 200)"),
    "pm25_mean": Words(zh="PM2.5年均浓度（µg/m³）", en="PM2.5, mean of the year (µg/m³)"),
    "pm10_mean": Words(zh="PM10年均浓度（µg/m³）", en="PM10, mean of the year (µg/m³)"),
    "composite": Words(zh="综合指数", en="composite index"),
}
_SETTLED: Final = 30  # days
_PANELS: Final[tuple[Metric, ...]] = ("heavy_days", "good_days", "pm25_mean", "pm10_mean")


def draw(budget: Budget, language: Language = "zh") -> Figure:
    """Four panels (days counted, running means) and a strip for every target's chance."""
    with styled():
        fig = figure(8.4, 6.6)
        grid = fig.add_gridspec(3, 2, height_ratios=[1, 1, 0.62])
        for k, metric in enumerate(_PANELS):
            _panel(fig.add_subplot(grid[k // 2, k % 2]), budget, metric, language)
        _chances(fig.add_subplot(grid[2, :]), budget, language)
        marked = budget.targets.basis.assumption
        title = {
            "zh": f"{budget.targets.year}年度目标预算，截至{budget.as_of:%m月%d日}"
            + ("（目标为示例值）" if marked else ""),
            "en": f"Budget of {budget.targets.year} as of {budget.as_of:%d %b}"
            + (" (targets are examples)" if marked else ""),
        }
        fig.suptitle(title[language], x=0.01, ha="left", fontsize=12)
        fig.canvas.draw()  # fonts are looked up while the style holds
        return fig


def _panel(axes: Axes, budget: Budget, metric: Metric, language: Language) -> None:
    target = next((s.target for s in budget.standings if s.target.metric == metric), None)
    past = len(budget.observed[metric][0])
    ahead = budget.dates[max(past - 1, 0) :]
    low, middle, high = budget.fan[metric]
    so_far = budget.observed[metric][0].copy()
    if metric.endswith("_mean"):  # the first weeks of a running mean say nothing of the year
        so_far[:_SETTLED] = np.nan
    axes.plot(budget.dates[:past], so_far, color=COLORS[6], lw=1.4)
    said = {"zh": "80%区间", "en": "80 % interval"}[language]
    axes.fill_between(ahead, low, high, color=COLORS[0], alpha=0.22, lw=0, label=said)
    axes.plot(ahead, middle, color=COLORS[0], lw=1.2)
    if target is not None:
        name = {"zh": "目标", "en": "target"}[language]
        axes.axhline(
            target.bound, color=COLORS[1], lw=1.2, ls="--", label=f"{name} {target.bound:g}"
        )
    if metric.endswith("_mean"):
        settled = np.concatenate([so_far, low, high])
        limits = [float(np.nanmin(settled)), float(np.nanmax(settled))]
        bound = target.bound if target is not None else limits[0]
        span = max(limits[1], bound) - min(limits[0], bound)
        axes.set_ylim(min(limits[0], bound) - 0.1 * span, max(limits[1], bound) + 0.15 * span)
    else:
        axes.set_ylim(0)
    ends = (budget.dates[0], budget.dates[-1] + pd.Timedelta(days=1))
    axes.set_xlim(*(float(mdates.date2num(t)) for t in ends))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(mdates.MonthLocator(bymonth=(1, 3, 5, 7, 9, 11)))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(mdates.DateFormatter("%m-%d"))  # type: ignore[no-untyped-call]
    axes.set_title(getattr(TITLES[metric], language))
    axes.legend(loc="best")


def _chances(axes: Axes, budget: Budget, language: Language) -> None:
    """Bars: the chance to meet each target, with what is used and left beside them."""
    rows = list(budget.standings)[::-1]
    place = np.arange(len(rows))
    axes.barh(place, [100 * s.met for s in rows], color=COLORS[2], alpha=0.75, height=0.6)
    axes.barh(place, [100 - 100 * s.met for s in rows], left=[100 * s.met for s in rows],
              color="#e6e6e6", height=0.6)  # fmt: skip
    names = [getattr(TITLES[s.target.metric], language).split("（")[0].split(" (")[0] for s in rows]
    axes.set_yticks(place, names)
    axes.set_xlim(0, 215)
    axes.set_xticks([0, 50, 100])
    axes.grid(visible=False)
    for k, s in zip(place, rows, strict=True):
        axes.text(104, float(k), used_left(s, language), va="center", fontsize=8)
    title = {
        "zh": "达标概率（%）；已用与剩余",
        "en": "chance to meet the target (%); used and left",
    }
    axes.set_title(title[language])


def share(p: float) -> str:
    """A share of draws in words: never certain, draws are few."""
    return ">99%" if p > 0.99 else "<1%" if p < 0.01 else f"{p:.0%}"


def used_left(s: Standing, language: Language) -> str:
    """A target's numbers in one line."""
    digits = 2 if s.target.metric == "composite" else 0 if s.target.metric.endswith("days") else 1
    lower, middle, upper = (f"{x:.{digits}f}" for x in s.end)
    used = "—" if np.isnan(s.used) else f"{s.used:.{digits}f}"
    if language == "zh":
        left = "" if s.left is None else _left_zh(s, digits)
        return f"{share(s.met)}，现为{used}{left}，年末{middle}（{lower}～{upper}）"
    left = "" if s.left is None else _left_en(s, digits)
    return f"{share(s.met)}, now {used}{left}, year's end {middle} ({lower} to {upper})"


def _left_zh(s: Standing, digits: int) -> str:
    left = s.left or 0.0
    if s.target.metric == "good_days":
        return f"，还需{max(left, 0):.0f}天"
    if s.target.metric == "heavy_days":
        return f"，还剩{left:.0f}天" if left >= 0 else f"，已超{-left:.0f}天"
    return f"，余下均值须≤{left:.{digits}f}" if left > 0 else "，已无法达标"


def _left_en(s: Standing, digits: int) -> str:
    left = s.left or 0.0
    if s.target.metric == "good_days":
        return f", {max(left, 0):.0f} to go"
    if s.target.metric == "heavy_days":
        return f", {left:.0f} left" if left >= 0 else f", {-left:.0f} too many"
    return f", rest at most {left:.{digits}f}" if left > 0 else ", out of reach"
