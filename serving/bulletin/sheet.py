"""A sheet of paper to draw on, in points of 1/150 inch from the upper left corner.

Takes texts, boxes and places; gives a matplotlib figure. Knows nothing of bulletins.
"""

import re
from typing import Any, Final, Literal

from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.font_manager import FontProperties
from matplotlib.patches import FancyBboxPatch, Rectangle

from serving.bulletin.charts import INK, blank

WIDTH: Final = 1240  # A4 upright at 150 to the inch
HEIGHT: Final = 1754
_PER_INCH: Final = 150
_LARGE: Final = 60.0  # the size at which text is measured
# a run of Latin letters and digits stays together; a Chinese sign breaks anywhere
_PIECES: Final = re.compile(r"[0-9A-Za-z₀-₉.,%≥≤<>+\-–:/()&'~]+|\s+|.")
_NEVER_FIRST: Final = "，。；、：）》”！？%·"


class Sheet:
    """One page. All places and sizes are in 1/150 inch, y grows downwards."""

    def __init__(self) -> None:
        self.figure = blank(WIDTH / _PER_INCH, HEIGHT / _PER_INCH)
        self.figure.set_dpi(_PER_INCH)
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set_xlim(0, WIDTH)
        self.axes.set_ylim(HEIGHT, 0)
        self.axes.axis("off")
        self._measured: dict[str, float] = {}

    def box(
        self, x: float, y: float, w: float, h: float, *,
        fill: str = "none", edge: str = "none", radius: float = 8.0, line: float = 0.8,
    ) -> None:  # fmt: skip
        """A filled box, rounded unless radius is 0."""
        shape: Any
        if radius:
            style = f"round,pad=0,rounding_size={radius}"
            shape = FancyBboxPatch((x, y), w, h, boxstyle=style)
        else:
            shape = Rectangle((x, y), w, h)
        shape.set(facecolor=fill, edgecolor=edge, linewidth=line)
        self.axes.add_patch(shape)

    def rule(self, x: float, y: float, w: float, *, colour: str) -> None:
        """A thin level line."""
        self.axes.plot([x, x + w], [y, y], color=colour, linewidth=0.6)

    def text(
        self, x: float, y: float, words: str, size: float, *,
        colour: str = INK, bold: bool = False,
        ha: Literal["left", "center", "right"] = "left",
        va: Literal["top", "center", "baseline", "bottom"] = "center",
    ) -> None:  # fmt: skip
        """One line of text `size` high."""
        drawn = self.axes.text(
            x, y, words, fontsize=_points(size), color=colour, ha=ha, va=va, parse_math=False
        )
        if bold:  # the wheel has one weight: a stroke of the same colour thickens it
            drawn.set_path_effects(
                [patheffects.withStroke(linewidth=size * 0.016, foreground=colour)]
            )

    def width(self, words: str, size: float) -> float:
        """How wide a line of text is."""
        return self._unit_width(words) * size

    def _unit_width(self, words: str) -> float:
        """Width at size 1: pieces are measured once, large, and scaled."""
        if words not in self._measured:
            canvas = self.figure.canvas
            if not isinstance(canvas, FigureCanvasAgg):
                raise TypeError(f"{type(canvas).__name__}: the sheet needs the Agg canvas")
            prop = FontProperties(size=_points(_LARGE))
            renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
            wide, _, _ = renderer.get_text_width_height_descent(words, prop, ismath=False)
            self._measured[words] = float(wide) / _LARGE
        return self._measured[words]

    def fitted(self, words: str, size: float, room: float) -> float:
        """The size, at most `size`, at which one line fits into a width."""
        wide = self.width(words, size)
        return size if wide <= room else size * room / wide

    def wrapped(self, words: str, size: float, room: float) -> list[str]:
        """Text cut into lines no wider than `room`."""
        lines, line, long = [], "", 0.0
        for piece in _PIECES.findall(words):
            wide = self.width(piece, size)
            if line and piece not in _NEVER_FIRST and long + wide > room:
                lines.append(line.rstrip())
                line, long = piece.lstrip(), wide if piece.strip() else 0.0
            else:
                line, long = line + piece, long + wide
        return [*lines, line.rstrip()] if line.strip() else lines

    def paragraph(
        self, x: float, y: float, words: str, size: float, room: float, *,
        colour: str = INK, most: int = 99, spacing: float = 1.45,
    ) -> float:  # fmt: skip
        """Wrapped text from its upper edge down; what passes `most` lines ends with a mark.

        Returns:
            The y below the last line.
        """
        lines = self.wrapped(words, size, room)
        if len(lines) > most:
            lines = [*lines[: most - 1], lines[most - 1][:-1] + "…"]
        for line in lines:
            self.text(x, y + size * spacing / 2, line, size, colour=colour)
            y += size * spacing
        return y

    def chart(self, x: float, y: float, w: float, h: float) -> Axes:
        """Axes at a place of the sheet."""
        return self.figure.add_axes((x / WIDTH, 1 - (y + h) / HEIGHT, w / WIDTH, h / HEIGHT))


def _points(size: float) -> float:
    return size * 72 / _PER_INCH
