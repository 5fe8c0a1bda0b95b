"""The long run: `python -m tests.fuzz.long [--cases N] [--minutes M] [--seed S] [--write]`.

Spreads the cases over all targets by share, in rounds, so that a run that is stopped early has been
everywhere. With --write the table goes into docs/results/fuzz.md between its marks. Exit status 1
where a case ended as none may.
"""

import argparse
import datetime as dt
import os
import sys
import time
from collections import Counter
from pathlib import Path

from tests.fuzz import messages, settings, tables
from tests.fuzz.runner import Finding, Target, batch

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "results" / "fuzz.md"
BEGIN, END = "<!-- table -->", "<!-- end of table -->"
TARGETS = (*settings.TARGETS, *messages.TARGETS, *tables.TARGETS)  # the quick ones first
BY_NAME = {t.name: t for t in TARGETS}
SHARES = {
    "config twin": 0.2, "config measures": 0.3, "config": 4.0, "cap": 6.0,
    "observations netcdf": 0.06, "observations": 0.15, "weather": 0.06, "register": 0.06,
    "resumption": 0.5, "station": 0.5, "aqi": 0.15, "warn": 0.06, "api": 0.1,
}  # fmt: skip


def share(target: Target) -> float:
    """Cheap targets get more cases, those that write NetCDF fewer."""
    return next((v for k, v in SHARES.items() if target.name.startswith(k)), 1.0)


def say(text: str) -> None:
    """One line, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main(given: list[str] | None = None) -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--minutes", type=float, default=600.0)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0, help="number of the first case")
    parser.add_argument("--only", default="", help="targets whose name begins so")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(given)
    began = time.monotonic()
    chosen = [t for t in TARGETS if t.name.startswith(options.only)]
    weight = sum(map(share, chosen))
    outcomes: dict[str, Counter[str]] = {t.name: Counter() for t in chosen}
    findings: list[Finding] = []
    for number in range(options.rounds):
        for target in chosen:
            if time.monotonic() - began > options.minutes * 60:
                break
            size = max(1, round(options.cases * share(target) / weight / options.rounds))
            first = options.seed + number * size
            start = time.monotonic()
            counted, found = batch(target, range(first, first + size))
            outcomes[target.name] += counted
            findings += found
            took = time.monotonic() - start
            say(f"{number} {target.name}: {dict(counted)} in {took:.0f} s")
            for one in found[:5]:
                say(f"    {one}")
        total = sum(sum(c.values()) for c in outcomes.values())
        say(f"round {number}: {total} cases, {len(findings)} findings")
        if options.write:
            minutes = (time.monotonic() - began) / 60
            write(outcomes, findings, options.cases, minutes)
    return 1 if findings else 0


def write(
    outcomes: dict[str, Counter[str]], findings: list[Finding], cases: int, minutes: float
) -> None:
    """The table into the page; what people wrote around it stays."""
    columns = ("refused", "problems told", "taken", "wrong")
    lines = [
        BEGIN, "",
        f"- Command: `python -m tests.fuzz.long --cases {cases} --write` (`make fuzz`)",
        f"- Date: {dt.datetime.now(dt.UTC):%Y-%m-%d}; commit: {_commit()}",
        f"- Machine: {os.cpu_count()} cores, 24 GB; one process, {minutes:.0f} min beside others",
        "", "| target | cases | refused | read, problems told | taken | wrong |",
        "|---|---:|---:|---:|---:|---:|",
    ]  # fmt: skip
    for name, counted in outcomes.items():
        numbers = " | ".join(str(counted[c]) for c in columns)
        lines.append(f"| {name} | {sum(counted.values())} | {numbers} |")
    whole = sum(outcomes.values(), Counter())
    numbers = " | ".join(str(whole[c]) for c in columns)
    lines += [f"| **all** | {sum(whole.values())} | {numbers} |", ""]
    if findings:
        kinds = Counter((f.target, f.said) for f in findings)
        lines += ["Cases that ended as none may:", ""]
        lines += [f"- {t}: {s} ({n} times)" for (t, s), n in kinds.most_common(30)]
        lines.append("")
    text = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else f"# Fuzz\n\n{BEGIN}\n{END}\n"
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    PAGE.write_text(head + "\n".join([*lines, END]) + tail, encoding="utf-8")


def _commit() -> str:
    import subprocess

    command = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
