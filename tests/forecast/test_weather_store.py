"""Vintages: kept once, never changed, used only from the moment they were available."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast import weather
from forecast.problems import DataError
from forecast.schema import attrs_of, mock_stations

ISSUE = pd.Timestamp("2026-01-01 00:00")
HOUR = pd.Timedelta(hours=1)


def fields(*, value: float = 280.0, issue: pd.Timestamp = ISSUE, hours: int = 100) -> xr.Dataset:
    table = mock_stations(count=3)
    times = pd.date_range(issue + HOUR, periods=hours, freq="h")
    coords = {
        "time": times,
        "station": table.index.to_numpy().astype(str),
        "latitude": ("station", table["latitude"].to_numpy()),
        "longitude": ("station", table["longitude"].to_numpy()),
    }
    values = np.full((hours, 3), value)
    return xr.Dataset({"t2m": (("time", "station"), values, attrs_of("t2m"))}, coords)


def keep(home: Path, source: str = "archive", *, issue: pd.Timestamp = ISSUE, value: float = 280.0):
    ds = fields(value=value, issue=issue)
    available = issue + 6 * HOUR
    return weather.save(home, source, ds, issue_time=issue, available_time=available)


def test_a_vintage_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    assert keep(tmp_path)
    path = tmp_path / "weather" / "archive" / "20260101T0000Z.nc"
    assert path.is_file()
    (vintage,), notes = weather.vintages(tmp_path, "archive")
    assert notes == []
    assert (vintage.issue_time, vintage.available_time) == (ISSUE, ISSUE + 6 * HOUR)
    ds = weather.read(vintage)
    assert ds["t2m"].attrs["units"] == "K"
    assert ds.sizes == {"time": 100, "station": 3}
    assert np.all(ds["t2m"].values == 280.0)


def test_availability_is_the_issue_time_plus_the_stated_delay_where_it_is_not_known(
    tmp_path: Path,
) -> None:
    for source, hours in (("archive", 6), ("ecmwf", 8), ("kdd2018", 14)):
        weather.save(tmp_path, source, fields(), issue_time=ISSUE)
        (vintage,), _ = weather.vintages(tmp_path, source)
        assert vintage.available_time == ISSUE + hours * HOUR


def test_equal_content_again_changes_nothing_and_other_content_is_refused(tmp_path: Path) -> None:
    assert keep(tmp_path)
    path = weather.path_of(tmp_path, "archive", ISSUE)
    before = path.read_bytes()
    assert not keep(tmp_path)
    with pytest.raises(DataError, match="other content for the same issue"):
        keep(tmp_path, value=281.0)
    assert path.read_bytes() == before


def test_a_replacement_keeps_the_old_file_and_says_why(tmp_path: Path) -> None:
    keep(tmp_path)
    path = weather.path_of(tmp_path, "archive", ISSUE)
    before = path.read_bytes()
    new = fields(value=281.0)
    with pytest.raises(DataError):  # on purpose means with a reason
        weather.save(tmp_path, "archive", new, issue_time=ISSUE, replace=True)
    weather.save(
        tmp_path, "archive", new, issue_time=ISSUE, replace=True, reason="wrong scale factor"
    )
    (vintage,), _ = weather.vintages(tmp_path, "archive")
    ds = weather.read(vintage)
    assert float(ds["t2m"][0, 0]) == 281.0
    assert "wrong scale factor" in ds.attrs["history"]
    (kept,) = (path.parent / "superseded").iterdir()
    assert kept.read_bytes() == before
    assert not weather.save(tmp_path, "archive", new, issue_time=ISSUE)


def test_only_what_was_available_counts_to_the_minute(tmp_path: Path) -> None:
    keep(tmp_path)
    keep(tmp_path, issue=ISSUE + 12 * HOUR)

    def issue_at(at: pd.Timestamp, age: float = 36) -> pd.Timestamp | None:
        found = weather.latest(tmp_path, ["archive"], at, age)
        return found.issue_time if found else None

    assert issue_at(ISSUE + 6 * HOUR - pd.Timedelta(minutes=1)) is None
    assert issue_at(ISSUE + 6 * HOUR) == ISSUE
    assert issue_at(ISSUE + 18 * HOUR - pd.Timedelta(minutes=1)) == ISSUE
    assert issue_at(ISSUE + 18 * HOUR) == ISSUE + 12 * HOUR
    assert issue_at(ISSUE + 48 * HOUR) == ISSUE + 12 * HOUR  # 36 h old: just still used
    assert issue_at(ISSUE + 49 * HOUR) is None


def test_the_first_source_that_has_one_wins_even_if_it_is_older(tmp_path: Path) -> None:
    keep(tmp_path, "first")
    keep(tmp_path, "second", issue=ISSUE + 12 * HOUR)
    at = ISSUE + 24 * HOUR
    found = weather.latest(tmp_path, ["none", "first", "second"], at, 36)
    assert found is not None
    assert found.source == "first"
    found = weather.latest(tmp_path, ["first", "second"], ISSUE + 40 * HOUR, 36)
    assert found is not None
    assert found.source == "second"


def test_a_damaged_newest_file_is_passed_over_and_named(tmp_path: Path) -> None:
    keep(tmp_path)
    keep(tmp_path, issue=ISSUE + 12 * HOUR)
    newest = weather.path_of(tmp_path, "archive", ISSUE + 12 * HOUR)
    newest.write_bytes(newest.read_bytes()[:200])
    found = weather.latest(tmp_path, ["archive"], ISSUE + 24 * HOUR, 36)
    assert found is not None
    assert found.issue_time == ISSUE
    (note,) = found.notes
    assert "archive/20260101T1200Z.nc" in note.en
    assert "archive/20260101T1200Z.nc" in note.zh
    good, notes = weather.vintages(tmp_path, "archive")
    assert [v.issue_time for v in good] == [ISSUE]
    assert len(notes) == 1
    with pytest.raises(DataError, match="unreadable file"):  # evidence is not overwritten
        keep(tmp_path, issue=ISSUE + 12 * HOUR)


def test_an_analysis_is_never_used_as_a_forecast(tmp_path: Path) -> None:
    weather.save(tmp_path, "era5", fields(), issue_time=ISSUE, kind="analysis")
    assert weather.latest(tmp_path, ["era5"], ISSUE + 200 * HOUR, 240) is None


def test_everything_wrong_with_a_vintage_is_said_at_once(tmp_path: Path) -> None:
    ds = fields().isel(time=[0, 1, 3])
    ds["t2m"].attrs["units"] = "degC"
    ds["rain"] = ds["t2m"]
    with pytest.raises(DataError) as caught:
        weather.save(tmp_path, "archive", ds, issue_time=ISSUE, available_time=ISSUE - HOUR)
    text = str(caught.value)
    for part in ("rain", "one hour between stamps", "'degC'", "not before the issue time"):
        assert part in text
    assert not (tmp_path / "weather").exists()


def test_saving_leaves_the_argument_as_it_was(tmp_path: Path) -> None:
    ds = fields()
    before = ds.copy(deep=True)
    weather.save(tmp_path, "archive", ds, issue_time=ISSUE)
    xr.testing.assert_identical(ds, before)


def test_weather_that_cannot_be_is_refused_and_an_older_vintage_serves(tmp_path: Path) -> None:
    """Celsius called kelvin, or a forecast of hours before its issue: a feed that lies."""
    keep(tmp_path)
    for ds, found in (
        (fields(value=6.85, issue=ISSUE + 12 * HOUR), "t2m: found 6.85 and 299 more"),
        (fields(issue=ISSUE - 200 * HOUR), "found issue 2026-01-01 12:00:00"),
        (fields(value=np.inf, issue=ISSUE + 12 * HOUR), "t2m: found inf"),
    ):
        with pytest.raises(DataError, match=found):
            weather.save(tmp_path, "archive", ds, issue_time=ISSUE + 12 * HOUR)
    kept = weather.latest(tmp_path, ["archive"], ISSUE + 24 * HOUR, 48)
    assert kept is not None
    assert kept.issue_time == ISSUE
