"""The ground of the simulated city: counts, sums, places, sameness, and wrong configurations."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from numpy.testing import assert_allclose

from forecast.config import configs_dir
from forecast.problems import ConfigError
from forecast.schema import STATION_COORDS, TIERS
from twin import config, geography, places, shares, terrain
from twin.config import TwinConfig
from twin.config_geography import GridConfig, River
from twin.geography import Geography
from twin.seeds import rng

CONFIGS = configs_dir() / "twin"
TIER_COUNTS = {"city": 5, "county": 11, "township": 60, "village": 501}


@pytest.fixture(scope="module")
def jiaozuo() -> TwinConfig:
    return config.load(CONFIGS / "jiaozuo.yaml")


@pytest.fixture(scope="module")
def ground(jiaozuo: TwinConfig) -> Geography:
    return geography.create(jiaozuo)


def write(folder: Path, text: str) -> Path:
    path = folder / "city.yaml"
    path.write_text(f"extends: {CONFIGS / 'jiaozuo.yaml'}\n{text}", encoding="utf-8")
    return path


def test_the_network_has_the_published_counts(ground: Geography) -> None:
    assert ground.stations["tier"].value_counts().to_dict() == TIER_COUNTS
    assert set(TIERS) == set(TIER_COUNTS)
    assert len(ground.lidars) == 5
    assert len(ground.areas) == 11
    assert set(STATION_COORDS) <= set(ground.stations.columns)
    assert ground.stations.index.is_unique
    assert ground.stations["name"].is_unique


def test_only_national_stations_are_reference_and_keep_their_coordinates(
    ground: Geography,
) -> None:
    table = ground.stations
    assert table.index[table["reference"]].tolist() == ["1827A", "1828A", "1829A", "1830A", "3169A"]
    assert table.index[table["background"]].tolist() == ["1830A"]
    assert table.index[~table["active"]].tolist() == ["1827A"]
    # As published (the shared data's notes).
    assert table.loc["3169A", ["longitude", "latitude"]].tolist() == [113.2725, 35.2067]


def test_every_generated_place_says_that_it_is_simulated(ground: Geography) -> None:
    generated = ground.stations[ground.stations["tier"] != "city"]
    assert generated["name"].str.contains("模拟").all()
    assert ground.simulated.startswith("twin:")
    assert ground.simulated.endswith(f":{ground.seed}")


def test_people_sum_to_the_census_by_area(ground: Geography) -> None:
    for i, area in enumerate(ground.areas):
        assert_allclose(ground.population[ground.area == i].sum(), area.population, rtol=1e-9)
    assert_allclose(ground.population[ground.inside].sum(), 3_520_000, rtol=1e-9)
    assert (ground.rural <= ground.population + 1e-9).all()


def test_land_use_fills_each_cell(ground: Geography) -> None:
    assert_allclose(ground.land_use.sum(axis=-1), 1, rtol=1e-12)
    assert (ground.land_use >= 0).all()


def test_mountains_stand_in_the_north_and_the_plain_is_flat(ground: Geography) -> None:
    north = ground.elevation[ground.lat > 35.4]
    plain = ground.elevation[(ground.lat > 34.95) & (ground.lat < 35.1)]
    assert north.max() > 1300
    assert north.max() < 2300
    assert 70 < plain.min() < plain.max() < 170
    assert np.corrcoef(ground.elevation.ravel(), ground.use("forest").ravel())[0, 1] > 0.8


def test_surfaces_of_the_areas_come_near_those_wanted(ground: Geography) -> None:
    for i, area in enumerate(ground.areas):
        found = (ground.area == i).sum() * ground.plane.cell_km2
        assert abs(found - area.surface_km2) < max(0.12 * area.surface_km2, 16), area.id


def test_stations_and_seats_lie_in_their_areas(ground: Geography) -> None:
    lower = ground.stations[ground.stations["tier"].isin(["township", "village"])]
    found = geography.area_ids(ground, lower["x"].to_numpy(), lower["y"].to_numpy())
    assert (found == lower["area"].to_numpy()).all()
    x, y = ground.plane.to_xy(lower["longitude"].to_numpy(), lower["latitude"].to_numpy())
    assert_allclose(x, lower["x"], atol=2)  # coordinates are kept to five decimals
    assert_allclose(y, lower["y"], atol=2)


def test_village_stations_follow_the_rural_people(ground: Geography) -> None:
    villages = ground.stations[ground.stations["tier"] == "village"]
    by_area = villages["area"].value_counts()
    rural = {a.id: ground.rural[ground.area == i].sum() for i, a in enumerate(ground.areas)}
    total = sum(rural.values())
    for area, people in rural.items():
        assert abs(by_area.get(area, 0) - 501 * people / total) <= 1


def test_same_seed_same_ground_and_another_seed_another(jiaozuo: TwinConfig) -> None:
    small = jiaozuo.model_copy(
        update={
            "geography": jiaozuo.geography.model_copy(
                update={"grid": jiaozuo.geography.grid.model_copy(update={"dx_m": 6000.0})}
            )
        }
    )
    one, two, other = (geography.create(small, seed=s) for s in (1, 1, 2))
    assert np.array_equal(one.elevation, two.elevation)
    assert np.array_equal(one.population, two.population)
    assert one.stations.equals(two.stations)
    assert not np.array_equal(one.elevation, other.elevation)


def test_a_coarser_grid_shows_the_same_hills(jiaozuo: TwinConfig) -> None:
    x, y = np.array([30_000.0, 60_000.0]), np.array([65_000.0, 20_000.0])
    geo = jiaozuo.geography
    heights = []
    for dx in (2000.0, 3000.0):
        flat = terrain.plane(geo.grid.model_copy(update={"dx_m": dx}))
        heights.append(terrain.elevation(geo.terrain, flat, x, y, seed=1))
    assert_allclose(heights[0], heights[1], atol=2)  # the plain's slope hangs on the middle


def test_arrays_cannot_be_changed(ground: Geography) -> None:
    with pytest.raises(ValueError, match="read-only"):
        ground.population[0, 0] = 1


def test_a_province_has_its_cities_and_stations() -> None:
    made = geography.create(config.load(CONFIGS / "province.yaml"))
    assert len(made.stations) == 5000
    assert len({a.city for a in made.areas}) == 18
    assert made.stations[made.stations["reference"]]["tier"].unique().tolist() == ["city"]
    assert_allclose(made.population[made.inside].sum(), 99_400_000, rtol=1e-6)


def test_water_covers_what_the_river_is_wide() -> None:
    flat = terrain.plane(GridConfig(west=113, south=35, east=113.5, north=35.4, dx_m=2000))
    river = River(name="r", line=((112.9, 35.2), (113.6, 35.2)), width_km=1.0)
    share = terrain.water_fraction([river], flat)
    # A river 1 km wide across 23 columns of 2 km: half a cell in each.
    assert_allclose(share.sum(axis=0)[1:-1], 0.5, rtol=0.06)


def test_apportion_is_exact_and_fair() -> None:
    assert shares.apportion(10, np.array([1.0, 1.0, 2.0])).tolist() in ([3, 2, 5], [2, 3, 5])
    assert shares.apportion(3, np.array([0.0, 5.0]), least=1).tolist() == [1, 2]
    with pytest.raises(ValueError, match="no weight"):
        shares.apportion(3, np.zeros(2))


def test_points_stay_where_there_is_weight() -> None:
    flat = terrain.plane(GridConfig(west=113, south=35, east=113.2, north=35.2, dx_m=2000))
    weights = np.zeros((flat.ny, flat.nx))
    weights[3, 4] = 1
    x, y = places.sample_points(rng(0, "test"), flat, weights, 7)
    assert set(zip(*(c.tolist() for c in flat.cell_of(x, y)), strict=True)) == {(3, 4)}


def test_streams_hang_on_their_names_alone() -> None:
    assert rng(1, "a").random() == rng(1, "a").random()
    assert rng(1, "a").random() != rng(1, "b").random()
    assert rng(1, "a", "b").random() != rng(1, "ab").random()
    with pytest.raises(ValueError, match="name"):
        rng(1)


def test_the_digest_leaves_the_seed_out_and_the_place_of_the_files(tmp_path: Path) -> None:
    base = config.load(CONFIGS / "jiaozuo.yaml")
    assert config.load(write(tmp_path, "seed: 5")).digest == base.digest
    assert config.load(write(tmp_path, "emissions: {base_year: 2016}")).digest != base.digest


def test_a_wrong_config_says_everything_at_once(tmp_path: Path) -> None:
    text = """
period: {start: 2016-02-01, end: 2016-01-01}
nonsense: 1
geography:
  stations: {inactive: ["1827A", "1828A", "1829A", "1830A", "3169A"]}
enterprises: {total: 471}
"""
    with pytest.raises(ConfigError) as caught:
        config.load(write(tmp_path, text))
    said = str(caught.value)
    for part in ("time goes backwards", "nonsense", "no reference station", "grades sum to 470"):
        assert part in said
    assert len(caught.value.problems) == 4


def test_a_unit_without_stack_and_an_unknown_grade_are_refused(tmp_path: Path) -> None:
    industries = yaml.safe_load((CONFIGS / "industries.yaml").read_text(encoding="utf-8"))
    industries["industries"]["lime"]["units"]["kiln"]["stacks"] = []
    industries["measures"]["default"]["grades"]["B"]["red"] = None  # takes it away
    (tmp_path / "industries.yaml").write_text(yaml.safe_dump(industries), encoding="utf-8")
    text = "industries: industries.yaml\nenterprises: {grades: {E: 3}}"
    with pytest.raises(ConfigError) as caught:
        config.load(write(tmp_path, text))
    said = str(caught.value)
    assert "industries.industries.lime.units.kiln" in said
    assert "has no stack" in said
    assert "no step for ['B: red']" in said
    assert "enterprises.grades.E" in said


def test_counts_that_cannot_hold_are_refused_together(tmp_path: Path) -> None:
    text = """
enterprises:
  grades: {A: 24, leading: 20}
  voc: 100
  guarantee: 40
  prefer: {rubber: {nowhere: 1}, bakery: {qinyang: 1}}
"""
    with pytest.raises(ConfigError) as caught:
        config.load(write(tmp_path, text))
    said = str(caught.value)
    for part in ("scheme graded", "scheme leading", "voc", "guarantee", "nowhere", "bakery"):
        assert part in said


def test_a_register_without_reference_is_refused(tmp_path: Path) -> None:
    rows = (configs_dir() / "stations" / "jiaozuo.csv").read_text(encoding="utf-8")
    (tmp_path / "stations.csv").write_text(rows.replace("true,", "false,", 99), encoding="utf-8")
    text = "geography: {stations: {national: stations.csv}}"
    with pytest.raises(ConfigError, match="no reference station"):
        config.load(write(tmp_path, text))


def test_a_config_that_extends_itself_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "loop.yaml"
    path.write_text("extends: loop.yaml\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="extends itself"):
        config.load(path)
