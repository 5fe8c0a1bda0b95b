"""What the tables are made of: naive UTC times, canonical JSON, keys that suit both engines."""

import datetime as dt
import json
from typing import Annotated, Any, Final

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, MetaData, String, Text
from sqlalchemy.orm import DeclarativeBase, mapped_column
from sqlalchemy.types import TypeDecorator


def canonical(value: Any) -> str:
    """JSON in one spelling only: sorted keys, no blanks, no NaN, UTF-8 as it is.

    Raises:
        ValueError: NaN or infinity.
        TypeError: Something that JSON does not know.
    """
    return _dumps(json.loads(json.dumps(value, allow_nan=False)))  # keys are text, then sorted


def _dumps(value: Any) -> str:
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


class Json(TypeDecorator[Any]):
    """JSON as canonical text: the same bytes on both engines, so that a digest means something."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        """To text; None stays NULL."""
        return None if value is None else canonical(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002
        """From text; refuses text that `canonical` did not write."""
        if value is None:
            return None
        found = json.loads(value)
        if _dumps(found) != value:
            raise ValueError("stored JSON is not in its canonical spelling")
        return found


class Utc(TypeDecorator[dt.datetime]):
    """A naive UTC time to the microsecond (design, section 4)."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(
        self,
        value: dt.datetime | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> dt.datetime | None:
        """Refuses a time with an offset: it would be stored as if it were UTC."""
        if value is not None and value.tzinfo is not None:
            raise ValueError(f"{value.isoformat()}: expected a naive UTC time")
        return None if value is None else dt.datetime.fromisoformat(value.isoformat())


NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
BIG: Final = BigInteger().with_variant(Integer, "sqlite")
Id = Annotated[int, mapped_column(BIG, primary_key=True)]
Big = Annotated[int, mapped_column(BIG)]
Name = Annotated[str, mapped_column(String(200))]
Word = Annotated[str, mapped_column(String(40))]
Digest = Annotated[str, mapped_column(String(64))]  # SHA-256, hexadecimal
Document = Annotated[Any, mapped_column(Json)]


class Base(DeclarativeBase):
    """Every table's base."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {dt.datetime: Utc, str: Text}  # noqa: RUF012 - SQLAlchemy's own hook
