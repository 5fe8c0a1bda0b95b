"""The audit trail: every change of state writes a row in its own transaction.

A row's hash covers its number, time, actor, action, subject, body and the hash before it; the body
names the append-only rows written with it by their digests. So a changed, removed or smuggled-in
row shows, in the trail or beside it. The head row is locked by every writer: no fork.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import RowMapping, func, literal_column, select, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from forecast.problems import DataError, Problem
from serving.store import anchor
from serving.store.base import Base, canonical
from serving.store.engine import AUDITED, Store, iso, reading
from serving.store.models import APPEND_ONLY, Entry, Head

FIRST: Final = "0" * 64  # the hash before the first row
ROWS: Final = "written"  # key of the body: digests of the rows written with the entry
COLUMNS: Final = ("at", "actor", "action", "subject", "body", "previous", "hash")


@dataclass(frozen=True)
class Verdict:
    """What `verify` found; `broken` is the first thing that does not hold."""

    rows: int
    last: str
    broken: Problem | None

    @property
    def whole(self) -> bool:
        """True where the trail holds."""
        return self.broken is None


def append(
    session: Session,
    *,
    at: dt.datetime,
    actor: str,
    action: str,
    subject: str,
    body: dict[str, Any] | None = None,
    rows: Sequence[Base] = (),
) -> int:
    """One row at the trail's end, in the session's transaction; its number.

    Call it last: on PostgreSQL it makes other writers wait until the transaction ends.

    Args:
        session: Of `writing`.
        at: Naive UTC.
        actor: Account's name, or the part of the program that acted.
        action: What was done, as in serving.permissions where it is a person's.
        subject: Table and key of what it was done to, such as `warnings/12`.
        body: Whatever JSON knows; never a secret.
        rows: New rows of append-only tables, whose digests are kept.
    """
    if body and ROWS in body:
        raise ValueError(f"{ROWS}: a key of the trail itself")
    session.flush()
    references = [[row.__tablename__, _key(row), digest_of(_values(row))] for row in rows]
    whole = {**(body or {}), **({ROWS: references} if references else {})}
    head = lock(session)
    seq, previous = head.seq + 1, head.hash
    parts = (iso(at), actor, action, subject, canonical(whole))
    digest = hash_of(seq, parts, previous)
    session.add(Entry(seq=seq, previous=previous, hash=digest, **dict(zip(COLUMNS, parts))))  # noqa: B905
    head.seq, head.hash = seq, digest
    session.flush()
    session.info[AUDITED] = (seq, digest)
    return seq


def lock(session: Session) -> Head:
    """The trail's head, locked until the transaction ends: whoever holds it writes alone.

    Raises:
        DataError: The store was never migrated.
    """
    query = select(Head).with_for_update().execution_options(populate_existing=True)
    head = session.scalars(query).one_or_none()
    if head is None:
        raise DataError([Problem("audit_head", "no row", "the trail's head (lantian migrate)")])
    return head


def hash_of(seq: int, parts: Sequence[str], previous: str) -> str:
    """SHA-256 of a row: number, (at, actor, action, subject, body), hash before."""
    content = json.dumps([seq, *parts, previous], ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


def digest_of(values: dict[str, Any]) -> str:
    """SHA-256 of a row's columns in canonical JSON; the same on both engines."""
    plain = {k: iso(v) if isinstance(v, dt.datetime) else v for k, v in values.items()}
    return hashlib.sha256(canonical(plain).encode("utf-8", "surrogatepass")).hexdigest()


def verify(store: Store) -> Verdict:
    """Check the whole trail, its head, its anchor and every append-only row.

    Returns:
        The first broken row by name; whole where nothing was found.
    """
    with reading(store) as session:
        try:
            return _verify(session, store)
        except DatabaseError as error:
            problem = Problem("store", str(error.orig), "a readable database")
            return Verdict(0, "", problem)


def entries(session: Session, *, after: int = 0) -> Iterator[dict[str, Any]]:
    """Rows as they are stored, in order; undecodable bytes are kept as surrogates."""
    sqlite = session.get_bind().dialect.name == "sqlite"
    parts: list[Any] = [
        literal_column(f"CAST({c} AS BLOB)" if sqlite else c).label(c) for c in COLUMNS
    ]
    query = select(literal_column("seq"), *parts).select_from(Entry.__table__)
    result = session.execute(query.where(Entry.seq > after).order_by(Entry.seq))
    for row in result.yield_per(1000).mappings():
        yield {"seq": row["seq"], **{c: _text(row[c]) for c in COLUMNS}}


def _verify(session: Session, store: Store) -> Verdict:
    from serving.store import readings  # which appends to the trail itself

    if store.sqlite:
        said = session.execute(text("PRAGMA integrity_check(1)")).scalar_one()
        if said != "ok":
            return Verdict(0, "", Problem("store", str(said), "a sound database file"))
    fixed = anchor.read(store.home) if store.home else None
    seq, previous, broken = 0, FIRST, None
    known: dict[tuple[str, int], tuple[int, str]] = {}
    for row in entries(session):
        broken = _broken(row, seq + 1, previous, fixed)
        if broken:
            return Verdict(seq, previous, broken)
        seq, previous = row["seq"], row["hash"]
        for table, key, digest in json.loads(row["body"]).get(ROWS, ()):
            known[table, key] = (seq, digest)
    broken = (
        _end(session, seq, previous, fixed) or _beside(session, known) or readings.broken(session)
    )
    return Verdict(seq, previous, broken)


def _broken(
    row: dict[str, Any], expected: int, previous: str, fixed: tuple[int, str] | None
) -> Problem | None:
    """What is wrong with one row of the trail."""
    where = f"audit row {expected}"
    if row["seq"] != expected:
        return Problem(where, f"nothing; row {row['seq']} comes next", "the row")
    if row["previous"] != previous:
        return Problem(where, "another hash before it", "the hash of the row before")
    if row["hash"] != hash_of(expected, [row[c] for c in COLUMNS[:5]], previous):
        return Problem(where, "content that does not give its hash", "the row as written")
    if fixed and fixed[0] == expected and fixed[1] != row["hash"]:
        return Problem(where, "a hash other than the anchor's", fixed[1])
    return None


def _end(session: Session, seq: int, digest: str, fixed: tuple[int, str] | None) -> Problem | None:
    """Whether the trail ends where its head and its anchor say."""
    head = session.execute(select(Head.seq, Head.hash)).one_or_none()
    last = max([seq, head.seq if head else 0, fixed[0] if fixed else 0])
    if last > seq:
        return Problem(f"audit row {seq + 1}", "nothing", f"rows up to {last} (head, anchor)")
    if head is None or (head.seq, head.hash) != (seq, digest):
        return Problem("audit_head", "another end", f"row {seq} and its hash")
    return None


def _beside(session: Session, known: dict[tuple[str, int], tuple[int, str]]) -> Problem | None:
    """The first append-only row that is not as the trail says, or that it does not know."""
    wrong: list[tuple[int, Problem]] = []
    left = dict(known)
    for model in APPEND_ONLY:
        name = model.__tablename__
        for key, digest in _digests(session, model):
            seq, expected = left.pop((name, key), (1 << 62, ""))
            if digest != expected:
                found = "another content" if expected else "a row the trail does not know"
                wrong.append((seq, Problem(f"{name} row {key}", found, _said(seq, expected))))
    gone = [(s, Problem(f"{t} row {k}", "nothing", _said(s, d))) for (t, k), (s, d) in left.items()]
    return min([*wrong, *gone], key=lambda item: item[0], default=(0, None))[1]


def _said(seq: int, digest: str) -> str:
    return f"as in audit row {seq} ({digest[:12]})" if digest else "no such row"


def _digests(session: Session, model: type[Base]) -> Iterator[tuple[int, str | None]]:
    """Key and digest of every row; None where a row cannot be read."""
    table = model.__table__
    keys = session.scalars(select(table.c.id).order_by(table.c.id)).all()
    for start in range(0, len(keys), 500):
        part = keys[start : start + 500]
        try:
            query = select(table).where(table.c.id.in_(part)).order_by(table.c.id)
            found: list[tuple[int, str | None]] = [
                (row["id"], _digest(row)) for row in session.execute(query).mappings()
            ]
        except (ValueError, TypeError, DatabaseError):
            found = [(key, _single(session, model, key)) for key in part]
        yield from found


def _single(session: Session, model: type[Base], key: int) -> str | None:
    table = model.__table__
    try:
        return _digest(session.execute(select(table).where(table.c.id == key)).mappings().one())
    except (ValueError, TypeError, DatabaseError):
        return None


def _digest(row: RowMapping) -> str:
    return digest_of({str(k): v for k, v in row.items()})


def _values(row: Base) -> dict[str, Any]:
    return {c.key: getattr(row, c.key) for c in row.__table__.columns}


def _key(row: Base) -> int:
    return int(row.id)  # type: ignore[attr-defined]  # every append-only table has it


def _text(value: Any) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def length(session: Session) -> int:
    """Number of rows."""
    return session.scalar(select(func.count()).select_from(Entry)) or 0
