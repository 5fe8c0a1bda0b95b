"""Targets that read files of people: observations, weather, registers, requests, tables."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast import aqi_table, schema, stations, weather, weather_import
from forecast.importers import beijing, cnemc, netcdf, run, table
from forecast.importers.rows import Imported
from forecast.problems import DataError
from response import register_read, resumption_requests, warn_table
from tests.faults.feeds import _file
from tests.fuzz import mutate
from tests.fuzz.runner import Case, Target
from tests.response import register_cases

ISSUE = pd.Timestamp("2026-02-08T08:00")
MOCK = schema.mock_observations(start="2026-02-01", hours=6, stations=3, seed=4)
STATIONS = schema.stations_frame(MOCK)
CODES = [str(c) for c in STATIONS.index]
NAMED = STATIONS.assign(city="demo")
HOURS = range(6)

CSV = "time,station,pm25,pm10,so2,no2,co [mg m-3],o3,t2m\n" + "".join(
    f"2026-02-01T{h:02d}:00+08:00,{c},{30 + h},{50 + h},10,20,0.8,60.5,280.1\n"
    for h in HOURS for c in CODES
)  # fmt: skip
BEIJING = (
    "No,year,month,day,hour,PM2.5,PM10,SO2,NO2,CO,O3,TEMP,PRES,DEWP,RAIN,wd,WSPM,station\n"
    + "".join(
        f"{h},2016,2,1,{h},{30 + h},50,10,20,800,60,-1.2,1023,-15,0,NNW,2.1,{CODES[0]}\n"
        for h in HOURS
    )
)
WIDE = f"date,hour,type,{','.join(CODES)}\n" + "".join(
    f"20260201,{h},{kind},{','.join(str(10 + h) for _ in CODES)}\n"
    for h in HOURS for kind in ("PM2.5", "PM10", "SO2", "NO2", "O3", "CO", "AQI")
)  # fmt: skip
LONG = "Date,Hour,WatchPoint,AQI,PM2.5,PM10,CO,NO2,O3_1h,SO2,city\n" + "".join(
    f"20260201,{h},{STATIONS['name'].iloc[k]},50,{30 + h},50,0.8,20,60,10,demo\n"
    for h in HOURS for k in range(3)
)  # fmt: skip
KDD = "id,station_id,time,weather,temperature,pressure,humidity,wind_direction,wind_speed\n" + (
    "".join(
        f"{h},beijing_grid_{g:03d},2018-05-01 {h:02d}:00:00,CLEAR,12.5,1010,40,90,8\n"
        for h in HOURS for g in (0, 1, 22)
    )
)  # fmt: skip
TABLE = "time,pm25,pm10,so2,no2,co,o3\n" + "".join(
    f"2026-02-{d:02d}T{h:02d}:00,{180 + h},{200 + h},10,40,1.2,30\n"
    for d in (1, 2) for h in range(24)
)  # fmt: skip
REGISTER = "station,name,tier,area,latitude,longitude,reference,background,alias\n" + "".join(
    f"S{k},站{k},city,a,35.{k},113.{k},true,false,\n" for k in range(3)
)


def _changed(text: str, chance: random.Random) -> bytes:
    if chance.random() < 0.7:
        return mutate.cells(text, chance).encode("utf-8", "surrogatepass")
    return mutate.raw(text.encode(), chance)


def sound(read: Imported, codes: Sequence[str]) -> str:
    """Only full hours, known stations, possible numbers; nothing negative that cannot be."""
    ds = read.dataset
    times = ds["time"].to_numpy()
    if (times.astype("datetime64[h]") != times).any() or not ds.indexes["time"].is_unique:
        raise AssertionError("stamps that are no hours, or twice")
    if not set(map(str, ds["station"].to_numpy())) <= set(codes):
        raise AssertionError("a station nobody knows")
    for name in ds.data_vars:
        values = ds[name].to_numpy()
        if np.isinf(values).any():
            raise AssertionError(f"{name} is infinite")
        if name in schema.POLLUTANTS and (values < 0).any():
            raise AssertionError(f"{name} is negative")
    if all(p.where and p.found and p.expected for p in read.problems):
        return "problems told" if read.problems else "taken"
    raise AssertionError(f"a problem without words: {read.problems}")


def _observed(text: str, read: Callable[..., Imported], register: pd.DataFrame) -> Any:
    """Read; now and then the whole import, which is done or leaves the home as it was."""

    def prepare(folder: Path) -> Case:
        path = folder / "in.csv"
        source = {"beijing": "beijing", "cnemc": "cnemc"}.get(
            read.__module__.rsplit(".", 1)[1], "csv"
        )

        def case(chance: random.Random) -> str:
            path.write_bytes(_changed(text, chance))
            if chance.random() > 0.03:
                return sound(read([path], register), CODES)
            home = folder / f"home{chance.randrange(10**9)}"
            try:
                report = run.run(source, [path], home=home, stations=register, received=ISSUE)
            except DataError:
                if (home / "observations").is_dir() and any((home / "observations").glob("*.nc")):
                    raise AssertionError("half an import") from None
                raise
            again = run.run(source, [path], home=home, stations=register, received=ISSUE)
            if again.values_new or again.values_replaced:
                raise AssertionError("the same file again changed something")
            return "problems told" if report.problems else "taken"

        return case

    return prepare


def _netcdf(folder: Path) -> Case:
    path = folder / "in.nc"
    MOCK.to_netcdf(folder / "good.nc")
    good = (folder / "good.nc").read_bytes()

    def case(chance: random.Random) -> str:
        path.write_bytes(mutate.raw(good, chance))
        return sound(netcdf.read([path], STATIONS), CODES)

    return case


def _weather(folder: Path) -> Case:
    good = _file(folder / "good.nc", lambda ds: ds, ISSUE).read_bytes()

    def case(chance: random.Random) -> str:
        path = folder / f"in{chance.randrange(10**9)}.nc"  # the library may still hold a bad one
        if chance.random() < 0.7:
            path.write_bytes(mutate.raw(good, chance))
        else:
            _file(path, lambda ds: _strange(ds, chance), ISSUE)
        return _kept(folder, weather_import.netcdf, path, chance)

    return case


def _strange(ds: xr.Dataset, chance: random.Random) -> xr.Dataset:
    ds = ds.copy(deep=True)
    name = chance.choice([str(v) for v in ds.data_vars])
    match chance.randrange(5):
        case 0:
            ds[name].values[:] = chance.choice([np.nan, np.inf, -1e30, 0.0, 1e30])
        case 1:
            ds[name].attrs["units"] = chance.choice(["", "K", "m", "hPa", "x" * 50])
        case 2:
            ds = ds.isel(time=[chance.randrange(48) for _ in range(5)])
        case 3:
            ds = ds.drop_vars(name)
        case _:
            ds.attrs["issue_time"] = chance.choice(mutate.TOKENS[3:30])
    return ds


def _kdd(folder: Path) -> Case:
    path = folder / "forecast_2018-05-01.csv"

    def case(chance: random.Random) -> str:
        path.write_bytes(_changed(KDD, chance))
        return _kept(folder, weather_import.kdd2018, path, chance)

    return case


def _kept(folder: Path, read: Any, path: Path, chance: random.Random) -> str:
    """What was stored can be read again and is possible; what was not is told."""
    home = folder / f"home{chance.randrange(10**9)}"
    done = read([path], home=home, source="s")
    for kept in sorted((home / "weather").glob("*/*.nc")):
        vintages, notes = weather.vintages(home, kept.parent.name)
        if notes or not vintages:
            raise AssertionError(f"stored and not readable: {notes}")
        weather.read(vintages[0])
    if not done.stored and not done.problems:
        raise AssertionError("neither stored nor told")
    return "problems told" if done.problems else "taken"


def _sheets(folder: Path) -> Case:
    """The emergency list: as CSV, sometimes as a workbook."""
    sheets = register_cases.sheets()
    texts = {n: t.to_csv(index=False, header=True) for n, t in sheets.items()}
    book = register_cases.write(folder / "good.xlsx", sheets).read_bytes()

    def case(chance: random.Random) -> str:
        if chance.random() < 0.1:
            path = folder / "in.xlsx"
            path.write_bytes(mutate.raw(book, chance))
        else:
            path = folder / "list"
            path.mkdir(exist_ok=True)
            which = chance.choice(list(texts))
            for name, text in texts.items():
                content = _changed(text, chance) if name == which else text.encode()
                (path / f"{name}.csv").write_bytes(content)
        made = register_read.read(path).register
        numbers = made.units[["so2", "nox", "pm", "voc"]].to_numpy(dtype=float)
        if not np.isfinite(numbers).all() or (numbers < 0).any():
            raise AssertionError("emissions that cannot be")
        return "taken"

    return case


def _requests(folder: Path) -> Case:
    text = "生产单元,申请复产时间,爬坡时间(h),日产值(元)\nE1-1,2026-02-01 08:00,6,200000\n"
    path = folder / "requests.csv"

    def case(chance: random.Random) -> str:
        path.write_bytes(_changed(text, chance))
        resumption_requests.read(path)
        return "taken"

    return case


def _table(command: str) -> Any:
    def prepare(folder: Path) -> Case:
        path, out = folder / "in.csv", folder / "out.csv"

        def case(chance: random.Random) -> str:
            path.write_bytes(_changed(TABLE, chance))
            if command == "aqi":
                kind = chance.choice(["hourly", "daily", "hourly-to-daily"])
                problems = aqi_table.run(path, kind=kind, standard="auto", out=out)
                found = pd.read_csv(out)["aqi"].dropna()
                if ((found < 0) | (found > 500)).any():
                    raise AssertionError("an index that is none")
            else:
                _, problems = warn_table.run(path, rules="national-2024")
            return "problems told" if problems else "taken"

        return case

    return prepare


def _stations(folder: Path) -> Case:
    path = folder / "stations.csv"

    def case(chance: random.Random) -> str:
        path.write_bytes(_changed(REGISTER, chance))
        table_ = stations.load(path)
        if not table_["latitude"].between(-90, 90).all() or not table_.index.is_unique:
            raise AssertionError("a register that cannot be")
        return "taken"

    return case


TARGETS = (
    Target("observations csv", _observed(CSV, table.read, STATIONS)),
    Target("observations beijing", _observed(BEIJING, beijing.read, STATIONS)),
    Target("observations cnemc wide", _observed(WIDE, cnemc.read, NAMED)),
    Target("observations cnemc long", _observed(LONG, cnemc.read, NAMED)),
    Target("observations netcdf", _netcdf),
    Target("weather netcdf", _weather),
    Target("weather kdd2018", _kdd),
    Target("register sheets", _sheets),
    Target("resumption requests", _requests),
    Target("station register", _stations),
    Target("aqi table", _table("aqi")),
    Target("warn table", _table("warn")),
)
