"""Observations -> quality flags per value, QARTOD style. Values are never changed.

Flags (IOOS QARTOD; UNESCO IOC Manuals and Guides 54, 2013): 1 pass, 2 not evaluated, 3 suspect,
4 fail, 9 missing. A value's flag is the worst that any test gives it; the bits of <var>_tests name
the tests that did so. Tests, in bits' order (limits: forecast.quality_limits, configs/quality):

    range          outside the span of the instrument, or of what occurs
    spike          far above the median of the hours before, and the neighbours are not
    flat_line      one value for hours
    pm_order       PM2.5 above PM10: suspect, for review; never fails
    neighbours     far from the median of the stations around it (robust z of logarithms)
    clock          the series fits its neighbours better when shifted by hours: suspect
    repeated_day   hours in a row equal the day before in all pollutants
    coordinates    the station lies off the map, off its network or on another one: suspect

Causal: the flags of an hour use values of that hour and of earlier ones only, so that a hindcast
may flag a whole series once. (Coordinates are the register's and have no hour.) The price: the
first hours of a flat line pass, and a real jump that the neighbours follow later is suspect.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from forecast import quality_tests as tests
from forecast.problems import Problem
from forecast.quality_limits import Limits
from forecast.schema import POLLUTANTS, VARIABLES, attrs_of

PASS, NOT_EVALUATED, SUSPECT, FAIL, MISSING = 1, 2, 3, 4, 9
TESTS: Final = (
    "range", "spike", "flat_line", "pm_order", "neighbours", "clock", "repeated_day", "coordinates",
)  # fmt: skip
_FLAGS: Final = "pass not_evaluated suspect fail missing"

Flags = NDArray[np.int8]


def flag(obs: xr.Dataset, limits: Limits) -> xr.Dataset:
    """Flag every value of a dataset.

    Args:
        obs: Dataset of the schema (time, station) on a complete hourly grid.
        limits: forecast.quality_limits.load.

    Returns:
        The dataset with <var>_flag (int8) and <var>_tests (uint16) beside each variable.
    """
    tier = obs["tier"].to_numpy().astype(str)
    latitude, longitude = obs["latitude"].to_numpy(), obs["longitude"].to_numpy()
    names = [v for v in VARIABLES if v in obs]
    values = {v: obs[v].transpose("time", "station").to_numpy().astype("float64") for v in names}
    off_map = np.array([bool(w) for w in tests.coordinates(latitude, longitude, limits)])
    sound = ~off_map  # a station that is not where it says has no neighbours
    around = tests.neighbourhood(latitude, longitude, sound, limits)
    found: dict[str, dict[str, Flags]] = {}
    level: dict[str, NDArray[np.float64]] = {}  # the neighbours' median, without values that fail
    for name in names:
        ranged = tests.range_(values[name], name, tier, limits)
        credible = np.where(ranged == FAIL, np.nan, values[name])
        found[name] = {"range": ranged}
        if name in POLLUTANTS:
            middle, spread = tests.surroundings(credible, around, name, limits)
            level[name] = middle
            found[name]["spike"] = tests.spike(credible, middle, name, tier, limits)
            found[name]["neighbours"] = tests.neighbours(
                credible, middle, spread, name, tier, limits
            )
        found[name]["flat_line"] = tests.flat_line(values[name], name, tier, limits)
    if {"pm25", "pm10"} <= set(names):
        order = tests.pm_order(values["pm25"], values["pm10"], limits)
        found["pm25"]["pm_order"] = found["pm10"]["pm_order"] = order
    own = {v: values[v] for v in names if v in POLLUTANTS}
    times = pd.DatetimeIndex(obs["time"].to_numpy())
    whole: dict[str, Flags] = {}
    if own:
        whole["clock"] = tests.clock(own, level, times, limits)
        whole["repeated_day"] = tests.repeated_day(own, limits)
    out = obs.copy()
    for name in names:
        if name in POLLUTANTS:
            found[name] |= whole
        placed = np.where(off_map, SUSPECT, PASS).astype(np.int8)
        found[name]["coordinates"] = np.broadcast_to(placed, values[name].shape)
        flags, bits = _joined(found[name], np.isnan(values[name]))
        about = attrs_of(name)
        out[f"{name}_flag"] = (
            ("time", "station"),
            flags,
            {
                "standard_name": f"{about['standard_name']} status_flag",
                "long_name": f"quality of {about['long_name']}",
                "flag_values": np.array([1, 2, 3, 4, 9], np.int8),
                "flag_meanings": _FLAGS,
            },
        )
        out[f"{name}_tests"] = (
            ("time", "station"),
            bits,
            {
                "long_name": f"tests that found {about['long_name']} suspect or failed it",
                "flag_masks": np.array([1 << i for i in range(len(TESTS))], np.uint16),
                "flag_meanings": " ".join(TESTS),
            },
        )
        out[name].attrs["ancillary_variables"] = f"{name}_flag {name}_tests"
    out.attrs["quality_limits"] = limits.edition
    return out


def usable(flagged: xr.Dataset) -> xr.Dataset:
    """Values for forecasting: those that fail are missing, the suspect ones stay; no flags."""
    names = [v for v in VARIABLES if v in flagged]
    out = flagged.drop_vars([f"{v}{e}" for v in names for e in ("_flag", "_tests")])
    for name in names:
        kept = flagged[name].where(flagged[f"{name}_flag"] != FAIL)
        attrs = {k: v for k, v in flagged[name].attrs.items() if k != "ancillary_variables"}
        out[name] = kept.assign_attrs(attrs)
    return out


def summary(flagged: xr.Dataset) -> pd.DataFrame:
    """Counts of values by station, variable and test.

    Returns:
        Columns station, variable, test, suspect, fail, of: one row per test that found anything
        (a value counts under each test that found it, by its worst flag), and one with test
        "all". `of` counts the values present.
    """
    frames = []
    for name in (v for v in VARIABLES if f"{v}_flag" in flagged):
        flags = flagged[f"{name}_flag"].to_numpy()
        bits = flagged[f"{name}_tests"].to_numpy()
        present = (flags != MISSING).sum(axis=0)
        for i, test in enumerate(("all", *TESTS)):
            hit = np.full(flags.shape, True) if i == 0 else (bits >> (i - 1)) & 1 == 1
            table = pd.DataFrame(
                {
                    "station": flagged["station"].to_numpy(),
                    "variable": name,
                    "test": test,
                    "suspect": (hit & (flags == SUSPECT)).sum(axis=0),
                    "fail": (hit & (flags == FAIL)).sum(axis=0),
                    "of": present,
                }
            )
            frames.append(table[(table["suspect"] + table["fail"] > 0) | (test == "all")])
    return pd.concat(frames, ignore_index=True)


def coordinate_problems(stations: pd.DataFrame, limits: Limits) -> list[Problem]:
    """What the coordinates test finds in a register, in words."""
    latitude, longitude = (stations[c].to_numpy(dtype=float) for c in ("latitude", "longitude"))
    found = tests.coordinates(latitude, longitude, limits)
    return [
        Problem(f"station {code}", f"{lat:g} N {lon:g} E: {what}", "the station's own place")
        for code, lat, lon, what in zip(stations.index, latitude, longitude, found, strict=True)
        if what
    ]


def _joined(
    found: Mapping[str, Flags], missing: NDArray[np.bool_]
) -> tuple[Flags, NDArray[np.uint16]]:
    """The worst flag of each value, and the bits of the tests that gave suspect or fail."""
    worst = np.zeros(missing.shape, dtype=np.int8)
    bits = np.zeros(missing.shape, dtype=np.uint16)
    judged = np.zeros(missing.shape, dtype=bool)
    for test, flags in found.items():
        worst = np.maximum(worst, np.where(flags == NOT_EVALUATED, 0, flags)).astype(np.int8)
        if test != "coordinates":  # a station in its place says nothing of a value
            judged |= flags != NOT_EVALUATED
        bits |= np.where(flags >= SUSPECT, np.uint16(1 << TESTS.index(test)), np.uint16(0))
    worst[(worst <= PASS) & ~judged] = NOT_EVALUATED
    worst[missing] = MISSING
    bits[missing] = 0
    return worst, bits
