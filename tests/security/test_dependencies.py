"""What is installed: pinned, not banned, licensed, and without known advisories where one can know.

No database of advisories can be reached from a closed network. LANTIAN_ADVISORIES names a snapshot
in the OSV format (PyPI's all.zip, or a folder of its JSON files); without it that part is skipped.
"""

import datetime as dt
import json
import os
import re
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).resolve().parents[2]
ALLOWED = Path(__file__).with_name("advisories.yaml")
BANNED = {("lightning", "2.6.2"), ("lightning", "2.6.3")}
# Brought by the way of installing (pip), by the build, or by torch's own wheels for accelerators.
BESIDE = {"pip", "setuptools", "wheel", "lantian"}
COPYLEFT = re.compile(r"\b(A?GPL|GNU (Affero )?General Public)", re.IGNORECASE)
# Copyleft, looked at one by one.
LOOKED_AT = {
    # GPL-3.0-or-later, imported by forecast/calendar.py for one date a year: a bundle that carries
    # it can be handed on under the GPL only. To be replaced or decided (docs/security.md).
    "lunardate": "one function; within the house nothing is handed on",
}


def pinned() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    return {canonicalize_name(n): v for n, v in (line.split("==") for line in lines)}


def installed() -> dict[str, str]:
    return {
        canonicalize_name(d.metadata["Name"]): d.version.split("+")[0]
        for d in metadata.distributions()
        if d.metadata["Name"]
    }


def reached() -> set[str]:
    """Packages that the project and its extras bring, by their own requirements."""
    wanted, seen = [(Requirement("lantian"), frozenset(_extras()))], set()
    while wanted:
        requirement, extras = wanted.pop()
        name = canonicalize_name(requirement.name)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            lines = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        for line in lines:
            inner = Requirement(line)
            marks = inner.marker is None or any(
                inner.marker.evaluate({"extra": e}) for e in (*extras, "")
            )
            if marks:
                wanted.append((inner, frozenset(inner.extras)))
    return {name for name, _ in seen} - BESIDE


def _extras() -> list[str]:
    return metadata.metadata("lantian").get_all("Provides-Extra") or []


def test_what_is_installed_is_what_is_pinned() -> None:
    pins, there = pinned(), installed()
    wrong = {n: (there[n], pins[n]) for n in pins.keys() & there.keys() if there[n] != pins[n]}
    assert wrong == {}


def test_everything_that_is_brought_in_is_pinned() -> None:
    assert sorted((reached() & installed().keys()) - pinned().keys()) == []


def test_no_banned_version_is_pinned_or_installed() -> None:
    assert BANNED & set(pinned().items()) == set()
    assert BANNED & set(installed().items()) == set()
    assert "lightning!=2.6.2,!=2.6.3" in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_what_runs_in_the_house_is_under_a_licence_that_allows_it() -> None:
    found = {}
    for name in sorted(reached()):
        try:
            said = metadata.metadata(name)
        except metadata.PackageNotFoundError:
            continue
        words = [said.get("License-Expression") or "", (said.get("License") or "")[:200]]
        words += [c for c in said.get_all("Classifier") or [] if c.startswith("License")]
        text = " ".join(words).replace("LGPL", "").replace("Lesser General Public", "")
        text = re.sub(r"GNU Library or", "", text)
        if COPYLEFT.search(text) and not re.search(r"\bOR\b|MIT|BSD|Apache", text):
            found[name] = text[:120]
    assert {n: t for n, t in found.items() if n not in LOOKED_AT} == {}


def allowed() -> list[dict[str, Any]]:
    return yaml.safe_load(ALLOWED.read_text(encoding="utf-8"))["allowed"] or []


def test_no_allowance_has_expired() -> None:
    today = dt.datetime.now(dt.UTC).date()
    for line in allowed():
        assert set(line) == {"id", "package", "reason", "expires"}
        assert line["expires"] >= today, f"{line['id']}: look at it again"
        assert canonicalize_name(line["package"]) in pinned(), f"{line['id']}: not used any more"


def advisories(place: Path) -> Iterator[dict[str, Any]]:
    """Records of a snapshot."""
    if place.is_dir():
        for path in sorted(place.rglob("*.json")):
            yield json.loads(path.read_text(encoding="utf-8"))
        return
    with zipfile.ZipFile(place) as archive:
        for name in archive.namelist():
            if name.endswith(".json"):
                yield json.loads(archive.read(name))


def touched(record: dict[str, Any], pins: dict[str, str]) -> list[str]:
    """Pinned packages that an OSV record concerns."""
    if record.get("withdrawn"):
        return []
    found = []
    for one in record.get("affected", ()):
        package = one.get("package", {})
        name = canonicalize_name(package.get("name", ""))
        if package.get("ecosystem") != "PyPI" or name not in pins:
            continue
        version = pins[name]
        ranges = [r["events"] for r in one.get("ranges", ()) if r.get("type") == "ECOSYSTEM"]
        if version in one.get("versions", ()) or any(within(version, r) for r in ranges):
            found.append(f"{name} {version}: {record['id']}")
    return found


def within(version: str, events: list[dict[str, str]]) -> bool:
    """Whether a version lies in an OSV range: introduced .. fixed, or .. last_affected."""
    here, inside = Version(version), False

    def at(text: str) -> Version:
        try:
            return Version(text)
        except InvalidVersion:
            return Version("0")

    for event in events:
        if "introduced" in event and here >= at(event["introduced"]):
            inside = True
        if "fixed" in event and here >= at(event["fixed"]):
            inside = False
        if "last_affected" in event and here > at(event["last_affected"]):
            inside = False
    return inside


def test_no_known_advisory_concerns_what_is_pinned() -> None:
    place = os.environ.get("LANTIAN_ADVISORIES")
    if not place:
        pytest.skip("no snapshot of advisories: set LANTIAN_ADVISORIES (docs/security.md)")
    known = {line["id"] for line in allowed()}
    pins = pinned()
    records = [r for r in advisories(Path(place)) if r["id"] not in known]
    assert records, "an empty snapshot says nothing"
    assert [t for r in records for t in touched(r, pins)] == []


@pytest.mark.parametrize(
    ("version", "hit"), [("1.0", False), ("1.1", True), ("1.5", True), ("2.0", False)]
)
def test_a_record_concerns_the_versions_of_its_range(
    tmp_path: Path, version: str, hit: bool
) -> None:
    record = {
        "id": "X-1",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "A_b"},
                "ranges": [
                    {"type": "ECOSYSTEM", "events": [{"introduced": "1.1"}, {"fixed": "2.0"}]}
                ],
            }
        ],
    }
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as made:
        made.writestr("X-1.json", json.dumps(record))
    (read,) = advisories(tmp_path / "all.zip")
    assert bool(touched(read, {"a-b": version})) == hit
    assert touched({**read, "withdrawn": "2026-01-01"}, {"a-b": version}) == []
