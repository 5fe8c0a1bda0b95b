"""What a finished run left in the home, as plain data: forecasts, probabilities, rows of tables.

Probabilities and ranges come from members (design, section 7, rule 4). What is not known is null:
a share of members is told only where every member has an index. Times are UTC with Z; `date` is a
natural day, local.
"""

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast import aqi, forecast_file, standards, timing
from forecast.forecast_file import Header
from forecast.problems import DataError, Problem
from forecast.schema import POLLUTANTS, QUANTILES, VARIABLES
from response.register_cells import safe
from serving.context import Context

ID: Final = re.compile(r"\d{8}T\d{4}Z")
Row = dict[str, Any]


def ids(home: Path) -> list[str]:
    """Finished runs with a forecast, the newest first: run.json is a run's last file."""
    found = (p.parent.name for p in (home / "runs").glob("*/run.json"))
    return sorted(
        (i for i in found if ID.fullmatch(i) and file_of(home, i).is_file()), reverse=True
    )


def file_of(home: Path, run: str) -> Path:
    """A run's forecast."""
    return home / "forecasts" / f"{run}.nc"


def found(home: Path, run: str) -> str:
    """A run's id; `latest` is the newest.

    Raises:
        DataError: No such finished run.
    """
    if run == "latest":
        every = ids(home)
        if every:
            return every[0]
    elif ID.fullmatch(run) and run in ids(home):
        return run
    raise DataError([Problem("forecast", repr(run), "a finished run, such as 20260208T0800Z")])


def tag(home: Path, run: str, kind: str) -> str:
    """ETag of a representation: it changes when the file is replaced."""
    stat = file_of(home, run).stat()
    return f'W/"{run}-{stat.st_mtime_ns:x}-{stat.st_size:x}-{kind}"'


def summary(home: Path, run: str) -> Row:
    """One line of the list."""
    folder = home / "runs" / run
    said, proposal = _json(folder / "run.json"), _json(folder / "proposal.json")
    return {
        "id": run,
        "issue_time": iso(issue_time(run)),
        "model": said.get("model"),
        "weather": said.get("weather"),
        "simulated": said.get("simulated"),
        "degraded": any(n.get("severity") != "info" for n in said.get("notes", ())),
        "proposed_level": proposal.get("level"),
        "href": f"/api/v1/forecasts/{run}",
    }


def days(context: Context, run: str) -> Row:
    """A run: where it comes from, and every area's days from members."""
    header, table = header_of(context, run), day_rows(context, run)
    return {
        **summary(context.home, run),
        "provenance": {k: v or None for k, v in vars(header).items() if k != "simulated"},
        "notes": _json(context.home / "runs" / run / "run.json").get("notes", []),
        "units": {p: VARIABLES[p].units for p in POLLUTANTS},
        "quantiles": list(QUANTILES),
        "days": table,
    }


def day_rows(context: Context, run: str) -> list[Row]:
    """One row for each area and day."""
    path = file_of(context.home, run)
    header = header_of(context, run)
    names = ("aqi_day", "primary_day", *(f"{p}_day" for p in POLLUTANTS))
    with context.netcdf, forecast_file.read_areas(path) as areas:
        part = forecast_file.loaded(areas.isel(issue_time=0)[list(names)], path)
        values = {n: np.asarray(part[n].values) for n in names}
        of = [str(a) for a in part["area"].values]
    first = _first_day(run, header)
    return [
        _day(values, a, d, area, first + pd.Timedelta(days=d), header)
        for a, area in enumerate(of)
        for d in range(timing.DAYS)
    ]


def probabilities(context: Context, run: str) -> Row:
    """Of warning levels (the proposal's, from members) and of AQI categories per area and day."""
    proposal = _json(context.home / "runs" / run / "proposal.json")
    kept = ("rules", "level", "action", "members", "probability", "thresholds", "assumptions")
    rows = [{k: r[k] for k in ("area", "day", "date", "categories", "members")}
            for r in day_rows(context, run)]  # fmt: skip
    return {
        "id": run,
        "issue_time": iso(issue_time(run)),
        "warning": {k: proposal.get(k) for k in kept} if proposal else None,
        "categories": rows,
    }


def stations(context: Context, run: str) -> list[str]:
    """Stations of a run, in the file's order."""
    with context.netcdf, forecast_file.read_stations(file_of(context.home, run)) as ds:
        return [str(s) for s in ds["station"].values]


def station_rows(context: Context, run: str, which: Sequence[str], pollutant: str) -> list[Row]:
    """Hours of some stations: quantiles of one pollutant."""
    path = file_of(context.home, run)
    with context.netcdf, forecast_file.read_stations(path) as ds:
        part = ds[pollutant].isel(issue_time=0).sel(station=list(which))
        values = np.asarray(forecast_file.loaded(part.to_dataset(), path)[pollutant].values)
    stamps = [iso(t) for t in timing.lead_times(issue_time(run))]
    return [
        {"station": station, "lead": lead + 1, "time": stamps[lead], "pollutant": pollutant,
         "quantiles": numbers(values[lead, s], pollutant)}
        for s, station in enumerate(which)
        for lead in range(values.shape[0])
    ]  # fmt: skip


def header_of(context: Context, run: str) -> Header:
    """Where a run's forecast comes from."""
    with context.netcdf:
        return forecast_file.attributes(file_of(context.home, run))


def as_csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows as CSV, UTF-8; lists and objects become columns, null an empty cell."""
    flat = [{k: safe(v) if isinstance(v, str) else v for k, v in _flat(r).items()} for r in rows]
    columns = list(dict.fromkeys(name for row in flat for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(flat)
    return out.getvalue().encode()


def numbers(values: NDArray[Any], pollutant: str) -> list[float | None]:
    """Quantiles as JSON knows them, in the file's own steps."""
    digits = 3 if pollutant == "co" else 1
    return [None if np.isnan(v) else round(float(v), digits) for v in values]


def issue_time(run: str) -> pd.Timestamp:
    """Of a run's id; naive UTC."""
    return pd.Timestamp(f"{run[:4]}-{run[4:6]}-{run[6:8]}T{run[9:11]}:{run[11:13]}")


def iso(at: pd.Timestamp) -> str:
    """A naive UTC time with its Z."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _first_day(run: str, header: Header) -> pd.Timestamp:
    offset = pd.Timedelta(hours=header.utc_offset_hours)
    stamps = timing.natural_day(timing.lead_times(issue_time(run)), offset)
    return stamps[timing.day_leads(issue_time(run), offset)[0][0] - 1]


def _day(
    values: Mapping[str, NDArray[Any]],
    a: int,
    d: int,
    area: str,
    date: pd.Timestamp,
    header: Header,
) -> Row:
    index = np.asarray(values["aqi_day"][d, a], dtype=float)
    masks = values["primary_day"][d, a]
    known = bool(np.isfinite(index).all())
    levels = aqi.levels(index, standards.resolve(header.standard, date.date()))
    spread = _spread(index)
    return {
        "area": area,
        "day": d + 1,
        "date": f"{date:%Y-%m-%d}",
        "members": len(index),
        "aqi": None if spread is None else [round(v) for v in spread],
        "categories": (
            {str(k): round(float(np.mean(levels == k)), 4) for k in range(1, 7)} if known else None
        ),
        "primary": (
            {p: round(float(np.mean(masks >> i & 1)), 4) for i, p in enumerate(POLLUTANTS)}
            if known else None
        ),
        "concentrations": {p: _conc(values[f"{p}_day"][d, a], p) for p in POLLUTANTS},
    }  # fmt: skip


def _conc(values: NDArray[Any], pollutant: str) -> list[float | None] | None:
    spread = _spread(np.asarray(values, dtype=float))
    return None if spread is None else numbers(np.asarray(spread), pollutant)


def _spread(values: NDArray[Any]) -> list[float] | None:
    """QUANTILES of members, each a value that a member has; None where any member has none."""
    if not values.size or not np.isfinite(values).all():
        return None
    return [float(v) for v in np.quantile(values, QUANTILES, method="inverted_cdf")]


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _flat(row: Mapping[str, Any]) -> Row:
    out: Row = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            out.update(_flat({f"{name}_{k}": v for k, v in value.items()}))
        elif isinstance(value, list) and len(value) == len(QUANTILES):
            out.update({f"{name}_q{q:g}": v for q, v in zip(QUANTILES, value, strict=True)})
        else:
            out[name] = value
    return out
