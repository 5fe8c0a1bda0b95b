"""From a simulated city through the commands to a plan, a resumption and an evaluation."""

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from forecast.config import configs_dir
from serving.cli import app

ISSUE = "2015-12-12T16:00"
LATER = "2015-12-13T16:00"
RUNNER = CliRunner()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fourteen days of the demo city on 9 km cells, a forecast on each of two afternoons."""
    folder = tmp_path_factory.mktemp("flow")
    city = folder / "twin.yaml"
    demo = str(configs_dir() / "twin" / "demo.yaml")
    content = {
        "extends": demo,
        "geography": {"grid": {"dx_m": 9000}, "stations": {"township": 2, "village": 2}},
    }
    city.write_text(yaml.safe_dump(content), encoding="utf-8")
    home = folder / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANTIAN_HOME", str(home))
        patch.setenv("LANTIAN_REVISION", "test")
        run("twin", "--config", str(city), "--out", str(home), "--days", "14")
        for issue in (ISSUE, LATER):
            run("daily", "--config", str(home / "city.yaml"), "--issue-time", issue)
    return home


@pytest.fixture
def _home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANTIAN_HOME", str(home))


@pytest.fixture(scope="module")
def planned(home: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    """A plan's folder and what the command said."""
    out = tmp_path_factory.mktemp("plan")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANTIAN_HOME", str(home))
        said = run(
            "plan", "--config", str(home / "city.yaml"), "--issue-time", ISSUE, "--level", "yellow",
            "--bottom-line", "200", "--out", str(out), "--json",
        )  # fmt: skip
    return out, json.loads(said)


def run(*arguments: str, status: int = 0) -> str:
    """What a command printed; anything but the status expected is a failure."""
    done = RUNNER.invoke(app, list(arguments))
    error = getattr(done.exception, "problems", done.exception)
    if status:
        assert done.exit_code == status or error, done.output
        return done.output + str(error)
    assert done.exit_code == 0, f"{done.output}\n{error}"
    return done.output


def test_the_simulated_citys_list_is_the_homes_register(home: Path) -> None:
    said = json.loads((home / "register" / "current.json").read_text(encoding="utf-8"))
    assert said["enterprises"] == 470
    assert said["simulated"]


def test_a_plan_meets_the_ratios_and_leaves_tables_and_a_picture(
    planned: tuple[Path, dict],
) -> None:
    out, said = planned
    assert said["simulated"] is True
    assert said["level"] == "yellow"
    assert said["days"] == ["2015-12-13", "2015-12-14", "2015-12-15"]
    for row in said["totals"]:
        assert row["required"] == 10
        assert row["met"]
    assert said["effect"] is not None
    notes = " ".join(n["en"] for n in said["notes"])
    assert "7 modelled days before, 6 of them with observed increments" in notes
    assert "NO2 by a mean of winter" not in notes
    names = {p.name for p in out.iterdir()}
    assert {"plan.json", "plan.xlsx", "orders.csv", "instructions.csv", "plan.png"} <= names
    orders = pd.read_csv(out / "instructions.csv")
    assert len(orders) > 0
    assert orders["start"].str.endswith("+08:00").all()
    assert (orders["load"] < 1).all()


@pytest.mark.usefixtures("_home")
def test_requests_are_answered_under_the_orders_in_force(
    home: Path, planned: tuple[Path, dict], tmp_path: Path
) -> None:
    orders = pd.read_csv(planned[0] / "instructions.csv")
    active = orders[orders["start"] < "2015-12-13T16:00+08:00"]["unit"].iloc[:3]
    asked = tmp_path / "requests.csv"
    table = {"生产单元": active, "申请复产时间": "2015-12-14 08:00", "爬坡时间(h)": 4}
    pd.DataFrame(table).to_csv(asked, index=False)
    said = json.loads(
        run(
            "resume", "--config", str(home / "city.yaml"), "--issue-time", LATER, "--requests",
            str(asked), "--orders", str(planned[0] / "instructions.csv"), "--bottom-line", "300",
            "--probability", "0.2", "--out", str(tmp_path / "out"), "--json",
        )
    )  # fmt: skip
    assert sorted(d["unit"] for d in said["decisions"]) == sorted(active)
    for p in said["promises"]:
        assert p["planned"] <= max(p["accepted"], p["base"]) + 1e-9
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        f"resumption.{kind}" for kind in ("json", "csv", "xlsx", "png")
    }


@pytest.mark.usefixtures("_home")
def test_the_event_is_evaluated_within_the_days_asked_for(
    home: Path, planned: tuple[Path, dict], tmp_path: Path
) -> None:
    said = json.loads(
        run(
            "evaluate", "--config", str(home / "city.yaml"), "--orders",
            str(planned[0] / "instructions.csv"), "--start", "2015-12-13", "--end", "2015-12-13",
            "--out", str(tmp_path), "--json",
        )
    )  # fmt: skip
    assert said["days"] == ["2015-12-13"]
    assert said["issue_time"] == "2015-12-12T08:00Z"  # the newest before the first order
    assert said["cost"]["lost_output_yuan"] > 0
    assert {r["pollutant"] for r in said["effect"]["rows"]} >= {"pm25", "so2"}
    assert any("7 modelled days before" in n["en"] for n in said["notes"])
    assert (tmp_path / "evaluation.png").stat().st_size > 10_000


@pytest.mark.usefixtures("_home")
def test_wrong_use_is_told_all_at_once(home: Path) -> None:
    said = run(
        "plan", "--config", str(home / "city.yaml"), "--objective", "cheapest", "--budget", "-1",
        "--probability", "2", "--fix", "U1", status=2,
    )  # fmt: skip
    for option in ("--objective", "--budget", "--probability", "--fix"):
        assert option in said
