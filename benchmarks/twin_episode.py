"""The picture of one episode of the simulated city: PM2.5, wind, stations and terrain over hours.

    nice -n 10 python -m benchmarks.twin_episode [--first 2014-01-12] [--days 10]
        [--seed 2018]

Simulates some weeks of the configured city (2 km grid), finds the 24 hours after which the
air at the national stations clears most, and draws a strip of maps from the build-up to the clean
air. Writes
docs/images/twin-episode.png and the section of docs/results/twin.md.
"""

import argparse
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from benchmarks import twin_page
from forecast import plotting
from forecast.config import configs_dir
from forecast.files import replace_file
from twin import config as twin_config
from twin.city import City, HourlyTruth
from twin.geography import Geography

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

PAGE = Path("docs/results/twin.md")
IMAGE = Path("docs/images/twin-episode.png")
OFFSET = pd.Timedelta(hours=8)
HOUR = pd.Timedelta(hours=1)
BEFORE: Final = 72  # hours shown before the peak
AFTER: Final = 72  # and after it, to look for the end in
CLEAN: Final = 0.2  # of the peak: the episode is over
MAPS: Final = 8
ARROWS: Final = 9  # cells between wind arrows
TEXT = """\
## One episode

`nice -n 10 python -m benchmarks.twin_episode`, run on {day}. `configs/twin/jiaozuo.yaml`, 2 km,
seed {seed}, `{label}`; the days of {first} to {last} after which the air cleared most. Simulated, truth.

![One episode](../images/twin-episode.png)

Thin lines: county areas; grey lines: terrain at 250, 500 and 1,000 m. Dots: national and county
stations in the colour of their own value. Arrows: wind at 10 m. The curve is the mean of the
national stations, its ticks are the maps.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", default="2014-01-12")
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--seed", type=int, default=2018)
    parser.add_argument("--date", default=str(date.today()))
    given = parser.parse_args()
    config = twin_config.load(configs_dir() / "twin" / "jiaozuo.yaml")
    start = pd.Timestamp(given.first) - OFFSET + HOUR
    city = City.create(config, start=start, hours=24 * given.days, seed=given.seed)
    hours = [city.step() for _ in range(24 * given.days)]
    figure = strip(city.geography, hours)
    replace_file(IMAGE, lambda path: figure.savefig(path, format="png", dpi=80))
    last = (pd.Timestamp(given.first) + pd.Timedelta(days=given.days - 1)).date()
    text = TEXT.format(
        day=given.date, seed=city.seed, label=city.simulated, first=given.first, last=last
    )
    twin_page.put(PAGE, "episode", text)


def moments(mean: np.ndarray) -> np.ndarray:
    """Hours of the maps (MAPS,): from before the day that clears most to the first clean hour."""
    day = np.convolve(mean, np.ones(24) / 24, mode="valid")
    # The lowest value within AFTER hours of each day's end.
    lowest = np.array([mean[i + 24 : i + 24 + AFTER].min(initial=np.inf) for i in range(len(day))])
    fall = np.where(np.arange(len(day)) < BEFORE, -np.inf, day - np.minimum(lowest, day))
    peak = int(np.argmax(fall)) + 12
    top = mean[peak - 12 : peak + 12].max()
    after = mean[peak : peak + AFTER]
    clean = np.flatnonzero(after < CLEAN * top)
    end = peak + (int(clean[0]) if clean.size else len(after) - 1)
    begin = max(peak - BEFORE, 0)
    # More maps near the end, where air changes within hours.
    share = 1 - (1 - np.linspace(0, 1, MAPS)) ** 1.8
    return np.unique(np.round(begin + share * (end - begin)).astype(int))


def strip(ground: Geography, hours: list[HourlyTruth]) -> "Figure":
    """Maps of the episode over a curve of the city's mean."""
    national = (ground.stations["tier"] == "city").to_numpy()
    mean = np.array([h.stations[national, 0].mean() for h in hours])
    chosen = moments(mean)
    shown = np.concatenate([hours[i].fields[0].ravel() for i in chosen])
    top = max(float(np.quantile(shown, 0.995)) // 50 * 50 + 50, 100.0)
    with plotting.styled():
        figure = plotting.figure(16, 8.2)
        columns = -(-len(chosen) // 2)
        places = figure.add_gridspec(3, columns, height_ratios=[1, 1, 0.5])
        axes = []
        for k, i in enumerate(chosen):
            ax = figure.add_subplot(places[k // columns, k % columns])
            image = _map(ax, ground, hours[i], top)
            axes.append(ax)
        bar = figure.colorbar(image, ax=axes, shrink=0.7, pad=0.01)
        bar.set_label("PM2.5, µg/m³")
        curve = figure.add_subplot(places[2, :])
        begin, end = max(chosen[0] - 24, 0), min(chosen[-1] + 24, len(hours) - 1)
        times = pd.DatetimeIndex([h.time + OFFSET for h in hours])
        curve.plot(times[begin : end + 1], mean[begin : end + 1], color="black", lw=1.2)
        curve.plot(times[chosen], mean[chosen], "o", color=plotting.COLORS[1])
        wind = np.array([np.hypot(h.weather["u10"], h.weather["v10"]).mean() for h in hours])
        depth = np.array([h.depth_m.mean() for h in hours])
        curve.set(ylabel="PM2.5 at national\nstations, µg/m³", xlabel="local time", ylim=(0, None))
        right = curve.twinx()
        right.plot(times[begin : end + 1], wind[begin : end + 1], color=plotting.COLORS[0], lw=0.9)
        right.set_ylabel("wind, m/s", color=plotting.COLORS[0])
        right.grid(visible=False)
        curve.fill_between(
            times[begin : end + 1], 0, depth[begin : end + 1] / 10, color="#bbbbbb", alpha=0.4,
            lw=0, zorder=0,
        )  # fmt: skip
        curve.text(0.005, 0.9, "grey: mixed layer, in 10 m", transform=curve.transAxes, size=8)
        figure.suptitle("Simulated city: an episode (PM2.5, wind at 10 m; nothing is measured)")
    return figure


def _map(ax: "Axes", ground: Geography, hour: HourlyTruth, top: float) -> "AxesImage":
    extent = (0, ground.nx * ground.dx_m / 1000, 0, ground.ny * ground.dx_m / 1000)
    look: dict[str, Any] = {"cmap": "YlOrRd", "vmin": 0.0, "vmax": top}
    image = ax.imshow(hour.fields[0], origin="lower", extent=extent, **look)
    x, y = ground.x / 1000, ground.y / 1000
    levels = [250, 500, 1000]
    ax.contour(x, y, ground.elevation, levels=levels, colors="#666666", linewidths=[0.9, 0.7, 0.5])
    for i in range(len(ground.areas)):
        inside = (ground.area == i).astype(float)
        ax.contour(x, y, inside, levels=[0.5], colors="#222222", linewidths=0.35)
    part = slice(ARROWS // 2, None, ARROWS)
    u, v = hour.weather["u10"][part, part], hour.weather["v10"][part, part]
    across, along = np.meshgrid(x[part], y[part])
    ax.quiver(across, along, u, v, scale=50, width=0.005, color="#0072b2", zorder=4)
    table = ground.stations
    mine = table["tier"].isin(["city", "county"]).to_numpy()
    ax.scatter(
        table["x"][mine] / 1000, table["y"][mine] / 1000, c=hour.stations[mine, 0], s=22,
        edgecolors="black", linewidths=0.7, zorder=5, **look,
    )  # fmt: skip
    ax.set(title=f"{hour.time + OFFSET:%m-%d %H}h local", xticks=[], yticks=[])
    ax.grid(visible=False)
    return image


if __name__ == "__main__":
    main()
