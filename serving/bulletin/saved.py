"""A bulletin as JSON and back: what the console shows of a run, without computing it again.

Frozen dataclasses become objects, times ISO text (naive UTC), durations seconds; a number that is
not known stays null.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pandas as pd

from serving.bulletin.content import Bulletin


def to_json(value: Any) -> Any:
    """Plain data of a bulletin or a part of it."""
    if is_dataclass(value):
        return {f.name: to_json(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    if isinstance(value, pd.Timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return {str(k): to_json(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [to_json(v) for v in value]
    return value


def from_json(found: Mapping[str, Any]) -> Bulletin:
    """A bulletin from `to_json`.

    Raises:
        KeyError, TypeError, ValueError: It is not one.
    """
    bulletin = _built(Bulletin, found)
    if not isinstance(bulletin, Bulletin):
        raise TypeError("no bulletin")
    return bulletin


@lru_cache(maxsize=64)
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _built(kind: Any, found: Any) -> Any:
    """A value of a type from plain data."""
    if found is None:
        return None
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _built(next(k for k in inner if k is not type(None)), found)
    if origin is tuple:
        kinds = [inner[0]] * len(found) if inner[-1] is Ellipsis else inner
        return tuple(_built(k, v) for k, v in zip(kinds, found, strict=True))
    if origin is dict:
        return {k: _built(inner[1], v) for k, v in found.items()}
    if origin is Literal or kind is Any:
        return found
    if isinstance(kind, type) and is_dataclass(kind):
        hints = _hints(kind)
        return kind(**{k: _built(hints[k], v) for k, v in found.items()})
    if kind is pd.Timestamp:
        return pd.Timestamp(found)
    return pd.Timedelta(seconds=found) if kind is pd.Timedelta else kind(found)
