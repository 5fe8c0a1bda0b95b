from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast import month_file, observations, schema
from forecast.problems import DataError

EARLY, LATE = pd.Timestamp("2026-02-01 10:30"), pd.Timestamp("2026-02-03 11:00")


def month_ends(value: float = 50.0, *, hours: int = 4) -> xr.Dataset:
    """Hours around the turn of January to February 2026, at two stations."""
    times = pd.date_range("2026-01-31 22:00", periods=hours, freq="h")
    values = np.full((hours, 2), value)
    values[0, 1] = np.nan
    return schema.dataset(times, schema.mock_stations(count=2), {"pm25": values})


def read_all(home: Path) -> xr.Dataset:
    start, end = pd.Timestamp("2026-01-31 21:00"), pd.Timestamp("2026-02-01 02:00")
    return observations.load(home, start, end, schema.mock_stations(count=2), variables=("pm25",))


def contents(home: Path) -> dict[str, tuple[int, bytes]]:
    files = sorted((home / "observations").glob("[!.]*"))
    return {f.name: (f.stat().st_mtime_ns, f.read_bytes()) for f in files}


def test_what_is_stored_comes_back_on_a_complete_grid(tmp_path: Path) -> None:
    report = observations.merge(tmp_path, month_ends(), source="csv", received=EARLY)
    assert report == observations.MergeReport(7, 0, 0, ("2026-01", "2026-02"))
    got = read_all(tmp_path)
    assert list(got["time"].dt.hour.values) == [21, 22, 23, 0, 1, 2]
    np.testing.assert_array_equal(got["pm25"].values[:, 0], [np.nan, 50, 50, 50, 50, np.nan])
    np.testing.assert_array_equal(got["pm25"].values[:, 1], [np.nan, np.nan, 50, 50, 50, np.nan])
    assert got["pm25"].attrs["units"] == "ug m-3"


def test_the_same_import_twice_leaves_the_files_untouched(tmp_path: Path) -> None:
    observations.merge(tmp_path, month_ends(), source="csv", received=EARLY)
    before = contents(tmp_path)
    report = observations.merge(tmp_path, month_ends(), source="csv", received=LATE)
    assert report == observations.MergeReport(0, 0, 7, ())
    assert contents(tmp_path) == before


def test_a_correction_replaces_and_leaves_a_revision(tmp_path: Path) -> None:
    observations.merge(tmp_path, month_ends(), source="csv", received=EARLY)
    late = month_ends(hours=2)
    late["pm25"].values[:] = [[np.nan, 7.0], [60.5, np.nan]]
    files = [("late.csv", "abc")]
    report = observations.merge(tmp_path, late, source="cnemc", received=LATE, files=files)
    assert report == observations.MergeReport(1, 1, 0, ("2026-01",))
    got = read_all(tmp_path)["pm25"].values
    np.testing.assert_array_equal(got[1:3], [[50, 7], [60.5, 50]])  # NaN erased nothing
    imports, revisions = observations.history(tmp_path, "2026-01")
    assert list(imports["source"]) == ["csv", "cnemc"]
    assert list(imports["received"]) == [EARLY, LATE]
    assert imports.loc[1, ["files", "sha256"]].tolist() == ["late.csv", "abc"]
    only = revisions.iloc[0]
    assert len(revisions) == 1
    assert (only["station"], only["variable"], only["import"]) == ("M001", "pm25", 1)
    assert (only["old"], only["new"]) == (50.0, 60.5)
    assert only["time"] == pd.Timestamp("2026-01-31 23:00")


def test_killed_between_months_and_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    observations.merge(tmp_path / "whole", month_ends(), source="csv", received=EARLY)
    write = month_file.write

    def dying(path: Path, month: month_file.Month) -> None:
        if path.stem == "2026-02":
            raise KeyboardInterrupt
        write(path, month)

    home = tmp_path / "killed"
    with monkeypatch.context() as patch:
        patch.setattr(observations, "write", dying)
        with pytest.raises(KeyboardInterrupt):
            observations.merge(home, month_ends(), source="csv", received=EARLY)
    assert list(contents(home)) == ["2026-01.nc"]
    report = observations.merge(home, month_ends(), source="csv", received=EARLY)
    assert report == observations.MergeReport(4, 0, 3, ("2026-02",))
    xr.testing.assert_identical(read_all(home), read_all(tmp_path / "whole"))


def test_killed_while_a_month_is_written_keeps_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    observations.merge(tmp_path, month_ends(), source="csv", received=EARLY)
    before = contents(tmp_path)

    def dying(*_args: object, **_kwargs: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", dying)
        with pytest.raises(OSError, match="no space"):
            observations.merge(tmp_path, month_ends(80.0), source="csv", received=LATE)
    assert contents(tmp_path) == before


def test_broken_months_are_all_named_and_nothing_is_written(tmp_path: Path) -> None:
    observations.merge(tmp_path, month_ends(), source="csv", received=EARLY)
    first, second = (tmp_path / "observations" / f"2026-0{m}.nc" for m in (1, 2))
    first.write_bytes(first.read_bytes()[:3000])
    second.write_bytes(b"not a file")
    with pytest.raises(DataError) as caught:
        read_all(tmp_path)
    assert [p.where for p in caught.value.problems] == [str(first), str(second)]
    before = contents(tmp_path)
    with pytest.raises(DataError, match=r"2026-01\.nc"):
        observations.merge(tmp_path, month_ends(80.0), source="csv", received=LATE)
    assert contents(tmp_path) == before


def test_a_flipped_byte_is_an_error_and_not_a_value(tmp_path: Path) -> None:
    times = pd.date_range("2026-01-01", periods=744, freq="h")
    noise = np.random.default_rng(1).random((744, 2))
    ds = schema.dataset(times, schema.mock_stations(count=2), {"pm25": noise})
    observations.merge(tmp_path, ds, source="csv", received=EARLY)
    path = tmp_path / "observations" / "2026-01.nc"
    content = bytearray(path.read_bytes())
    largest = len(content) // 2  # the values fill most of the file
    content[largest] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"2026-01\.nc"):
        observations.load(tmp_path, times[0], times[-1], schema.mock_stations(count=2))


def test_wrong_units_and_stamps_are_refused(tmp_path: Path) -> None:
    ds = month_ends()
    ds["pm25"].attrs["units"] = "mg m-3"
    with pytest.raises(DataError, match="mg m-3"):
        observations.merge(tmp_path, ds, source="csv", received=EARLY)
    off = month_ends().assign_coords(time=month_ends()["time"] + np.timedelta64(30, "m"))
    with pytest.raises(DataError, match="full hours"):
        observations.merge(tmp_path, off, source="csv", received=EARLY)
    twice = xr.concat([month_ends(), month_ends()], "time", data_vars="minimal")
    with pytest.raises(DataError, match="duplicates"):
        observations.merge(tmp_path, twice, source="csv", received=EARLY)
    assert not (tmp_path / "observations").exists()


def test_the_register_decides_order_and_new_stations_join(tmp_path: Path) -> None:
    observations.merge(tmp_path, month_ends(), source="csv", received=EARLY)
    table = schema.mock_stations(count=4).loc[["M004", "M002", "M001"]]
    start = pd.Timestamp("2026-01-31 23:00")
    got = observations.load(tmp_path, start, start, table, variables=("pm25",))
    np.testing.assert_array_equal(got["pm25"].values, [[np.nan, 50, 50]])
    times = pd.DatetimeIndex([start])
    more = schema.dataset(times, table.loc[["M004"]], {"pm25": np.array([[9.0]])})
    observations.merge(tmp_path, more, source="csv", received=LATE)
    got = observations.load(tmp_path, start, start, table, variables=("pm25",))
    np.testing.assert_array_equal(got["pm25"].values, [[9, 50, 50]])


def test_simulated_values_stay_named_so(tmp_path: Path) -> None:
    ds = month_ends()
    assert "simulated" not in ds.attrs
    ds.attrs["simulated"] = "twin"
    observations.merge(tmp_path, ds, source="netcdf", received=EARLY)
    observations.merge(tmp_path, month_ends(60.0), source="csv", received=LATE)
    assert read_all(tmp_path).attrs["simulated"] == "twin"


def test_the_file_is_a_cf_time_series(tmp_path: Path) -> None:
    observations.merge(tmp_path, month_ends(), source="csv", received=EARLY)
    with xr.open_dataset(tmp_path / "observations" / "2026-02.nc") as ds:
        assert ds.attrs["featureType"] == "timeSeries"
        assert ds.sizes["time"] == 28 * 24
        assert ds["time"].values[-1] == np.datetime64("2026-02-28T23:00")
        assert ds["station"].attrs["cf_role"] == "timeseries_id"
        assert ds["pm25"].attrs["units"] == "ug m-3"
        assert ds["latitude"].attrs["units"] == "degrees_north"
