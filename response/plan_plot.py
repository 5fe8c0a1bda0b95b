"""The picture of a control plan: ratios, days before and after, loss by industry, where it acts."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from forecast import files
from forecast.plotting import COLORS, figure, styled
from forecast.schema import POLLUTANTS
from response.controls_config import SPECIES
from response.controls_tables import GOAL_WORDS
from response.controls_words import SPECIES_WORDS
from response.warning_words import colour

if TYPE_CHECKING:
    from response.plan_run import PlanResult

_INDUSTRIES: Final = 8
_WAN: Final = 1e4


def draw(result: "PlanResult") -> Figure:
    """Four panels, Chinese."""
    plan = result.plan
    with styled():
        fig = figure(9.6, 7.0)
        panels = fig.subplots(2, 2)
        _ratios(panels[0, 0], result)
        _days(panels[0, 1], result)
        _industries(panels[1, 0], result)
        _map(panels[1, 1], result)
        head = "【模拟】" if result.simulated else ""
        fig.suptitle(
            f"{head}减排方案（{colour(plan.level).zh}，{GOAL_WORDS[plan.goal][0]}）"
            f"{plan.days[0]:%Y-%m-%d} 至 {plan.days[-1]:%m-%d}，"
            f"损失{plan.loss_yuan / _WAN:,.0f}万元",
            x=0.01, ha="left", fontsize=12,
        )  # fmt: skip
        fig.canvas.draw()  # fonts are looked up while the style holds
        return fig


def write(result: "PlanResult", out: Path) -> Path:
    """plan.png in a folder."""
    path, fig = out / "plan.png", draw(result)
    with styled(), matplotlib.rc_context({"savefig.dpi": 130}):
        files.replace_file(path, lambda p: fig.savefig(p, format="png"))
    return path


def _ratios(axes: Axes, result: "PlanResult") -> None:
    plan = result.plan
    width = 0.8 / len(plan.days)
    for d, day in enumerate(plan.days):
        rows = plan.totals[plan.totals["day"] == day].set_index("species").loc[list(SPECIES)]
        at = np.arange(len(SPECIES)) + (d - (len(plan.days) - 1) / 2) * width
        axes.bar(at, rows["reached"], width * 0.92, color=COLORS[d], label=f"{day:%m-%d}")
    for k, s in enumerate(SPECIES):
        required = plan.totals[plan.totals["species"] == s]["required"].iloc[0]
        said = "要求" if k == 0 else None
        axes.plot([k - 0.45, k + 0.45], [required] * 2, color="black", lw=1.6, label=said)
    axes.set_xticks(range(len(SPECIES)), [SPECIES_WORDS[s].zh for s in SPECIES])
    axes.set_ylabel("占全社会排放（%）")
    axes.set_title("减排比例与要求")
    axes.margins(y=0.3)
    axes.legend(ncols=4, loc="upper center")


def _days(axes: Axes, result: "PlanResult") -> None:
    plan, members = result.plan, result.members
    axes.set_title("全市PM2.5日均：无方案与有方案（中位数，10–90%）")
    if plan.effect is None or members is None:
        axes.text(0.5, 0.5, "无贡献数据", ha="center", va="center", transform=axes.transAxes)
        return
    before = members[..., POLLUTANTS.index("pm25")]
    after = np.maximum(before - plan.effect["pm25"].to_numpy(), 0)
    for k, (values, name) in enumerate(((before, "无方案"), (after, "有方案"))):
        low, middle, high = np.quantile(values, (0.1, 0.5, 0.9), axis=0)
        at = np.arange(len(plan.days)) + (k - 0.5) * 0.18
        bars = [middle - low, high - middle]
        axes.errorbar(at, middle, yerr=bars, fmt="o-", color=COLORS[1 - k], capsize=3, label=name)
    axes.set_xticks(range(len(plan.days)), [f"{d:%m-%d}" for d in plan.days])
    axes.set_ylim(bottom=0)
    axes.set_ylabel("µg/m³")
    axes.legend()


def _industries(axes: Axes, result: "PlanResult") -> None:
    loss = result.plan.orders.groupby("industry")["loss_yuan"].sum() / _WAN
    most = loss[loss > 0].nlargest(_INDUSTRIES)[::-1]
    axes.barh(most.index.astype(str), most, color=COLORS[0])
    axes.set_title("损失最大的行业（万元）")
    axes.grid(visible=False, axis="y")


def _map(axes: Axes, result: "PlanResult") -> None:
    axes.set_title("采取措施的生产单元（面积：减少的PM2.5贡献）")
    if result.sites is None:
        axes.text(0.5, 0.5, "无位置数据", ha="center", va="center", transform=axes.transAxes)
        return
    orders = result.plan.orders
    changed = orders[orders["mode"] != "normal"].groupby("unit")["effect_pm25"].sum()
    alone = result.sites[~result.sites.index.isin(changed.index)]
    acting = result.sites[result.sites.index.isin(changed.index)]
    size = changed.reindex(acting.index).fillna(0.0).to_numpy()
    size = 8 + 140 * size / max(size.max(initial=0.0), 1e-9)
    axes.scatter(alone["longitude"], alone["latitude"], s=3, color="#bbbbbb", label="不采取措施")
    axes.scatter(acting["longitude"], acting["latitude"], s=size, color=COLORS[1], alpha=0.55,
                 lw=0, label="采取措施")  # fmt: skip
    axes.set_aspect(1 / np.cos(np.radians(result.sites["latitude"].mean())))
    axes.legend(loc="lower right", markerscale=0.8)
