"""Paths that try to leave the home, in every parameter of every route and in file names."""

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forecast.importers.sources import Source, sources
from serving.publish import channels
from tests.security.conftest import PLANTED
from tests.security.test_matrix import filled, routes
from tests.serving.console_home import TestClient

Enter = Callable[[str], TestClient]
PAYLOADS = (
    "..%2f..%2fsecret", "..%2Fsecret.json", "%2e%2e%2fsecret", "..%5csecret", "....//secret",
    "%2fetc%2fpasswd", "..%c0%afsecret", "secret%00", "secret.json", "20261124T0800Z%2f..%2fsecret",
    "%252e%252e%252fsecret", "file:%2f%2f%2fetc%2fpasswd", "~root", "lantian.db", "%0d%0aX-A:%20b",
)  # fmt: skip
QUERIES = ("run", "next", "cursor", "station", "enterprise", "warning", "pollutant", "limit",
           "area", "day", "hour", "id", "page")  # fmt: skip


def test_no_route_reads_outside_what_it_is_for(house: tuple[Any, Any], enter: Enter) -> None:
    client = enter("officer")
    patterns = {p for m, p in routes(house[1]) if m == "GET" and "{" in p}
    for pattern in patterns:
        for slot in re.findall(r"\{(\w+)(?::\w+)?\}", pattern):
            for payload in PAYLOADS:
                path = filled(re.sub(r"\{" + slot + r"(:\w+)?\}", "\0", pattern))
                harmless(client.get(path.replace("\0", payload)), path, payload)


def test_no_query_reads_outside_what_it_is_for(house: tuple[Any, Any], enter: Enter) -> None:
    client = enter("officer")
    for method, pattern in routes(house[1]):
        if method == "GET":
            for payload in PAYLOADS[:6]:
                query = "&".join(f"{q}={payload}" for q in QUERIES)
                harmless(client.get(f"{filled(pattern)}?{query}"), pattern, payload)


def harmless(answer: Any, path: str, payload: str) -> None:
    assert answer.status_code < 500, (path, payload)
    assert PLANTED not in answer.text, (path, payload)
    assert "root:x:" not in answer.text, (path, payload)
    assert b"SQLite format" not in answer.content, (path, payload)
    assert "x-a" not in answer.headers, (path, payload)
    location = answer.headers.get("location", "/")
    assert location.startswith("/") and not location.startswith("//"), (path, payload)  # noqa: PT018


def test_a_zip_member_is_read_where_it_is_and_never_written(tmp_path: Path) -> None:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr("../../outside.csv", "a,b\n")
        archive.writestr("/etc/outside.csv", "a,b\n")
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "a.zip"
    path.write_bytes(memory.getvalue())
    found = list(sources([path], suffixes=(".csv",)))
    assert all(isinstance(f, Source) for f in found)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a.zip", "in"]
    assert not Path("/etc/outside.csv").exists()


@pytest.mark.parametrize("key", ["../../x", "/etc/x", "a/b", "..", "a\0b", "CON", "预警"])
def test_a_message_key_stays_in_its_folder(key: str) -> None:
    name = channels.file_name(key)
    assert "/" not in name
    assert "\0" not in name
    assert not name.startswith(".")
