"""Gridded files: names, units, longitudes, steps, accumulations; interpolation to stations."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast import weather, weather_import
from forecast.problems import ConfigError, DataError
from forecast.weather_grid import harmonised, names
from forecast.weather_points import at_stations

ISSUE = pd.Timestamp("2026-01-01 00:00")
LAT = np.array([36.0, 35.0, 34.0])  # descending, as most makers write it
LON = np.array([112.0, 113.0, 114.0, 115.0])


def plane(level: float = 0.0) -> np.ndarray:
    """10 * latitude + longitude: bilinear interpolation gives it back exactly."""
    return 10 * LAT[:, None] + LON[None, :] + level


def ecmwf(*, steps: tuple[int, ...] = (0, 3, 6), **fields: tuple[np.ndarray, str]) -> xr.Dataset:
    """cfgrib's layout: scalar time, step, valid_time."""
    step = pd.to_timedelta(list(steps), unit="h")
    return xr.Dataset(
        {k: (("step", "latitude", "longitude"), v, {"units": u}) for k, (v, u) in fields.items()},
        {
            "time": ISSUE,
            "step": step,
            "valid_time": ("step", ISSUE + step),
            "latitude": LAT,
            "longitude": LON,
            "number": 0,
        },
    )


def growing(*levels: float) -> np.ndarray:
    return np.stack([np.full((3, 4), level) for level in levels])


def where_is(stations: dict[str, tuple[float, float]]) -> pd.DataFrame:
    frame = pd.DataFrame(stations, index=["latitude", "longitude"]).T
    frame.index.name = "station"
    return frame


@pytest.mark.parametrize(
    ("ours", "name", "family"),
    [(v, n, f) for v, s in names().variables.items() for f, ns in s.names.items() for n in ns],
)
def test_every_name_of_the_table_is_understood(ours: str, name: str, family: str) -> None:
    units = next(iter(names().variables[ours].units))
    found = harmonised(ecmwf(**{name: (growing(0, 1, 2), units)}), where="x.nc")
    assert list(found.data.data_vars) == [ours]
    assert found.family == family


def test_descending_latitudes_and_longitudes_to_360_come_out_in_order() -> None:
    raw = ecmwf(t2m=(np.stack([plane()] * 3), "K"))
    raw = raw.assign_coords(longitude=[358.0, 359.0, 0.0, 1.0]).rename(
        latitude="lat", longitude="lon"
    )
    ds = harmonised(raw, where="x.nc").data
    assert ds["latitude"].values.tolist() == [34, 35, 36]
    assert ds["longitude"].values.tolist() == [-2, -1, 0, 1]
    assert float(ds["t2m"].sel(latitude=36, longitude=-2)[0]) == 10 * 36 + 112


def test_instantaneous_fields_are_linear_between_steps_and_the_notes_say_so() -> None:
    found = harmonised(ecmwf(t2m=(growing(280, 283, 289), "K")), where="x.nc")
    assert found.issue_time == ISSUE
    assert found.data["time"].values[0] == ISSUE.to_datetime64()
    np.testing.assert_allclose(found.data["t2m"][:, 0, 0], [280, 281, 282, 283, 285, 287, 289])
    assert any("3-hourly steps" in n for n in found.notes)


def test_a_gap_too_wide_to_bridge_stays_empty() -> None:
    found = harmonised(ecmwf(steps=(0, 3, 15, 18), t2m=(growing(1, 4, 16, 19), "K")), where="x.nc")
    hours = found.data["t2m"][:, 0, 0].values
    assert np.isfinite(hours).tolist() == [True] * 4 + [False] * 11 + [True] * 4
    assert any("gaps of up to 12 h" in n for n in found.notes)


def test_ecmwf_rain_accumulates_from_the_issue_and_is_spread_evenly() -> None:
    """0, 3 mm, 9 mm since the issue: 1 mm in each of the first 3 hours, then 2 mm."""
    found = harmonised(ecmwf(tp=(growing(0, 0.003, 0.009), "m")), where="x.nc")
    np.testing.assert_allclose(found.data["tp"][:, 0, 0], [1, 1, 1, 2, 2, 2], rtol=1e-6)
    assert found.data["time"].values[0] == (ISSUE + pd.Timedelta(hours=1)).to_datetime64()
    assert any("m converted to kg m-2" in n for n in found.notes)


def test_ecmwf_radiation_becomes_the_mean_of_the_hour() -> None:
    joules = growing(0, 3 * 3600 * 100.0, 3 * 3600 * 100.0 + 3 * 3600 * 200.0)
    found = harmonised(ecmwf(ssrd=(joules, "J m**-2")), where="x.nc")
    np.testing.assert_allclose(found.data["ssrd"][:, 0, 0], [100, 100, 100, 200, 200, 200])


def test_gfs_rain_and_radiation_restart_every_six_hours() -> None:
    """3: first 3 h; 6: first 6 h; 9: 3 h since the restart at 6."""
    rain = growing(3.0, 9.0, 6.0)
    sun = growing(100.0, 150.0, 50.0)  # means since the restart: 100; 200 in hours 4-6; 50
    raw = xr.Dataset(
        {
            "APCP_surface": (("time", "latitude", "longitude"), rain, {"units": "kg/m^2"}),
            "DSWRF_surface": (("time", "latitude", "longitude"), sun, {"units": "W/m^2"}),
        },
        {
            "time": ISSUE + pd.to_timedelta([3, 6, 9], unit="h"),
            "latitude": LAT,
            "longitude": LON,
        },
    )
    raw["time"].attrs["reference_date"] = "2026.01.01 00:00:00 UTC"
    found = harmonised(raw, where="gfs.nc")
    assert (found.family, found.issue_time) == ("gfs", ISSUE)
    np.testing.assert_allclose(found.data["tp"][:, 0, 0], [1, 1, 1, 2, 2, 2, 2, 2, 2])
    np.testing.assert_allclose(
        found.data["ssrd"][:, 0, 0], [100] * 3 + [200] * 3 + [50] * 3, rtol=1e-6
    )


def test_gfs_through_cfgrib_is_known_by_its_centre() -> None:
    raw = ecmwf(steps=(3, 6, 9), tp=(growing(3.0, 9.0, 6.0), "kg m**-2"))
    found = harmonised(raw.assign_attrs(GRIB_centre="kwbc"), where="gfs.grib2")
    assert found.family == "gfs"
    np.testing.assert_allclose(found.data["tp"][:, 0, 0], [1, 1, 1, 2, 2, 2, 2, 2, 2])
    with pytest.raises(DataError, match="a fall at"):  # as ECMWF's it would be wrong, and is said
        harmonised(raw, where="gfs.grib2")


def test_era5_rain_is_of_the_hour_that_ends_at_the_stamp() -> None:
    raw = xr.Dataset(
        {
            "tp": (
                ("valid_time", "latitude", "longitude"),
                growing(0.001, 0.0, 0.002),
                {"units": "m"},
            )
        },
        {
            "valid_time": pd.date_range(ISSUE, periods=3, freq="h"),
            "latitude": LAT,
            "longitude": LON,
        },
    )
    found = harmonised(raw, where="era5.nc")
    assert (found.family, found.issue_time) == ("era5", None)
    assert found.data["time"].values[0] == ISSUE.to_datetime64()
    np.testing.assert_allclose(found.data["tp"][:, 0, 0], [1, 0, 2])


def test_what_is_wrong_is_named_all_at_once() -> None:
    raw = ecmwf(
        u10=(growing(1, 2, 3), "knots"),
        msl=(growing(1, 2, 3), "Pa"),
        tp=(growing(0, 0.009, 0.003), "m"),
    )
    with pytest.raises(DataError) as caught:
        harmonised(raw, where="bad.nc")
    text = str(caught.value)
    assert "bad.nc: u10: found units 'knots', expected one of ['m s**-1', 'm s-1', 'm/s']" in text
    assert "bad.nc: msl: found pressure reduced to sea level is not surface pressure" in text
    assert "bad.nc: tp: found a fall at 2026-01-01 06:00:00" in text


def test_sea_level_pressure_beside_surface_pressure_is_no_problem() -> None:
    raw = ecmwf(sp=(growing(1, 2, 3), "Pa"), msl=(growing(1, 2, 3), "Pa"))
    assert list(harmonised(raw, where="x.nc").data.data_vars) == ["sp"]


def test_stations_get_the_bilinear_value() -> None:
    ds = harmonised(ecmwf(t2m=(np.stack([plane(i) for i in range(3)]), "K")), where="x").data
    table = where_is({"A": (35.25, 113.5), "B": (34.0, 112.0), "C": (36.0, 115.0)})
    out = at_stations(ds, table, where="x")
    assert out["t2m"].dims == ("time", "station")
    np.testing.assert_allclose(out["t2m"][0], [352.5 + 113.5, 340 + 112, 360 + 115])


def test_a_missing_corner_matters_only_to_who_needs_it() -> None:
    values = np.stack([plane()] * 3)
    values[:, 0, 0] = np.nan  # 36 N 112 E
    ds = harmonised(ecmwf(t2m=(values, "K")), where="x").data
    table = where_is({"near": (35.5, 112.5), "on": (35.0, 112.0), "far": (34.5, 112.5)})
    out = at_stations(ds, table, where="x")["t2m"][0].values
    assert np.isnan(out).tolist() == [True, False, False]
    last = where_is({"corner": (36.0, 115.0), "edge": (36.0, 114.5)})  # on the last lines
    values = np.stack([plane()] * 3)
    values[:, 1, 2:] = np.nan  # 35 N, 114 and 115 E
    ds = harmonised(ecmwf(t2m=(values, "K")), where="x").data
    np.testing.assert_allclose(at_stations(ds, last, where="x")["t2m"][0], [475, 474.5])


def test_stations_outside_the_grid_are_refused_by_name() -> None:
    ds = harmonised(ecmwf(t2m=(growing(1, 2, 3), "K")), where="x").data
    table = where_is({"in": (35, 113), "north": (36.01, 113), "west": (35, 111.9)})
    with pytest.raises(DataError) as caught:
        at_stations(ds, table, where="v.nc")
    assert [p.where for p in caught.value.problems] == [
        "v.nc: station north",
        "v.nc: station west",
    ]


def test_scattered_points_weigh_by_distance_and_reach_only_so_far() -> None:
    table = where_is({"P": (35.0, 113.0), "Q": (35.0, 113.3)})
    ds = xr.Dataset(
        {"t2m": (("time", "station"), [[280.0, 290.0]], {"units": "K"})},
        {
            "time": [ISSUE],
            "station": ["P", "Q"],
            "latitude": ("station", table["latitude"].to_numpy()),
            "longitude": ("station", table["longitude"].to_numpy()),
        },
    )
    assert at_stations(ds, table.loc[["Q"]], where="x")["t2m"].values.tolist() == [[290.0]]
    third = where_is({"third": (35.0, 113.1)})  # half as far from P as from Q: weights 4 to 1
    out = at_stations(ds, third, where="x")["t2m"].values
    np.testing.assert_allclose(out, [[282.0]], rtol=1e-6)
    with pytest.raises(DataError, match="station lost"):
        at_stations(ds, where_is({"lost": (36.0, 113.0)}), where="x")


def test_import_stores_a_vintage_once_and_reports_bad_files_without_losing_good_ones(
    tmp_path: Path,
) -> None:
    ecmwf(t2m=(growing(271, 272, 273), "K")).to_netcdf(tmp_path / "good.nc")
    ecmwf(t2m=(growing(271, 272, 273), "F")).to_netcdf(tmp_path / "bad.nc")
    (tmp_path / "broken.nc").write_bytes(b"CDF nothing")
    home = tmp_path / "home"
    first = weather_import.netcdf([tmp_path], home=home)
    assert first.stored == ("ecmwf/20260101T0000Z",)
    assert len(first.problems) == 2
    assert "'F'" in str(first.problems[0])
    again = weather_import.netcdf([tmp_path / "good.nc"], home=home)
    assert (again.stored, again.unchanged) == ((), ("ecmwf/20260101T0000Z",))
    assert again.problems == ()


def test_a_file_without_an_issue_time_is_an_analysis_unless_told(tmp_path: Path) -> None:
    raw = ecmwf(t2m=(growing(271, 272, 273), "K")).swap_dims(step="valid_time")
    raw.drop_vars(["time", "step"]).to_netcdf(tmp_path / "a.nc")
    home = tmp_path / "home"
    report = weather_import.netcdf([tmp_path / "a.nc"], home=home, source="x")
    (vintage,), _ = weather.vintages(home, "x")
    assert vintage.kind == "analysis"
    assert any("never used as a forecast" in n for n in report.notes)
    told = weather_import.netcdf([tmp_path / "a.nc"], home=home, source="y", issue_time=ISSUE)
    assert told.stored == ("y/20260101T0000Z",)
    assert weather.latest(home, ["y"], ISSUE + pd.Timedelta(hours=6), 36) is not None


def test_without_cfgrib_the_way_to_install_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cfgrib", None)
    with pytest.raises(ConfigError, match=r"lantian\[grib\]"):
        weather_import.grib([tmp_path / "x.grib"], home=tmp_path)


def test_grib_through_cfgrib(tmp_path: Path) -> None:
    pytest.importorskip("cfgrib", reason="the extra lantian[grib] is not installed")
    codes = pytest.importorskip("eccodes")
    path = tmp_path / "f.grib2"
    with path.open("wb") as file:
        for step in (3, 6):
            for name, value in (("10u", step), ("2t", 280 + step), ("sp", 1e5)):
                h = codes.codes_grib_new_from_samples("regular_ll_sfc_grib2")
                for key, setting in {
                    "Ni": 4,
                    "Nj": 3,
                    "latitudeOfFirstGridPointInDegrees": 36,
                    "latitudeOfLastGridPointInDegrees": 34,
                    "longitudeOfFirstGridPointInDegrees": 112,
                    "longitudeOfLastGridPointInDegrees": 115,
                    "iDirectionIncrementInDegrees": 1,
                    "jDirectionIncrementInDegrees": 1,
                    "dataDate": 20260101,
                    "dataTime": 0,
                    "shortName": name,
                    "step": step,
                }.items():
                    codes.codes_set(h, key, setting)
                codes.codes_set_values(h, np.full(12, float(value)))
                codes.codes_write(h, file)
                codes.codes_release(h)
    report = weather_import.grib([path], home=tmp_path)
    assert report.problems == ()
    assert report.stored == ("ecmwf/20260101T0000Z",)
    (vintage,), _ = weather.vintages(tmp_path, "ecmwf")
    ds = weather.read(vintage)
    np.testing.assert_allclose(ds["t2m"][:, 0, 0], [283, 284, 285, 286])
    assert set(ds.data_vars) == {"u10", "t2m", "sp"}


def test_the_real_forecast_issue_of_2018(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "beijing-weather-2018"
    report = weather_import.kdd2018([folder], home=tmp_path)
    assert report.problems == ()
    (vintage,), _ = weather.vintages(tmp_path, "kdd2018")
    assert vintage.issue_time == pd.Timestamp("2018-05-11")
    forecast = weather.read(vintage)
    (kept,), _ = weather.vintages(tmp_path, "kdd2018-analysis")
    analysis = weather.read(kept)
    assert forecast.sizes == {"time": 72, "station": 26}
    # By hand, first row: 7.58 km/h from 186.2 degrees, 19 degC, 41 %, 1001.5658 hPa.
    row = forecast.sel(station="beijing_grid_216").isel(time=0)
    assert float(row["u10"]) == pytest.approx(7.58 / 3.6 * 0.10800, abs=1e-3)
    assert float(row["v10"]) == pytest.approx(7.58 / 3.6 * 0.99415, abs=1e-3)
    assert float(row["d2m"]) - 273.15 == pytest.approx(5.46, abs=0.05)
    assert float(row["sp"]) == pytest.approx(100156.58, abs=0.1)
    assert (float(row["latitude"]), float(row["longitude"])) == (39.6, 116.0)
    # km/h: read as m/s, the mean 10 m wind of two spring months would be a fresh breeze.
    speed = float(np.hypot(analysis["u10"], analysis["v10"]).mean())
    assert 2.0 < speed < 3.5
    # The assumed places: mountains (low pressure) north-west, the plain south-east, and
    # neighbours alike: correlation falls with distance, not so with the axes exchanged.
    mean = analysis.mean("time")
    assert mean["sp"].where(mean["sp"] < 95000, drop=True)["latitude"].min() > 40.3
    anomaly = analysis["d2m"] - analysis["d2m"].mean("station")
    r = np.corrcoef((anomaly - anomaly.mean("time")).dropna("time").values.T)
    lat, lon = analysis["latitude"].values, analysis["longitude"].values * 0.77
    pair = np.triu_indices(len(lat), 1)
    km = np.hypot(lat[:, None] - lat, lon[:, None] - lon)[pair]
    assert np.corrcoef(km, r[pair])[0, 1] < -0.5
