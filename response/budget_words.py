"""A budget in words, Chinese and English."""

from response.budget import MIN_DAYS, Budget, Standing
from response.budget_plot import TITLES, share, used_left
from response.rules import Words


def words(budget: Budget) -> tuple[Words, ...]:
    """What is used and left, where the year may end, what the next days mean, what is assumed."""
    year, day = budget.targets.year, budget.as_of
    out = [
        Words(
            zh=f"{year}年度预算（截至{day:%Y-%m-%d}，有效{budget.known}天，"
            f"缺测{budget.unknown}天未计）：",
            en=f"Budget of {year} (as of {day:%Y-%m-%d}, {budget.known} valid days, "
            f"{budget.unknown} days unknown and not counted):",
        )
    ]
    for s in budget.standings:
        name = TITLES[s.target.metric]
        sign = "≥" if s.target.at_least is not None else "≤"
        out.append(
            Words(
                zh=f"  {name.zh}：目标{sign}{s.target.bound:g}；{used_left(s, 'zh')}",
                en=f"  {name.en}: target {sign} {s.target.bound:g}; {used_left(s, 'en')}",
            )
        )
    out += _next_days(budget)
    out.append(
        Words(
            zh="年末分布由往年同期按块重采样"
            + (f"并接预报成员{budget.forecast_days}天" if budget.forecast_days else "")
            + "得到，为气候情景，不是预报。",
            en="The year's end is drawn from past years by blocks"
            + (f", after {budget.forecast_days} forecast days" if budget.forecast_days else "")
            + ": climatology, no forecast.",
        )
    )
    notes = [budget.targets.basis.note if budget.targets.basis.assumption else None]
    notes.append(budget.composite.note if budget.composite.assumption else None)
    out += [Words(zh=f"* 待确认：{n.zh}。", en=f"* Assumption: {n.en}.") for n in notes if n]
    if len(budget.dates) - budget.unknown < MIN_DAYS:
        out.append(
            Words(
                zh=f"* 缺测过多：有效日少于{MIN_DAYS}天的年均值不具统计有效性。",
                en=f"* Too many gaps: a year with fewer than {MIN_DAYS} valid days is not valid.",
            )
        )
    return tuple(out)


def _next_days(budget: Budget) -> list[Words]:
    if budget.heavy_soon is None:
        return []
    days = budget.forecast_days
    out = [
        Words(
            zh=f"  未来{days}天出现重度及以上污染日的概率为{share(budget.heavy_soon)}",
            en=f"  A heavily polluted day within the next {days} days: {share(budget.heavy_soon)}",
        )
    ]
    if budget.heavy_day_pm25 is not None:
        more = budget.heavy_day_pm25
        out.append(
            Words(
                zh=f"  若出现，PM2.5年均值比不出现时高{more:.2f} µg/m³",
                en=f"  With one the year's PM2.5 mean is {more:.2f} µg/m³ higher than without",
            )
        )
    out += [_with_without(s) for s in budget.standings if s.with_heavy is not None
            and s.without_heavy is not None]  # fmt: skip
    return out


def _with_without(s: Standing) -> Words:
    name, a, b = TITLES[s.target.metric], s.with_heavy or 0.0, s.without_heavy or 0.0
    return Words(
        zh=f"  {name.zh}达标概率：出现{share(a)}，不出现{share(b)}",
        en=f"  {name.en}, chance to meet the target: with {share(a)}, without {share(b)}",
    )
