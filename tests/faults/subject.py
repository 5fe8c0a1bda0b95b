"""What all works share: a subject, its home, its store, its files."""

import hashlib
import itertools
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from serving.store import engine, migrate
from serving.store.engine import Store
from tests.faults.killing import Work
from tests.faults.table import State

ISSUE = pd.Timestamp("2026-02-08T08:00")
_NUMBER = itertools.count()
RECEIVED = pd.Timestamp("2026-02-08T09:00")


@dataclass(frozen=True)
class Subject:
    """One thing that is done, and done again after a death."""

    name: str
    prepare: Callable[[Path], None]  # an untouched home
    work: Work
    state: Callable[[Path], State]
    whole: Callable[[Path], list[str]]  # what is half done, right after the death


def url(home: Path) -> str:
    """The store of a home: a file in it, or what store.url says (a server's database)."""
    other = home / "store.url"
    return other.read_text() if other.is_file() else f"sqlite:///{home / 'lantian.db'}"


def own_database(home: Path, *, template: str = "") -> None:
    """On a server: a database of this home's own, made of the one it was copied with."""
    place = home / "store.url"
    if not place.is_file():
        return
    old = make_url(place.read_text()).set(drivername="postgresql+psycopg")
    name = f"f{os.getpid()}_{next(_NUMBER)}"
    server = create_engine(
        old.set(database="postgres"), poolclass=NullPool, isolation_level="AUTOCOMMIT"
    )
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template or old.database}"))
    new = old.set(database=name, drivername="postgresql")
    place.write_text(new.render_as_string(hide_password=False))


def opened(home: Path) -> Store:
    """The store of a home."""
    return engine.connect(url(home), home=home)


def prepare_store(home: Path) -> None:
    """A store at this program's revision; on a server, a database of its own."""
    template = home.parent / "template.db"
    if (home / "store.url").is_file() or not template.is_file():
        store = opened(home)
        migrate.upgrade(store)
        store.engine.dispose()
    else:
        shutil.copy(template, home / "lantian.db")


def files_of(home: Path, *parts: str) -> State:
    """Every file below some folders of a home: its path and the digest of its content."""
    found = []
    for part in parts:
        for path in sorted((home / part).rglob("*")):
            hidden = any(p.startswith(".") for p in path.relative_to(home).parts)
            if path.is_file() and not (hidden and path.suffix != ".tmp"):
                digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
                found.append((str(path.relative_to(home)), digest))
    return found


def nothing(_home: Path) -> list[str]:
    """Nothing can be half."""
    return []
