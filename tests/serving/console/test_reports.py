"""Pages of verification and models: what commands left in the home, and what is not there."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from serving import city_days
from serving.city_days import CityDay
from serving.store.engine import Store
from tests.serving.console.test_warning import post
from tests.serving.console_home import TestClient

Enter = Callable[[str], TestClient]


def leave(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    path.write_text(text, encoding="utf-8")


def scores(tier: str = "perturbed", *, simulated: bool = False) -> dict[str, Any]:
    group = {
        "n": 4321, "mae": 25.32, "crps": 18.03, "bias": -3.7, "cover_80": 0.85,
        "intervals": {"mae": [21.5, 29.8]},
    }  # fmt: skip
    skill = {"crps": {"skill": 0.3326, "skill_interval": [0.2992, 0.3676]}}
    day = {
        "n": 726, "n_days": 364, "level_accuracy": 0.58, "primary_any": 0.77, "mae": 21.9,
        "csi_200": 0.607, "pod_200": 0.739, "far_200": None, "brier_200": 0.0436,
    }  # fmt: skip
    return {
        "file": "f.nc", "simulated": simulated, "stations_scored": 12,
        "header": {"model_version": "network-20150228T1600Z", "weather_tier": tier},
        "issue_times": {"n": 730, "first": "2015-02-28T16:00Z", "last": "2016-02-28T04:00Z"},
        "stations": {
            "pm25": {"units": "ug m-3", "groups": {"h1_24": group},
                     "by_lead": {"mae": [20.0, None, 30.0]}}
        },
        "areas": {"city": {"days": {"D1": day}}},
        "comparison": {"persistence": {"stations": {"pm25": {"h1_24": skill}}}},
    }  # fmt: skip


def test_empty_pages_say_what_would_fill_them(enter: Enter) -> None:
    client = enter("viewer")
    page = client.get("/verification").text
    assert "还没有检验结果" in page
    assert "还没有会商调整过的预报" in page
    assert "还没有结束的预警" in page
    page = client.get("/models").text
    assert "还没有漂移报告" in page
    assert "没有训练过的模型" in page
    assert "还没有推举记录" in page
    client.get("/language/en")
    assert "There are no scores yet" in client.get("/verification").text
    assert "There is no trained model" in client.get("/models").text


def test_scores_show_skill_by_lead_and_what_weather_they_had(home: Path, enter: Enter) -> None:
    leave(home / "verification" / "year" / "scores.json", scores("perfect", simulated=True))
    leave(home / "verification" / "broken" / "scores.json", "{")
    client = enter("viewer")
    page = client.get("/verification?report=year").text
    assert "是上限，不是业务水平" in page
    assert "【模拟】" in page
    assert "25.3" in page
    assert "33% <small>(30%–37%)" in page
    assert "74% / — / 0.61" in page  # nothing was alarmed: no share of false alarms
    assert "第 1 小时 20.0，第 3 小时 30.0" in page
    assert "无法读取" in client.get("/verification?report=broken").text
    assert client.get("/verification?report=../../x").status_code == 200


def test_both_versions_of_an_adjusted_forecast_are_verified(
    home: Path, enter: Enter, house: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    officer = enter("officer")
    post(officer, "/warnings/1/consult", seen=1)
    days = {"days": "3", "do": "adopt", "level": "yellow", "reason": "第三天转北风"}
    for n, (low, high) in enumerate([(150, 190), (160, 200), (60, 110)]):
        days |= {f"date{n}": f"2026-11-{25 + n}", f"low{n}": str(low), f"high{n}": str(high),
                 f"primary{n}": "pm25"}  # fmt: skip
    assert post(officer, "/warnings/1/adjust", seen=2, **days).status_code == 303
    page = officer.get("/verification").text
    assert "3 个被调整的预报日尚无实况" in page
    assert "第三天转北风" in page

    def came(*_: Any, **__: Any) -> dict[Any, CityDay]:
        import datetime as dt

        return {
            dt.date(2026, 11, 25 + n): CityDay(aqi, ("pm25",))
            for n, aqi in enumerate([170, 230, 210])
        }

    monkeypatch.setattr(city_days, "between", came)
    page = enter("viewer").get("/verification").text
    assert "尚无实况" not in page
    assert "<b>230</b>" in page
    assert ">1/1<" in page.replace(" ", "")  # the first day: both were right
    row = page.split('<h3 id="h-levels">')[1]
    # The machine's orange, the officer's yellow, and orange by what came: 230 and 210.
    assert row.count("tag orange") == 2
    assert row.count("tag yellow") == 1


def test_a_past_episode_shows_its_evaluation(home: Path, enter: Enter) -> None:
    officer = enter("officer")
    assert post(officer, "/warnings/1/reject", seen=1, reason="假警").status_code == 303
    said = {
        "issue_time": "2026-11-24T08:00Z", "days": ["2026-11-25"], "simulated": False,
        "words": [{"zh": "落实情况：落实到位3条。", "en": "Orders: complied 3."}],
    }  # fmt: skip
    leave(home / "evaluations" / "warning-1" / "evaluation.json", said)
    leave(home / "evaluations" / "before" / "evaluation.json", {"days": []})
    page = officer.get("/verification").text
    assert "落实到位3条" in page
    assert "已否决" in page
    assert "无法读取" in page  # the other one is of another version


def test_models_tell_champion_challenger_drift_and_card(home: Path, enter: Enter) -> None:
    place = home / "models" / "demo"
    about = {
        "first": "2024-01-01T00:00:00", "stations": 12, "simulated": True, "code": "abc",
        "data": "d1", "train_seconds": 329,
        "errors": {"1": {"days": 30, "pm25 h1_24": {"mae": 25.3, "mae_most": 60.9}}},
    }  # fmt: skip
    manifest = {"trained_until": "2025-11-19T16:00:00", "serves": [["none"]], "about": about}
    champion, other = "network-any/20251119T1600Z", "network-wide/20251119T1600Z"
    for folder in (champion, other):
        leave(place / folder / "model.json", manifest)
    leave(place / "network-bad" / "20251119T1600Z" / "model.json", "[]")
    leave(place / champion / "card.md", "# Network of demo <b>")
    decision = {
        "action": "promote", "folder": f"models/demo/{champion}", "by": "ann", "forced": True,
        "at": "2026-11-24T21:08:19", "reason": "第一个模型", "failed": ["/x/model.json: none"],
    }  # fmt: skip
    leave(place / "champion.json", decision)
    refused = {**decision, "action": "refuse", "forced": False, "reason": "更宽"}
    lines = [json.dumps(d, ensure_ascii=False) for d in (decision, refused)]
    leave(place / "promotions.jsonl", "\n".join([*lines, "{"]))
    finding = {"what": "distribution of pm25", "value": 0.5, "threshold": 0.4, "beyond": True}
    drift = {
        "model": "m", "trained_until": "2025-11-19T16:00:00", "first": "2026-11-01T00:00:00",
        "last": "2026-11-24T08:00:00", "proposal": "p", "beyond": 1, "notes": ["a note"],
        "findings": {"inputs": [finding], "forecasts": [], "stations": []},
    }  # fmt: skip
    leave(home / "drift" / "20261124T0800Z" / "drift.json", drift)
    page = enter("viewer").get("/models").text
    assert page.count("冠军</span>") == 1
    assert page.count("候选</span>") == 2  # one of them cannot be read
    assert "无法读取" in page
    assert "25.3 <small>(60.9)" in page
    assert "&lt;b&gt;" in page
    assert "【模拟数据训练】" in page
    assert "distribution of pm25" in page
    assert "系统没有自动训练" in page
    assert "强制推举" in page
    assert "门槛未过，拒绝" in page
    assert "promotions.jsonl, line 3" in page
    assert "/x/" not in page  # no folder of the machine


def test_the_budget_of_the_year_shows_what_is_left(home: Path, enter: Enter) -> None:
    client = enter("officer")
    assert "没有年度目标" in client.get("/resumption").text
    standing = {
        "target": 12, "used": 7, "left": 5, "end_p10": 8, "end_p50": 10, "end_p90": 13.4,
        "probability_met": 0.82, "with_heavy_day": 0.7, "without_heavy_day": None,
    }  # fmt: skip
    said = {
        "year": 2026, "as_of": "2026-11-23", "targets_are_assumptions": True, "days_known": 320,
        "days_unknown": 7, "standings": {"heavy_days": standing},
        "words": [{"zh": "预算说明甲", "en": "words of the budget"}],
    }  # fmt: skip
    leave(home / "runs" / "20261124T0800Z" / "budget.json", said)
    page = client.get("/resumption").text
    assert "目标为示例值" in page
    assert "8 – 10 – 13" in page
    assert "82%" in page
    assert "70% / —" in page
    assert "预算说明甲" in page
    leave(home / "runs" / "20261124T0800Z" / "budget.json", "[]")
    assert client.get("/resumption").status_code == 200


def test_stations_show_flags_and_the_state_of_their_sensors(home: Path, enter: Enter) -> None:
    client = enter("viewer")
    assert "没有留下单站质控结果" in client.get("/stations").text
    fine = {"known": 144, "suspect": 0, "failed": 0, "of": 144, "tests": {}}
    out = {
        "known": 90, "suspect": 8, "failed": 24, "of": 144, "tests": {"flat_line": 24},
        "state": "out", "reasons": ["far", "drift"], "sd": 60.1,
    }  # fmt: skip
    well = {**fine, "state": "ok", "reasons": [], "sd": 7.6}
    single = {"S0": fine, "S2": out, "S3": well}
    said = {"hours": 24, "calibrated": True, "stations": single}
    leave(home / "runs" / "20261124T0800Z" / "stations.json", said)
    page = client.get("/stations").text
    assert "可疑 8，无效 24" in page
    assert "数值不变 24" in page
    assert "长期偏离周边，漂移" in page
    assert "标准误差 8 μg/m³" in page
    assert "标准误差 60" not in page  # a sensor that is out has no value to trust
    assert "停用 <b>1</b>" in page
    assert "暂不显示热点清单" in page
    only = client.get("/stations?only=out").text
    assert "站点2" in only
    assert "站点3" not in only
    assert "没有符合条件的站点" in client.get("/stations?only=flagged&tier=city").text
    leave(home / "runs" / "20261124T0800Z" / "stations.json", "{")
    assert client.get("/stations").status_code == 200
