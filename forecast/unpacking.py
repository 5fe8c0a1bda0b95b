"""How much a packed file may become: a small file that unpacks without end is refused, not read.

Limits are on what comes out. A zip's own table of sizes can be trusted as an upper bound: Python's
zipfile hands out no more of a member than the table says.
"""

import io
import zipfile
import zlib
from pathlib import Path
from typing import Final

from forecast.problems import DataError, Problem

FILE: Final = 2**30  # bytes of one unpacked file: a year of a province's hours is a tenth
BOOK: Final = 2**28  # of a workbook's parts together
PARTS: Final = 10_000  # files in one archive
_STEP: Final = 2**20


class TooLarge(OSError):  # noqa: N818 - as the user is told
    """More would come out than is allowed."""


def gunzip(content: bytes, *, most: int = FILE) -> bytes:
    """The bytes in a gzip file of one or more members.

    Raises:
        TooLarge: More than `most` bytes.
        OSError: No whole gzip file.
    """
    out, rest = io.BytesIO(), content
    while rest:
        unpacker = zlib.decompressobj(wbits=31)
        try:
            while rest and not unpacker.eof:
                out.write(unpacker.decompress(rest, _STEP))
                rest = unpacker.unconsumed_tail
                if out.tell() > most:
                    raise TooLarge(f"more than {most} bytes inside")
        except zlib.error as error:
            raise OSError(str(error)) from error
        if not unpacker.eof:
            raise OSError("a gzip file that ends too early")
        rest = unpacker.unused_data.lstrip(b"\0")
    return out.getvalue()


def member(archive: zipfile.ZipFile, name: str, *, most: int = FILE) -> bytes:
    """One file of a zip.

    Raises:
        TooLarge: More than `most` bytes by the zip's table.
    """
    size = archive.getinfo(name).file_size
    if size > most:
        raise TooLarge(f"{size} bytes inside, more than {most}")
    return archive.read(name)


def check_book(path: Path, *, most: int = BOOK) -> None:
    """Refuse a workbook before its parts are read.

    Raises:
        DataError: Too many or too large parts, or one with a document type (entities).
    """
    expected = f"a workbook of at most {most} bytes and {PARTS} parts, without document types"
    try:
        with zipfile.ZipFile(path) as book:
            parts = book.infolist()
            size = sum(p.file_size for p in parts)
            if size > most or len(parts) > PARTS:
                found = f"{len(parts)} parts of {size} bytes unpacked"
                raise DataError([Problem(str(path), found, expected)])
            for part in parts:
                if part.filename.endswith((".xml", ".rels")) and _typed(book, part.filename):
                    found = f"{part.filename} with a document type"
                    raise DataError([Problem(str(path), found, expected)])
    except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError, zlib.error) as error:
        raise DataError([Problem(str(path), str(error), "a readable Excel file")]) from error


def _typed(book: zipfile.ZipFile, name: str) -> bool:
    """Whether an XML part begins with a document type; it can stand before the root only."""
    with book.open(name) as part:
        head = part.read(4096)
    for encoding in ("utf-8", "utf-16"):
        if "<!DOCTYPE" in head.decode(encoding, "replace").upper():
            return True
    return False
