from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import yaml

from forecast import quality, quality_limits, schema
from forecast.config import configs_dir
from forecast.problems import ConfigError

LIMITS = quality_limits.load(configs_dir() / "quality" / "default.yaml")
BIT = {name: 1 << i for i, name in enumerate(quality.TESTS)}


def city(hours: int = 240, *, stations: int = 5, tier: str = "city", seed: int = 0) -> xr.Dataset:
    """Plausible values without gaps at stations a few km apart, all of one tier."""
    ds = schema.mock_observations(hours=hours, stations=stations, seed=seed)
    rng = np.random.default_rng(seed)
    for name in schema.POLLUTANTS:
        noise = np.exp(0.01 * rng.standard_normal(ds[name].shape))  # no value twice
        ds[name].values[:] = ds[name].ffill("time").bfill("time").values * noise + 1e-3
    ds["pm10"].values[:] = np.maximum(ds["pm10"], ds["pm25"] * 1.1)
    return ds.assign_coords(tier=("station", np.full(stations, tier)))


def hits(flagged: xr.Dataset, name: str, test: str) -> np.ndarray:
    return (flagged[f"{name}_tests"].values & BIT[test]) > 0


def test_plausible_values_pass_and_are_not_changed() -> None:
    ds = city()
    before = ds.copy(deep=True)
    flagged = quality.flag(ds, LIMITS)
    xr.testing.assert_identical(ds, before)
    for name in schema.POLLUTANTS:
        np.testing.assert_array_equal(flagged[name], ds[name])
        assert (flagged[f"{name}_flag"] == quality.PASS).all(), name
    assert flagged["pm25_flag"].dtype == np.int8
    assert flagged["pm25_tests"].dtype == np.uint16
    assert flagged["pm25_flag"].attrs["flag_meanings"].split()[3] == "fail"
    assert list(flagged["pm25_tests"].attrs["flag_masks"]) == [1, 2, 4, 8, 16, 32, 64, 128]


def test_range_by_tier_and_missing() -> None:
    for tier, expected in (("city", quality.SUSPECT), ("village", quality.FAIL)):
        ds = city(stations=1, tier=tier)
        ds["pm25"].values[5:9, 0] = [4000, -1, np.nan, 100]
        flags = quality.flag(ds, LIMITS)["pm25_flag"].values[5:9, 0]
        # 4000: the city's limits are 1000 and 5000, the village's 800 and 2000
        assert list(flags[:3]) == [expected, quality.FAIL, quality.MISSING]
    none = city(stations=1).drop_vars(list(schema.POLLUTANTS))
    none["blh"] = none["t2m"].assign_attrs(units="m")
    assert (quality.flag(none, LIMITS)["blh_flag"] == quality.NOT_EVALUATED).all()


def test_spike_alone_is_found_and_a_front_is_not() -> None:
    ds = city()
    ds["pm25"].values[:] = 40 + np.arange(240)[:, None] % 3 + np.arange(5)[None, :]
    ds["pm10"].values[:] = 3000.0  # out of the way of pm_order
    alone, front = ds.copy(deep=True), ds.copy(deep=True)
    alone["pm25"].values[100, 2] = 300  # + 257 and seven times the hours before
    front["pm25"].values[100:] += 260
    assert np.argwhere(hits(quality.flag(alone, LIMITS), "pm25", "spike")).tolist() == [[100, 2]]
    assert not hits(quality.flag(front, LIMITS), "pm25", "spike").any()
    alone["pm25"].values[100, 2] = 900
    assert quality.flag(alone, LIMITS)["pm25_flag"].values[100, 2] == quality.FAIL
    few = alone.isel(station=[1, 2])  # without neighbours a spike can be suspect only
    assert quality.flag(few, LIMITS)["pm25_flag"].values[100, 1] == quality.SUSPECT


def test_flat_line_counts_hours_and_spares_the_detection_limit() -> None:
    ds = city()
    ds["no2"].values[50:80, 0] = 30.0  # limits: 6 hours suspect, 24 fail
    ds["no2"].values[50:80, 1] = 3.0  # at most 5: may stay
    ds["no2"].values[60, 0] = np.nan  # ends the run
    flags = quality.flag(ds, LIMITS)["no2_flag"].values
    assert list(flags[50:56, 0]) == [1, 1, 1, 1, 1, 3]
    assert flags[60, 0] == quality.MISSING
    assert list(flags[61:67, 0]) == [1, 1, 1, 1, 1, 3]
    ds["no2"].values[60, 0] = 30.0
    flagged = quality.flag(ds, LIMITS)
    assert list(flagged["no2_flag"].values[72:75, 0]) == [3, 4, 4]  # the 24th is row 73
    assert not hits(flagged, "no2", "flat_line")[:, 1].any()


def test_pm25_above_pm10_is_for_review_only() -> None:
    ds = city()
    ds["pm10"].values[10, 1] = ds["pm25"].values[10, 1] * 0.7
    flagged = quality.flag(ds, LIMITS)
    for name in ("pm25", "pm10"):
        assert flagged[f"{name}_flag"].values[10, 1] == quality.SUSPECT
        assert np.argwhere(hits(flagged, name, "pm_order")).tolist() == [[10, 1]]


def test_neighbour_disagreement_needs_three_neighbours() -> None:
    ds = city()
    level = 100 * np.ones((240, 5)) + np.arange(5) + (np.arange(240) % 7)[:, None]
    level[:, 3] = 2000 + np.arange(240)  # ln(2015/115) = 2.86; spread at least 0.35: z 8
    ds["pm10"].values[:] = level
    ds["pm25"].values[:] = level / 4
    flagged = quality.flag(ds, LIMITS)
    found = hits(flagged, "pm10", "neighbours")
    assert found[:, 3].all()
    assert not found[:, [0, 1, 2, 4]].any()  # one wild station does not disturb the others
    assert (flagged["pm10_flag"].values[5:, 3] == quality.SUSPECT).all()
    assert not hits(quality.flag(ds.isel(station=[1, 2, 3]), LIMITS), "pm10", "neighbours").any()
    far = ds.assign_coords(latitude=("station", ds["latitude"].values + np.arange(5)))
    assert not hits(quality.flag(far, LIMITS), "pm10", "neighbours").any()


def test_a_clock_that_is_eight_hours_late() -> None:
    ds = city(24 * 20)
    for name in schema.POLLUTANTS:
        late = ds[name].values[:-8, 2].copy()
        ds[name].values[8:, 2] = late
    found = hits(quality.flag(ds, LIMITS), "no2", "clock")
    assert not found[: 24 * 7].any()  # the first window is seven days
    assert found[24 * 9 :, 2].all()
    assert not found[:, [0, 1, 3, 4]].any()


def test_a_day_that_is_a_copy_of_the_day_before() -> None:
    ds = city()
    for name in schema.POLLUTANTS:
        ds[name].values[96:120, 1] = ds[name].values[72:96, 1]
    flagged = quality.flag(ds, LIMITS)
    found = hits(flagged, "o3", "repeated_day")
    assert np.argwhere(found).tolist() == [[row, 1] for row in range(101, 120)]  # the 6th hour on
    assert flagged["o3_flag"].values[119, 1] == quality.FAIL  # the 24th


@pytest.mark.parametrize(
    ("latitude", "longitude", "words"),
    [
        (113.2, 35.2, "swapped"),
        (0.0, 0.0, "outside the box"),
        (39.9, 116.4, "km from the middle"),  # Beijing
        (None, None, "the same place"),
    ],
)
def test_coordinates(latitude: float | None, longitude: float | None, words: str) -> None:
    table = schema.mock_stations(count=6)
    first = table.iloc[0]
    place = [first["latitude"] if latitude is None else latitude]
    place += [first["longitude"] if longitude is None else longitude]
    table.loc["M004", ["latitude", "longitude"]] = place
    problems = quality.coordinate_problems(table, LIMITS)
    assert [p.where for p in problems][-1] == "station M004"
    assert all(words in p.found for p in problems)
    assert len(problems) == (2 if latitude is None else 1)
    ds = city(stations=6).assign_coords(
        latitude=("station", table["latitude"].to_numpy()),
        longitude=("station", table["longitude"].to_numpy()),
    )
    flagged = quality.flag(ds, LIMITS)
    assert hits(flagged, "t2m", "coordinates")[:, 3].all()
    assert (flagged["pm25_flag"].values[:, 3] == quality.SUSPECT).all()


def test_flags_do_not_know_the_future() -> None:
    ds = city(24 * 14)
    now = 24 * 10 + 5
    for name in schema.POLLUTANTS:  # a late clock, which the future could hide
        late = ds[name].values[:-8, 2].copy()
        ds[name].values[8:, 2] = late
    poisoned = ds.copy(deep=True)
    rng = np.random.default_rng(7)
    for name in (*schema.POLLUTANTS, "t2m", "sp"):
        after = poisoned[name].values[now:]
        after[:] = np.where(rng.random(after.shape) < 0.3, np.nan, 9e5 * rng.random(after.shape))
    clean, dirty = quality.flag(ds, LIMITS), quality.flag(poisoned, LIMITS)
    cut = quality.flag(ds.isel(time=slice(None, now)), LIMITS)
    assert hits(clean, "pm25", "clock")[now - 1, 2]
    for name in (v for v in schema.VARIABLES if v in ds):
        for part in ("flag", "tests"):
            want = clean[f"{name}_{part}"].values[:now]
            np.testing.assert_array_equal(dirty[f"{name}_{part}"].values[:now], want)
            np.testing.assert_array_equal(cut[f"{name}_{part}"].values, want)
    assert (dirty["pm25_flag"].values[now:] >= quality.FAIL).mean() > 0.9


def test_usable_drops_what_fails_and_keeps_what_is_suspect() -> None:
    ds = city(stations=1)
    ds["pm25"].values[3:5, 0] = [6000, 1500]
    flagged = quality.flag(ds, LIMITS)
    clean = quality.usable(flagged)
    assert np.isnan(clean["pm25"].values[3, 0])
    assert clean["pm25"].values[4, 0] == 1500
    assert flagged["pm25"].values[3, 0] == 6000
    assert set(clean.data_vars) == set(ds.data_vars)
    assert clean["pm25"].attrs["units"] == "ug m-3"
    table = quality.summary(flagged).set_index(["variable", "test"])
    assert table.loc[("pm25", "all"), "fail"] == 1
    assert table.loc[("pm25", "range"), ["suspect", "fail", "of"]].tolist() == [1, 1, 240]


def test_limits_name_every_mistake(tmp_path: Path) -> None:
    data = yaml.safe_load((configs_dir() / "quality" / "default.yaml").read_text(encoding="utf-8"))
    data["range"]["default"]["pm25"] = {"suspect": [0, 900], "fail": [0, 800], "source": "x"}
    data["range"]["tiers"]["hamlet"] = {}
    data["spike"]["default"]["co"].pop("assumption")
    data["mood"] = 1
    path = tmp_path / "limits.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        quality_limits.load(path)
    words = str(caught.value)
    for expected in ("range.default.pm25", "hamlet", "assumption: true", "mood"):
        assert expected in words


def test_heavy_pollution_and_dust_do_not_fail(shared_data: Path) -> None:
    """Beijing, the red alert of December 2015 and the dust of 2015-04-15: few values fail."""
    from forecast import stations
    from forecast.importers import beijing

    register = stations.load(configs_dir() / "stations" / "beijing.csv")
    files = sorted((shared_data / "beijing-multi-site").glob("PRSA*.csv.gz"))[:5]
    obs = beijing.read(files, register).dataset
    for start, end in (("2015-11-20", "2015-12-12"), ("2015-04-10", "2015-04-18")):
        part = obs.sel(time=slice(start, end))
        flagged = quality.flag(part, LIMITS)
        for name in ("pm25", "pm10"):
            assert (flagged[f"{name}_flag"] == quality.FAIL).sum() == 0, (start, name)
    assert obs["pm25"].sel(time=slice("2015-11-20", "2015-12-12")).max() > 500
