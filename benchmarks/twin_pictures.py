"""Pictures of the record of realism. Takes records, gives figures."""

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from benchmarks import twin_statistics as st
from benchmarks.twin_records import Record
from forecast import plotting
from forecast.schema import POLLUTANTS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MADE, REAL, THIRD = plotting.COLORS[1], plotting.COLORS[6], plotting.COLORS[0]
NAMES = {"pm25": "PM2.5", "pm10": "PM10", "so2": "SO2", "no2": "NO2", "co": "CO", "o3": "O3"}


def months(made: pd.DataFrame, later: pd.DataFrame, real: pd.DataFrame) -> "Figure":
    """Monthly means of daily values; the years of each setting as thin lines."""
    with plotting.styled():
        figure = plotting.figure(10, 5)
        for ax, p in zip(figure.subplots(2, 3, sharex=True).flat, POLLUTANTS, strict=True):
            for table, color, name in (
                (real, REAL, "Jiaozuo 2014-16"),
                (made, MADE, "simulated"),
                (later, THIRD, "simulated, later setting"),
            ):
                index = pd.DatetimeIndex(table.index)
                for year in (2014, 2015, 2016):
                    mine = index.year == year
                    each = table.loc[mine, p].groupby(index[mine].month).mean()
                    ax.plot(each.index, each, color=color, lw=0.5, alpha=0.5)
                every = table[p].groupby(index.month).mean()
                ax.plot(every.index, every, color=color, lw=1.8, label=name)
            unit = "mg/m³" if p == "co" else "µg/m³"
            ax.set(title=f"{NAMES[p]} ({unit}{', MDA8' if p == 'o3' else ''})", ylim=(0, None))
            ax.set_xticks([1, 4, 7, 10])
        figure.axes[0].legend()
        figure.supxlabel("month (thin lines: single years)")
        return figure


def hours(made: Record, beijing: Record, spring: Record) -> "Figure":
    """Mean by local hour relative to the mean of the day."""
    with plotting.styled():
        figure = plotting.figure(10, 5)
        for ax, p in zip(figure.subplots(2, 3, sharex=True).flat, POLLUTANTS, strict=True):
            for source, color, name, style in (
                (beijing, REAL, "Beijing 2013-16", "-"),
                (spring, REAL, "Jiaozuo, 165 h of spring 2020", ":"),
                (made, MADE, "simulated", "-"),
            ):
                shape = st.by_hour(source.hourly[p])
                ax.plot(np.arange(24) + 0.5, shape, style, color=color, label=name)
            ax.set(title=NAMES[p], xlim=(0, 24), ylim=(0, None))
            ax.set_xticks([0, 6, 12, 18, 24])
        figure.axes[0].legend()
        figure.supxlabel("local hour")
        figure.supylabel("relative to the mean of the day")
        return figure


def ozone(made: Record, beijing: Record) -> "Figure":
    """Ozone by season and hour, ug m-3."""
    with plotting.styled():
        figure = plotting.figure(10, 2.8)
        tables = [(st.season_hours(r.hourly["o3"]), c, n) for r, c, n in (
            (beijing, REAL, "Beijing 2013-16"), (made, MADE, "simulated"))]  # fmt: skip
        for ax, season in zip(figure.subplots(1, 4, sharey=True), st.SEASONS, strict=True):
            for table, color, name in tables:
                ax.plot(np.arange(24) + 0.5, table.loc[season], color=color, label=name)
            ax.set(title=f"O3, {season} (µg/m³)", xlim=(0, 24))
            ax.set_xticks([0, 6, 12, 18, 24])
        figure.axes[0].set_ylim(0, None)
        figure.axes[0].legend()
        figure.supxlabel("local hour")
        return figure


def persistence(
    made: Record, truth: xr.Dataset, beijing: Record, days: pd.DataFrame, edges: Sequence[float]
) -> "Figure":
    """Autocorrelation, correlation by distance, percentiles of daily PM2.5, episodes."""
    with plotting.styled():
        figure = plotting.figure(10, 6)
        lags, distance, percent, length = figure.subplots(2, 2).flat
        steps = (1, 2, 3, 6, 9, 12, 18, 24, 30, 36, 48, 60, 72, 96, 120)
        for r, color, name in ((beijing, REAL, "Beijing"), (made, MADE, "simulated")):
            for p, style in (("pm25", "-"), ("o3", ":")):
                each = [st.autocorrelation(r.values(p), lag) for lag in steps]
                lags.plot(steps, each, style, color=color, label=f"{name}, {NAMES[p]}")
        lags.set(title="Autocorrelation of hourly values", xlabel="hours")
        lags.legend()
        middle = [(a + b) / 2 for a, b in itertools.pairwise(edges)]
        sources = ((beijing.stations, REAL, "Beijing"), (truth, MADE, "simulated"))
        for ds, color, name in sources:
            for p, style in (("pm25", "-"), ("no2", "--"), ("o3", ":")):
                each_bin, _ = st.by_distance(
                    ds[p].transpose("time", "station").to_numpy().astype(float),
                    ds["latitude"].to_numpy(), ds["longitude"].to_numpy(), edges,
                )  # fmt: skip
                distance.plot(middle, each_bin, style, marker="o", ms=3, color=color,
                              label=f"{name}, {NAMES[p]}")  # fmt: skip
        distance.set(title="Correlation between stations", xlabel="km apart", ylim=(0, 1))
        distance.legend()
        q = np.linspace(0.01, 0.99, 50)
        x, y = days["pm25"].quantile(q), made.daily["pm25"].quantile(q)
        percent.plot(x, y, "o", ms=3, color=MADE)
        top = float(max(x.max(), y.max()))
        percent.plot([0, top], [0, top], color=REAL, lw=0.8)
        percent.set(title="Daily PM2.5, percentiles 1 to 99 (µg/m³)", xlabel="Jiaozuo 2014-16",
                    ylabel="simulated")  # fmt: skip
        bins = np.arange(1, 13)
        for table, color, name, shift in (
            (days, REAL, "Jiaozuo", -0.2), (made.daily, MADE, "simulated", 0.2)):  # fmt: skip
            heavy = st.heavy_days(table)
            runs = [min(n, 12) for _, n in st.episodes(heavy)]
            each = [runs.count(int(b)) / st.winters(heavy) for b in bins]
            length.bar(bins + shift, each, 0.4, color=color, label=name)
        length.set(title="Heavy episodes per winter by length (12: or longer)", xlabel="days")
        length.legend()
        return figure
