"""How far long work is: a bar on a terminal, a plain line now and then elsewhere."""

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from rich.progress import track as bar

T = TypeVar("T")
_LINES = 10


def track(items: Iterable[T], what: str, *, total: int, say: Callable[[str], None]) -> Iterator[T]:
    """The items, while their progress is shown."""
    if sys.stderr.isatty():
        yield from bar(items, description=what, total=total, transient=True)
        return
    shown = 0
    for number, item in enumerate(items, start=1):
        yield item
        tenth = number * _LINES // max(total, 1)
        if tenth > shown:
            shown = tenth
            say(f"{what}: {number} of {total}")
