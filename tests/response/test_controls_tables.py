"""Control plans in JSON, tables and words."""

import json

import pandas as pd
import pytest

from response import controls, controls_tables
from tests.response.controls_cases import case


@pytest.fixture(scope="module")
def plan():
    return controls.plan(case({"pm": 60.0}, {"pm": 20.0, "grade": "A"}, {"pm": 30.0}))


def test_json_holds_only_plain_values(plan):
    said = json.loads(json.dumps(controls_tables.as_dict(plan), allow_nan=False))
    assert said["feasible"] is False
    assert said["shortfalls"][0]["target"] == "ratio_pm"
    assert said["orders"][0]["effect_pm25"] is None
    assert {o["day"] for o in said["orders"]} == {"2026-12-01", "2026-12-02"}


def test_tables_add_up(plan):
    made = controls_tables.tables(plan)
    assert made["by_grade"]["loss_yuan"].sum() == pytest.approx(plan.loss_yuan)
    assert made["by_grade"].loc["C", "units_reduced"] == 2
    assert len(made["orders"]) == 4
    assert made["unchanged"]["生产单元"].tolist() == ["u1"]


def test_files_are_written_and_read_back(plan, tmp_path):
    paths = controls_tables.write(plan, tmp_path)
    assert {p.name for p in paths} >= {"plan.json", "orders.csv", "plan.xlsx"}
    back = pd.read_excel(tmp_path / "plan.xlsx", sheet_name="orders")
    assert back["损失（元）"].sum() == pytest.approx(plan.loss_yuan)


def test_words_say_what_is_missed_in_both_languages(plan):
    said = "\n".join(controls_tables.lines(plan))
    assert "未达" in said
    assert "missed: the PM ratio on 2026-12-01: 10.0 % required, 9.0 % reached" in said
