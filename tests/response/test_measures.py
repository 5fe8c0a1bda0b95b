"""Measures by industry, grade, kind and level: the found text, the pattern, the rules for units."""

from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pydantic import ValidationError

from forecast.config import configs_dir
from forecast.problems import ConfigError
from response import measures, measures_config
from response.register_columns import GRADES, KINDS, LEVELS
from tests.response import register_cases as cases


def asked(level: str, grade: str, **other: str) -> tuple[str, float, bool]:
    edition = measures_config.load()
    given_ = {"industry": "水泥熟料", "key_industry": "水泥", "kind": "ordinary"} | other
    step, basis = measures.rule(edition, grade=grade, level=level, **given_)
    return step.action, step.cut, basis.assumption


@pytest.mark.parametrize(
    ("grade", "yellow", "orange", "red"),
    [
        ("A", "autonomous", "autonomous", "autonomous"),
        ("B", "trucks", "cut", "stop"),
        ("C", "half_lines", "stop", "stop"),
        ("D", "stop", "stop", "stop"),
    ],
)
def test_cement_clinker_as_the_found_text_has_it(
    grade: str, yellow: str, orange: str, red: str
) -> None:
    for level, action in (("yellow", yellow), ("orange", orange), ("red", red)):
        cut = 0.2 if action == "cut" else 0.0
        assert asked(level, grade) == (action, cut, False)


def test_where_no_text_was_found_it_is_an_assumption() -> None:
    for industry in ("炭素", "耐火材料", "玻璃", ""):
        for grade in ("B", "C", "D"):
            assert asked("orange", grade, industry="", key_industry=industry)[2]
    assert asked("red", "A", key_industry="玻璃") == ("autonomous", 0.0, False)
    assert asked("red", "A+") == ("autonomous", 0.0, True)  # what A+ means was not found


def test_kinds_are_exempt_whatever_their_grade() -> None:
    for kind, assumption in (("guarantee", False), ("minor", True), ("key_project", True)):
        assert asked("red", "D", kind=kind) == ("exempt", 0.0, assumption)


def test_a_process_may_have_its_own_step() -> None:
    steel = {"industry": "", "key_industry": "长流程联合钢铁"}
    assert asked("orange", "B", unit_name="1#烧结机", **steel)[0] == "stop"
    assert asked("orange", "B", unit_name="1#转炉", **steel)[0] == "cut"  # the pattern
    assert asked("orange", "C", unit_name="2#高炉", **steel)[0] == "half_lines"


def test_every_grade_kind_and_level_has_an_answer_for_the_39() -> None:
    edition = measures_config.load()
    assert len(edition.key_industries) == 39
    for key in (*edition.key_industries, ""):
        for grade in GRADES:
            for kind in KINDS:
                for level in LEVELS:
                    _, basis = measures.rule(
                        edition, industry="", key_industry=key, grade=grade, kind=kind, level=level
                    )
                    assert basis.source
                    assert basis.note is not None or not basis.assumption


def test_half_of_the_lines_by_hand() -> None:
    register = cases.made()
    table = measures.prescribed(register).set_index(["unit", "level"])
    # Two kilns: one stops, the last; at orange both.
    assert table.loc[("E1-U1", "yellow"), "load"] == 1
    assert table.loc[("E1-U2", "yellow"), "load"] == 0
    assert table.loc[("E1-U2", "yellow"), "cut_nox"] == 700
    assert (table.xs("orange", level="level").loc[["E1-U1", "E1-U2"], "load"] == 0).all()
    assert table.loc[("E1-U1", "yellow"), "trucks_after"] == 30  # half of 60
    # B- is treated as C: the single furnace stops at yellow, and that is an assumption.
    assert table.loc[("E2-U1", "yellow"), "load"] == 0
    assert table.loc[("E2-U1", "yellow"), "assumption"]


def test_three_lines_and_a_yard() -> None:
    names = ["1#窑", "2#窑", "3号窑", "堆场"]
    units = pd.DataFrame({"enterprise": "E", "name": names, "line": [True, True, True, False]})
    assert_allclose(measures.half_of_lines(units), [1, 0, 0, 1 / 3])


def test_what_stops_slowly_goes_to_its_minimum_and_none_between() -> None:
    register = cases.made()
    units = register.units.assign(hours_to_stop=[24.0, 23.0, 3.0])
    people = register.enterprises.assign(grade="D")
    table = measures.prescribed(replace(register, units=units, enterprises=people))
    red = table[table["level"] == "red"].set_index("unit")["load"]
    assert red.tolist() == [0.75, 0, 0]
    people = register.enterprises.assign(grade="B")
    units = register.units.assign(min_load=[0.9, 0.75, 0.0])
    table = measures.prescribed(replace(register, units=units, enterprises=people))
    orange = table[table["level"] == "orange"].set_index("unit")["load"]
    assert_allclose(orange, [0.9, 0.8, 0.8])  # a cut of 20 %, never below the minimum


@settings(max_examples=25, deadline=None)
@given(
    grade=st.sampled_from(list(GRADES)),
    kind=st.sampled_from(list(KINDS)),
    least=st.floats(0, 1),
    hours=st.floats(0, 100),
    key=st.sampled_from(["焦化", "玻璃", "水泥", ""]),
)
def test_no_level_is_looser_and_no_load_between(
    grade: str, kind: str, least: float, hours: float, key: str
) -> None:
    register = cases.made()
    people = register.enterprises.assign(grade=grade, kind=kind, key_industry=key, industry="")
    units = register.units.assign(min_load=least, hours_to_stop=hours)
    table = measures.prescribed(replace(register, enterprises=people, units=units))
    for field in ("load", "trucks_after"):
        wide = table.pivot(index="unit", columns="level", values=field)[list(LEVELS)]
        assert (wide.diff(axis=1).iloc[:, 1:] <= 1e-9).all(axis=None)
    assert ((table["load"] == 0) | (table["load"] >= least - 1e-3)).all()


def test_filling_leaves_alone_what_is_listed() -> None:
    register = cases.made()
    listed = register.measures[register.measures["unit"] != "E2-U1"].reset_index(drop=True)
    filled, count = measures.fill(replace(register, measures=listed))
    assert count == 1
    kept = filled.measures.iloc[: len(listed)][listed.columns]
    pd.testing.assert_frame_equal(kept, listed, check_dtype=False)
    assert (filled.measures["unit"] == "E2-U1").sum() == 3
    assert measures.fill(register) == (register, 0)


def test_differences_are_listed_with_their_direction() -> None:
    register = cases.made()
    found = measures.differences(register)
    # Listed: the furnace (B-, as C) runs at half load at yellow; the edition stops it.
    row = found[(found["unit"] == "E2-U1") & (found["level"] == "yellow")].iloc[0]
    assert (row["listed_load"], row["load"], row["strictness"]) == (0.5, 0.0, "looser")
    assert register.measures.equals(cases.made().measures)
    same = replace(register, measures=measures.prescribed(register))
    assert measures.differences(same).empty


def test_proof_comes_from_the_process_and_never_from_a_limit() -> None:
    edition = measures_config.load()
    unit = {"industry": "焦化", "key_industry": "焦化", "name": "1#焦炉"}
    assert edition.proof_of(unit) == "结焦时间"
    assert edition.proof_of({"industry": "", "key_industry": "", "name": "2#锅炉"}).startswith(
        "CEMS"
    )
    assert edition.proof_of({"industry": "", "key_industry": "", "name": "x"}) == "用电量"
    data = edition.model_dump()
    data["industries"]["glass"]["proof"] = "污染物达标排放"
    with pytest.raises(ValidationError, match="rests on a limit"):
        measures_config.Edition.model_validate(data)


def test_everything_wrong_in_an_edition_is_told_at_once(
    tmp_path: "object", monkeypatch: pytest.MonkeyPatch
) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path)) / "measures"
    folder.mkdir()
    text = (configs_dir() / "measures" / "mee-2020-340.yaml").read_text(encoding="utf-8")
    text = text.replace("hours: 24\n", "hours: -1\n").replace("proof: 用电量   ", "prof: 用电量   ")
    (folder / "mee-2020-340.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(measures_config, "configs_dir", lambda: folder.parent)
    measures_config.load.cache_clear()
    with pytest.raises(ConfigError) as caught:
        measures_config.load()
    measures_config.load.cache_clear()
    said = str(caught.value)
    assert all(part in said for part in ("slow.hours", "prof", "proof"))
    with pytest.raises(ConfigError, match="one of"):
        measures_config.load("nowhere")
