"""docs/results/beijing.md from the comparison of Beijing, with the goals checked.

    python -m benchmarks.beijing_compare COMPARE_FOLDER --own network --out docs/results/beijing.md

COMPARE_FOLDER is what `lantian compare` wrote; its pictures are copied beside the page.
"""

import argparse
import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from forecast import files
from forecast.schema import CITY_AREA
from training import compare_page, compare_tables
from training.compare_tables import BLOCKS, DAYS, Table

BASELINE = "lightgbm"
TEXT = """# Beijing: forecasts side by side, 2015-03-01 .. 2016-02-28

{n} issue times, every {every} h, 12 stations. Every model saw data before the first issue time only;
each issue sees readings up to itself. `perfect` is observed weather (an upper bound, no forecast),
`perturbed` observed weather with simulated errors that grow with lead (`weather-perturbation.md`),
`none` no weather at all; every model that uses weather was trained for the tier with weather of the
same kind, cut by issue time. Made {day} with code {revision} on 2 cores, 24 GB:

```
lantian import beijing PRSA_Data_*.csv.gz
lantian compare --config configs/beijing.yaml --start 2015-03-01 --end 2016-02-28 --every {every}h \\
    --weather {tiers} --models {models} --reference {references} --out compare
python -m benchmarks.beijing_compare compare --own {own} --out docs/results/beijing.md
```

TFT, TiDE, NHITS and TSMixerx are the networks of neuralforecast 3.3.0, unchanged, with its
multi-quantile loss at the nine quantiles, half on concentrations and half in asinh space. The
library's data set holds one value per series and hour, so it cannot hold what a weather forecast
said at different issue times; windows are therefore cut by this project, by issue time. Missing
targets count for nothing, missing inputs are marked. Each is trained like the trees: a trial without
the last 180 days says how many steps are best and how much too narrow the quantiles are, then that
many steps on everything. Intervals: 95 %, circular block bootstrap over days (7-day blocks);
differences are paired on the same cases. Definitions: `compare.json`, key `conventions`.

"""
NOTE = "Hours 1-24 / 25-48 / 49-72, or D+1 / D+2 / D+3. Met where all three days meet it."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--own", default="network")
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    result = json.loads((chosen.folder / "compare.json").read_text(encoding="utf-8"))
    parts = [
        TEXT.format(
            n=next(iter(result["cost"].values()))["issue_times"],
            every=result["window"]["every_hours"], day=date.today().isoformat(),
            revision=result["code_revision"], tiers=",".join(result["tiers"]), own=chosen.own,
            models=",".join(result["models"]), references=",".join(result["references"]),
        )
    ]  # fmt: skip
    if chosen.own in result["models"]:
        for tier in result["tiers"]:
            parts.append(compare_tables.markdown(goals(result, tier, chosen.own)))
        if {"perfect", "perturbed"} <= set(result["tiers"]):
            parts.append(compare_tables.markdown(losses(result)))
    pictures = chosen.out.parent / "beijing"
    pictures.mkdir(parents=True, exist_ok=True)
    for path in sorted(chosen.folder.glob("*.png")):
        shutil.copyfile(path, pictures / path.name)
        parts.append(f"![{path.stem}](beijing/{path.name})\n")
    parts += [compare_tables.markdown(t) for t in compare_page.all_tables(result)]
    files.write_text(chosen.out, "\n".join(parts))


def goals(result: Mapping[str, Any], tier: str, own: str) -> Table:
    """What was aimed at, what came, whether it was met."""
    found = result["systems"][tier]
    pairs = found[own]["comparison"]
    rows = []
    if BASELINE in pairs:
        base = pairs[BASELINE]
        rows += [
            _skill("PM2.5 CRPS, against LightGBM", base, "pm25", "crps", 18),
            _skill("PM2.5 MAE, against LightGBM", base, "pm25", "mae", 18),
            _skill("O3 MAE, against LightGBM", base, "o3", "mae", 7),
            _more("AQI > 200: CSI, against LightGBM", base, "csi_200", 0.12),
            _more("level right, against LightGBM", base, "level_accuracy", 0.0),
        ]
    for other in pairs:
        for label, pollutant, key in (
            ("PM2.5 CRPS", "pm25", "crps"), ("PM2.5 MAE", "pm25", "mae"),
            ("AQI > 200: Brier", "", "brier_200"),
        ):  # fmt: skip
            rows.append(
                _beyond(f"{label}, beyond the interval of {other}", pairs[other], pollutant, key)
            )
    city = found[own]["areas"][CITY_AREA]["days"]
    rows.append(_near("city AQI intervals, 80 %", [city[d]["cover_80"] for d in DAYS], 0.8, 0.02))
    rows.append(_near("city AQI intervals, 90 %", [city[d]["cover_90"] for d in DAYS], 0.9, 0.02))
    hours, heavy = (
        found[own]["stations"]["pm25"]["groups"],
        found[own]["heavy_days"]["stations"]["pm25"],
    )
    for width, share in (("80", 0.8), ("90", 0.9)):
        key = f"cover_{width}"
        rows.append(
            _near(f"PM2.5 intervals, {width} %", [hours[b][key] for b in BLOCKS], share, 0.02)
        )
        rows.append(
            _near(
                f"PM2.5 intervals on heavy days, {width} %",
                [heavy[b][key] for b in BLOCKS],
                share,
                0.05,
            )
        )
    return Table(f"Goals, weather {tier}: {own}", ("goal", "reached", "met"), tuple(rows), NOTE)


def losses(result: Mapping[str, Any]) -> Table:
    """How much each model loses from perfect to perturbed weather."""
    rows = []
    for model in result["systems"]["perfect"]:
        cells = [model]
        for p, key in (("pm25", "mae"), ("pm25", "crps"), ("o3", "mae")):
            cells.append(" / ".join(
                _change(*(result["systems"][t][model]["stations"][p]["groups"][b][key]
                          for t in ("perfect", "perturbed"))) for b in BLOCKS
            ))  # fmt: skip
        rows.append(tuple(cells))
    head = ("model", "PM2.5 MAE", "PM2.5 CRPS", "O3 MAE")
    note = "Perturbed - perfect, and in % of perfect; hours 1-24 / 25-48 / 49-72."
    return Table("What errors of the weather cost", head, tuple(rows), note)


def _change(perfect: float, perturbed: float) -> str:
    return f"{perturbed - perfect:+.1f} ({100 * (perturbed / perfect - 1):+.0f} %)"


def _part(pair: Mapping[str, Any], pollutant: str) -> tuple[Mapping[str, Any], Sequence[str]]:
    if pollutant:
        return pair["stations"][pollutant], BLOCKS
    return pair["areas"][CITY_AREA], DAYS


def _skill(
    label: str, pair: Mapping[str, Any], pollutant: str, key: str, goal: float
) -> tuple[str, ...]:
    part, names = _part(pair, pollutant)
    got = [100 * part[g][key]["skill"] for g in names]
    text = " / ".join(f"{v:.1f} %" for v in got)
    return (f"{label}: at least {goal} % lower", text, _yes(min(got) >= goal))


def _more(label: str, pair: Mapping[str, Any], key: str, goal: float) -> tuple[str, ...]:
    part, names = _part(pair, "")
    got = [part[g][key]["difference"] for g in names]
    if any(v is None for v in got):
        return (label, "not defined", "no")
    met = min(got) >= goal if goal else min(got) > 0
    wanted = f"at least {goal} higher" if goal else "higher"
    return (f"{label}: {wanted}", " / ".join(f"{v:+.3f}" for v in got), _yes(met))


def _beyond(label: str, pair: Mapping[str, Any], pollutant: str, key: str) -> tuple[str, ...]:
    part, names = _part(pair, pollutant)
    cells, met = [], True
    for g in names:
        value, interval = part[g][key]["difference"], part[g][key]["difference_interval"]
        high = None if interval is None else interval[1]
        met &= high is not None and high < 0
        low = "-" if interval is None else f"{interval[0]:+.3f}, {interval[1]:+.3f}"
        cells.append(f"{value:+.3f} [{low}]" if value is not None else "-")
    return (label, " / ".join(cells), _yes(met))


def _near(label: str, got: Sequence[float | None], share: float, within: float) -> tuple[str, ...]:
    met = all(v is not None and abs(v - share) <= within + 1e-9 for v in got)
    text = " / ".join("-" if v is None else f"{v:.3f}" for v in got)
    return (f"{label}: within {100 * within:.0f} points", text, _yes(met))


def _yes(met: bool) -> str:
    return "yes" if met else "no"


if __name__ == "__main__":
    main()
