"""compare.md, compare.html and the pictures, from the content of compare.json."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import jinja2
import numpy as np
from matplotlib.figure import Figure

from forecast.files import replace_file, write_text
from forecast.plotting import COLORS, data_uri, figure, styled
from forecast.schema import CITY_AREA, VARIABLES
from forecast.verify.report import TIERS
from training import compare_tables
from training.compare_tables import BLOCKS, DAYS, SEASONS, Table

_LINES: Final = ("-", "--", "-.", ":")
_PAGE: Final = jinja2.Template(
    """<!doctype html>
<html lang="zh"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>预报比较 · {{ city }}</title>
<style>
body { font: 15px/1.5 "Noto Sans CJK SC", "Noto Sans SC", "Microsoft YaHei", sans-serif;
       margin: 2rem auto; max-width: 1200px; padding: 0 1rem; color: #1c2733; }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin-top: 2rem }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .6rem; border-bottom: 1px solid #d8dee6; text-align: left;
         vertical-align: top }
thead th { border-bottom: 2px solid #8a97a6 }
p.note { color: #5a6675; margin: .2rem 0 .6rem } img { max-width: 100% }
</style></head><body>
<h1>预报比较 Forecasts side by side: {{ city }}</h1>
<p>{{ said }}</p>
{% for title, picture in pictures %}<figure><img alt="{{ title }}" src="{{ picture }}"></figure>
{% endfor %}
{% for t in tables %}<h2>{{ t.title }}</h2>
{% if t.note %}<p class="note">{{ t.note }}</p>{% endif %}
<div class="wide"><table><thead><tr>{% for c in t.head %}<th scope="col">{{ c }}</th>{% endfor %}
</tr></thead><tbody>
{% for r in t.rows %}<tr>{% for c in r %}<td>{{ c }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table></div>
{% endfor %}</body></html>
""",
    autoescape=True, undefined=jinja2.StrictUndefined,
)  # fmt: skip


def write(result: Mapping[str, Any], out: Path) -> None:
    """Write the page and its pictures into a folder."""
    tables = all_tables(result)
    shown = []
    with styled():
        for name, fig in pictures(result).items():
            path = out / f"{name}.png"
            replace_file(path, lambda p, fig=fig: fig.savefig(p, format="png"))  # type: ignore[misc]
            shown.append((name, data_uri(fig)))
    window = result["window"]
    tiers = "; ".join(f"{t}: {' '.join(TIERS.get(t, (t,)))}" for t in result["tiers"])
    said = (
        f"Issue times {window['start']} .. {window['end']} UTC + 1 day, every "
        f"{window['every_hours']} h. {tiers}. Data {result['data_hash']}, code "
        f"{result['code_revision']}."
    )
    page = _PAGE.render(city=result["city"], said=said, pictures=shown, tables=tables)
    write_text(out / "compare.html", page + "\n")
    text = [f"# Forecasts side by side: {result['city']}\n", said + "\n"]
    text += [f"![{name}]({name}.png)\n" for name, _ in shown]
    text += [compare_tables.markdown(t) for t in tables]
    write_text(out / "compare.md", "\n".join(text))


def all_tables(result: Mapping[str, Any]) -> list[Table]:
    """Every table, in the order of the page."""
    by_tier = [t for tier in result["tiers"] for t in compare_tables.of_tier(result, tier)]
    return [*by_tier, compare_tables.cost(result), compare_tables.budget(result)]


def pictures(result: Mapping[str, Any]) -> dict[str, Figure]:
    """Figures by name: leads, heavy days and seasons of each tier."""
    found = {}
    for tier in result["tiers"]:
        systems = result["systems"][tier]
        for name, fig in (
            ("leads", _leads(systems)), ("heavy", _heavy(systems)), ("seasons", _seasons(systems)),
        ):  # fmt: skip
            fig.supxlabel(f"气象 weather: {tier}", x=0.995, ha="right", fontsize=7, color="#5a6675")
            found[f"{name}-{tier}"] = fig
    return found


def _leads(systems: Mapping[str, Any]) -> Figure:
    fig = figure(10, 3.6)
    panels = (("pm25", "mae"), ("pm25", "crps"), ("o3", "mae"))
    axes = fig.subplots(1, len(panels))
    for ax, (p, key) in zip(axes, panels, strict=True):
        for i, (model, scores) in enumerate(systems.items()):
            values = scores["stations"][p]["by_lead"][key]
            lead = np.arange(1, len(values) + 1)
            y = np.array([np.nan if v is None else v for v in values])
            ax.plot(lead, y, color=COLORS[i % len(COLORS)], ls=_LINES[i // len(COLORS)], lw=1.3,
                    label=model)  # fmt: skip
        ax.set_title(f"{VARIABLES[p].zh} {key.upper()} ({VARIABLES[p].units})")
        ax.set_xticks(range(0, 97, 24))
        ax.set_xlim(0, 96)
        ax.set_ylim(bottom=0)
        ax.set_xlabel("预报时效 lead (h)")
    _legend(fig, axes[0])
    return fig


def _heavy(systems: Mapping[str, Any]) -> Figure:
    fig = figure(10, 3.4)
    axes = fig.subplots(1, 3)
    days = {m: s["areas"][CITY_AREA]["days"] for m, s in systems.items()}
    for ax, (key, title) in zip(
        axes,
        (("csi_200", "AQI > 200: CSI"), ("brier_200", "AQI > 200: Brier"),
         ("level_accuracy", "级别准确率 level right")),
        strict=True,
    ):  # fmt: skip
        _bars(ax, {m: [d[g].get(key) for g in DAYS] for m, d in days.items()}, DAYS)
        ax.set_title(title)
    first = next(iter(days.values()))["D1"]["counts"]
    axes[0].set_xlabel(f"n = {first['hit_200'] + first['miss_200']} (D1)")
    _legend(fig, axes[0])
    return fig


def _seasons(systems: Mapping[str, Any]) -> Figure:
    fig = figure(10, 3.4)
    axes = fig.subplots(1, 3)
    for ax, (p, block) in zip(
        axes, (("pm25", BLOCKS[0]), ("pm25", BLOCKS[2]), ("o3", BLOCKS[2])), strict=True
    ):
        parts = {m: s["stations"][p]["by_season"] for m, s in systems.items()}
        kept = [s for s in SEASONS if s in next(iter(parts.values()))]
        _bars(ax, {m: [v[s][block]["mae"] for s in kept] for m, v in parts.items()}, kept)
        hours = block[1:].replace("_", "-")
        ax.set_title(f"{VARIABLES[p].zh} MAE, {hours} h ({VARIABLES[p].units})")
    _legend(fig, axes[0])
    return fig


def _bars(ax: Any, values: Mapping[str, list[float | None]], names: Any) -> None:
    width = 0.84 / len(values)
    at = np.arange(len(names))
    for i, (model, row) in enumerate(values.items()):
        y = [np.nan if v is None else v for v in row]
        place = at + (i - (len(values) - 1) / 2) * width
        hatch = None if i < len(COLORS) else "////"
        ax.bar(place, y, width * 0.92, color=COLORS[i % len(COLORS)], label=model, hatch=hatch)
    ax.set_xticks(at, names)


def _legend(fig: Figure, ax: Any) -> None:
    handles, labels = ax.get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 8))
