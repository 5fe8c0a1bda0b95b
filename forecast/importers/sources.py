"""Paths -> the files in them: plain, gzipped, in folders, in zips and in zips of zips.

Takes what a person names on the command line, gives one Source per file with its bytes, and one
Problem per file that cannot be read; knows nothing of what is inside. One unreadable file never
stops the others.
"""

import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from forecast import unpacking
from forecast.problems import Problem

_UNREADABLE = (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError)
_NESTING = 3  # zips inside zips that are opened


@dataclass(frozen=True)
class Source:
    """One file's content."""

    name: str  # its path; the member of a zip is written zip!member
    content: bytes
    named: bool  # the user named this very file: a folder or zip may hold other things too
    file: str  # name and hash of the file on disk, for provenance
    sha256: str


def sources(paths: Sequence[Path], *, suffixes: tuple[str, ...]) -> Iterator[Source | Problem]:
    """Every file with one of the suffixes (also with .gz behind it), in the order given.

    Folders are searched to the bottom, sorted by name; hidden files are passed over.
    """
    endings = (*suffixes, *(f"{s}.gz" for s in suffixes))
    for path in paths:
        if path.is_dir():
            inside = sorted(
                p
                for p in path.rglob("*")
                if p.is_file()
                and p.name.lower().endswith((*endings, ".zip"))
                and not p.name.startswith(".")
            )
            if not inside:
                yield Problem(str(path), "a folder without such files", f"files {endings}")
            for p in inside:
                yield from _of_file(p, endings, named=False)
        else:
            yield from _of_file(path, endings, named=True)


def text_of(source: Source) -> str | Problem:
    """Content as text: UTF-8 (with or without byte-order mark), else GB 18030."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return source.content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return Problem(source.name, "bytes that are no text", "UTF-8 or GB 18030")


def _of_file(path: Path, endings: tuple[str, ...], *, named: bool) -> Iterator[Source | Problem]:
    try:
        content = path.read_bytes()
    except OSError as error:
        yield Problem(str(path), error.strerror or str(error), "a readable file")
        return
    digest = hashlib.sha256(content).hexdigest()
    yield from _opened(str(path), content, endings, named=named, origin=(path.name, digest))


def _opened(
    name: str,
    content: bytes,
    endings: tuple[str, ...],
    *,
    named: bool,
    origin: tuple[str, str],
    depth: int = 0,
) -> Iterator[Source | Problem]:
    try:
        if name.lower().endswith(".zip"):
            if depth == _NESTING:
                yield Problem(name, f"zips {_NESTING} deep", "fewer")
                return
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                members = [
                    m
                    for m in sorted(archive.namelist())
                    if m.lower().endswith((*endings, ".zip")) and "__MACOSX" not in m
                ]
                if not members:
                    yield Problem(name, "a zip without such files", f"files {endings}")
                for member in members:
                    yield from _member(archive, name, member, endings, origin, depth)
            return
        if name.lower().endswith(".gz"):
            content = unpacking.gunzip(content)
    except _UNREADABLE as error:
        yield Problem(name, f"unreadable: {error}", "a whole file")
        return
    yield Source(name, content, named, *origin)


def _member(
    archive: zipfile.ZipFile,
    name: str,
    member: str,
    endings: tuple[str, ...],
    origin: tuple[str, str],
    depth: int,
) -> Iterator[Source | Problem]:
    where = f"{name}!{member}"
    try:
        content = unpacking.member(archive, member)
    except _UNREADABLE as error:
        yield Problem(where, f"unreadable: {error}", "a whole file")
        return
    yield from _opened(where, content, endings, named=False, origin=origin, depth=depth + 1)
