"""The daily run. `run` reads as the way of the data.

Takes a configuration, a home and an issue time; leaves a forecast file, a warning proposal, a plan
and a resumption where the home has a register, and a bulletin in the home. It degrades by a stated
ladder and says so; it never invents a number. Every file is written whole and is the same for the
same inputs, so a run that was killed anywhere and is started again ends in the same state; run.json
comes last. (A plan stopped by its time limit depends on the machine; it says so.)
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecast import areas as area_means
from forecast import files, forecast_file, issue, provenance, timing
from forecast.batch import WeatherTier, stacked
from forecast.config import CityConfig
from forecast.issue import IssueForecast
from forecast.schema import CITY_AREA, POLLUTANTS
from response import rules, warning, warning_words
from response.rules import Level
from response.warning import Proposal
from serving import daily_explain, daily_response, inputs, station_health
from serving.bulletin import build, hours, measured, render, saved, words
from serving.bulletin.content import Bulletin, Lang, Note, Provenance, Text
from serving.bulletin.proposal import warning_box
from serving.inputs import Inputs

_HOUR = pd.Timedelta(hours=1)
_PAST_HOURS = 96  # measured hours before the issue that a running episode may reach back
LANGUAGES: tuple[Lang, ...] = ("zh", "en")


@dataclass(frozen=True)
class DailyReport:
    """What a run left behind and what it says."""

    issue_time: pd.Timestamp
    forecast: Path
    folder: Path
    level: str | None
    headline: Text
    notes: tuple[Note, ...]

    def as_dict(self) -> dict[str, Any]:
        """Machine-readable form."""
        return {
            "issue_time": f"{self.issue_time:%Y-%m-%dT%H:%M}Z",
            "forecast": str(self.forecast),
            "folder": str(self.folder),
            "level": self.level,
            "headline": {"zh": self.headline.zh, "en": self.headline.en},
            "notes": [
                {"severity": n.severity, "zh": n.text.zh, "en": n.text.en} for n in self.notes
            ],
        }

    def lines(self) -> list[str]:
        """The report in words."""
        said = [self.headline.zh, self.headline.en]
        said += [f"[{n.severity}] {n.text.en}" for n in self.notes]
        return [*said, f"forecast: {self.forecast}", f"bulletin: {self.folder}"]


def run(
    config: CityConfig,
    *,
    home: Path,
    issue_time: pd.Timestamp,
    replay: WeatherTier | None = None,
    pictures: bool = True,
    in_force: Level | None = None,
    notified: Level | None = None,
) -> DailyReport:
    """One daily run.

    Args:
        config: The city.
        home: LANTIAN_HOME.
        issue_time: Naive UTC, a full hour; nothing later is read.
        replay: For past days without archived forecasts: none, perturbed or perfect (observed)
            weather instead of the ladder; the bulletin says which.
        pictures: False: pages without charts and no posters, which are more than half of the work.
        in_force: The city's level in force at the issue time, as the store knows it.
        notified: A level that province or state had ordered by then.

    Raises:
        DataError: No reading to forecast from.
    """
    with files.exclusive(home):
        known = inputs.gather(config, home=home, issue_time=issue_time, replay=replay)
        forecast = forecast_of(config, known)
        proposal = proposal_of(config, known, forecast, in_force=in_force, notified=notified)
        written = [_write_forecast(config, home, known, forecast)]
        response = daily_response.respond(
            config, home=home, issue_time=issue_time, proposal=proposal
        )
        bulletin = _bulletin(config, known, forecast, proposal)
        bulletin = daily_response.shown(daily_explain.shown(bulletin, known), response)
        written += _write_words(run_folder(home, issue_time), proposal, bulletin, pictures=pictures)
        written += _write_data(config, run_folder(home, issue_time), known, forecast, bulletin)
        written += daily_response.write(
            response, run_folder(home, issue_time), offset=config.offset
        )
        _finish(run_folder(home, issue_time), home, bulletin, written)
    return DailyReport(
        issue_time,
        written[0],
        run_folder(home, issue_time),
        proposal.level,
        Text(*(words.headline(bulletin, lang) for lang in LANGUAGES)),
        bulletin.notes,
    )


def run_folder(home: Path, issue_time: pd.Timestamp) -> Path:
    """Where a run's proposal and bulletin lie."""
    return home / "runs" / f"{issue_time:%Y%m%dT%H%MZ}"


def forecast_path(home: Path, issue_time: pd.Timestamp) -> Path:
    """Where a run's forecast lies."""
    return home / "forecasts" / f"{issue_time:%Y%m%dT%H%MZ}.nc"


def forecast_of(config: CityConfig, known: Inputs) -> IssueForecast:
    """The forecast of one run."""
    (made,) = issue.forecasts(
        known.batch,
        known.forecaster,
        known.dependence,
        members=config.forecast.members,
        seed=config.forecast.seed,
        standard=config.standard,
    )
    return made


def proposal_of(
    config: CityConfig,
    known: Inputs,
    forecast: IssueForecast,
    *,
    in_force: Level | None = None,
    notified: Level | None = None,
) -> Proposal:
    """Members of the city, led in by its measured hours, under the city's rules."""
    register = known.batch.stations
    measured = stacked(known.history.usable, POLLUTANTS)[-_PAST_HOURS:]
    past = area_means.area_mean(measured, register, area=CITY_AREA, axis=1)  # (hour, pollutant)
    city = forecast.areas.areas.index(CITY_AREA)
    last = timing.last_lead(forecast.issue_time, config.offset)
    ahead = forecast.areas.hourly[city][:, :last]
    before = np.broadcast_to(past[None], (len(ahead), *past.shape))
    hourly = np.concatenate([before, ahead], axis=1)
    start = forecast.issue_time - (len(past) - 1) * _HOUR
    times = pd.date_range(start, periods=hourly.shape[1], freq=_HOUR)
    return warning.propose(
        hourly,
        times,
        rules.load(config.rules),
        thresholds=config.proposal.model_dump(),
        issue_time=forecast.issue_time,
        offset=config.offset,
        standard=config.standard,
        current_level=in_force,
        notified_level=notified,
    )


def _bulletin(
    config: CityConfig, known: Inputs, forecast: IssueForecast, proposal: Proposal
) -> Bulletin:
    health = measured.with_flags(
        measured.data_health(known.history.usable, forecast.issue_time),
        suspect=known.suspect_share,
        fail=known.fail_share,
    )
    return build.build(
        config,
        forecast.issue_time,
        members=forecast.areas,
        quantiles=forecast.quantiles,
        obs=known.history.usable,
        weather=known.weather,
        model=known.forecaster.name,
        model_version=_version(known),
        proposal=warning_box(proposal),
        notes=known.notes,
        health=health,
        area_names={k: Text(n.zh, n.en) for k, n in config.areas.items()},
        provenance=Provenance(
            run=f"{config.city.id}-{forecast.issue_time:%Y%m%dT%H%MZ}",
            config=config.digest,
            data=known.data_hash,
            code=provenance.code_revision(),
        ),
    )


def _write_forecast(config: CityConfig, home: Path, known: Inputs, forecast: IssueForecast) -> Path:
    path = forecast_path(home, forecast.issue_time)
    header = forecast_file.Header(
        model=known.forecaster.name,
        model_version=_version(known),
        data_hash=known.data_hash,
        standard=config.standard,
        config_hash=config.digest,
        weather_tier=known.batch.tier,
        code_revision=provenance.code_revision(),
        simulated=config.simulated or bool(known.history.flagged.attrs.get("simulated")),
        utc_offset_hours=config.city.utc_offset_hours,
        trained_until=known.forecaster.trained_until.isoformat(),
    )
    layout = forecast_file.Layout(
        known.batch.issue_times,
        known.batch.stations,
        forecast.areas.areas,
        config.forecast.members,
        hourly_members=True,
    )
    forecast_file.write(path, header, layout, [issue.chunk([forecast], hourly_members=True)])
    return path


def _write_words(
    folder: Path, proposal: Proposal, bulletin: Bulletin, *, pictures: bool
) -> list[Path]:
    text = json.dumps(warning_words.as_dict(proposal), ensure_ascii=False, indent=1)
    written = [folder / "proposal.json"]
    files.write_text(written[0], text + "\n")
    for lang in LANGUAGES:
        page, picture = folder / f"bulletin.{lang}.html", folder / f"bulletin.{lang}.png"
        files.write_text(page, render.render_html(bulletin, lang, charted=pictures))
        written.append(page)
        if not pictures:
            picture.unlink(missing_ok=True)  # of an earlier run: it would show other numbers
            continue
        files.write_bytes(picture, render.render_png(bulletin, lang))
        written.append(picture)
    return written


def _write_data(
    config: CityConfig, folder: Path, known: Inputs, forecast: IssueForecast, bulletin: Bulletin
) -> list[Path]:
    """What the console shows: the bulletin's content and the map hour by hour."""
    future = known.batch.future_weather
    weather = None if future is None else future[0]
    by_hour = hours.hours(
        config, forecast.issue_time, known.batch.stations, forecast.quantiles, weather
    )
    contents = {
        "bulletin.json": saved.to_json(bulletin),
        "hours.json": by_hour,
        station_health.FILE: station_health.content(known.history),
    }
    for name, content in contents.items():
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        files.write_text(folder / name, text + "\n")
    return [folder / name for name in contents]


def _finish(folder: Path, home: Path, bulletin: Bulletin, written: Sequence[Path]) -> None:
    """The last file of a run: it is there only when all others are."""
    content = {
        "run": bulletin.provenance.run,
        "model": bulletin.model_version,
        "weather": bulletin.weather.tier,
        "simulated": bulletin.simulated,
        "data": bulletin.provenance.data,
        "config": bulletin.provenance.config,
        "code": bulletin.provenance.code,
        "notes": [
            {"severity": n.severity, "zh": n.text.zh, "en": n.text.en} for n in bulletin.notes
        ],
        "files": {
            str(p.relative_to(home)): hashlib.sha256(p.read_bytes()).hexdigest() for p in written
        },
    }
    text = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
    files.write_text(folder / "run.json", text)


def _version(known: Inputs) -> str:
    return f"{known.forecaster.name}-{known.forecaster.trained_until:%Y%m%dT%H%MZ}"
