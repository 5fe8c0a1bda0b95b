"""Progress of the closed loop on disk: arrays and one JSON text in an .npz, nothing that runs.

Takes a Run or a fitted forecaster and a path; gives them back equal to the bit. Files are read
without pickle, so a damaged or foreign file is an error and never code.
"""

import io
import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast import files
from forecast.problems import DataError, Problem
from training.closed_loop_forecast import Fitted
from twin.state import State

Floats = NDArray[np.float64]
Kind = Literal["free", "plan", "resumption"]
_VERSION: Final = 2
_STACKS: Final = ("orders", "air", "loads")
_TEXT: Final = ("day", "level", "stops", "levels", "sums", "promises", "plans")


@dataclass(frozen=True)
class Promise:
    """A probability stated at 16:00 for the next day.

    Attributes:
        day: Number of the day it is about, 0 is the first of the winter.
        line: Daily AQI.
        kind: free (everybody at full load), plan (a warning's orders) or resumption.
        share: Of members above the line, with the orders there are.
    """

    day: int
    line: int
    kind: Kind
    share: float


@dataclass(frozen=True)
class Planned:
    """What a control plan said of itself: the first day it is for, and what it misses, in words."""

    day: int
    level: str
    status: str
    gap: float | None
    missed: tuple[str, ...]


@dataclass
class Run:
    """How far a policy came with a seed; everything that a later day needs."""

    day: int  # next day, 0 is the first of the winter
    state: State
    load: Floats  # (unit,) at the end of the last hour
    level: str | None = None
    orders: list[Floats] = field(default_factory=list)  # (unit, 24) of the days ordered ahead
    air: list[Floats] = field(default_factory=list)  # (24, POLLUTANTS) by day
    loads: list[Floats] = field(default_factory=list)  # (unit,) mean of the day
    stops: list[int] = field(default_factory=list)  # units restarted by day
    levels: list[str] = field(default_factory=list)  # "" or the level the day was run under
    sums: dict[str, dict[str, float]] = field(default_factory=dict)  # modelled city sum by date
    promises: list[Promise] = field(default_factory=list)
    plans: list[Planned] = field(default_factory=list)


def write_run(path: Path, run: Run) -> None:
    """Keep a run."""
    text = {n: getattr(run, n) for n in _TEXT}
    text["promises"] = [vars(p) for p in run.promises]
    text["plans"] = [vars(p) for p in run.plans]
    text |= {"hour": run.state.hour, "time": run.state.time.isoformat()}
    arrays = {"mass": run.state.mass, "depth": run.state.depth, "load": run.load}
    arrays |= {n: np.stack(values) for n in _STACKS if (values := getattr(run, n))}
    _write(path, text, arrays)


def read_run(path: Path) -> Run | None:
    """The run kept at a path; None where there is none.

    Raises:
        DataError: The file is no such progress.
    """
    found = _read(path, ("mass", "depth", "load"), (*_TEXT, "hour", "time"))
    if found is None:
        return None
    text, arrays = found
    mass, depth = arrays["mass"], arrays["depth"]
    mass.flags.writeable = depth.flags.writeable = False
    state = State(text["hour"], pd.Timestamp(text["time"]), mass, depth)
    own: dict[str, Any] = {n: text[n] for n in _TEXT if n not in ("day", "promises", "plans")}
    stacks: dict[str, Any] = {n: list(arrays[n]) if n in arrays else [] for n in _STACKS}
    return Run(
        text["day"], state, arrays["load"], **own, **stacks,
        promises=[Promise(**p) for p in text["promises"]],
        plans=[Planned(**{**p, "missed": tuple(p["missed"])}) for p in text["plans"]],
    )  # fmt: skip


def write_model(path: Path, model: Fitted) -> None:
    """Keep a fitted forecaster."""
    _write(path, {}, vars(model))


def read_model(path: Path) -> Fitted | None:
    """The forecaster kept at a path; None where there is none.

    Raises:
        DataError: The file is no such forecaster.
    """
    names = tuple(Fitted.__dataclass_fields__)
    found = _read(path, names, ())
    return None if found is None else Fitted(**{n: found[1][n] for n in names})


def _write(path: Path, text: dict[str, Any], arrays: dict[str, Any]) -> None:
    said = json.dumps({"version": _VERSION, **text}, ensure_ascii=False)
    held = io.BytesIO()
    np.savez_compressed(held, text=np.array(said), **arrays)
    files.write_bytes(path, held.getvalue())


def _read(
    path: Path, arrays: tuple[str, ...], texts: tuple[str, ...]
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as kept:
            made = {n: kept[n] for n in kept.files}
        text = json.loads(str(made.pop("text")))
        lost = [n for n in arrays if n not in made] + [n for n in texts if n not in text]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataError([Problem(str(path), repr(error), "progress of a closed loop")]) from error
    if text.get("version") != _VERSION or lost:
        found = f"version {text.get('version')}, without {lost}"
        raise DataError([Problem(str(path), found, f"version {_VERSION} (or another folder)")])
    return text, made
