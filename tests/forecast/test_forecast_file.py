"""The forecast file keeps what it is given, refuses what it cannot keep, and shows damage."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecast import forecast_file
from forecast.forecast_file import AreaChunk, Chunk, Header, Layout
from forecast.problems import DataError
from forecast.schema import POLLUTANTS, STATION_COORDS, mock_stations

HEADER = Header(
    model="mock",
    model_version="1",
    data_hash="d",
    standard="auto",
    config_hash="c",
    weather_tier="perfect",
    code_revision="r",
    simulated=True,
    utc_offset_hours=8,
    trained_until="2025-12-31T16:00",
)


def layout(*, issues: int = 5, hourly: bool = False) -> Layout:
    times = pd.date_range("2026-01-01T08:00", periods=issues, freq="6h")
    return Layout(times, mock_stations(count=3), ("city", "county1"), 4, hourly)


def chunk(n: int, seed: int, *, hourly: bool = False) -> Chunk:
    rng = np.random.default_rng(seed)
    quantiles = np.sort(rng.gamma(2, 30, (n, 96, 3, 6, 9)), axis=-1).astype("f4")
    quantiles[..., 4, :] /= 50
    quantiles[0, 5, 1, 2] = np.nan
    daily = {p: rng.gamma(2, 1 if p == "co" else 30, (n, 3, 2, 4)) for p in POLLUTANTS}
    hours = {p: rng.gamma(2, 1 if p == "co" else 30, (n, 96, 2, 4)) for p in POLLUTANTS}
    aqi = rng.integers(1, 500, (n, 3, 2, 4)).astype("f4")
    aqi[0, 0, 0, 0] = np.nan
    primary = rng.integers(0, 64, (n, 3, 2, 4)).astype("u1")
    return Chunk(quantiles, AreaChunk(aqi, primary, daily, hours if hourly else None))


def written(path: Path, *, hourly: bool = False) -> tuple[Chunk, Chunk]:
    first, second = chunk(2, 1, hourly=hourly), chunk(3, 2, hourly=hourly)
    forecast_file.write(path, HEADER, layout(hourly=hourly), iter([first, second]))
    return first, second


def test_chunks_come_back_within_half_a_step(tmp_path: Path) -> None:
    path = tmp_path / "f.nc"
    first, second = written(path, hourly=True)
    quantiles = np.concatenate([first.quantiles, second.quantiles])
    with forecast_file.read_stations(path) as ds:
        assert dict(ds.sizes) == {"issue_time": 5, "lead": 96, "station": 3, "quantile": 9}
        for i, p in enumerate(POLLUTANTS):
            half = 0.001 if p == "co" else 0.05
            np.testing.assert_allclose(ds[p].values, quantiles[:, :, :, i], atol=half * 1.001)
        assert ds["issue_time"].values[1] == np.datetime64("2026-01-01T14:00")
        assert ds["lead"].values[[0, -1]].tolist() == [1, 96]
        for column in STATION_COORDS:
            assert ds[column].values.tolist() == layout().stations[column].tolist()
        assert ds["reference"].dtype == bool
        assert ds["co"].attrs["units"] == "mg m-3"
    assert first.areas is not None
    assert first.areas.hourly is not None
    with forecast_file.read_areas(path) as ds:
        np.testing.assert_array_equal(ds["aqi_day"].values[:2], first.areas.aqi_day)
        np.testing.assert_array_equal(ds["primary_day"].values[:2], first.areas.primary_day)
        np.testing.assert_allclose(ds["o3_day"].values[:2], first.areas.daily["o3"], atol=0.0501)
        np.testing.assert_allclose(ds["no2"].values[:2], first.areas.hourly["no2"], atol=0.0501)
        assert ds["area"].values.tolist() == ["city", "county1"]
    assert forecast_file.attributes(path) == HEADER


def test_areas_may_be_absent(tmp_path: Path) -> None:
    path = tmp_path / "f.nc"
    forecast_file.write(path, HEADER, layout(issues=2), [replace(chunk(2, 1), areas=None)])
    with forecast_file.read_areas(path) as ds:
        assert np.isnan(ds["aqi_day"].values).all()
        assert (ds["primary_day"].values == 0).all()


def test_same_content_same_bytes(tmp_path: Path) -> None:
    import time

    written(tmp_path / "a.nc")
    time.sleep(1.1)  # a stamp of seconds would show
    written(tmp_path / "b.nc")
    assert (tmp_path / "a.nc").read_bytes() == (tmp_path / "b.nc").read_bytes()


@pytest.mark.parametrize(
    ("pollutant", "value", "found"),
    [(0, 3277.0, "3277"), (4, 66.0, "66"), (1, -1.0, "-1")],
)
def test_a_value_out_of_reach_is_refused_and_the_old_file_stays(
    tmp_path: Path, pollutant: int, value: float, found: str
) -> None:
    path = tmp_path / "f.nc"
    written(path)
    before = path.read_bytes()
    bad = chunk(5, 3)
    bad.quantiles[3, 7, 2, pollutant] = value
    with pytest.raises(DataError, match=found):
        forecast_file.write(path, HEADER, layout(), [bad])
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["f.nc"]


def test_decreasing_quantiles_and_wrong_counts_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.nc"
    bad = chunk(5, 3)
    bad.quantiles[0, 0, 0, 0, 3] = 3000
    with pytest.raises(DataError, match="decreasing"):
        forecast_file.write(path, HEADER, layout(), [bad])
    with pytest.raises(DataError, match="3 issue times, expected 5"):
        forecast_file.write(path, HEADER, layout(), [chunk(3, 1)])
    with pytest.raises(DataError, match="6 issue times, expected 5"):
        forecast_file.write(path, HEADER, layout(), [chunk(3, 1), chunk(3, 1)])
    with pytest.raises(DataError, match="no hourly members"):
        forecast_file.write(path, HEADER, layout(hourly=True), [chunk(5, 1)])
    assert not path.exists()


def test_a_writer_that_dies_leaves_nothing(tmp_path: Path) -> None:
    def dying() -> Iterator[Chunk]:
        yield chunk(2, 1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        forecast_file.write(tmp_path / "f.nc", HEADER, layout(), dying())
    assert list(tmp_path.iterdir()) == []


def test_absent_truncated_and_foreign_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file"):
        forecast_file.read_stations(tmp_path / "none.nc")
    path = tmp_path / "f.nc"
    written(path)
    content = path.read_bytes()
    (tmp_path / "half.nc").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.nc").write_text("not a file of ours")
    for name in ("half.nc", "text.nc"):
        for reader in (
            forecast_file.read_stations,
            forecast_file.read_areas,
            forecast_file.attributes,
        ):
            with pytest.raises(DataError, match=name):
                reader(tmp_path / name)
    import xarray as xr

    xr.Dataset({"a": ("x", [1.0])}).to_netcdf(tmp_path / "other.nc")
    with pytest.raises(DataError, match=r"other\.nc"):
        forecast_file.read_stations(tmp_path / "other.nc")
    with pytest.raises(DataError, match="no attributes"):
        forecast_file.attributes(tmp_path / "other.nc")


def test_a_damaged_block_shows_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "f.nc"
    written(path)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(64)
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match="undamaged"), forecast_file.read_stations(path) as ds:
        forecast_file.loaded(ds, path)


def test_primary_masks_round_trip() -> None:
    truth = np.zeros((2, 6), dtype=bool)
    truth[0, [0, 5]] = True
    mask = forecast_file.primary_mask(truth)
    assert mask.tolist() == [1 + 32, 0]
    np.testing.assert_array_equal(forecast_file.primary_sets(mask), truth)
