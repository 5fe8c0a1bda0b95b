"""Why the daily run forecasts what it does: the section of the bulletin.

Takes a bulletin and what the run knew; gives the bulletin with what drives the city's forecast, by
group of inputs and day, and similar episodes of the past with what was measured after them. An
explanation that fails is a note; forecast and warning stand without it. Whether one is made
depends on the model alone, not on the clock: the same inputs give the same bulletin. Of a large
network some stations stand for all (forecast.explain.representative), and the section says so.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

import pandas as pd

from forecast import explain, model_store
from forecast.explain import Episode, Explanation
from forecast.problems import LantianError
from forecast.schema import VARIABLES
from serving.bulletin import words
from serving.bulletin.content import Bulletin, Note, Section, Text
from serving.inputs import Inputs

STATIONS: Final = 15  # a larger network is explained by so many of its stations
ORDERS: Final = 4
MODELS: Final = (model_store.NETWORK,)  # trees take a minute, baselines need no explanation
GROUPS: Final = {
    "levels": Text("近日浓度（持续性）", "levels of the last days"),
    "neighbours": Text("周边站点", "neighbouring stations"),
    "wind": Text("风", "wind"),
    "mixing": Text("混合层高度与辐射", "mixing height and radiation"),
    "temperature": Text("气温与湿度", "temperature and humidity"),
    "front": Text("气压与降水", "pressure and rain"),
    "calendar": Text("日历（星期、节假日、季节）", "calendar"),
}


def shown(bulletin: Bulletin, known: Inputs) -> Bulletin:
    """The bulletin with an explanation, or with a note where there is none."""
    if known.forecaster.name not in MODELS:
        return bulletin
    pollutant = _pollutant(bulletin)
    record = known.history.usable
    try:
        batch, own = explain.representative(known.batch, record, STATIONS)
        found = explain.explain(known.forecaster, batch, own, pollutant=pollutant, orders=ORDERS)
        alike = explain.episodes(known.batch, record, pollutant=pollutant)
    except LantianError as error:
        return _without(bulletin, str(error.problems[0]))
    except Exception as error:  # whatever it is, forecast and warning must stand
        return _without(bulletin, repr(error))
    some = len(batch.stations) if len(batch.stations) < len(known.batch.stations) else None
    return replace(bulletin, explanation=section(found, alike, bulletin, some))


def section(
    found: Explanation, alike: Sequence[Episode], bulletin: Bulletin, some: int | None = None
) -> Section:
    """Words and numbers of an explanation; `some`: of how many stations, where not of all."""
    name = words.POLLUTANT_NAMES[found.pollutant]
    units = VARIABLES[found.pollutant].units.replace("ug m-3", "µg/m³")
    what = Text("日最大8小时平均", "MDA8") if found.pollutant == "o3" else Text("日均值", "mean")
    days = [day.date for day in bulletin.days][: found.forecast.shape[-1]]
    dates = [Text(words.date(d, "zh"), words.date(d, "en")) for d in days]
    rows = [_row(Text("本季常态", "usual for the season"), found.baseline)]
    kept = [k for k, v in enumerate(found.contributions) if abs(v).max() >= 0.5]
    order = sorted(kept, key=lambda k: -abs(found.contributions[k]).sum())
    rows += [_row(GROUPS[found.groups[k]], found.contributions[k], sign=True) for k in order]
    left = [k for k in range(len(found.groups)) if k not in kept]
    if left:
        rest = Text("其他", "others")
        rows.append(_row(rest, found.contributions[left].sum(axis=0), sign=True))
    rows.append(_row(Text("预报", "forecast"), found.forecast))
    points = [_episode(e, bulletin.offset, units) for e in alike]
    if not points:
        points = [Text("历史资料不足，未找到相似过程", "the record holds no similar episode")]
    most = GROUPS[found.groups[order[0]]] if order else Text("无明显因素", "nothing in particular")
    return Section(
        Text(f"为什么这样预报（{name}）", f"Why this forecast ({name})"),
        Text(
            f"全市{name}{what.zh}（{units}）相对本季常态的偏离，影响最大的是：{most.zh}。",
            f"Departure of the city's {name} ({what.en}, {units}) from what is usual for the "
            f"season; most is due to: {most.en}.",
        ),
        tuple(points),
        (Text("因素", "Factor"), *dates),
        tuple(rows),
        (
            Text(
                "这是模型对输入资料的响应，不是污染成因；逐时中位数的平均，仅供参考。",
                "What the model does with its inputs, not what causes pollution; means of hourly "
                "medians, indicative.",
            ),
            *([] if some is None else [_some(some)]),
        ),
    )


def _pollutant(bulletin: Bulletin) -> str:
    """Ozone where it leads most days, else PM2.5."""
    leading = [day.primary[0].pollutant for day in bulletin.days if day.primary]
    return "o3" if leading.count("o3") * 2 > len(leading) else "pm25"


def _row(name: Text, values: Iterable[float], *, sign: bool = False) -> tuple[Text, ...]:
    whole = [round(float(v)) for v in values]
    cells = [f"{v:+d}" if sign else f"{v:d}" for v in whole]
    return (name, *(Text(c.replace("-", "−"), c.replace("-", "−")) for c in cells))


def _episode(episode: Episode, offset: pd.Timedelta, units: str) -> Text:
    local = episode.issue_time + offset
    values = " / ".join(words.DASH if v is None else f"{v:.0f}" for v in episode.followed)
    return Text(
        f"相似过程 {words.moment(local, 'zh')}：此后三天实测 {values} {units}",
        f"alike: {words.moment(local, 'en')}; measured on the three days after: {values} {units}",
    )


def _some(count: int) -> Text:
    return Text(
        f"用{count}个代表站点计算，数值与上面的预报略有不同。",
        f"Computed with {count} stations that stand for all: values differ a little from the "
        "forecast above.",
    )


def _without(bulletin: Bulletin, why: str) -> Bulletin:
    note = Note(Text(f"未做预报解释：{why}", f"the forecast is not explained: {why}"), "info")
    return replace(bulletin, notes=(*bulletin.notes, note))
