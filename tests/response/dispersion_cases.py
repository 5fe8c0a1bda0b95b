"""One unit, one stack, plain weather: what the tests of dispersion build on."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import xarray as xr

from forecast import schema
from response import plume_settings
from response.plume_settings import Settings, Six

START = pd.Timestamp("2016-01-04 17:00")  # 01:00 local
M_PER_DEGREE = 111194.9


def bare(**changes: object) -> Settings:
    """Settings without removal, chemistry, meander or spread of the receptor."""
    s = plume_settings.load()
    none = {
        "wind": s.wind.model_copy(update={"meander_m_s": 0.0, "veer_degrees": 0.0, "most": 10.0}),
        "receptor": s.receptor.model_copy(update={"radius_m": 0.0}),
        "deposition": s.deposition.model_copy(update={"velocity_m_s": Six(), "washout_s": Six()}),
        "chemistry": s.chemistry.model_copy(
            update={
                "primary_sulphate": 0.0, "so2_sun_h": 0.0, "so2_humid_h": 0.0, "nox_sun_h": 0.0,
                "nox_dark_h": 0.0, "voc_sun_h": 0.0,
            }
        ),
    }  # fmt: skip
    return s.model_copy(update=none | changes)


def register(count: int = 1, **columns: object) -> SimpleNamespace:
    """Units of 86.4 kg/d (1 g/s) of everything, each with one cold stack of 20 m at the middle."""
    ids = pd.Index([f"U{i}" for i in range(count)], name="unit")
    units = pd.DataFrame(dict.fromkeys(("so2", "nox", "pm", "voc", "co"), 86.4), index=ids)
    units = units.assign(pm25_share=1.0, profile="continuous")
    stacks = pd.DataFrame(
        {
            "unit": ids, "share": 1.0, "height_m": 20.0, "diameter_m": 1.0, "temperature_k": 280.0,
            "speed_m_s": 0.0, "longitude": 113.0, "latitude": 35.0,
        }
    )  # fmt: skip
    for name, value in columns.items():
        table = units if name in units else stacks
        table[name] = value
    return SimpleNamespace(units=units, stacks=stacks)


def weather(hours: int = 30, **values: object) -> xr.Dataset:
    """Wind of 5 m/s from the west under a cloudy evening's sky: class D; each may be (hour,)."""
    plain = {
        "u10": 5.0, "v10": 0.0, "t2m": 280.0, "d2m": 270.0, "tp": 0.0, "blh": 1000.0, "ssrd": 0.0,
    }  # fmt: skip
    data = {
        n: ("time", np.broadcast_to(np.asarray(v, float), hours).copy(), schema.attrs_of(n))
        for n, v in (plain | values).items()
    }
    return xr.Dataset(data, {"time": pd.date_range(START, periods=hours, freq="h")})


def receptors(*metres: tuple[float, float]) -> pd.DataFrame:
    """Receptors so many metres east and north of the stack; a far pair keeps the plane's middle."""
    x, y = np.array([*metres, *[(-a, -b) for a, b in metres]], float).T
    return pd.DataFrame(
        {
            "longitude": 113.0 + x / (M_PER_DEGREE * np.cos(np.radians(35.0))),
            "latitude": 35.0 + y / M_PER_DEGREE,
            "area": "a",
        },
        index=pd.Index([f"R{i}" for i in range(len(x))], name="station"),
    )
