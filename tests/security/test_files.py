"""Files from outside that are bombs or ask for other files: refused, with what was wrong."""

import gzip
import io
import zipfile
from pathlib import Path

import pytest

from forecast import unpacking
from forecast.importers.sources import Source, sources
from forecast.problems import DataError, LantianError, Problem
from response import register_read, resumption_requests
from serving.publish import cap
from tests.security.conftest import PLANTED

LAUGHS = """<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;">]>"""
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY d SYSTEM "file://{path}">]>'
ALERT = '<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>&d;</identifier></alert>'
SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    '<row r="1"><c r="A1" t="inlineStr"><is><t>&d;</t></is></c></row></sheetData></worksheet>'
)


def book(path: Path, head: str) -> Path:
    """A workbook whose first sheet begins with `head`."""
    from openpyxl import Workbook

    memory = io.BytesIO()
    Workbook().save(memory)
    with zipfile.ZipFile(memory) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            sheet = name == "xl/worksheets/sheet1.xml"
            new.writestr(name, head + SHEET if sheet else old.read(name))
    return path


def heads(tmp_path: Path) -> list[str]:
    secret = tmp_path / "secret.txt"
    secret.write_text(PLANTED, encoding="utf-8")
    outside = OUTSIDE.format(path=secret)
    return [LAUGHS, outside, outside.replace("DOCTYPE", "doctype"), "<!-- -->" + outside[21:]]


def test_a_workbook_with_a_document_type_is_refused(tmp_path: Path) -> None:
    for number, head in enumerate(heads(tmp_path)):
        path = book(tmp_path / f"{number}.xlsx", head)
        for read in (register_read.load, resumption_requests.read):
            with pytest.raises(LantianError) as told:
                read(path)
            assert PLANTED not in str(told.value)


def test_a_document_type_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w") as made:
        head = OUTSIDE.format(path="/etc/passwd").replace("?>", ' encoding="utf-16"?>')
        made.writestr("xl/workbook.xml", (head + "<workbook/>").encode("utf-16"))
    with pytest.raises(DataError, match="document type"):
        unpacking.check_book(path)


def test_a_workbook_that_unpacks_without_end_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("xl/worksheets/sheet1.xml", b" " * (8 * 2**20))
    assert path.stat().st_size < 20_000
    with pytest.raises(DataError, match="bytes unpacked"):
        unpacking.check_book(path, most=2**20)
    unpacking.check_book(path)  # eight MB are no bomb


def test_a_workbook_of_very_many_parts_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "parts.xlsx"
    with zipfile.ZipFile(path, "w") as made:
        for n in range(5):
            made.writestr(f"{n}", b"")
    monkeypatch.setattr(unpacking, "PARTS", 4)
    with pytest.raises(DataError, match="5 parts"):
        unpacking.check_book(path)


def test_bombs_among_observations_are_named_and_the_rest_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking.gunzip, "__kwdefaults__", {"most": 2**20})
    monkeypatch.setattr(unpacking.member, "__kwdefaults__", {"most": 2**20})
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b" " * 2**22))
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("big.csv", b" " * 2**22)
        made.writestr("good.csv", b"a,b\n")
    (tmp_path / "c.csv.gz").write_bytes(gzip.compress(b"a,b\n") + gzip.compress(b"1,2\n"))
    found = list(sources([tmp_path], suffixes=(".csv",)))
    assert [f.content for f in found if isinstance(f, Source)] == [b"a,b\n", b"a,b\n1,2\n"]
    assert ["inside" in str(f) for f in found if isinstance(f, Problem)] == [True, True]


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b", gzip.compress(b"abc")[:-4], b"plain"])
def test_a_broken_gzip_is_an_error_and_an_empty_one_is_empty(content: bytes) -> None:
    if content:
        with pytest.raises(OSError):
            unpacking.gunzip(content)
    else:
        assert unpacking.gunzip(content) == b""


def test_a_cap_message_with_entities_is_refused(tmp_path: Path) -> None:
    for head in heads(tmp_path):
        with pytest.raises(DataError) as told:
            cap.read((head + ALERT).encode())
        assert PLANTED not in str(told.value)
