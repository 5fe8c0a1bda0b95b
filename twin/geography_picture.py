"""A picture of the simulated city's ground, people, stations and stacks. Takes them, gives a PNG.

python -m twin.geography_picture configs/twin/jiaozuo.yaml docs/images/twin-geography.png
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from twin import config, enterprises, geography

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TIERS: Final = (
    ("village", "tab:green", 5, "o"),
    ("township", "tab:orange", 16, "s"),
    ("county", "tab:red", 40, "^"),
    ("city", "black", 45, "*"),
)
_TITLES: Final = (
    "Terrain (m)",
    "Population per km²",
    "Stations by tier",
    "Stacks (area of the mark: NOx of the unit)",
)


def draw(ground: geography.Geography, made: enterprises.Enterprises) -> "Figure":
    """Four maps: terrain, population, stations by tier, stacks."""
    from matplotlib.colors import LogNorm
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 9.4), layout="constrained")
    axes = list(figure.subplots(2, 2).flat)
    x, y = ground.x / 1000, ground.y / 1000
    extent = (0, ground.nx * ground.dx_m / 1000, 0, ground.ny * ground.dx_m / 1000)
    where: dict[str, Any] = {"origin": "lower", "extent": extent}
    for ax, title in zip(axes, _TITLES, strict=True):
        ax.set(title=title, aspect="equal", xlabel="km east", ylabel="km north")
        for i in range(len(ground.areas)):
            mine = (ground.area == i).astype(float)
            ax.contour(x, y, mine, levels=[0.5], colors="black", linewidths=0.5)
    height, people, network, stacks = axes
    image = height.imshow(ground.elevation, cmap="terrain", vmin=0, vmax=1700, **where)
    figure.colorbar(image, ax=height, shrink=0.7)
    density = np.maximum(ground.population / ground.plane.cell_km2, 1)
    image = people.imshow(density, cmap="magma", norm=LogNorm(10, 15000), **where)
    figure.colorbar(image, ax=people, shrink=0.7)
    for ax in (network, stacks):
        ax.imshow(ground.elevation, cmap="Greys", alpha=0.35, vmin=0, vmax=2500, **where)
    for tier, colour, size, mark in _TIERS:
        rows = ground.stations[ground.stations["tier"] == tier]
        style: dict[str, Any] = {"s": size, "c": colour, "marker": mark, "zorder": 3}
        network.scatter(rows["x"] / 1000, rows["y"] / 1000, label=f"{tier} ({len(rows)})", **style)
    style = {"s": 60, "facecolors": "none", "edgecolors": "tab:purple", "marker": "D", "zorder": 4}
    lidars = ground.lidars
    label = f"lidar ({len(lidars)})"
    network.scatter(lidars["x"] / 1000, lidars["y"] / 1000, label=label, **style)
    network.legend(loc="upper left", fontsize=8, ncols=2)
    nox = made.units["nox"].loc[made.stacks["unit"]].to_numpy() * made.stacks["share"].to_numpy()
    east, north = made.stacks["x"] / 1000, made.stacks["y"] / 1000
    stacks.scatter(east, north, s=2 + nox / 12, c="tab:brown", alpha=0.45, linewidths=0, zorder=3)
    stacks.scatter(east, north, s=2, c="black", linewidths=0, zorder=4)
    figure.suptitle("Simulated city: made up but for the real national stations and the setting")
    return figure


if __name__ == "__main__":
    chosen = config.load(Path(sys.argv[1]))
    land = geography.create(chosen)
    draw(land, enterprises.create(chosen, land)).savefig(sys.argv[2], dpi=80)
