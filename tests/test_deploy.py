"""docs/deploy: units, container file, alert rules and what operations.md says, against the code."""

import configparser
import datetime as dt
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from serving import metrics
from serving.store.engine import Store

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "docs" / "deploy"
UNITS = sorted(p for p in DEPLOY.iterdir() if p.suffix in (".service", ".timer"))
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
LANTIAN = "/opt/lantian/bin/lantian"


def unit(path: Path) -> configparser.ConfigParser:
    found = configparser.ConfigParser(strict=False, interpolation=None)
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read_string(path.read_text(encoding="utf-8"))
    return found


def commands(text: str, name: str) -> list[list[str]]:
    """Calls of a program in a text, as words."""
    lines = text.replace("\\\n", " ").splitlines()
    return [
        shlex.split(line[line.index(name) :].split("'")[0].split("#")[0])[1:]
        for line in lines
        if name in line
    ]


def known(words: list[str]) -> str:
    """What the command line does not know of a call; empty where it knows all."""
    from serving.cli import app

    command: Any = typer.main.get_command(app)
    words = list(words)
    while hasattr(command, "commands"):
        if not words or words[0] not in command.commands:
            return f"no command {words[:1]}"
        command = command.commands[words.pop(0)]
    options = {o for p in command.params for o in (*p.opts, *p.secondary_opts)}
    return ", ".join(w for w in words if w.startswith("--") and w.split("=")[0] not in options)


@pytest.mark.parametrize("path", UNITS, ids=lambda p: p.name)
def test_a_unit_calls_what_there_is_and_gains_nothing(path: Path) -> None:
    found = unit(path)
    assert found["Unit"]["Description"]
    if path.suffix == ".timer":
        assert (DEPLOY / f"{path.stem}.service").exists()
        assert found["Timer"]["OnCalendar"]
        return
    service = found["Service"]
    assert service["User"] == "lantian"
    assert service["NoNewPrivileges"] == "yes"
    assert service["ProtectSystem"] == "strict"
    assert service["EnvironmentFile"] == "/etc/lantian/environment"
    calls = commands(path.read_text(encoding="utf-8"), LANTIAN)
    assert calls
    assert [k for c in calls if (k := known(c))] == []


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("no systemd-analyze on this machine")
    for path in UNITS:  # the program is not installed at its place here
        text = path.read_text(encoding="utf-8").replace(LANTIAN, "/bin/true")
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    files = [str(tmp_path / p.name) for p in UNITS]
    done = subprocess.run([verify, "verify", "--man=no", *files], capture_output=True, text=True)
    about_ours = [line for line in done.stderr.splitlines() if "lantian" in line]
    assert about_ours == []


def test_the_container_runs_as_nobody_special_from_named_versions() -> None:
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [x.strip() for x in text.splitlines() if x.strip() and not x.startswith("#")]
    steps = [line.split(maxsplit=1) for line in lines]
    bases = [rest.split()[0] for word, rest in steps if word == "FROM"]
    assert bases
    assert all(re.search(r":\d+\.\d+\.\d+", b) for b in bases)
    users = [rest for word, rest in steps if word == "USER"]
    assert users
    assert not users[-1].startswith(("root", "0"))
    assert {word for word, _ in steps} <= {
        "FROM", "ARG", "RUN", "COPY", "ENV", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK",
        "ENTRYPOINT", "CMD", "WORKDIR",
    }  # fmt: skip
    for word, rest in steps:
        if word == "COPY" and not rest.startswith("--from"):
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
        if word in ("ENV", "ARG"):
            assert not re.search(r"(?i)token|passw|secret", rest)
    call = next(rest for word, rest in steps if word == "CMD")
    assert known(yaml.safe_load(call)) == ""
    versions = re.findall(r"torch==([\d.]+)", text)
    assert f"torch=={versions[0]}" in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


@pytest.fixture
def exposed(store: Store) -> set[str]:
    """Names in /metrics of a server that has seen each sort of thing once."""
    made = metrics.Metrics()
    made.readings.labels("new").inc()
    made.seconds.labels("GET", "/", "200").observe(0.1)
    text = metrics.exposition(made, store, now=dt.datetime(2026, 2, 9)).decode()
    named = set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE))
    samples = set(re.findall(r"^(lantian_\w+)", text, re.MULTILINE))
    return {n for n in named | samples if not n.endswith("_created")}


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_alert_rules_ask_for_numbers_that_there_are(exposed: set[str]) -> None:
    rules = yaml.safe_load((DEPLOY / "alerts.yaml").read_text(encoding="utf-8"))
    alerts = [r for group in rules["groups"] for r in group["rules"]]
    assert len({a["alert"] for a in alerts}) == len(alerts)
    for alert in alerts:
        assert set(alert) == {"alert", "expr", "for", "labels", "annotations"}
        assert alert["labels"]["severity"] in ("page", "ticket")
        asked = set(re.findall(r"\blantian_\w+", alert["expr"]))
        assert asked <= exposed, alert["alert"]
        assert asked or "up{" in alert["expr"]
        assert alert["expr"].count("(") == alert["expr"].count(")")
        assert alert["alert"] in PAGE


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_operations_names_every_metric_and_no_other(exposed: set[str]) -> None:
    listed = set(re.findall(r"^\| `(lantian_\w+)`", PAGE, re.MULTILINE))
    families = {re.sub(r"_(bucket|count|sum|total)$", "", n) for n in exposed}
    families = {n for n in families if n.startswith("lantian_")}
    assert {n.removesuffix("_total") for n in listed} == families


def test_operations_names_every_field_of_a_requests_line() -> None:
    source = (ROOT / "serving" / "logs.py").read_text(encoding="utf-8")
    call = source.split('"request", ', 1)[1].split(")\n", 1)[0]
    fields = set(re.findall(r"(\w+)=", call)) | {"event", "level", "logger", "timestamp"}
    assert set(re.findall(r"^\| `(\w+)` \| field", PAGE, re.MULTILINE)) == fields


def test_the_commands_of_operations_are_known() -> None:
    blocks = re.findall(r"```\n(.*?)```", PAGE, re.DOTALL)
    calls = [
        shlex.split(line.split(" #")[0].split(" > ")[0].split(" | ")[-1])
        for block in blocks
        for line in block.replace("\\\n", " ").splitlines()
        if line.split(" | ")[-1].startswith("lantian ")
    ]
    assert len(calls) > 8
    assert [(c, k) for c in calls if (k := known(c[1:]))] == []
