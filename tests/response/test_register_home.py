"""The home's register: replaced whole or not at all, earlier lists kept, errors told."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from forecast.problems import ConfigError
from response import register_home, register_write
from serving import imports
from tests.response import register_cases as cases

NOW = pd.Timestamp("2026-11-24 08:00")
LATER = pd.Timestamp("2026-11-25 08:00")


def bring(path: Path, home: Path, at: pd.Timestamp = NOW) -> imports.Imported:
    return imports.run("register", [path], home=home, stations=None, city=None, received=at)


def test_a_good_list_becomes_the_register_and_the_one_before_is_kept(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with pytest.raises(ConfigError, match="lantian import register"):
        register_home.current(home)
    first = bring(cases.write(tmp_path / "a.xlsx", cases.sheets()), home)
    assert first.numbers["stored"] == 1
    assert first.numbers["units"] == 3
    again = bring(tmp_path / "a.xlsx", home, LATER)
    assert (again.numbers["stored"], again.numbers["unchanged"]) == (0, 1)
    tables = cases.sheets()
    cases.put(tables, "企业", 3, "绩效等级", "D级")
    bring(cases.write(tmp_path / "b.xlsx", tables), home, LATER)
    assert register_home.current(home).enterprises.loc["E2", "grade"] == "D"
    kept = register_home.versions(home)
    assert [v.received for v in kept] == ["2026-11-24T08:00:00Z", "2026-11-25T08:00:00Z"]
    assert [v.source for v in kept] == ["a.xlsx", "b.xlsx"]


def test_a_faulty_list_changes_nothing_and_leaves_its_error_sheet(tmp_path: Path) -> None:
    home = tmp_path / "home"
    bring(cases.write(tmp_path / "a.xlsx", cases.sheets()), home)
    before = register_home.current(home)
    tables = cases.sheets()
    cases.put(tables, "企业", 3, "绩效等级", "E级")
    cases.put(tables, "措施", 2, "负荷(%)", -3)
    done = bring(cases.write(tmp_path / "b.xlsx", tables), home, LATER)
    assert done.numbers == {"stored": 0, "faults": 2}
    assert len(done.problems) == 2
    assert "企业 row 3 绩效等级" in str(done.problems[0])
    errors = pd.read_csv(next((home / "register" / "errors").glob("*.csv")))
    assert errors["row"].tolist() == [3, 2]
    assert len(register_home.versions(home)) == 1
    pd.testing.assert_frame_equal(register_home.current(home).enterprises, before.enterprises)


def test_a_death_before_the_list_holds_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    bring(cases.write(tmp_path / "a.xlsx", cases.sheets()), home)
    tables = cases.sheets()
    cases.put(tables, "企业", 3, "绩效等级", "D级")
    cases.write(tmp_path / "b.xlsx", tables)

    def die(path: Path, text: str) -> None:
        if path.name == "current.json":
            raise OSError("no power")
        path.write_text(text, encoding="utf-8")

    with monkeypatch.context() as patch:
        patch.setattr(register_home.files, "write_text", die)
        with pytest.raises(OSError, match="no power"):
            bring(tmp_path / "b.xlsx", home, LATER)
    assert register_home.current(home).enterprises.loc["E2", "grade"] == "B-"
    bring(tmp_path / "b.xlsx", home, LATER)
    assert register_home.current(home).enterprises.loc["E2", "grade"] == "D"


def test_missing_measures_are_filled_and_said(tmp_path: Path) -> None:
    tables = cases.sheets()
    tables["措施"] = tables["措施"].iloc[0:0]
    done = bring(cases.write(tmp_path / "a.xlsx", tables), tmp_path / "home")
    assert done.numbers["measures_filled"] == 3
    assert any("were missing: filled" in note for note in done.notes)
    assert len(register_home.current(tmp_path / "home").measures) == 9


def test_a_simulated_list_stays_simulated_in_the_home(tmp_path: Path) -> None:
    one = cases.made()
    people = one.enterprises.assign(credit_code=["91410800SIM000001X", "91410800SIM000002X"])
    register_write.write_csv(tmp_path / "csv", replace(one, enterprises=people))
    done = bring(tmp_path / "csv", tmp_path / "home")
    assert any("simulated" in note for note in done.notes)
    assert register_home.current(tmp_path / "home").simulated


def test_the_city_of_the_stations_bounds_the_stacks(tmp_path: Path) -> None:
    cases.write(tmp_path / "a.xlsx", cases.sheets())
    far = pd.DataFrame({"longitude": [116.4], "latitude": [39.9]})
    done = imports.run(
        "register", [tmp_path / "a.xlsx"], home=tmp_path / "home", stations=far, city=None,
        received=NOW,
    )  # fmt: skip
    assert done.numbers["faults"] == 6  # two enterprises, four stacks
    with pytest.raises(ConfigError, match="one Excel file"):
        imports.run("register", [], home=tmp_path, stations=None, city=None, received=NOW)
