"""What each production unit adds to each receptor, hour by hour, under forecast weather.

    hourly = contributions(register, weather, receptors, settings=plume_settings.load())
    days = daily(hourly, issue, settings=settings)  # natural local days D+1..D+3
    many = ensemble(register, weather_by_member, receptors, issue, settings=settings)
    days = calibrated(days, factors)  # plume_calibration.py makes the factors

Takes a register, weather and receptors; gives concentrations at the full load of each unit, which
are proportional to its load but for ozone. A puff model (plume_kernel.py): stack rise, stability,
a lid that moves, removal, first-order sulphate, nitrate and organics. Terrain is ignored: the wind
of the points given is all that is known of it. Ozone is a sensitivity of either sign with its
uncertainty. Knows nothing of plans and levels.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import pandas as pd
import xarray as xr

from forecast import schema, timing
from forecast.problems import DataError, Problem
from response import plume_kernel as kernel
from response import plume_nitrogen, plume_ozone, plume_profiles
from response.plume_calibration import calibrated as calibrated
from response.plume_inputs import EMITTED, Sources, check
from response.plume_settings import Settings, Six
from response.plume_weather import Plane, Sky, sky_of

POLLUTANTS: Final = ("pm25", "pm10", "so2", "no2", "co")
VARIABLES: Final = (*POLLUTANTS, "o3_sensitivity", "o3_sigma")
_AMMONIUM_SULPHATE = 132.14 / 64.06  # of SO2, by mass
_AMMONIUM_NITRATE = 80.04 / 46.01  # of NO2, by mass
_UG_S = 1e9 / 86400  # in 1 kg d-1
_MARGIN_M = 20000.0


def contributions(
    register: Sources,
    weather: xr.Dataset,
    receptors: pd.DataFrame,
    *,
    settings: Settings,
    after: pd.Timestamp | None = None,
    air: xr.Dataset | None = None,
    workers: int | None = None,
) -> xr.Dataset:
    """Concentrations that each unit adds at full load, following its working profile.

    Args:
        register: Units and stacks.
        weather: (time) or (time, point) with latitude, longitude; u10 v10 t2m d2m tp and, where
            there are, blh ssrd, in the schema's units; consecutive hours without gaps. Emission
            begins with the first hour: give some hours before those that matter.
        receptors: Index station; latitude, longitude, area; `urban` or else `reference` (bool)
            says round which the urban parameters hold.
        settings: The model's.
        after: Keep only hours after this one (an issue time); None: all.
        air: o3 and no2 of the city (time), ug m-3, observed or forecast, for all kept hours: NO2
            then follows the ozone there is (plume_nitrogen.py). None: a mean of winter.
        workers: Threads; None: as many as there are cores. The result does not depend on it.

    Returns:
        pm25 pm10 so2 no2 [ug m-3], co [mg m-3], o3_sensitivity and o3_sigma [ug m-3] with dims
        (unit, receptor, time), float32, hourly means stamped at their ends. Particles include
        sulphate, nitrate and organics formed from the unit's gases. attrs say what was estimated.

    Raises:
        DataError: Register, receptors or weather that cannot be used; all problems at once.
    """
    check(register, receptors)
    units, stacks = register.units, register.stacks
    plane = Plane(float(receptors["longitude"].mean()), float(receptors["latitude"].mean()))
    places = plane.metres(receptors["longitude"].to_numpy(), receptors["latitude"].to_numpy())
    sites = plane.metres(stacks["longitude"].to_numpy(), stacks["latitude"].to_numpy())
    around = np.concatenate([places, sites])
    extent = np.stack([around.min(axis=0) - _MARGIN_M, around.max(axis=0) + _MARGIN_M])
    sky = sky_of(weather, plane, extent, settings=settings)
    kept = np.flatnonzero(sky.times > after) if after is not None else np.arange(len(sky.times))
    if not len(kept):
        found = f"weather until {sky.times[-1]}"
        raise DataError([Problem("weather: time", found, f"hours after {after}")])
    urban = _urban(sites, places, receptors, settings)
    columns = ["height_m", "diameter_m", "temperature_k", "speed_m_s", "share"]
    table = np.column_stack([sites, stacks[columns].to_numpy(float), urban])
    owner = units.index.get_indexer(pd.Index(stacks["unit"]))
    order = np.argsort(owner, kind="stable")
    table = np.ascontiguousarray(table[order])
    bounds = np.searchsorted(owner[order], np.arange(len(units) + 1))
    activity = plume_profiles.activity(units["profile"], sky.times, sky.kelvin, settings=settings)
    box = np.array([places[:, 0].min(), places[:, 0].max(), places[:, 1].min(), places[:, 1].max()])
    emitted = units[list(EMITTED)].to_numpy(float)
    fine = units["pm25_share"].to_numpy(float)
    parameters, velocity, washout = _parameters(settings)
    salt = _particulate(sky, settings)
    oxidised = None
    if air is not None:
        oxidised = plume_nitrogen.share(
            air, sky.times[kept], sky.sun[kept], sky.kelvin[kept], settings=settings
        )
    result = {
        name: np.zeros((len(units), len(places), len(kept)), np.float32)
        for name in (*VARIABLES, plume_ozone.TITRATION)
    }

    def run(numbers: Sequence[int]) -> np.ndarray:
        total = np.zeros((2, len(kept), len(places)))
        out = np.empty((len(sky.times), len(places), kernel.KEPT))
        for i in numbers:
            out[:] = 0
            kernel.unit_load(
                table[bounds[i] : bounds[i + 1]], activity[i], sky.cells, sky.frame, places, box,
                parameters, velocity, washout, out,
            )  # fmt: skip
            made = _pollutants(
                out[kept], emitted[i] * _UG_S, fine[i], salt[kept], settings, oxidised
            )
            for name, values in made.items():
                if name in result:
                    result[name][i] = values.T
            total += np.stack([made["voc"], made["nox"]])
        return total

    count = workers or len(os.sched_getaffinity(0))
    chunks = [range(k, len(units), 8) for k in range(8)]
    with ThreadPoolExecutor(count) as pool:
        gases = np.sum(list(pool.map(run, chunks)), axis=0)
    plume_ozone.sensitivity(result, gases, sky.kelvin[kept], settings=settings)
    return _dataset(result, units.index, receptors, sky, kept, settings)


def daily(hourly: xr.Dataset, issue_time: pd.Timestamp, *, settings: Settings) -> xr.Dataset:
    """24-h means of the natural local days D+1, D+2, D+3.

    Args:
        hourly: As contributions() gives them; carry-over of the issue's own day is in it where the
            weather began early enough.
        issue_time: Naive UTC.
        settings: Its offset makes the days.

    Returns:
        The same variables (unit, receptor, day), day = 1..3, float32; coordinate `date` (local).

    Raises:
        DataError: An hour of the three days is absent.
    """
    times = pd.DatetimeIndex(hourly["time"].to_numpy())
    offset = pd.Timedelta(hours=settings.utc_offset_hours)
    parts, dates = [], []
    for first, last in timing.day_leads(issue_time, offset):
        ends = issue_time + pd.to_timedelta(np.arange(first, last + 1), unit="h")
        at = times.get_indexer(ends)
        if (at < 0).any():
            found = f"no {ends[at < 0][0]}"
            raise DataError([Problem("hourly contributions", found, f"{ends[0]} to {ends[-1]}")])
        parts.append(hourly.isel(time=at).mean("time", keep_attrs=True))
        dates.append(timing.natural_day(ends[:1], offset)[0])
    days = pd.Index(range(1, timing.DAYS + 1), name="day")
    result = xr.concat(parts, dim=days).transpose(..., "unit", "receptor", "day")
    return result.assign_coords(date=("day", pd.DatetimeIndex(dates))).astype(np.float32)


def ensemble(
    register: Sources,
    weather: xr.Dataset,
    receptors: pd.DataFrame,
    issue_time: pd.Timestamp,
    *,
    settings: Settings,
    members: int = 10,
) -> xr.Dataset:
    """Daily contributions under ensemble weather, (member, unit, receptor, day), float32.

    Members are looped over, each as dear as one call of contributions(). More members than asked
    for are thinned evenly, in their order, so that a chosen few stand for all.

    Args:
        register: Units and stacks.
        weather: As for contributions(), with a further dimension `member`.
        receptors: As there.
        issue_time: Naive UTC.
        settings: The model's.
        members: At most so many.

    Raises:
        DataError: No dimension `member`, or as contributions() and daily() do.
    """
    if "member" not in weather.dims:
        found = f"dims {sorted(map(str, weather.dims))}"
        raise DataError([Problem("ensemble weather", found, "member among them")])
    have = weather.sizes["member"]
    chosen = np.unique(np.linspace(0, have - 1, min(members, have)).round().astype(int))
    parts = []
    for m in chosen:
        hourly = contributions(
            register, weather.isel(member=m), receptors, settings=settings, after=issue_time
        )
        parts.append(daily(hourly, issue_time, settings=settings))
    ids = weather["member"].to_numpy()[chosen] if "member" in weather.coords else chosen
    return xr.concat(parts, dim=pd.Index(ids, name="member"), combine_attrs="override")


def _pollutants(
    k: np.ndarray, emitted: np.ndarray, fine: float, salt: np.ndarray, settings: Settings,
    no2_share: np.ndarray | None,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Concentrations (hour, receptor) from normalised ones (hour, receptor, KEPT).

    `emitted` is in ug s-1 by EMITTED; `salt` (hour,) is the part of nitrate that is particle,
    `no2_share` (hour,) that of NOx that is NO2; None: as the puff carries it.
    """
    k_no2 = k[..., kernel.NO2] if no2_share is None else k[..., kernel.NOX] * no2_share[:, None]
    so2, nox, pm, voc, co = emitted
    primary = settings.chemistry.primary_sulphate
    sulphate = (1 - primary) * k[..., kernel.SULPHATE] + primary * k[..., kernel.FINE]
    reacted = k[..., kernel.INERT] - k[..., kernel.VOC]
    pm25 = (
        pm * fine * k[..., kernel.FINE]
        + so2 * _AMMONIUM_SULPHATE * sulphate
        + nox
        * _AMMONIUM_NITRATE
        * k[..., kernel.NITRATE]
        * salt[:, None]
        * settings.chemistry.nitrate_marginal
        + voc * settings.chemistry.soa_yield * reacted
    )
    oxidised = reacted / np.maximum(k[..., kernel.INERT], 1e-30)
    return {
        "pm25": pm25,
        "pm10": pm25 + pm * (1 - fine) * k[..., kernel.COARSE],
        "so2": so2 * (1 - primary) * k[..., kernel.SO2],
        "no2": nox * k_no2,
        "co": co * k[..., kernel.INERT] / 1000,
        "voc": voc * k[..., kernel.INERT],
        "nox": nox * k[..., kernel.NOX],
        # Parts of ozone, until plume_ozone.py knows the regime.
        "o3_sensitivity": voc * reacted,
        "o3_sigma": nox * k[..., kernel.NOX] * oxidised,
        plume_ozone.TITRATION: nox * (k_no2 - settings.chemistry.no2_initial * k[..., kernel.NOX]),
    }


def _particulate(sky: Sky, settings: Settings) -> np.ndarray:
    """Part of nitrate that is particle (hour,): more in cold and in damp air."""
    c = settings.chemistry
    half = c.nitrate_half_k + c.nitrate_humid_k * (2 * sky.rh - 1)
    return np.asarray(1 / (1 + np.exp((sky.kelvin - half) / c.nitrate_width_k)))


def _urban(
    sites: np.ndarray, places: np.ndarray, receptors: pd.DataFrame, settings: Settings
) -> np.ndarray:
    """1 for stacks near an urban receptor, else 0 (stack,)."""
    for column in ("urban", "reference"):
        if column in receptors:
            towns = places[receptors[column].to_numpy(bool)]
            break
    else:
        towns = places[:0]
    if not len(towns):
        return np.zeros(len(sites))
    gap = np.hypot(*(sites[:, None] - towns).transpose(2, 0, 1)).min(axis=1)
    return np.asarray((gap < 1000 * settings.receptor.urban_km).astype(float))


def _parameters(settings: Settings) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What compiled code reads: PARAMETERS, deposition velocities, washout."""
    s = settings
    by_name = {
        "per_hour": s.puffs.per_hour, "life_h": s.puffs.life_h,
        "outside_m": 1000 * s.puffs.outside_km, "least_wind": s.wind.least_m_s,
        "most_wind": s.wind.most, "veer": s.wind.veer_degrees, "meander": s.wind.meander_m_s,
        "meander_scale": s.wind.meander_scale_s, "gradient_e": s.mixing.gradient_e_k_m,
        "gradient_f": s.mixing.gradient_f_k_m, "buoyant": s.mixing.buoyant_spread,
        "radius": s.receptor.radius_m, "no2_initial": s.chemistry.no2_initial,
        "no2_most": s.chemistry.no2_most, "no2_hours": s.chemistry.no2_hours,
    }  # fmt: skip

    def by_species(six: Six) -> np.ndarray:
        order = ("", "fine", "coarse", "so2", "sulphate", "nox", "nitrate", "")
        return np.array([getattr(six, name) if name else 0.0 for name in order])

    parameters = np.array([float(by_name[name]) for name in kernel.PARAMETERS])
    return parameters, by_species(s.deposition.velocity_m_s), by_species(s.deposition.washout_s)


def _dataset(
    result: dict[str, np.ndarray], units: pd.Index, receptors: pd.DataFrame, sky: Sky,
    kept: np.ndarray, settings: Settings,
) -> xr.Dataset:  # fmt: skip
    dims = ("unit", "receptor", "time")
    data = {}
    for name, values in result.items():
        pollutant = name.split("_")[0]
        attrs = {"units": schema.VARIABLES[pollutant].units, "long_name": f"{name} by unit"}
        data[name] = (dims, values, attrs)
    return xr.Dataset(
        data,
        {
            "unit": units.to_numpy().astype(str),
            "receptor": receptors.index.to_numpy().astype(str),
            "time": sky.times[kept],
            "area": ("receptor", receptors["area"].to_numpy().astype(str)),
        },
        attrs={
            "terrain": "ignored",
            "estimated": ", ".join(sky.estimated) or "nothing",
            "load": "full",
            "puff_life_h": settings.puffs.life_h,
            "weather_from": str(sky.times[0]),
        },
    )
