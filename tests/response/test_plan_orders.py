"""Orders from a plan, and who is curtailed at a moment."""

from types import SimpleNamespace

import pandas as pd
import pytest

from forecast.problems import ConfigError
from response import plan_orders

OFFSET = pd.Timedelta(hours=8)
DAYS = pd.date_range("2026-12-02", periods=3)
NOW = pd.Timestamp("2026-12-02T08:00")  # 16:00 local


def plan():
    """U1 down two days at one load and deeper on the third, U2 only its trucks, U3 the last day."""
    loads = {"U1": [0.5, 0.5, 0.0], "U2": [1.0, 1.0, 1.0], "U3": [1.0, 1.0, 0.3]}
    modes = {"U1": ["partial", "partial", "measure"], "U2": ["trucks"] * 3,
             "U3": ["normal", "normal", "measure"]}  # fmt: skip
    rows = [
        {"unit": u, "day": DAYS[d], "mode": modes[u][d], "load": loads[u][d]}
        for u in loads for d in range(3)
    ]  # fmt: skip
    return SimpleNamespace(orders=pd.DataFrame(rows))


def test_days_at_one_load_become_one_order_and_trucks_are_none():
    rows = plan_orders.table(plan(), offset=OFFSET)
    assert rows.to_numpy().tolist() == [
        ["U1", "2026-12-02T00:00+08:00", "2026-12-04T00:00+08:00", 0.5],
        ["U1", "2026-12-04T00:00+08:00", "2026-12-05T00:00+08:00", 0.0],
        ["U3", "2026-12-04T00:00+08:00", "2026-12-05T00:00+08:00", 0.3],
    ]


def test_signed_orders_go_before_a_proposed_plan(tmp_path):
    folder = tmp_path / "runs" / "20261201T0800Z" / "plan"
    folder.mkdir(parents=True)
    proposed = plan_orders.table(plan(), offset=OFFSET)
    proposed.to_csv(folder / plan_orders.NAME, index=False)
    found = plan_orders.in_force(tmp_path, NOW, offset=OFFSET)
    assert found.loads == {"U1": 0.5}
    assert "proposed" in found.note.en
    signed = proposed.assign(load=0.2)
    signed.to_csv(tmp_path / plan_orders.IN_FORCE, index=False)
    found = plan_orders.in_force(tmp_path, NOW, offset=OFFSET)
    assert found.loads == {"U1": 0.2}
    assert "in force" in found.note.en


def test_a_plan_of_a_later_run_is_not_known_yet(tmp_path):
    folder = tmp_path / "runs" / "20261202T0900Z" / "plan"
    folder.mkdir(parents=True)
    plan_orders.table(plan(), offset=OFFSET).to_csv(folder / plan_orders.NAME, index=False)
    with pytest.raises(ConfigError, match="orders in force"):
        plan_orders.in_force(tmp_path, NOW, offset=OFFSET)
