"""A bulletin as one self-contained page and as a poster. Knows nothing of models or stores.

The page refers to nothing outside itself; page and poster depend on the bulletin alone: no clock,
no display, no browser.
"""

import base64
from functools import lru_cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from forecast.schema import POLLUTANTS
from serving.bulletin import charts, poster, words
from serving.bulletin.content import Bulletin, Category, Lang

STATIONS_LISTED: Final = 60  # reference stations in the table of the page


def render_html(bulletin: Bulletin, lang: Lang, *, charted: bool = True) -> str:
    """The bulletin as one HTML page with its pictures inside, for screen, phone and A4 print.

    Without `charted` the page has a dash in the place of each picture.
    """
    return _template().render(
        b=bulletin,
        lang=lang,
        html_lang="zh-CN" if lang == "zh" else "en",
        w=words,
        say=lambda key, **values: words.say(key, lang, **values),
        fill=charts.colour,
        ink=charts.ink_on,
        upper=lambda day: _upper(bulletin, day.aqi),
        pollutants=POLLUTANTS,
        reference=[s for s in bulletin.stations if s.reference][:STATIONS_LISTED],
        fans=_uri(charts.fans_png(bulletin, lang)) if charted and bulletin.fans else None,
        maps=_uri(charts.maps_png(bulletin, lang)) if charted and bulletin.stations else None,
        history=_uri(charts.history_png(bulletin)) if charted and bulletin.history.times else None,
    )


def render_png(bulletin: Bulletin, lang: Lang) -> bytes:
    """The bulletin as an A4 poster (PNG, 1860 x 2631 pixels)."""
    return poster.png(bulletin, lang)


def _upper(bulletin: Bulletin, aqi: object) -> Category | None:
    """The level of the upper end of a range: what to be ready for."""
    high = getattr(aqi, "high", None)
    return bulletin.category(high)


def _uri(picture: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


@lru_cache(maxsize=1)
def _template() -> Template:
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("bulletin.html.j2")
