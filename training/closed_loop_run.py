"""`lantian twin --closed-loop`: seeds one after the other, the page after each of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from training import closed_loop, closed_loop_page
from training.closed_loop_city import GRID_M, Winter
from training.closed_loop_decisions import Settings
from training.closed_loop_store import Run


def run(
    out: Path,
    *,
    first: pd.Timestamp,
    days: int,
    seeds: int,
    first_seed: int = 1,
    settings: Settings = Settings(),  # noqa: B008 -- frozen
    say: Callable[[str], None] = lambda _: None,
) -> tuple[Path, Path]:
    """Run (or go on with) all policies; closed-loop.json and .md are written after each seed.

    Args:
        out: Folder of progress and pages.
        first: First local day that counts.
        days: How many count.
        seeds: How many cities.
        first_seed: The first one's seed.
        settings: The loop's.
        say: Told of progress.
    """
    found, plans = [], []
    for seed in range(first_seed, first_seed + seeds):
        runs = closed_loop.simulate(
            seed, first, days, cache=out / "progress", settings=settings, say=say
        )
        value = Winter(seed, first, 1).register.units["value_yuan_d"].to_numpy(dtype=np.float64)
        found.append(closed_loop_page.numbers(runs, value, first, days))
        plans.append(runs["lantian"])
        tail = _tail(plans, first, settings)
        paths = closed_loop_page.write(
            out, found, head=_head(first, days, first_seed, len(found), seeds, settings), tail=tail
        )
        say(f"{len(found)} of {seeds} seeds: {paths[1]}")
    return paths


def _head(
    first: pd.Timestamp, days: int, first_seed: int, done: int, seeds: int,
    settings: Settings,
) -> list[str]:  # fmt: skip
    start = f"{first:%Y-%m-%d}"
    option = f"--start {start} --days {days} --seeds {seeds} --seed {first_seed}"
    share, safe = f"{settings.budget_share:.0%}", f"{settings.accepted:g}"
    text = f"""# Closed loop on the simulated city

SIMULATED. {days} days from {start}, {done} of {seeds} seeds done, cells of {GRID_M / 1000:g} km
(coarser than the demo's 3 km).

    lantian twin --closed-loop {option} --out DIR

- none: no measures. flat: the median of a forecast proposes the warning, every listed unit does
  what its level asks.
- lantian: {settings.members} members propose; the plan meets the level's ratios and takes the most
  effect that {share} of the flat list's loss buys (more only where the ratios need it), most of it
  on days on which a line (AQI 150, 200) is in question; afterwards units resume while
  P(AQI > {settings.line}) stays at most {safe}.
- oracle: the same, with true weather and the air of `none` instead of the forecast."""
    return text.split("\n")


def _tail(plans: list[Run], first: pd.Timestamp, settings: Settings) -> list[str]:
    made = [p for run in plans for p in run.plans]
    short = [m for p in made for m in p.missed]
    kinds = pd.Series([m.split(":")[0].split(" on ")[0] for m in short], dtype=str).value_counts()
    named = ", ".join(f"{k} ({n})" for k, n in kinds.items()) or "nothing"
    text = f"""## Promises

Each day at 16:00 Lantian states P(AQI above a line) of the next day under its orders: the share of
its members above it, less what the orders take off. A week of a seed is one draw of the weather.

{chr(10).join(closed_loop_page.promise_lines(closed_loop_page.kept_promises(plans, first)))}

## Plans that could not meet everything

{len(made)} plans, {sum(bool(p.missed) for p in made)} with something missed, said in words and
carried out as the nearest plan. Missed: {named}.
A loss budget is missed where the legal ratios alone cost more (ratios come first), and by a little
where a plan is rounded up.

## How to read it

Breaches are days above AQI 150 plus days above 200; a false alarm is a warning in which the city
without measures had no day above 200 nor two adjoining ones above 150. Intervals are over seeds:
another seed is another city and another winter.

Left out, for all alike: evasion (everybody obeys), trucks and dust, instrument errors, the county
receptors. Plans are linear relaxations rounded up, over the largest units that make
{settings.units_share:.0%} of registered emissions, minor sources left alone; times to stop and
restart are cut at 48 h. Contributions are those of the dispersion
model with its daily factors (scale, stagnation; increments of observations are left out). The
forecaster is a ridge regression fitted on the same city's winter of the year before, not the
product's network."""
    return text.split("\n")
