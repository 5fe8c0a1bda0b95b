"""Weather fields to stations: bilinear on a grid, inverse distance between scattered points.

Takes vintages of forecast/weather.py (either layout) and a station table; gives (time, station).
Temperature and pressure are not corrected for height: a learned forecaster corrects the constant
difference between grid and station, and a lapse rate would be an invention in an inversion.
"""

from typing import Final

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from forecast.problems import DataError, Problem

REACH_KM: Final = 30.0  # scattered points farther away say nothing of a station
_NEIGHBOURS: Final = 4
_EARTH_KM: Final = 6371.0
_Doubles = NDArray[np.float64]


def at_stations(
    ds: xr.Dataset, stations: pd.DataFrame, *, where: str, reach_km: float = REACH_KM
) -> xr.Dataset:
    """Interpolate fields to stations.

    A grid (time, latitude, longitude) is interpolated bilinearly. Points (time, station) that
    include every station asked for are selected by id; others are averaged with the weights
    1 / distance^2 over the four nearest within `reach_km` (Shepard 1968).

    Args:
        stations: Index = station id, with latitude and longitude (WGS-84).

    Returns:
        (time, station) in the order asked for; NaN where any value used is NaN.

    Raises:
        DataError: Names every station outside the grid, or farther than `reach_km` from a point.
    """
    ids = stations.index.to_numpy().astype(str)
    lat = stations["latitude"].to_numpy(dtype=np.float64)
    lon = stations["longitude"].to_numpy(dtype=np.float64)
    if "station" not in ds.dims:
        return _bilinear(ds, ids, lat, lon, where)
    have = ds["station"].values.astype(str)
    if set(ids) <= set(have):
        return ds.assign_coords(station=have).sel(station=ids).transpose("time", "station")
    return _scattered(ds, ids, lat, lon, where, reach_km)


def cropped(ds: xr.Dataset, stations: pd.DataFrame) -> xr.Dataset:
    """The part of a grid that these stations need, and one more cell around it."""
    picks = {}
    for dim in ("latitude", "longitude"):
        axis = ds[dim].values
        low = int(np.searchsorted(axis, stations[dim].min(), side="right")) - 2
        high = int(np.searchsorted(axis, stations[dim].max(), side="left")) + 2
        picks[dim] = slice(max(low, 0), min(high, len(axis)))
    return ds.isel(picks)


def _bilinear(
    ds: xr.Dataset, ids: NDArray[np.str_], lat: _Doubles, lon: _Doubles, where: str
) -> xr.Dataset:
    rows, cols = ds["latitude"].values, ds["longitude"].values
    inside = (lat >= rows[0]) & (lat <= rows[-1]) & (lon >= cols[0]) & (lon <= cols[-1])
    if not inside.all():
        area = f"{rows[0]:g} .. {rows[-1]:g} N, {cols[0]:g} .. {cols[-1]:g} E"
        raise DataError(_outside(where, ids[~inside], lat[~inside], lon[~inside], area))
    low, low_share = _bracket(rows, lat)
    left, left_share = _bracket(cols, lon)
    out = {}
    for name, field in ds.data_vars.items():
        grid = field.transpose("time", "latitude", "longitude").values
        total = np.zeros((grid.shape[0], len(ids)))
        for up in (0, 1):
            for right in (0, 1):
                w = np.abs(1 - up - low_share) * np.abs(1 - right - left_share)
                corner = grid[:, low + up * (w > 0), left + right * (w > 0)]
                # A corner of weight 0 must not spread its NaN to a station that lies on the grid.
                total += np.where(w > 0, corner * w, 0.0)
        out[str(name)] = (("time", "station"), total, dict(field.attrs))
    return _points(ds, out, ids, lat, lon)


def _bracket(axis: _Doubles, at: _Doubles) -> tuple[NDArray[np.int64], _Doubles]:
    """Index of the grid line at or before each value, and the share of the next one."""
    low = np.clip(np.searchsorted(axis, at, side="right") - 1, 0, max(len(axis) - 2, 0))
    if len(axis) == 1:
        return low, np.zeros(len(at))
    return low, (at - axis[low]) / (axis[low + 1] - axis[low])


def _scattered(
    ds: xr.Dataset,
    ids: NDArray[np.str_],
    lat: _Doubles,
    lon: _Doubles,
    where: str,
    reach_km: float,
) -> xr.Dataset:
    at_lat, at_lon = np.radians(ds["latitude"].values), np.radians(ds["longitude"].values)
    north = np.radians(lat)[:, None] - at_lat[None, :]
    east = (np.radians(lon)[:, None] - at_lon[None, :]) * np.cos(np.radians(lat))[:, None]
    km = _EARTH_KM * np.hypot(north, east)  # tens of kilometres: the plane is good enough
    far = km.min(axis=1) > reach_km
    if far.any():
        area = f"a point within {reach_km:g} km"
        raise DataError(_outside(where, ids[far], lat[far], lon[far], area))
    order = np.argsort(km, axis=1)[:, :_NEIGHBOURS]
    near = np.take_along_axis(km, order, axis=1)
    closeness = np.where(near <= reach_km, 1.0 / np.maximum(near, 1e-3) ** 2, 0.0)
    weights = np.zeros_like(km)
    np.put_along_axis(weights, order, closeness / closeness.sum(axis=1, keepdims=True), axis=1)
    out = {}
    for name, field in ds.data_vars.items():
        values = field.transpose("time", "station").values.astype(np.float64)
        total = np.nan_to_num(values) @ weights.T
        gaps = np.isnan(values).astype(np.float64) @ (weights > 0).T.astype(np.float64) > 0
        out[str(name)] = (("time", "station"), np.where(gaps, np.nan, total), dict(field.attrs))
    return _points(ds, out, ids, lat, lon)


def _points(
    ds: xr.Dataset,
    fields: dict[str, tuple[tuple[str, str], _Doubles, dict[str, object]]],
    ids: NDArray[np.str_],
    lat: _Doubles,
    lon: _Doubles,
) -> xr.Dataset:
    coords = {
        "time": ds["time"].values,
        "station": ids,
        "latitude": ("station", lat),
        "longitude": ("station", lon),
    }
    return xr.Dataset(fields, coords)


def _outside(
    where: str, ids: NDArray[np.str_], lat: _Doubles, lon: _Doubles, area: str
) -> list[Problem]:
    return [
        Problem(f"{where}: station {i}", f"{a:.4f} N {o:.4f} E, outside the grid", area)
        for i, a, o in zip(ids, lat, lon, strict=True)
    ]
