"""What faults did, counted: lost, doubled, wrong afterwards. Makes the table that is published.

A state is a list of things (name, content): a value stored, a decision, a message a receiver keeps.
Each is judged against the state of a run that nothing disturbed.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

State = list[tuple[str, str]]


@dataclass(frozen=True)
class Count:
    """Outcomes of one fault, over all times it was made."""

    count: int = 0
    lost: int = 0
    doubled: int = 0
    wrong_after: int = 0
    remarks: tuple[str, ...] = ()

    def __add__(self, other: "Count") -> "Count":
        return Count(
            self.count + other.count,
            self.lost + other.lost,
            self.doubled + other.doubled,
            self.wrong_after + other.wrong_after,
            (*self.remarks, *other.remarks),
        )

    @property
    def clean(self) -> bool:
        """Nothing went wrong, and something was tried."""
        return self.count > 0 and not (self.lost or self.doubled or self.wrong_after)


def judged(reference: State, found: State, *, said: Iterable[str] = (), where: str = "") -> Count:
    """One fault: the state after the next run beside that of an undisturbed one.

    Args:
        reference: Of the undisturbed run.
        found: After the fault and the next run.
        said: Names of what was accepted before the fault; each has to be in `found`.
        where: What was done, for the remarks.
    """
    expected, there = (Counter(name for name, _ in state) for state in (reference, found))
    lost = sorted(
        {n for n in expected if there[n] < expected[n]} | {s for s in said if not there[s]}
    )
    doubled = sorted(n for n in there if there[n] > max(expected[n], 1))
    rest = set(found) - set(reference)
    wrong = sorted({n for n, _ in rest} - set(doubled))
    remarks = [f"{where}: lost {n}" for n in lost] + [f"{where}: twice {n}" for n in doubled]
    remarks += [f"{where}: other than undisturbed: {n}" for n in wrong]
    return Count(1, bool(lost), bool(doubled), bool(wrong), tuple(remarks))


def failed(where: str, what: str) -> Count:
    """One fault after which the next run did not even end."""
    return Count(1, 0, 0, 1, (f"{where}: {what}",))


def total(parts: Iterable[Count]) -> Count:
    """All of them together."""
    found = Count()
    for part in parts:
        found = found + part
    return found


def as_json(table: Mapping[str, Count]) -> str:
    """`{fault: {count, lost, doubled, wrong_after}}`."""
    plain = {
        name: {k: int(v) for k, v in vars(one).items() if k != "remarks"}
        for name, one in table.items()
    }
    return json.dumps(plain, ensure_ascii=False, indent=1) + "\n"


def read(folder: Path) -> dict[str, Count]:
    """What faults.json of a folder holds; nothing where there is none."""
    path = folder / "faults.json"
    if not path.is_file():
        return {}
    return {name: Count(**one) for name, one in json.loads(path.read_text("utf-8")).items()}


def as_page(
    table: Mapping[str, Count], *, about: Mapping[str, str], words: Mapping[str, str]
) -> str:
    """docs/results/faults.md.

    Args:
        table: By fault.
        about: Command, date, commit, machine, duration.
        words: What each fault is and what is looked at afterwards.
    """
    sums = total(table.values())
    lines = [
        "# Faults",
        "",
        "What was done to the program, how often, and what was wrong afterwards. *Lost*: accepted",
        "data or decisions that were not there. *Doubled*: a decision, a value or a publication",
        "(for a channel that honours keys) that was there twice. *Wrong after*: the next run ended",
        "other than one that nothing had disturbed, did not end, or took what is wrong for right.",
        "",
        *(f"- {name}: {value}" for name, value in about.items()),
        "",
        "| fault | count | lost | doubled | wrong after |",
        "|---|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {name} | {c.count} | {c.lost} | {c.doubled} | {c.wrong_after} |"
        for name, c in table.items()
    ]
    lines += [
        f"| **all** | {sums.count} | {sums.lost} | {sums.doubled} | {sums.wrong_after} |",
        "",
        "## What each is",
        "",
        *(f"- **{name}**: {words[name]}" for name in table),
    ]
    if sums.remarks:
        lines += ["", "## What went wrong", "", *(f"- {r[:300]}" for r in sums.remarks[:60])]
    return "\n".join(lines) + "\n"


def write(folder: Path, table: Mapping[str, Count], **given: Mapping[str, str]) -> None:
    """faults.json and faults.md in a folder."""
    (folder / "faults.json").write_text(as_json(table), encoding="utf-8")
    (folder / "faults.md").write_text(as_page(table, **given), encoding="utf-8")
