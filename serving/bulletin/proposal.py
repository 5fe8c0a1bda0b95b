"""The warning proposal of response/ -> the box a bulletin shows."""

from response import warning_words
from response.warning import Proposal
from serving.bulletin.content import Text, WarningBox


def warning_box(proposal: Proposal) -> WarningBox:
    """What the duty officer is told: action, level, when, how likely, why, on which assumptions."""
    notes = (*warning_words.assumptions(proposal), *proposal.rules.notes)
    own = f"{warning_words.colour(proposal.level).zh}条件"  # its criteria first: space is short
    # the first reason says the action, the second the probabilities: the box's own head lines
    _, second, *others = warning_words.reasons(proposal)
    why = [*sorted(others, key=lambda r: not r.zh.startswith(own)), second]
    return WarningBox(
        level=proposal.level,
        action=proposal.action,
        probabilities=dict(proposal.probability),
        start=proposal.start.median if proposal.start else None,
        end=proposal.end.median if proposal.end else None,
        reasons=tuple(Text(r.zh, r.en) for r in why if not any(n.zh in r.zh for n in notes)),
        assumptions=tuple(Text(n.zh, n.en) for n in notes),
    )
