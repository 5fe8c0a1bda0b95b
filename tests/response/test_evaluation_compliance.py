"""Who complied: invented meters with known behaviour, and the simulated city's own."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast.problems import DataError
from response import evaluation_compliance as compliance

OFFSET = pd.Timedelta(hours=8)
TIMES = pd.date_range("2016-01-01 17:00", periods=24 * 13, freq="h")
BEGIN = pd.Timestamp("2016-01-11 16:00")  # local midnight
END = BEGIN + pd.Timedelta(days=3)
UNITS = ["ALL", "HALF", "NIGHT", "NONE", "LATE", "FAKE"]


def night() -> np.ndarray:
    local = (TIMES + OFFSET - pd.Timedelta(hours=1)).hour.to_numpy()
    return np.asarray((local >= 22) | (local < 6))


def run() -> np.ndarray:
    """Real load (hour, unit); everyone is ordered to 20 %."""
    inside = np.asarray((TIMES > BEGIN) & (TIMES <= END))
    load = np.ones((len(TIMES), len(UNITS)))
    load[inside, 0] = 0.2
    load[inside, 1] = 0.6
    load[inside & ~night(), 2] = 0.2
    load[inside & (BEGIN + pd.Timedelta(hours=14) < TIMES), 4] = 0.2
    load[inside, 5] = 0.9
    return load


def meters() -> tuple[xr.Dataset, xr.Dataset]:
    random = np.random.default_rng(1)
    load = run()
    hour = 1 + 0.3 * np.sin(np.arange(len(TIMES)) * 2 * np.pi / 24)
    power = 1000 * (0.1 + 0.9 * load * hour[:, None]) * (1 + 0.01 * random.normal(size=load.shape))
    shown = load.copy()
    inside = np.asarray((TIMES > BEGIN) & (TIMES <= END))
    shown[inside, 5] = 0.2
    emission = 5 * shown * hour[:, None] * (1 + 0.05 * random.normal(size=load.shape))
    return (
        xr.Dataset({"production": (("time", "unit"), power)}, {"time": TIMES, "unit": UNITS}),
        xr.Dataset(
            {"emission_so2": (("time", "stack"), emission)},
            {"time": TIMES, "stack": [f"{u}-S" for u in UNITS], "unit": ("stack", UNITS)},
        ),
    )


def orders(load: float = 0.2) -> pd.DataFrame:
    return pd.DataFrame({"unit": UNITS, "start": BEGIN, "end": END, "load": load})


def table() -> pd.DataFrame:
    return pd.DataFrame({"hours_to_stop": 1.0}, UNITS)


def test_each_behaviour_is_told_apart() -> None:
    found = compliance.judge(orders(), *meters(), table(), offset=OFFSET).table.set_index("unit")
    assert found["verdict"].to_dict() == {
        "ALL": "complied", "HALF": "partly", "NIGHT": "evades_night", "NONE": "not",
        "LATE": "late", "FAKE": "not",
    }  # fmt: skip
    assert found.loc["HALF", "done"] == pytest.approx(0.5, abs=0.05)
    assert found.loc["LATE", "late_h"] == pytest.approx(14, abs=2)
    assert found["contradicts"].to_dict() == {u: u == "FAKE" for u in UNITS}
    chances = found[[f"p_{v}" for v in compliance.VERDICTS]]
    assert np.allclose(chances.sum(axis=1), 1)


def test_without_meters_monitors_count_and_without_both_nothing_is_said() -> None:
    _, monitors = meters()
    found = compliance.judge(orders(), None, monitors, table(), offset=OFFSET).table
    assert found.set_index("unit").loc["FAKE", "verdict"] == "complied"  # what it shows
    assert set(found["evidence"]) == {"monitor"}
    found = compliance.judge(orders(), None, None, table(), offset=OFFSET).table
    assert set(found["verdict"]) == {"unknown"}
    assert (found["probability"] == 1).all()


def test_a_missing_hour_is_not_a_stopped_one() -> None:
    power, _ = meters()
    gone = power.copy(deep=True)
    inside = np.asarray((TIMES > BEGIN) & (TIMES <= END))
    gone["production"][inside, 3] = np.nan
    found = compliance.judge(orders(), gone, None, table(), offset=OFFSET).table
    assert found.set_index("unit").loc["NONE", "verdict"] == "unknown"


def test_loads_by_local_day() -> None:
    found = compliance.judge(orders(), *meters(), table(), offset=OFFSET)
    day = pd.Timestamp("2016-01-13")
    assert found.loads.loc["HALF", day] == pytest.approx(0.6, abs=0.03)
    assert found.loads.loc["FAKE", day] == pytest.approx(
        0.9, abs=0.03
    )  # the meter, not the monitor


def test_faulty_orders_are_told_all_at_once() -> None:
    bad = orders(1.4)
    bad.loc[0, "unit"] = "X"
    with pytest.raises(DataError) as error:
        compliance.judge(bad, None, None, table(), offset=OFFSET)
    assert "unit X" in str(error.value)
    assert str(error.value).count("0..1") == len(UNITS)
