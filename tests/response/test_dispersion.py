"""Steady plumes by hand and by an independent package, mass, lids, turning wind, days."""

import ast
import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast import schema
from forecast.problems import ConfigError, DataError
from response import dispersion, plume_kernel, plume_profiles, plume_settings, plume_sigma
from response.plume_weather import stability
from tests.response.dispersion_cases import START, bare, receptors, register, weather


def one(made: xr.Dataset, name: str, receptor: str = "R0", hour: int = -1) -> float:
    return float(made[name].sel(unit="U0", receptor=receptor).isel(time=hour))


def test_dispersion_parameters_by_hand() -> None:
    # Class D, open country, 1 km: 0.08 x 1000 / sqrt(1.1); 0.06 x 1000 / sqrt(2.5).
    assert plume_sigma.sigma(plume_sigma.SIGMA_Y, 3, 1000.0) == pytest.approx(76.277, abs=1e-3)
    assert plume_sigma.sigma(plume_sigma.SIGMA_Z, 3, 1000.0) == pytest.approx(37.947, abs=1e-3)
    # Urban B, 1 km: 0.24 x 1000 x sqrt(2); class F, 10 km: 0.016 x 10000 / 4.
    assert plume_sigma.sigma(plume_sigma.SIGMA_Z, 7, 1000.0) == pytest.approx(339.411, abs=1e-3)
    assert plume_sigma.sigma(plume_sigma.SIGMA_Z, 5, 10000.0) == pytest.approx(40.0)


def test_rise_by_hand() -> None:
    # Briggs: F = 9.80665 x 10 x 4 x 100 / (4 x 400) = 24.517; 21.425 F^0.75 / 5 = 47.2 m.
    assert plume_sigma.rise(2.0, 400.0, 10.0, 300.0, 5.0, 0.0) == pytest.approx(47.21, abs=0.02)
    # Stable: s = 9.80665 / 300 x 0.02 = 6.538e-4; 2.6 (24.517 / (5 s))^(1/3) = 50.9 > neutral.
    assert plume_sigma.rise(2.0, 400.0, 10.0, 300.0, 1.0, 0.02) == pytest.approx(87.0, abs=0.2)
    assert plume_sigma.rise(1.0, 280.0, 10.0, 300.0, 5.0, 0.0) == pytest.approx(6.0)  # 3 d v / u


def test_classes_by_the_table() -> None:
    wind = np.array([1.0, 2.2, 4.0, 7.0, 1.0, 2.2, 4.0])
    sun = np.array([950.0, 700.0, 300.0, 300.0, 0.0, 0.0, 0.0])
    assert stability(wind, sun).tolist() == [0, 1, 2, 3, 5, 4, 3]  # A B C D, nights F E D


def test_steady_plume_by_hand() -> None:
    # 1 g/s at 20 m, 5 x 2^0.15 = 5.5478 m/s, class D; at 1 km on the axis:
    # 1e6 / (pi x 5.5478 x 76.277 x 37.947) x exp(-0.5 (20 / 37.947)^2) = 19.823 x 0.87032 = 17.252
    # 100 m off: x exp(-0.5 (100 / 76.277)^2) = x 0.42343 -> 7.305
    # 3 km: sy 210.494, sz 76.752: 3.5514 x 0.96662 = 3.4329
    made = dispersion.contributions(
        register(), weather(), receptors((1000, 0), (1000, 100), (3000, 0)), settings=bare()
    )
    assert one(made, "co", "R0") == pytest.approx(17.252e-3, rel=2e-3)
    assert one(made, "so2", "R1") == pytest.approx(7.305, rel=4e-3)
    assert one(made, "pm25", "R2") == pytest.approx(3.433, rel=4e-3)
    assert one(made, "so2", "R3") == 0.0  # upwind


def _gplume():
    """The package's plume alone: its module asks the network on import."""
    spec = importlib.util.find_spec("gplume")
    if spec is None or spec.origin is None:
        pytest.skip("gplume is not installed")
    tree = ast.parse((Path(spec.origin).parent / "gpm.py").read_text(encoding="utf-8"))
    found = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "gplume"]
    scope: dict = {"np": np}
    exec(compile(ast.Module(found, []), "gplume", "exec"), scope)
    return scope["gplume"]


@pytest.mark.parametrize(("x", "y"), [(500, 0), (800, 40), (1500, 150), (4000, 300)])
def test_agrees_with_an_independent_package(x: float, y: float) -> None:
    # Its sigmas are 0.34 x^0.82 and 0.275 x^0.82: asked where its sigma_z is ours, with the same
    # offset in its sigma_y, the concentrations differ by the ratio of the two sigma_y.
    ours_y = plume_sigma.sigma(plume_sigma.SIGMA_Y, 3, float(x))
    ours_z = plume_sigma.sigma(plume_sigma.SIGMA_Z, 3, float(x))
    its_x = (ours_z / 0.275) ** (1 / 0.82)
    its_y = 0.34 * its_x**0.82
    theirs = _gplume()(
        np.array([its_x]), np.array([y * its_y / ours_y]), np.array([0.0]), 20.0, 1e6, 5 * 2**0.15
    )[0]
    made = dispersion.contributions(register(), weather(), receptors((x, y)), settings=bare())
    assert one(made, "so2") == pytest.approx(theirs * its_y / ours_y, rel=5e-3)


def test_lid_makes_the_plume_uniform_and_its_flux_is_the_emission() -> None:
    # Far downwind under 150 m: integral over y of C x lid x u = 1 g/s; class D, 40 km.
    across = np.arange(-12000, 12001, 250.0)
    places = receptors(*[(40000.0, y) for y in across])
    wide = bare(puffs=plume_settings.Puffs(outside_km=200, life_h=24))
    made = dispersion.contributions(register(), weather(blh=150.0), places, settings=wide)
    values = made["so2"].isel(unit=0, time=-1).to_numpy()[: len(across)]
    carried = 5 * 7.5**0.15  # at half the lid
    assert values.sum() * 250 * 150 * carried == pytest.approx(1e6, rel=0.01)


def test_a_plume_above_the_lid_does_not_reach_the_ground() -> None:
    tall = register(height_m=200.0)
    low, high = (
        dispersion.contributions(
            tall, weather(blh=blh), receptors((5000, 0), (20000, 0)), settings=bare()
        )
        for blh in (150.0, 800.0)
    )
    assert float(low["so2"].max()) == 0.0
    assert float(high["so2"].max()) > 0.1


def test_the_rising_lid_takes_in_what_the_night_kept() -> None:
    blh = np.where(np.arange(30) < 10, 150.0, 900.0)
    calm = weather(blh=blh, u10=1.0)
    made = dispersion.contributions(
        register(height_m=200.0), calm, receptors((20000, 0)), settings=bare()
    )
    series = made["so2"].sel(receptor="R0").isel(unit=0).to_numpy()
    assert series[:10].max() == 0.0
    assert series[10] > 0.0  # hours before a plume emitted now could be there


def _puff(sky: np.ndarray, hour: int, aloft: bool, velocity: float = 0.0) -> np.ndarray:
    stack = np.array([0.0, 0.0, 60.0, 2.0, 380.0, 12.0, 1.0, 0.0])
    parameters, _, _ = dispersion._parameters(plume_settings.load())
    places, box = np.zeros((1, 2)), np.array([-1e6, 1e6, -1e6, 1e6])
    out = np.zeros((sky.shape[1], 1, plume_kernel.KEPT))
    frame = np.array([-1e5, -1e5, 2e5])
    velocities = np.full(plume_kernel.CARRIED, velocity)
    return plume_kernel.follow(
        stack, hour, 0, aloft, 1.0, sky, frame, places, box, parameters, velocities, velocities, out
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_mass_is_kept_whatever_the_lid_does(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sky = np.zeros((9, 12, 1, 1))
    sky[0], sky[1] = rng.uniform(-6, 6, (2, 12, 1, 1))
    sky[2] = rng.uniform(100, 2000, (12, 1, 1))
    sky[3], sky[4] = 275.0, rng.integers(0, 6, (12, 1, 1))
    sky[5:8] = rng.uniform(0, 1e-4, (3, 12, 1, 1))
    held = _puff(sky, 0, False) + _puff(sky, 0, True)
    whole = held.sum(axis=0)
    k = plume_kernel
    assert whole[k.INERT] == pytest.approx(1, abs=1e-12)
    assert whole[k.SO2] + whole[k.SULPHATE] == pytest.approx(1, abs=1e-12)
    assert whole[k.NOX] + whole[k.NITRATE] == pytest.approx(1, abs=1e-12)
    assert (held >= 0).all()
    gone = _puff(sky, 0, False, 0.01) + _puff(sky, 0, True, 0.01)
    assert (gone.sum(axis=0) <= whole + 1e-12).all()


def test_wind_that_turns_carries_earlier_hours_elsewhere() -> None:
    # Six hours to the east at 2 m/s, then to the north: what was on its way east goes north.
    u = np.where(np.arange(30) < 6, 2.0, 0.0)
    v = np.where(np.arange(30) < 6, 0.0, 2.0)
    far = receptors((35000, 20000), (0, 35000))
    made = dispersion.contributions(register(), weather(u10=u, v10=v), far, settings=bare(
        receptor=plume_settings.Receptor(radius_m=3000)))  # fmt: skip
    beside, straight = (made["co"].sel(receptor=r).isel(unit=0).to_numpy() for r in ("R0", "R1"))
    assert beside[:6].max() < 1e-9
    assert beside[6:12].max() > 1e-7  # the air that left in the first hours
    assert straight[:6].max() < 1e-9
    assert straight[-1] > 0


def test_secondary_particles_and_ozone() -> None:
    place = receptors((30000, 0))
    s = plume_settings.load()
    damp = weather(d2m=279.0, u10=3.0)
    only = register(pm=0.0, voc=0.0)
    made = dispersion.contributions(only, damp, place, settings=s)
    assert one(made, "pm25") > 0  # sulphate and nitrate alone
    dry = dispersion.contributions(only, weather(d2m=262.0, u10=3.0), place, settings=s)
    assert one(made, "pm25") > one(dry, "pm25")
    assert one(made, "o3_sensitivity") < 0  # titration by night
    assert one(made, "o3_sigma") > 0
    summer = weather(t2m=305.0, d2m=290.0, ssrd=800.0, u10=3.0)
    for nox, sign in ((500.0, -1), (20.0, 1)):  # 3 and 80 ppbC per ppb: VOC-limited, NOx-limited
        two = register(2, pm=0.0, so2=0.0, nox=[0.0, nox], voc=[500.0, 0.0])
        made = dispersion.contributions(two, summer, receptors((90000, 0)), settings=s.model_copy(
            update={"puffs": plume_settings.Puffs(outside_km=200)}))  # fmt: skip
        ozone = made["o3_sensitivity"].sel(receptor="R0").isel(time=-1).to_numpy()
        sigma = made["o3_sigma"].sel(receptor="R0").isel(time=-1).to_numpy()
        assert np.sign(ozone[1]) == sign
        assert ozone[0] > 0 if sign < 0 else ozone[0] == pytest.approx(0, abs=1e-9)
        assert (sigma >= 0.9 * np.abs(ozone)).all()


def test_days_and_members() -> None:
    s = bare()
    issue = pd.Timestamp("2016-01-05 00:00")  # 08:00 local
    sky = weather(120)
    hourly = dispersion.contributions(register(2), sky, receptors((4000, 0)), settings=s)
    days = dispersion.daily(hourly, issue, settings=s)
    assert days["pm25"].dims == ("unit", "receptor", "day")
    assert [str(d)[:10] for d in days["date"].to_numpy()] == [
        "2016-01-06",
        "2016-01-07",
        "2016-01-08",
    ]
    first = hourly["pm25"].sel(time=slice("2016-01-05 17:00", "2016-01-06 16:00"))
    assert first.sizes["time"] == 24
    np.testing.assert_allclose(days["pm25"].sel(day=1), first.mean("time"), rtol=1e-6)
    with pytest.raises(DataError, match="hourly contributions"):
        dispersion.daily(hourly.isel(time=slice(0, 60)), issue, settings=s)
    calm = sky.assign(u10=sky["u10"] * 0.5).assign(
        u10=lambda d: d["u10"].assign_attrs(sky["u10"].attrs)
    )
    members = xr.concat([sky, calm, sky], dim=pd.Index([7, 8, 9], name="member"))
    many = dispersion.ensemble(
        register(2), members, receptors((4000, 0)), issue, settings=s, members=2
    )
    assert many["member"].to_numpy().tolist() == [7, 9]
    np.testing.assert_allclose(many["pm25"].sel(member=7), days["pm25"], rtol=1e-6)


def test_workers_do_not_change_a_bit() -> None:
    args = (
        register(5, height_m=[10.0, 20, 30, 40, 50]),
        weather(),
        receptors((4000, 0), (8000, 500)),
    )
    a = dispersion.contributions(*args, settings=plume_settings.load(), workers=1)
    b = dispersion.contributions(*args, settings=plume_settings.load(), workers=3)
    xr.testing.assert_identical(a, b)


def test_estimates_are_said() -> None:
    made = dispersion.contributions(
        register(), weather().drop_vars(["blh", "ssrd"]), receptors((4000, 0)), settings=bare()
    )
    assert made.attrs["estimated"] == "blh, ssrd"
    assert made.attrs["terrain"] == "ignored"


def test_profiles_keep_the_weekly_mean() -> None:
    times = pd.date_range(START, periods=168, freq="h")
    names = pd.Series(["continuous", "two_shift", "day_shift"])
    made = plume_profiles.activity(
        names, times, np.full(168, 280.0), settings=plume_settings.load()
    )
    np.testing.assert_allclose(made.mean(axis=1), 1, rtol=0.02)
    assert made[2][2] == 0.0  # 03:00 local


def test_every_problem_is_named_at_once() -> None:
    wrong = register(2, profile="never", share=0.4, so2=-1.0)
    with pytest.raises(DataError) as caught:
        dispersion.contributions(
            wrong, weather(), receptors((1, 1)).drop(columns="area"), settings=bare()
        )
    text = str(caught.value)
    for word in ("units: so2", "receptors: area"):
        assert word in text
    with pytest.raises(DataError) as caught:
        dispersion.contributions(
            register(2, profile="never", share=0.4), weather(), receptors((1, 1)), settings=bare()
        )
    assert "never" in str(caught.value)
    assert "shares sum to 0.400" in str(caught.value)
    holes = weather()
    holes["u10"][3] = np.nan
    holes["tp"].attrs["units"] = "m"
    with pytest.raises(DataError) as caught:
        dispersion.contributions(register(), holes, receptors((1, 1)), settings=bare())
    assert "1 missing values" in str(caught.value)
    assert "weather: tp" in str(caught.value)


def test_settings_refuse_strangers(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text("puffs: {life_h: 2, lives: 3}\nwind: {least_m_s: 0}\n")
    with pytest.raises(ConfigError) as caught:
        plume_settings.load(file)
    assert len(caught.value.problems) == 3


def test_no2_follows_the_ozone_of_the_air() -> None:
    # Night: 15 ug m-3 of ozone let (0.1 + 0.9 / 2) of the NOx be NO2, none 0.1.
    sky = weather()
    times = pd.DatetimeIndex(sky["time"].to_numpy())
    sky["ssrd"] = sky["u10"] * 0
    sky["ssrd"].attrs = {**schema.attrs_of("ssrd")}
    made = []
    for ozone in (0.0, 15.0):
        air = xr.Dataset(
            {
                "o3": ("time", np.full(len(times), ozone)),
                "no2": ("time", np.full(len(times), 50.0)),
            },
            {"time": times},
        )
        made.append(
            dispersion.contributions(
                register(), sky, receptors((4000, 0)), settings=bare(), air=air
            )["no2"]
        )
    assert float(made[0].max()) > 0
    np.testing.assert_allclose(made[1], 5.5 * made[0], rtol=1e-4)
