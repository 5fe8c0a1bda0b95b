"""The fit: a made-up climate is found again; the shipped numbers hold against the real one."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecast.problems import DataError
from twin import weather_observed as observed
from twin.config_weather import Climate, WeatherConfig
from twin.weather import regional
from twin.weather_fit import fitted


@pytest.fixture
def made_up(tmp_path: Path) -> Path:
    """A year of known waves: 285 K +- 12 K by season, coldest at its start, 4 K by day."""
    folder = tmp_path / "zhengzhou-typical-year"
    folder.mkdir()
    local = pd.date_range("2005-01-01 01:00", periods=8760, freq="h")
    utc = local - pd.Timedelta(hours=8)
    angle = 2 * np.pi * ((utc - pd.Timestamp("2005-01-01")) / pd.Timedelta(days=1)) / 365.25
    solar = (utc.hour + 8.0) % 24  # 120 E
    rng = np.random.default_rng(1)
    warm = 11.85 - 12 * np.cos(angle) - 4 * np.cos(2 * np.pi * (solar - 3) / 24)
    drawn = rng.standard_normal(365)
    day = np.repeat(3 * drawn / drawn.std(), 24)
    rows = []
    for i, stamp in enumerate(local - pd.Timedelta(hours=1)):
        cells = ["0"] * 35
        cells[0:4] = ["2005", str(stamp.month), str(stamp.day), str(stamp.hour + 1)]
        cells[6], cells[7] = f"{warm[i] + day[i]:.3f}", f"{warm[i] + day[i] - 8:.3f}"
        cells[9], cells[13], cells[20], cells[21] = "100000", "150", "90", "2.5"
        rows.append(",".join(cells))
    head = ["LOCATION,X,X,X,X,0,35,120.0,8.0,100", *["-"] * 7]
    with gzip.open(folder / "a.epw.gz", "wt") as handle:
        handle.write("\n".join([*head, *rows]) + "\n")
    return tmp_path


def test_known_waves_are_found_again(made_up: Path) -> None:
    period = (pd.Timestamp("2001-01-01"), pd.Timestamp("2002-12-31 23:00"))
    climate = Climate.model_validate(fitted(made_up, config=WeatherConfig(), period=period))
    assert climate.t2m_k[0] == pytest.approx(285, abs=0.5)
    assert climate.t2m_k[1] == pytest.approx(-12, abs=0.7)
    # -4 cos(h - 3 h): cosine part -4 cos(45 deg), sine part -4 sin(45 deg).
    assert climate.t2m_diurnal_k.cos1[0] == pytest.approx(-4 * np.sqrt(0.5), abs=0.05)
    assert climate.t2m_diurnal_k.sin1[0] == pytest.approx(-4 * np.sqrt(0.5), abs=0.05)
    assert climate.day_std["t2m"][0] == pytest.approx(3, rel=0.1)
    assert climate.wind_m_s == pytest.approx([2.5] * 12)


def test_a_folder_without_the_year_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="0 files"):
        observed.typical_year(tmp_path)
    with pytest.raises(DataError, match="no file of"):
        observed.beijing(tmp_path)


def test_a_front_is_counted_once() -> None:
    times = pd.date_range("2013-11-01", periods=24 * 60, freq="h")
    table = pd.DataFrame({"t2m": 280.0, "sp": 100000.0}, index=times)
    late = times >= pd.Timestamp("2013-11-15")
    early_december = times >= pd.Timestamp("2013-12-15")
    table.loc[late, "t2m"] -= 8
    table.loc[late, "sp"] += 1500
    table.loc[early_december, "t2m"] -= 8
    table.loc[early_december, "sp"] += 1500
    assert observed.fronts_per_month(table) == pytest.approx(1.0)


def test_shipped_numbers_hold_against_real_weather(shared_data: Path) -> None:
    """Near to the tolerances of docs/results/twin-weather.md, on a shorter series."""
    real, _ = observed.typical_year(shared_data / "zhengzhou-typical-year")
    station = observed.beijing(shared_data / "beijing-multi-site")
    made = regional(
        WeatherConfig(), pd.Timestamp("2006-01-01"), pd.Timestamp("2013-12-31 23:00"), seed=99
    )
    table = pd.DataFrame(dict(made.values), index=made.times)
    table["wind"] = np.hypot(table["u10"], table["v10"])
    # Each month of the typical year is one month of one year: its dew point may be far off.
    for name, tolerance in (("t2m", 1.5), ("d2m", 3.5), ("wind", 0.4)):
        by_month = [
            t[name].groupby((pd.DatetimeIndex(t.index) + pd.Timedelta(hours=7)).month).mean()
            for t in (table, real)
        ]
        assert (by_month[0] - by_month[1]).abs().max() < tolerance, name
    for name, lag, tolerance in (("t2m", 24, 0.1), ("t2m", 72, 0.12), ("sp", 24, 0.1)):
        got = observed.autocorrelation(table[name])[lag]
        assert got == pytest.approx(observed.autocorrelation(station[name])[lag], abs=tolerance)
