"""How pictures of this project look: Chinese font, style, colours of the index, data URIs.

Takes nothing from a display: figures are drawn by the Agg and SVG backends. `styled` sets the
style for what is drawn inside it and leaves matplotlib's settings as they were.
"""

import base64
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, Literal

import matplotlib
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Colours of levels 1..6, HJ 633 (both editions), table of categories.
LEVEL_RGB: Final = (
    (0, 228, 0), (255, 255, 0), (255, 126, 0), (255, 0, 0), (153, 0, 76), (126, 0, 35),
)  # fmt: skip
LEVEL_COLORS: Final = tuple(f"#{r:02x}{g:02x}{b:02x}" for r, g, b in LEVEL_RGB)
LEVEL_BOUNDS: Final = (0, 50, 100, 150, 200, 300, 500)
LEVEL_ZH: Final = ("优", "良", "轻度污染", "中度污染", "重度污染", "严重污染")
LEVEL_EN: Final = ("good", "moderate", "light", "medium", "heavy", "severe")
# Okabe and Ito (2008): told apart with any colour vision.
COLORS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_STYLE: Final[Mapping[Any, Any]] = MappingProxyType(
    {
        "font.size": 9.0,
        "axes.titlesize": 10.0,
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.unicode_minus": False,
        "grid.color": "#dddddd",
        "grid.linewidth": 0.6,
        "legend.frameon": False,
        "legend.fontsize": 8.0,
        "figure.dpi": 100.0,
        "savefig.dpi": 150.0,
        "svg.hashsalt": "lantian",  # the same figure gives the same bytes
    }
)


@lru_cache(maxsize=1)
def font() -> str:
    """Register the Chinese font that comes with mplfonts; its family name."""
    path = str(files("mplfonts") / "fonts" / "NotoSansCJKsc-Regular.otf")
    font_manager.fontManager.addfont(path)
    return font_manager.FontProperties(fname=path).get_name()


@contextmanager
def styled() -> Iterator[None]:
    """The project's style, with a font that has Chinese, for figures drawn inside."""
    with matplotlib.rc_context({**_STYLE, "font.family": [font(), "DejaVu Sans"]}):
        yield


def figure(width: float = 7.0, height: float = 3.2) -> Figure:
    """An empty figure (inches) that belongs to no window system."""
    return Figure(figsize=(width, height), layout="constrained")


def level_bands(axes: Axes, *, highest: float = 500.0, alpha: float = 0.16) -> None:
    """Shade the index levels behind a plot whose y axis is the index."""
    for low, high, color in zip(LEVEL_BOUNDS, LEVEL_BOUNDS[1:], LEVEL_COLORS, strict=False):
        if low < highest:
            axes.axhspan(low, min(high, highest), color=color, alpha=alpha, lw=0, zorder=0)


def data_uri(fig: Figure, kind: Literal["svg", "png"] = "png") -> str:
    """A figure as a data URI, without a date, so that equal figures give equal bytes."""
    buffer = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    with matplotlib.rc_context({"svg.fonttype": "path", "svg.hashsalt": "lantian"}):
        fig.savefig(buffer, format=kind, metadata=metadata)
    media = "image/svg+xml" if kind == "svg" else "image/png"
    return f"data:{media};base64,{base64.b64encode(buffer.getvalue()).decode()}"
