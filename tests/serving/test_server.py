"""`lantian serve`: an application by what the environment says, and one count of all processes."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest
import structlog

from forecast.config import configs_dir
from serving import server
from tests.serving import console_home
from tests.serving.console_home import TestClient

COUNTS = """
import sys
from serving.metrics import Metrics, _counted
from prometheus_client.exposition import generate_latest
metrics = Metrics()
metrics.limited.inc(float(sys.argv[1]))
print(generate_latest(_counted(metrics)).decode())
"""


def test_each_process_makes_the_same_application_by_its_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    console_home.two_runs(tmp_path)
    for name in (server.GIVEN, server.SHARED, "LANTIAN_HOME", "LANTIAN_DATABASE_URL"):
        monkeypatch.setenv(name, "x")  # so that it is put back afterwards
    given = server.Given(configs_dir() / "demo.yaml", tmp_path, None, True)
    server.hand_on(given, f"sqlite:///{tmp_path / 'lantian.db'}", None)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        app = server.build()
    finally:
        root.handlers[:], root.level = handlers, level
        structlog.reset_defaults()
    answer = TestClient(app, base_url="https://here").get("/ready")
    assert answer.json()["status"] == "ready"
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    app.state.context.store.engine.dispose()


def test_what_several_processes_count_is_added_up(tmp_path: Path) -> None:
    def count(by: int) -> str:
        return subprocess.run(
            [sys.executable, "-c", COUNTS, str(by)], capture_output=True, text=True, check=True,
            env={server.SHARED: str(tmp_path), "PATH": ""}, cwd=Path(__file__).parents[2],
        ).stdout  # fmt: skip

    count(2)
    assert "lantian_requests_limited_total 5.0" in count(3)
