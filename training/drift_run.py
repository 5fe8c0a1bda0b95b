"""`lantian drift`: do the last days still look like what the city's network was trained on?

Takes a configuration, a home and a moment; judges inputs and missing readings (training.drift), the
forecasts kept in the home (training.drift_errors) and single stations (training.drift_stations).
Names what is out of the ordinary and proposes a training; it never trains.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr

from forecast import areas, files, history, model_store, quality_limits, stations
from forecast.config import CityConfig
from forecast.problems import ConfigError, DataError, Problem
from forecast.schema import stations_frame
from training import drift, drift_errors, drift_stations
from training.drift import Finding
from training.windows import Record

_HOUR: Final = pd.Timedelta(hours=1)
_PARTS: Final = ("inputs", "forecasts", "stations")
_TIERS: Final = {"0": "none", "1": "forecast", "2": "perfect"}


@dataclass(frozen=True)
class DriftReport:
    """What was judged, and what was not and why."""

    city: str
    model: str  # folder name of the network
    trained_until: pd.Timestamp
    first: pd.Timestamp  # of the judged hours, UTC
    last: pd.Timestamp
    findings: Mapping[str, tuple[Finding, ...]]  # of _PARTS
    notes: tuple[str, ...]

    @property
    def beyond(self) -> tuple[Finding, ...]:
        """Everything out of the ordinary."""
        return tuple(f for part in self.findings.values() for f in part if f.beyond)

    @property
    def proposes(self) -> bool:
        """Whether a training is proposed: inputs or forecasts are out of the ordinary."""
        return any(f.beyond for p in ("inputs", "forecasts") for f in self.findings[p])

    def proposal(self) -> str:
        """What follows from it, in words."""
        if self.proposes:
            return (
                "proposal: look at what is named, then train on data up to today and compare"
                " (docs/retraining.md); nothing was trained"
            )
        if self.beyond:
            return "proposal: look after the stations named; the network needs no training for it"
        return "nothing out of the ordinary"

    def as_dict(self) -> dict[str, Any]:
        """Machine-readable form."""
        return {
            "city": self.city, "model": self.model,
            "trained_until": self.trained_until.isoformat(),
            "first": self.first.isoformat(), "last": self.last.isoformat(),
            "beyond": len(self.beyond), "proposal": self.proposal(),
            "findings": {
                part: [
                    {"what": f.what, "value": f.value, "threshold": f.threshold,
                     "beyond": f.beyond} for f in found
                ] for part, found in self.findings.items()
            },
            "notes": list(self.notes),
        }  # fmt: skip

    def lines(self) -> list[str]:
        """The report in words; what is beyond comes from `beyond`."""
        against = f"{self.model}, trained until {self.trained_until} UTC"
        said = [f"{self.city}: {self.first} .. {self.last} UTC against {against}"]
        for part, found in self.findings.items():
            bad = sum(f.beyond for f in found)
            said.append(f"{part}: {len(found)} statistics judged, {bad} out of the ordinary")
        said += [f"note: {note}" for note in self.notes]
        return [*said, self.proposal()]


def run(
    config: CityConfig, *, home: Path, until: pd.Timestamp, days: int = 30, out: Path | None = None
) -> DriftReport:
    """Judge the days before a moment.

    Args:
        config: The city.
        home: LANTIAN_HOME.
        until: Last hour judged, naive UTC.
        days: How many.
        out: Folder for drift.json and drift.md.

    Raises:
        ConfigError: No network a run at `until` could use; fewer than 7 days.
        DataError: The home holds no readings.
    """
    if days < 7:
        raise ConfigError([Problem("--days", str(days), "a week at least")])
    kept = model_store.network(home, config.city.id, until)
    if kept is None:
        expected = "lantian train --model network first"
        raise ConfigError([Problem(f"network of {config.city.id}", "none", expected)])
    known = history.load(
        home, stations.load(config.stations), quality_limits.load(config.quality), end=until,
        calibrated=config.calibrate,
    )  # fmt: skip
    first = until - (24 * days - 1) * _HOUR
    notes: list[str] = []
    inputs = _inputs(config, kept, known.usable, days, notes)
    forecasts = _forecasts(home, kept, known.usable, first, days, notes)
    begin = drift_stations.hours(until, days)
    part = {"time": slice(begin, None)}
    single = drift_stations.judge(known.flagged.sel(part), known.usable.sel(part), days=days)
    if not single:
        notes.append(f"stations not judged: fewer than {2 * days} days of readings in the home")
    report = DriftReport(
        config.city.id, kept.folder.name, kept.trained_until, first, until,
        dict(zip(_PARTS, (inputs, forecasts, single), strict=True)), tuple(notes),
    )  # fmt: skip
    if out is not None:
        text = json.dumps(report.as_dict(), ensure_ascii=False, indent=1)
        files.write_text(out / "drift.json", text + "\n")
        files.write_text(out / "drift.md", _page(report))
    return report


def _inputs(
    config: CityConfig, kept: model_store.Kept, obs: xr.Dataset, days: int, notes: list[str]
) -> tuple[Finding, ...]:
    """Distributions and missing readings; statistics are the model's, else made from the home."""
    known: Mapping[str, Any] | None = None
    if (kept.folder / drift.FILE).is_file():
        known = drift.read(kept.folder)
    if known is None or known["days"] != days:
        why = "no statistics beside the network" if known is None else f"other days than {days}"
        before = obs.sel(time=slice(None, kept.trained_until))
        try:
            known = drift.reference(Record.of(before, config.offset, 0), days=days)
            notes.append(f"inputs: {why}: made from the home's readings before its training ended")
        except (DataError, IndexError) as error:
            notes.append(f"inputs not judged: {why}, and the home's record is too short: {error}")
            return ()
    if obs.sizes["time"] < 24 * days:
        notes.append(f"inputs not judged: fewer than {days} days of readings in the home")
        return ()
    return drift.judge(Record.of(obs, config.offset, 0), known)


def _forecasts(
    home: Path, kept: model_store.Kept, obs: xr.Dataset, first: pd.Timestamp, days: int,
    notes: list[str],
) -> tuple[Finding, ...]:  # fmt: skip
    """Errors, bias and coverage of the network's forecasts that are kept in the home."""
    manifest = json.loads((kept.folder / model_store.MANIFEST).read_text(encoding="utf-8"))
    usual = manifest.get("about", {}).get("errors", {})
    if not usual:
        notes.append("forecasts not judged: the network was trained before errors were kept in it")
        return ()
    register = stations_frame(obs)
    city = areas.points(register)
    if not city.any():
        city = np.ones(len(register), dtype=bool)
    found, left = drift_errors.kept(home / "forecasts", obs, city, first, model_store.NETWORK)
    if left:
        notes.append(f"{len(left)} forecasts left out, such as {left[0]}")
    judged: list[Finding] = []
    for trust, errors in found.items():
        words = f", weather {_TIERS[trust]}"
        if trust not in usual:
            notes.append(f"forecasts{words}: not practised in training, not judged")
            continue
        if usual[trust]["days"] != days:
            notes.append(f"forecasts{words}: thresholds are of {usual[trust]['days']} days")
        judged += drift_errors.judge(errors, usual[trust], words)
    if not judged:
        least = drift_errors.LEAST_ISSUES
        notes.append(f"forecasts not judged: fewer than {least} kept since {first} UTC")
    return tuple(judged)


def _page(report: DriftReport) -> str:
    lines = [f"# Drift of {report.city}", "", *(f"- {line}" for line in report.lines()), ""]
    for part, found in report.findings.items():
        bad = sorted((f for f in found if f.beyond), key=lambda f: f.threshold / max(f.value, 1e-9))
        lines += [f"## {part}", ""]
        if bad:
            lines += ["| out of the ordinary | value | ordinary up to |", "|---|---|---|"]
            lines += [f"| {f.what} | {f.value:.3g} | {f.threshold:.3g} |" for f in bad]
        else:
            lines.append("Nothing out of the ordinary." if found else "Not judged.")
        lines.append("")
    return "\n".join(lines)
