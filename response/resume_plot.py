"""The picture of a resumption plan: who starts when, and every promise before and after."""

from pathlib import Path
from typing import Final

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from forecast import files
from forecast.plotting import COLORS, figure, styled
from response import resumption_words
from response.resume_run import ResumeResult
from response.resumption_options import DAY

_ROWS: Final = 25


def draw(result: ResumeResult) -> Figure:
    """Two panels, Chinese."""
    rows = min(len(result.plan.decisions), _ROWS)
    with styled():
        fig = figure(9.6, 3.4 + 0.22 * rows)
        grid = fig.add_gridspec(2, 1, height_ratios=[1 + 0.25 * rows, 2.2])
        _starts(fig.add_subplot(grid[0]), result, rows)
        _promises(fig.add_subplot(grid[1]), result)
        head = "【模拟】" if result.simulated else ""
        fig.suptitle(f"{head}复产安排", x=0.01, ha="left", fontsize=12)
        fig.canvas.draw()  # fonts are looked up while the style holds
        return fig


def write(result: ResumeResult, out: Path) -> Path:
    """resumption.png in a folder."""
    path, fig = out / "resumption.png", draw(result)
    with styled(), matplotlib.rc_context({"savefig.dpi": 130}):
        files.replace_file(path, lambda p: fig.savefig(p, format="png"))
    return path


def _starts(axes: Axes, result: ResumeResult, rows: int) -> None:
    plan = result.plan
    end = DAY * len(plan.base.days)
    for k, d in enumerate(plan.decisions[:rows]):
        if d.start is None or d.load is None:
            axes.plot([plan.first], [k], "x", color=COLORS[1])
            continue
        axes.barh(
            k, end - d.start, left=d.start, height=0.7, color=COLORS[2], alpha=0.25 + 0.75 * d.load
        )
        axes.text(d.start, k, f" {d.load:.0%}", va="center", fontsize=7)
    names = [d.unit for d in plan.decisions[:rows]]
    axes.set_yticks(range(rows), names, fontsize=7)
    axes.invert_yaxis()
    ticks = np.arange(0, end + 1, 12)
    axes.set_xticks(
        ticks,
        [resumption_words.at(plan, h)[5:] for h in ticks],
        rotation=25,
        ha="right",
        fontsize=7,
    )
    axes.set_xlim(min(plan.first, 0), end)
    more = len(plan.decisions) - rows
    rest = f"，另有{more}项见表" if more else ""
    axes.set_title(f"启动时间与负荷（按受理顺序；×为暂缓{rest}）")


def _promises(axes: Axes, result: ResumeResult) -> None:
    plan = result.plan
    at = np.arange(len(plan.promises))
    axes.bar(at - 0.2, [100 * p.base for p in plan.promises], 0.38, color=COLORS[5], label="现状")
    axes.bar(
        at + 0.2, [100 * p.planned for p in plan.promises], 0.38, color=COLORS[0], label="复产后"
    )
    for k, p in enumerate(plan.promises):
        level = 100 * p.cell.limit.accepted
        said = "可接受概率" if k == 0 else None
        axes.plot([k - 0.45, k + 0.45], [level] * 2, color="black", lw=1.6, label=said)
    names = [resumption_words.cell(plan, p.cell).zh for p in plan.promises]
    axes.set_xticks(at, names, fontsize=7, rotation=12)
    axes.set_ylabel("超过底线的概率（%）")
    axes.legend(ncols=3)
