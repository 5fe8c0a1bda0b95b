"""`lantian warn`: tables as people write them, and what comes out."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast.problems import ConfigError, DataError
from response import warn_table

Write = Callable[[pd.DataFrame], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_csv(frame: pd.DataFrame) -> Path:
        path = tmp_path / "city.csv"
        frame.to_csv(path, index=False)
        return path

    return to_csv


def table(
    *parts: tuple[int, int, float], hours: int = 240, start: str = "2024-12-01T01:00"
) -> pd.DataFrame:
    """Local hours; parts (first row, rows, PM2.5), nothing elsewhere."""
    pm25 = np.zeros(hours)
    for first, count, value in parts:
        pm25[first : first + count] = value
    time = pd.date_range(start, periods=hours, freq="h").strftime("%Y-%m-%dT%H:%M")
    return pd.DataFrame(
        {"time": time, "pm25": pm25, "pm10": pm25 * 1.2, "so2": 8, "no2": 30, "co": 0.6, "o3": 50}
    )


def warn(path: Path, rules: str = "national-2024") -> dict[str, object]:
    result, problems = warn_table.run(path, rules=rules)
    assert problems == ()
    return result.as_dict()


def test_the_answer_has_exactly_these_keys(write: Write) -> None:
    # 48 h of 151, zero around: exactly two adjoining windows above 200. Row 43 is
    # stamped 20:00 of 2 December, the end of its hour, which began at 19:00.
    found = warn(write(table((43, 48, 151))))
    assert list(found) == ["level", "start", "end", "criteria", "probability"]
    assert found["level"] == "orange"
    assert found["probability"] == {"yellow": 1.0, "orange": 1.0, "red": 0.0}
    criteria = found["criteria"]
    assert isinstance(criteria, list)
    by = {(c["level"], c["text"]): c for c in criteria}
    orange = by["orange", "24-h AQI above 200 for 48 h"]
    assert orange["start"] == "2024-12-02T19:00:00+08:00"
    assert orange["end"] == "2024-12-04T19:00:00+08:00"
    assert orange["share"] == 1.0
    assert ("orange", "24-h AQI above 150 for 72 h") not in by
    assert (found["start"], found["end"]) == (orange["start"], orange["end"])
    json.dumps(found)


def test_clean_air(write: Write) -> None:
    found = warn(write(table()))
    assert found["level"] is None
    assert found["start"] is None
    assert found["end"] is None
    assert found["criteria"] == []
    assert found["probability"] == {"yellow": 0.0, "orange": 0.0, "red": 0.0}


def test_blue_where_the_edition_has_it(write: Write) -> None:
    path = write(table((43, 24, 151)))
    found = warn(path, "national-2017")
    assert found["level"] == "blue"
    assert found["probability"] == {"blue": 1.0, "yellow": 0.0, "orange": 0.0, "red": 0.0}
    assert warn(path, "national-2018")["level"] is None
    assert warn(path, "henan-2014")["level"] == "blue"


@pytest.mark.parametrize(
    ("hours", "level"), [(23, None), (24, "yellow"), (47, "yellow"), (48, "orange")]
)
def test_tables_that_hold_nothing_but_the_episode(
    write: Write, hours: int, level: str | None
) -> None:
    # A window must lie within the table: 23 rows are no 24 hours, though 20 values make a mean.
    assert warn(write(table((0, hours, 160), hours=hours)))["level"] == level


def test_the_bound_itself_under_both_editions(write: Write) -> None:
    at = table((43, 24, 150))
    assert warn(write(at))["level"] is None
    over = at.copy()
    over.loc[43:52, "pm25"] = 151  # mean 150.42: 201 until 2026-02, rounded to 150 -> 200 since
    assert warn(write(over))["level"] == "yellow"
    over["time"] = table(start="2026-12-01T01:00")["time"]
    assert warn(write(over))["level"] is None


def test_500_is_reached(write: Write) -> None:
    assert warn(write(table((43, 24, 500))), "national-2018")["level"] == "red"
    # 498 -> 498.7 -> 499, but 499 -> 499.3 -> 500: the index is rounded up. Yellow, as
    # 24 h of 498 keep the means of two adjoining windows above 150.
    assert warn(write(table((43, 24, 498))), "national-2018")["level"] == "yellow"
    assert warn(write(table((43, 24, 499))), "national-2018")["level"] == "red"


@pytest.mark.parametrize(
    ("gap", "start"), [(35, "2024-12-02T19:00:00+08:00"), (37, "2024-12-06T08:00:00+08:00")]
)
def test_two_episodes(write: Write, gap: int, start: str) -> None:
    # Yellow, a gap, orange: one episode at the stricter level, or two. Row 128 begins at 08:00.
    found = warn(write(table((43, 48, 151), (43 + 48 + gap, 72, 151))), "national-2018")
    assert (found["level"], found["start"]) == ("orange", start)


def test_ozone_alone_has_no_colour_but_a_notice(write: Write) -> None:
    frame = table()
    frame.loc[10:40, "o3"] = 400
    result, _ = warn_table.run(write(frame), rules="national-2024")
    assert result.level is None
    assert any("health notice" in line for line in result.lines())


def test_dust_counts_unless_it_was_determined(write: Write) -> None:
    frame = table()
    frame.loc[43:114, "pm10"] = 600
    result, _ = warn_table.run(write(frame), rules="national-2024")
    assert result.level == "red"
    assert any("look like dust" in line for line in result.lines())
    frame["dust"] = ["true" if 43 <= i < 115 else "" for i in range(len(frame))]
    assert warn(write(frame))["level"] is None


def test_members(write: Write) -> None:
    members = [table(), table((43, 24, 151)), table((50, 48, 151)), table((40, 48, 151))]
    frame = pd.concat([m.assign(member=f"m{i}") for i, m in enumerate(members)])
    path = write(frame.sample(frac=1, random_state=1))
    found = warn(path)
    assert found["probability"] == {"yellow": 0.75, "orange": 0.5, "red": 0.0}
    assert found["level"] == "orange"
    assert found["start"] == "2024-12-02T16:00:00+08:00"  # row 40, the earlier of two
    strict, _ = warn_table.run(path, rules="national-2024", threshold=0.6)
    assert strict.level == "yellow"


def test_a_gap_is_missing_hours_and_not_closed_up(write: Write) -> None:
    frame = table((43, 48, 300))
    cut = frame.drop(index=range(60, 70))
    assert warn(write(frame))["level"] == "orange"
    # 24 h windows with at most four hours missing end by row 63 or begin from row 66 on.
    found = warn(write(cut))
    assert found["level"] == "yellow"
    closed = cut.assign(time=frame["time"].iloc[: len(cut)].to_numpy())
    assert closed["time"].is_monotonic_increasing


def test_times_with_and_without_offset(write: Write) -> None:
    frame = table((43, 48, 151))
    local = warn(write(frame))
    utc = pd.to_datetime(frame["time"]) - pd.Timedelta(hours=8)
    assert warn(write(frame.assign(time=utc.dt.strftime("%Y-%m-%d %H:%M:%SZ")))) == local
    assert warn(write(frame.assign(time=frame["time"] + "+08:00"))) == local
    midnight = frame["time"].where(
        ~frame["time"].str.endswith("T00:00"),
        (pd.to_datetime(frame["time"]) - pd.Timedelta(days=1)).dt.strftime("%Y-%m-%dT24:00"),
    )
    assert warn(write(frame.assign(time=midnight))) == local
    result, _ = warn_table.run(write(frame), rules="national-2024")
    assert any("UTC+8" in line for line in result.lines())
    result, _ = warn_table.run(
        write(frame.assign(time=frame["time"] + "+08:00")), rules="national-2024"
    )
    assert not any("UTC+8" in line for line in result.lines())


def test_bad_cells_and_rows_are_named_and_cost_nothing_else(write: Write) -> None:
    frame: Any = table((43, 48, 200)).astype(object)
    frame.loc[0, "pm25"] = "abc"
    frame.loc[1, "co"] = -1
    frame.loc[2, "time"] = "yesterday"
    frame.loc[3, "time"] = "2024-12-01T04:30"
    frame.loc[5, "time"] = frame.loc[4, "time"]
    frame.loc[6, "no2"] = "inf"
    frame.loc[7, "so2"] = "—"  # missing, and not wrong
    path = write(frame)
    result, problems = warn_table.run(path, rules="national-2024")
    assert result.level == "orange"
    said = [str(p) for p in problems]
    for row, what in (
        (2, "abc"),
        (3, "-1"),
        (4, "yesterday"),
        (5, "04:30"),
        (7, "05:00"),
        (8, "inf"),
    ):
        assert sum(f"{path}: row {row}," in line and what in line for line in said) == 1
    assert len(said) == 6


def test_many_bad_cells_end_in_a_count(write: Write) -> None:
    frame = table().assign(no2="x")
    _, problems = warn_table.run(write(frame), rules="national-2024")
    assert len(problems) == 21
    assert "220 more" in str(problems[-1])


def test_an_absent_column_is_named(write: Write) -> None:
    result, problems = warn_table.run(
        write(table((43, 48, 151)).drop(columns=["so2", "o3"])), rules="national-2024"
    )
    assert result.level == "orange"
    assert [p.found for p in problems] == ["no column so2"]


def test_refusals(write: Write, tmp_path: Path) -> None:
    good = write(table())
    with pytest.raises(ConfigError, match="national-2024"):
        warn_table.run(good, rules="national-1999")
    with pytest.raises(ConfigError):
        warn_table.run(tmp_path / "absent.csv", rules="national-2024")
    for text in ("", "time,pm25\n", "a,b\n1,2\n", "time,pm25,pm25\n1,2,3\n"):
        path = tmp_path / "wrong.csv"
        path.write_text(text)
        with pytest.raises(DataError):
            warn_table.run(path, rules="national-2024")
    two = pd.concat([table().assign(station="A"), table().assign(station="B")])
    with pytest.raises(DataError, match="stations"):
        warn_table.run(write(two), rules="national-2024")
    far: Any = table()
    far.loc[len(far)] = ["9999-01-01T01:00", 1, 1, 1, 1, 1, 1]
    with pytest.raises(DataError, match="member hours"):
        warn_table.run(write(far), rules="national-2024")
