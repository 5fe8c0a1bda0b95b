"""How forecasts do on heavy days: the days whose city index was observed above 200.

Cases are chosen by what was observed, so these scores say how a forecast does when it matters and
not whether it warns too often: they stand beside CSI and Brier scores, never alone.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr

from forecast import areas, forecast_file
from forecast.schema import CITY_AREA, POLLUTANTS, QUANTILES, stations_frame
from forecast.verify import observed, station, summary, systems
from forecast.verify.settings import VerifySettings

HEAVY: Final = 200
_CHUNK: Final = 64


def scores(path: Path, obs: xr.Dataset, settings: VerifySettings) -> dict[str, Any]:
    """Scores of a forecast file over the hours of heavy days.

    Args:
        path: Forecast file.
        obs: Schema dataset on a complete hourly grid with the file's stations.
        settings: Thresholds.

    Returns:
        days, hours, and pollutant -> group -> n, mae, crps, bias, cover_80, cover_90.
    """
    header = forecast_file.attributes(path)
    offset = pd.Timedelta(hours=header.utc_offset_hours)
    with forecast_file.read_stations(path) as ds:
        times = pd.DatetimeIndex(ds["issue_time"].values)
        names = ds["station"].values.astype(str).tolist()
    obs = obs.sel(station=names)
    found = observed.days(obs, areas.names(stations_frame(obs)), header.standard, offset)
    city = areas.names(stations_frame(obs)).index(CITY_AREA)
    heavy = found.dates[found.aqi[:, city] > HEAVY]
    # The hour that ends at a stamp belongs to the date it began on.
    dates = (pd.DatetimeIndex(obs["time"].values) + offset - pd.Timedelta(hours=1)).normalize()
    on = dates.isin(pd.DatetimeIndex(heavy.astype("datetime64[ns]")))
    seen = observed.hourly(obs.where(xr.DataArray(on, dims="time")))
    own = systems.from_file(header.model, path, times, names)
    if own.quantiles is None:
        raise TypeError(f"{path} has no quantiles")
    groups = station.lead_groups(times, offset)
    parts: dict[str, list[station.Sums]] = {p: [] for p in POLLUTANTS}
    for start in range(0, len(times), _CHUNK):
        rows = slice(start, start + _CHUNK)
        target, made = seen(times[rows]), own.quantiles(times[rows])
        for i, p in enumerate(POLLUTANTS):
            losses = station.losses(made[:, :, :, i], target[..., i], settings.tail_thresholds[p])
            parts[p].append(station.summed(losses, groups[rows]))
    inside = (heavy >= _date(times[0], offset)) & (heavy <= _date(times[-1], offset) + 4)
    return {
        "days": int(inside.sum()), "quantiles": len(QUANTILES),
        "stations": {p: _scores(station.joined(v)) for p, v in parts.items()},
    }  # fmt: skip


def _date(at: pd.Timestamp, offset: pd.Timedelta) -> np.datetime64:
    return np.datetime64((at + offset).date(), "D")


def _scores(sums: station.Sums) -> dict[str, Any]:
    n = sums.n_station.sum(axis=0)
    found = summary.derived(sums.metrics, sums.by_station.sum(axis=1), n)
    kept = ("mae", "crps", "bias", "cover_80", "cover_90")
    return {
        group: {"n": int(n[g])} | {k: summary.number(float(found[k][g])) for k in kept}
        for g, group in enumerate(station.GROUPS)
    }
