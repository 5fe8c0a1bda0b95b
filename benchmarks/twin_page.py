"""docs/results/twin.md, whose sections are written by different commands, each between its marks."""

from pathlib import Path
from typing import Final

from forecast.files import write_text

SECTIONS: Final = ("realism", "skill", "episode")
TITLE: Final = "# The simulated city's air against real air\n"


def put(page: Path, section: str, text: str) -> None:
    """Replace one section of the page, leave the others as they are; make the page if need be."""
    before = page.read_text(encoding="utf-8") if page.is_file() else ""
    kept = {name: _between(before, name) for name in SECTIONS} | {section: text.strip()}
    parts = [f"{_mark(n)}\n{t}\n{_mark(n, end=True)}" for n, t in kept.items() if t]
    write_text(page, TITLE + "\n" + "\n\n".join(parts) + "\n")


def _between(page: str, name: str) -> str:
    _, found, rest = page.partition(_mark(name) + "\n")
    return rest.partition("\n" + _mark(name, end=True))[0] if found else ""


def _mark(name: str, *, end: bool = False) -> str:
    return f"<!-- {'end of ' if end else ''}{name} -->"
