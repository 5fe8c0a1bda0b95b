"""What the calibration of a network did, against a known truth.

For simulated networks only: nowhere else is the truth of every station known.
"""

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from forecast.schema import POLLUTANTS
from forecast.sensor_health import OUT, SUSPECT

NONE = "none"  # the fault of a station that has none


def errors(
    truth: xr.Dataset, raw: xr.Dataset, corrected: xr.Dataset, faults: "pd.Series[str]"
) -> pd.DataFrame:
    """Mean absolute error before and after, by tier, pollutant and kind of fault.

    Args:
        truth: True concentrations (time, station), schema units.
        raw: Readings.
        corrected: What calibrate_network gave.
        faults: Kind per station (index = station id), "none" where there is none.

    Returns:
        Columns tier, fault, pollutant, stations, before (all readings), before_kept (readings of
        the hours that were not masked), after (the same hours), bias_before, bias_after, kept
        (share of readings not masked), covered (share of errors within 2 sd). References are
        left out.
    """
    station = truth["station"].to_numpy().astype(str)
    kind = faults.reindex(station).fillna(NONE).to_numpy().astype(str)
    tier = truth["tier"].to_numpy().astype(str)
    lower = ~truth["reference"].to_numpy().astype(bool)
    rows = []
    for p in (p for p in POLLUTANTS if p in corrected):
        t, r, c, s = (
            d.transpose("time", "station").to_numpy().astype(np.float64)
            for d in (truth[p], raw[p], corrected[p], corrected[f"{p}_sd"])
        )
        for k, g in sorted({*zip(tier[lower], kind[lower], strict=True)}):
            at = lower & (tier == k) & (kind == g)
            before, after = r[:, at] - t[:, at], c[:, at] - t[:, at]
            read, kept = ~np.isnan(before), ~np.isnan(after)
            rows.append(
                {
                    "tier": k,
                    "fault": g,
                    "pollutant": p,
                    "stations": int(at.sum()),
                    "before": _mean(np.abs(before), read),
                    "before_kept": _mean(np.abs(before), kept),
                    "after": _mean(np.abs(after), kept),
                    "bias_before": _mean(before, read),
                    "bias_after": _mean(after, kept),
                    "kept": kept.sum() / max(read.sum(), 1),
                    "covered": _mean((np.abs(after) < 2 * s[:, at]).astype(float), kept),
                }
            )
    return pd.DataFrame(rows)


def detection(
    corrected: xr.Dataset, faults: "pd.Series[str]", *, since: np.datetime64 | None = None
) -> pd.DataFrame:
    """How many stations of each kind of fault are found.

    Args:
        corrected: What calibrate_network gave.
        faults: Kind per station, "none" where there is none: its share is the false-alarm rate.
        since: First hour that counts; by default all do.

    Returns:
        Index = fault; columns stations, found (share of stations with a sensor suspect or out in
        at least a tenth of the hours), hours_out and hours_suspect (share of the station's hours
        in which a sensor is out, or suspect or out).
    """
    part = corrected if since is None else corrected.sel(time=slice(since, None))
    lower = ~part["reference"].to_numpy().astype(bool)
    kind = faults.reindex(part["station"].to_numpy().astype(str)).fillna(NONE).to_numpy()
    state = part["health"].transpose("time", "station").to_numpy()
    doubtful, out = (state >= SUSPECT).mean(axis=0), (state == OUT).mean(axis=0)
    frame = pd.DataFrame(
        {
            "fault": kind.astype(str),
            "stations": 1,
            "found": doubtful >= 0.1,
            "hours_out": out,
            "hours_suspect": doubtful,
        }
    )[lower]
    how = {"stations": "sum", "found": "mean", "hours_out": "mean", "hours_suspect": "mean"}
    return frame.groupby("fault").agg(how)


def _mean(x: NDArray[np.float64], where: NDArray[np.bool_]) -> float:
    return float(x[where].mean()) if where.any() else float("nan")
