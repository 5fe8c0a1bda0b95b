"""Words and tables of docs/results/demo-city.md, from what benchmarks.demo_city found."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from training import compare_tables
from training.compare_tables import Table

FULL: Final = "network"
PEERS: Final = (FULL, "no weather forecast", "persistence", "climatology")
TEXT = """# The simulated demo city: its network in a winter it has not seen

Everything here is **simulated**: the air, the stations, the weather and its forecasts are those of
`configs/twin/demo.yaml`, seed {seed}. Nothing was measured, and how well a network does in a simulated
city says little about a real one: its chemistry is far simpler than the air's, its weather forecasts err
as `twin-weather.md` says. What the page can show is what the four tiers, the weather forecast and missing
stations do to a forecast whose truth is known.

The network ships in `forecast/pretrained/demo-twin/`; `lantian demo` and every daily run of a home that
`lantian twin` made forecast with it. It was trained on the city's own two years before 25 November 2015,
as a real city's would be: the same ground, stations and sources as the demo's, and weather of other years,
which the simulation draws from streams of their own. {n} issue times, {first} .. {last} UTC, every {every} h;
{stations} stations ({tiers}), of which the national ones are scored. Weather is `archived`: the forecasts
the city sent, with the errors of forecasts, and nothing later than an issue time. Readings of the lower
tiers are corrected through the national ones first, online, as in the daily run. Made {day} with code
{revision} on 2 cores, 24 GB:

```
lantian twin --out HOME --config configs/twin/demo.yaml --start 2013-11-01 --days 850
LANTIAN_HOME=HOME lantian train --config HOME/city.yaml --model network --until 2015-11-25
python -m benchmarks.demo_city HOME --every {every} --out OUT
```

Intervals: 95 %, circular block bootstrap over days (7-day blocks); differences are paired on the same cases.
One winter of one simulated city: {heavy} of its days were above AQI 200.
"""
VARIANTS: Final = """
`without village` and the like: the tiers named are taken out of the network's input, as in a city that has
none; the same network, which did not practise that, so that a loss may be the change as much as what
the tier knew. `trained on national only`: a second training (the same settings) on the five national
stations alone, the fairer comparison of what all lower tiers together bring. `n % of stations missing`: of
every tier, silent for as long as a forecast looks back, drawn anew at each issue time. `new station`: at each
issue time one national station in turn has no readings at all and a name that training does not know;
only it is scored.
"""


def page(result: Mapping[str, Any]) -> str:
    """The page."""
    found = result["systems"]
    heavy = found[FULL]["heavy_days"]["days"]
    head = TEXT.format(
        seed=result["seed"], n=result["issue_times"], first=result["window"][0],
        last=result["window"][1], every=result["every"], stations=result["stations"],
        tiers=", ".join(f"{n} {t}" for t, n in result["tiers"].items()), heavy=heavy,
        day=date.today().isoformat(), revision=result["code_revision"],
    )  # fmt: skip
    peers = {m: found[m] for m in PEERS if m in found}
    parts = [head, *_tables(peers, ["persistence"])]
    others = {m: s for m, s in found.items() if m not in ("persistence", "climatology")}
    parts += [VARIANTS, compare_tables.markdown(_bare(others))]
    whole = {m: s for m, s in others.items() if s["areas"]}  # one station has no city value
    parts += _tables(whole, [FULL], only="Differences")
    return "\n".join(parts)


def _tables(found: Mapping[str, Any], references: Sequence[str], only: str = "") -> list[str]:
    result = {"systems": {"archived": found}, "references": list(references)}
    tables = compare_tables.of_tier(result, "archived")
    return [
        compare_tables.markdown(t)
        for t in tables
        if t.title.startswith(only) and not t.title.startswith("Seasons")
    ]


def _bare(found: Mapping[str, Any]) -> Table:
    """PM2.5, ozone and the city's level of every variant."""
    rows = []
    for name, scores in found.items():
        city = scores["areas"].get("city", {}).get("days", {})
        stations = scores["stations"]
        cells = [_three(stations[p]["groups"], k, 1, compare_tables.BLOCKS)
                 for p, k in (("pm25", "mae"), ("pm25", "crps"), ("o3", "mae"))]  # fmt: skip
        cells += [_three(city, k, 2, compare_tables.DAYS) for k in ("level_accuracy", "csi_200")]
        rows.append((name, *cells))
    head = ("", "PM2.5 MAE", "PM2.5 CRPS", "O3 MAE", "city level right", "AQI > 200: CSI")
    note = "Hours 1-24 / 25-48 / 49-72, or D+1 / D+2 / D+3; ug m-3."
    return Table("What is left of the input", head, tuple(rows), note)


def _three(groups: Mapping[str, Any], key: str, digits: int, names: Sequence[str]) -> str:
    if not groups or not groups[names[0]].get("n"):
        return "-"
    found = [groups[g].get(key) for g in names]
    return " / ".join("-" if v is None else f"{v:.{digits}f}" for v in found)
