"""Years of the simulated city on a coarse grid, for the records of realism and of skill.

    nice -n 10 python -m benchmarks.twin_years FOLDER

Leaves in FOLDER, for each of the two settings (realism, realism-later): NAME-truth.nc, the true
concentrations at all stations, and NAME-readings.nc, what the national stations show, with the
weather measured there (the six variables a real station has). Both are simulated and say so.
"""

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from forecast import files, schema
from forecast.config import configs_dir
from twin import config as twin_config
from twin import sensors, weather_fields
from twin.city import City
from twin.weather import regional

SETTINGS = ("realism", "realism-later")
MEASURED = ("u10", "v10", "t2m", "d2m", "sp", "tp")
_HOUR = pd.Timedelta(hours=1)


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in SETTINGS:
        begin = time.perf_counter()
        truth, readings = simulate(name)
        files.write_netcdf(folder / f"{name}-truth.nc", truth)
        files.write_netcdf(folder / f"{name}-readings.nc", readings)
        print(f"{name}: {truth.sizes['time']} h in {time.perf_counter() - begin:.0f} s", flush=True)


def simulate(name: str) -> tuple[xr.Dataset, xr.Dataset]:
    """The truth at every station, and readings and weather at the national ones."""
    config = twin_config.load(configs_dir() / "twin" / f"{name}.yaml")
    offset = pd.Timedelta(hours=config.city.utc_offset_hours)
    start = pd.Timestamp(config.period.start) - offset + _HOUR
    end = pd.Timestamp(config.period.end) + pd.Timedelta(days=1) - offset
    hours = int((end - start) / _HOUR) + 1
    city = City.create(config, start=start, hours=hours)
    truth = city.run(hours)
    table = city.geography.stations
    series = regional(config.weather, start, end, seed=city.seed, simulated=city.simulated)
    whole = weather_fields.ground_of(city.geography, settings=config.weather.fields)
    place = weather_fields.points(whole, table["x"].to_numpy(), table["y"].to_numpy())
    air = weather_fields.fields(series, slice(0, hours), place)
    true = np.stack([truth[p].values for p in schema.POLLUTANTS], axis=-1)
    times = pd.DatetimeIndex(truth["time"].values)
    seen = sensors.observe(
        true, air, table, times, config.sensors, city.seed, simulated=city.simulated
    ).readings
    shown = {k: (("time", "station"), air[k], schema.attrs_of(k)) for k in MEASURED}
    at_work = table["reference"].to_numpy(dtype=bool) & table["active"].to_numpy(dtype=bool)
    kept = seen[list(schema.POLLUTANTS)].assign(shown).isel(station=np.flatnonzero(at_work))
    return truth, kept


if __name__ == "__main__":
    main()
