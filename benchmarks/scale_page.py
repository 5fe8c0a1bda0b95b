"""docs/results/scale.json and docs/scale.md from what benchmarks/nation.py and stream_training.py
measured; `python benchmarks/scale_page.py` writes the page again."""

import json
from pathlib import Path
from typing import Any

from forecast.files import write_text

TEXT = Path(__file__).parent / "scale_page.md"
_COUNTRY = {"cities": 340, "stations": 31_700}
_LARGEST = 2.8  # stations of the largest city over those of the mean one: a city is one task


def keep(part: str, result: dict[str, Any], docs: Path) -> None:
    """Put a part into scale.json and write the page."""
    path = docs / "results" / "scale.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    known[part] = result
    write_text(path, json.dumps(known, ensure_ascii=False, indent=1) + "\n")
    write(docs)


def write(docs: Path) -> None:
    """The page from the numbers that are there."""
    known = json.loads((docs / "results" / "scale.json").read_text(encoding="utf-8"))
    text = TEXT.read_text(encoding="utf-8")
    parts = {
        "NATION": "Not measured yet.",
        "PAPER": "Not measured yet.",
        "TRAINING": "Not measured yet.",
    }
    if "nation" in known:
        parts |= {"NATION": table(known["nation"]), "PAPER": paper(known["nation"])}
    if "training" in known:
        parts["TRAINING"] = training(known["training"])
    for name, content in parts.items():
        text = text.replace(f"@@{name}@@", content)
    write_text(docs / "scale.md", text)


def table(r: dict[str, Any]) -> str:
    """The measured nation."""
    m, n = r["machine"], r["nation"]
    busy = ""
    if m["load"] > 0.7:
        busy = f" Other work ran beside it (load {m['load']:.1f} before): times are too long."
    made = f", made in {n['made_seconds']:.0f} s" if n["made_seconds"] is not None else ""
    lines = [
        (
            f"`{r['command']}`, {r['date']}, commit {r['commit']}, {m['cores']} cores"
            f" ({m['processor']}), {m['memory_gb']} GB. {n['cities']} cities with {n['reference']:,}"
            f" reference and {n['lower']:,} lower-tier stations, {n['days']} days of readings{made}."
            f" Workers are ready {r['start_seconds']:.0f} s after they started (once a day; not in the"
            f" seconds below).{busy}"
        ),
        "",
        "| run | cities | stations | processes | s | s / city | stations / s | peak MB a process | MB written |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    named = [("doubling", s) for s in r["series"]]
    named += [("one process", r["one_process"]), ("the same, two", r["two_processes"])]
    if "whole" in r:
        named.append(("**whole nation**", r["whole"]))
    named += [(f"few: {k}", s) for k, s in r["extras"].items()]
    lines += [
        f"| {name} | {s['cities']} | {s['stations']} | {s['workers']} | {s['seconds']:.1f} |"
        f" {s['seconds'] / s['cities']:.2f} | {s['stations_per_second']:.0f} | {s['peak_mb']} |"
        f" {s['bytes'] / 1e6:.1f} |"
        for name, s in named
    ]
    goal = "met" if r["ratio"] >= 1.7 else "missed"
    extra = {k: _cpu(s) - _cpu(r["extras"]["plain"]) for k, s in r["extras"].items()}
    lines += [
        "",
        (
            f"Two processes against one: **{r['ratio']:.2f} times** (goal 1.7: {goal}), on"
            f" {r['one_process']['cities']} cities. The process that hands out tasks peaked at"
            f" {r['client_peak_mb']} MB. Charts and posters add {extra['pictures']:.1f} s of processor"
            f" time to a city, drift {extra['drift']:.1f} s, to {_cpu(r['extras']['plain']):.1f} s."
        ),
    ]
    return "\n".join(lines)


def paper(r: dict[str, Any]) -> str:
    """The whole country on a named cluster, from processor time alone."""
    base = r.get("whole", r["series"][-1])
    extras = r["extras"]
    more = sum(_cpu(extras[k]) - _cpu(extras["plain"]) for k in ("pictures", "drift"))
    share = _COUNTRY["stations"] / base["stations"]
    plain = base["cpu_seconds"] * share
    full = plain + more * _COUNTRY["cities"]
    efficiency = base["cpu_seconds"] / (base["seconds"] * base["workers"])
    lines = [
        (
            f"Processor time of the country's day: {plain / 60:.0f} min plain, {full / 60:.0f} min with"
            f" charts and drift; here {100 * efficiency:.0f} % of the processes' wall time was"
            " processor time, the rest waiting for the disk and for the next task."
        ),
        "",
        "| where | worker processes | plain, min | with charts and drift, min |",
        "|---|---:|---:|---:|",
    ]
    for where, n in (
        ("this machine", 2),
        ("one server, 32 cores, 64 GB", 32),
        ("4 nodes of 64 cores, 256 GB each (a small Slurm partition), one task a core", 256),
    ):
        n = min(n, _COUNTRY["cities"])
        each = (_cpu(base), full / _COUNTRY["cities"])
        times = [
            max(s / n, _LARGEST * c) / efficiency / 60
            for s, c in zip((plain, full), each, strict=True)
        ]
        lines.append(f"| {where} | {n} | {times[0]:.1f} | {times[1]:.1f} |")
    memory = 32 * base["peak_mb"] / 1000
    lines += [
        "",
        (
            f"Memory: 32 processes at the measured peak take {memory:.0f} GB, so a server needs about"
            f" {base['peak_mb'] / 1000:.1f} GB a core."
        ),
    ]
    return "\n".join(lines)


def training(r: dict[str, Any]) -> str:
    """The streamed training."""
    return "\n".join(r["lines"])


def _cpu(s: dict[str, Any]) -> float:
    return float(s["cpu_seconds"]) / float(s["cities"])


if __name__ == "__main__":
    write(Path("docs"))
