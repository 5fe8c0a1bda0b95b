"""The command `lantian warn`: which warning a city's hourly concentrations call for, and why.

Takes a table (response/city_table.py) and an edition; every row counts, there is no issue time.
Dust is left out where the table says so; suspected dust is counted and named.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from forecast.problems import Problem
from forecast.timing import BEIJING_OFFSET
from response import city_table, episodes, warning, windows
from response.rules import Level, Rules, Words
from response.rules import load as load_rules
from response.warning import CriterionResult, Moment
from response.warning_words import colour, criterion_text, iso, local

OFFSET: Final = BEIJING_OFFSET


@dataclass(frozen=True)
class WarnResult:
    """What a table calls for; times are naive UTC."""

    rules: Rules
    level: Level | None
    start: pd.Timestamp | None  # median over the members that reach the level
    end: pd.Timestamp | None
    criteria: tuple[CriterionResult, ...]  # those that some member meets
    probability: dict[str, float]  # per level of the edition: that level or a higher one
    members: int
    notes: tuple[Words, ...]

    def as_dict(self) -> dict[str, Any]:
        """The machine-readable answer; times ISO with +08:00."""
        return {
            "level": self.level,
            "start": _iso(self.start),
            "end": _iso(self.end),
            "criteria": [
                {
                    "level": r.criterion.level,
                    "text": criterion_text(r.criterion).en,
                    "text_zh": criterion_text(r.criterion).zh,
                    "start": _iso(_middle(r.start)),
                    "end": _iso(_middle(r.end)),
                    "share": r.probability,
                }
                for r in self.criteria
            ],
            "probability": dict(self.probability),
        }

    def lines(self) -> list[str]:
        """The answer in words, Chinese then English."""
        return [w.zh for w in self._words()] + [w.en for w in self._words()]

    def _words(self) -> list[Words]:
        name = colour(self.level)
        when = _between(self.start, self.end)
        head = self.rules.name
        said = [
            Words(
                zh=f"预警级别：{name.zh}{when[0]}（{head.zh}）",
                en=f"Level: {name.en}{when[1]} ({head.en})",
            )
        ]
        for r in self.criteria:
            text, span = criterion_text(r.criterion), _between(_middle(r.start), _middle(r.end))
            mark = "*" if r.criterion.basis.assumption else ""
            c = colour(r.criterion.level)
            said.append(
                Words(
                    zh=f"  {c.zh}{mark}：{text.zh}，成员比例{r.probability:.0%}{span[0]}",
                    en=f"  {c.en}{mark}: {text.en}, {r.probability:.0%} of members{span[1]}",
                )
            )
        shares = self.probability.items()
        said.append(
            Words(
                zh=f"{self.members}个成员："
                + "，".join(f"{colour(n).zh}及以上{v:.0%}" for n, v in shares),
                en=f"Of {self.members} members: "
                + ", ".join(f"{n} or higher {v:.0%}" for n, v in shares),
            )
        )
        return said + list(self.notes)


def run(
    city_csv: Path, *, rules: str, threshold: float = warning.DEFAULT_THRESHOLD
) -> tuple[WarnResult, tuple[Problem, ...]]:
    """Judge a table by an edition.

    Args:
        city_csv: See response/city_table.py.
        rules: Name of an edition in configs/rules.
        threshold: Share of members from which a level is the answer.

    Returns:
        The answer, and the problems of the rows that were left out.

    Raises:
        ConfigError: No such edition or file.
        DataError: The file holds nothing to work on.
    """
    edition = load_rules(rules)
    table, problems = city_table.read(city_csv)
    indexed = windows.day_windows(
        table.hourly, table.times, edition, offset=OFFSET, dust=table.dust, exclude_suspected=False
    )
    met = episodes.evaluate(indexed.aqi, edition)
    shares = warning.shares(met)
    rank = max((r for r, p in enumerate(shares, start=1) if p >= threshold), default=0)
    span = warning.episode_moments(met, rank, table.times) if rank else None
    found = tuple(r for r in warning.criteria_results(met, table.times) if r.probability > 0)
    result = WarnResult(
        rules=edition,
        level=edition.at(rank),
        start=span[0].median if span else None,
        end=span[1].median if span else None,
        criteria=found,
        probability={n: float(p) for n, p in zip(edition.names, shares, strict=True)},
        members=len(table.members),
        notes=_notes(edition, table, indexed, found),
    )
    return result, problems


def _notes(
    edition: Rules,
    table: city_table.CityTable,
    indexed: windows.Indexed,
    found: tuple[CriterionResult, ...],
) -> tuple[Words, ...]:
    notes = []
    if table.local_assumed:
        notes.append(
            Words(
                zh="无时区的时间按北京时间（UTC+8）读取。",
                en="Times without offset were read as UTC+8.",
            )
        )
    if indexed.dust_suspected.any():
        notes.append(
            Words(
                zh="有窗口疑似沙尘（PM10为首要且PM2.5占比低），已计入；认定后请在dust列标注。",
                en="Some windows look like dust (PM10 primary, little PM2.5); they are counted. "
                "Mark determined dust in a column `dust`.",
            )
        )
    ozone = windows.ozone_8h(table.hourly)
    if (ozone > edition.ozone.o3_8h_gt).any():
        notes.append(
            Words(
                zh="臭氧达到重度污染：不启动颜色预警，发布健康提示。",
                en="Ozone is heavily polluted: no colour, a health notice.",
            )
        )
    marked = dict.fromkeys(r.criterion.basis.note for r in found if r.criterion.basis.assumption)
    notes += [Words(zh=f"* 待确认：{n.zh}。", en=f"* Assumption: {n.en}.") for n in marked if n]
    return (*notes, *edition.notes)


def _middle(m: Moment | None) -> pd.Timestamp | None:
    return m.median if m else None


def _iso(at: pd.Timestamp | None) -> str | None:
    return None if at is None else iso(at, OFFSET)


def _between(start: pd.Timestamp | None, end: pd.Timestamp | None) -> tuple[str, str]:
    """The span in Chinese and in English, to be put behind a sentence."""
    if start is None or end is None:
        return "", ""
    a, b = local(start, OFFSET), local(end, OFFSET)
    return f"，{a.zh}至{b.zh}", f", from {a.en} to {b.en}"
