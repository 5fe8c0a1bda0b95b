"""The picture of an evaluation: the days with and without the orders, who complied."""

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from forecast import files
from forecast.plotting import COLORS, figure, styled
from response.evaluation import EPISODE
from response.evaluation_compliance import WORDS
from response.evaluation_run import Evaluation


def draw(made: Evaluation) -> Figure:
    """Two panels, Chinese."""
    with styled():
        fig = figure(9.6, 3.6)
        left, right = fig.subplots(1, 2, width_ratios=[3, 2])
        _effect(left, made)
        counts = made.compliance.table["verdict"].value_counts()[::-1]
        right.barh([WORDS[v].zh for v in counts.index], counts, color=COLORS[0])
        right.set_title("落实情况（条命令）")
        right.grid(visible=False, axis="y")
        head = "【模拟】" if made.simulated else ""
        fig.suptitle(f"{head}管控后评估", x=0.01, ha="left", fontsize=12)
        fig.canvas.draw()  # fonts are looked up while the style holds
        return fig


def write(made: Evaluation, out: Path) -> Path:
    """evaluation.png in a folder."""
    path, fig = out / "evaluation.png", draw(made)
    with styled(), matplotlib.rc_context({"savefig.dpi": 130}):
        files.replace_file(path, lambda p: fig.savefig(p, format="png"))
    return path


def _effect(axes: Axes, made: Evaluation) -> None:
    axes.set_title("全市PM2.5日均：实测与若无管控（80%区间）")
    if made.effect is None:
        axes.text(0.5, 0.5, "效果未能估计", ha="center", va="center", transform=axes.transAxes)
        return
    table = made.effect.table
    rows = table[(table["pollutant"] == "pm25") & (table["day"] != EPISODE)]
    at, seen = np.arange(len(rows)), rows["observed"].to_numpy(float)
    low, middle, high = (seen + rows[c].to_numpy(float) for c in ("low", "mid", "high"))
    axes.plot(at, seen, "o-", color=COLORS[6], label="实测")
    axes.errorbar(at + 0.1, middle, yerr=[middle - low, high - middle], fmt="s", capsize=3,
                  color=COLORS[1], label="若无管控")  # fmt: skip
    axes.set_xticks(at, [f"{d:%m-%d}" for d in rows["day"]])
    axes.set_ylim(bottom=0)
    axes.set_ylabel("µg/m³")
    axes.legend()
