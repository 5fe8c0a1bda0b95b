"""Criteria on an index series: which hours they cover, and which of them are one episode.

Takes the index of windows by their end, gives boolean hours; knows no pollutants, clock or words.
Arrays are (member, cell): a cell is an hour, or a day for daily values; `stride` is how many
cells a 24-hour window has (24 or 1). NaN is an index that is not known; it meets nothing.

Duration (design, section 7 rule 3): "above X for n x 24 h" holds when n adjoining windows, the
first starting at any hour, are each above X. What it covers is every cell of those n windows.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from response.rules import WINDOW, Condition, Rules

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Met:
    """What the members meet, and the episodes that result."""

    rules: Rules
    hours: Bools  # (criterion, member, cell): cells that each of rules.criteria covers
    covered: Bools  # (member, cell): any criterion
    episode: Ints  # (member, cell): 1.. in order of time, 0 outside; gaps within are part of it
    rank: Ints  # (member, episode): highest level, 0 in column 0

    def at_least(self, rank: int) -> Bools:
        """Cells (member, cell) covered by criteria of a level or a higher one."""
        chosen = [self.rules.rank(c.level) >= rank for c in self.rules.criteria]
        return np.asarray(self.hours[chosen].any(axis=0))


@dataclass(frozen=True)
class Spans:
    """First and last cell per member; meaningless where `there` is False."""

    there: Bools  # (member,)
    first: Ints  # (member,)
    last: Ints  # (member,)


def evaluate(index: Floats, rules: Rules, *, stride: int = WINDOW, after: int = -1) -> Met:
    """Apply every criterion to every member.

    Args:
        index: 24-h AQI (member, cell) of the window that ends with each cell.
        rules: The edition.
        stride: Cells in a window.
        after: Only what reaches beyond this cell counts (the issue hour); -1: everything. The
            other conditions of an AND may lie before it, in the same episode.
    """
    allowed_gap = rules.cancellation.hours * stride // WINDOW
    every: dict[Condition, Bools] = {}
    late: dict[Condition, Bools] = {}
    for condition in {c for criterion in rules.criteria for c in criterion.all_of}:
        ends = chain_ends(index, condition, stride)
        span = condition.windows * stride
        every[condition] = _covered_by(ends, span)
        late[condition] = every[condition]
        if after >= 0:
            late[condition] = _covered_by(ends & (np.arange(index.shape[1]) > after), span)
    single = [c.all_of[0] for c in rules.criteria if len(c.all_of) == 1]
    base = np.any([every[c] for c in single], axis=0) if single else np.zeros(index.shape, bool)
    hours = np.stack(
        [
            late[c.all_of[0]]
            if len(c.all_of) == 1
            else _together(c.all_of, every, late, base, allowed_gap)
            for c in rules.criteria
        ]
    )
    covered = np.asarray(hours.any(axis=0))
    episode = labels(bridged(covered, allowed_gap))
    rank = np.zeros((len(index), int(episode.max(initial=0)) + 1), dtype=np.int64)
    for criterion, mask in zip(rules.criteria, hours, strict=True):
        reached = _per_label(episode, mask, rank.shape[1])
        rank = np.where(reached, np.maximum(rank, rules.rank(criterion.level)), rank)
    return Met(rules, hours, covered, episode, rank)


def chain_ends(index: Floats, condition: Condition, stride: int) -> Bools:
    """Cells with which a chain of enough adjoining windows beyond the bound ends."""
    beyond = np.asarray(
        index > condition.bound if condition.gt is not None else index >= condition.bound
    )
    ends = beyond.copy()
    for back in range(1, condition.windows):
        shift = back * stride
        earlier = np.zeros_like(ends)
        earlier[:, shift:] = beyond[:, : max(index.shape[1] - shift, 0)]
        ends &= earlier
    # A chain cannot begin before the first cell; a caller may hand in windows that would.
    ends[:, : condition.windows * stride - 1] = False
    return ends


def first_episode(met: Met, rank: int) -> Spans:
    """Span of each member's first episode that reaches a level.

    It runs from the first to the last window that meets that level's criteria; where the episode
    has parts that do not reach it but lie too close to be parted, these belong to it as well.
    """
    reached = met.rank >= rank
    reached[:, 0] = False
    chosen = np.where(reached.any(axis=1), reached.argmax(axis=1), -1)
    enough = met.at_least(rank)
    runs = labels(met.covered)
    reaches = _per_label(runs, enough, int(runs.max(initial=0)) + 1)
    weaker = met.covered & ~np.take_along_axis(reaches, runs, axis=1)
    return spans((enough | weaker) & (met.episode == chosen[:, None]))


def spans(mask: Bools) -> Spans:
    """First and last True cell of every member."""
    last = mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)
    return Spans(np.asarray(mask.any(axis=1)), mask.argmax(axis=1), last)


def bridged(mask: Bools, longest: int) -> Bools:
    """The mask with its inner gaps of at most `longest` cells filled."""
    size = mask.shape[1]
    cell = np.arange(size)
    before = np.maximum.accumulate(np.where(mask, cell, -1), axis=1)
    after = np.minimum.accumulate(np.where(mask, cell, size)[:, ::-1], axis=1)[:, ::-1]
    inner = (before >= 0) & (after < size)
    return np.asarray(mask | (inner & (after - before - 1 <= longest)))


def labels(mask: Bools) -> Ints:
    """Runs of True cells of every member, numbered 1.. in order; 0 elsewhere."""
    begins = mask.copy()
    begins[:, 1:] &= ~mask[:, :-1]
    return np.where(mask, begins.cumsum(axis=1), 0)


def _covered_by(ends: Bools, span: int) -> Bools:
    """Cells of the spans that end with the given cells."""
    steps = np.zeros((ends.shape[0], ends.shape[1] + 1), dtype=np.int64)
    steps[:, : max(ends.shape[1] - span + 1, 0)] += ends[:, span - 1 :]
    steps[:, 1:] -= ends
    return np.asarray(steps[:, :-1].cumsum(axis=1) > 0)


def _together(
    conditions: tuple[Condition, ...],
    every: dict[Condition, Bools],
    late: dict[Condition, Bools],
    base: Bools,
    allowed_gap: int,
) -> Bools:
    """Cells of several conditions in those episodes that meet all of them."""
    parts = [every[c] for c in conditions]
    union = np.any(parts, axis=0)
    episode = labels(bridged(base | union, allowed_gap))
    count = int(episode.max(initial=0)) + 1
    met = np.all([_per_label(episode, part, count) for part in parts], axis=0)
    met &= _per_label(episode, np.any([late[c] for c in conditions], axis=0), count)
    return np.asarray(union & np.take_along_axis(met, episode, axis=1))


def _per_label(label: Ints, mask: Bools, count: int) -> Bools:
    """Whether a mask holds anywhere in each labelled part: (member, label); False in column 0."""
    found = np.zeros((len(label), count), dtype=bool)
    member, cell = np.nonzero(mask & (label > 0))
    found[member, label[member, cell]] = True
    return found
