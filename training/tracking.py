"""What a training leaves in MLflow: parameters, data and config hashes, curves, the artifact.

SQLite inside the home by default (mlflow/mlflow.db, artifacts beside it); a server by
MLFLOW_TRACKING_URI. Knows nothing of how a network is trained.
"""

import csv
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from forecast import artifact, files, provenance
from forecast.artifact import Artifact
from forecast.config import CityConfig
from training.settings import TrainConfig
from training.windows import Record


@contextmanager
def training(
    home: Path, config: CityConfig, settings: TrainConfig, record: Record, until: pd.Timestamp,
    curves: Path | None = None,
) -> Iterator[Callable[[Artifact], None]]:  # fmt: skip
    """A run of MLflow around a training; the callable given is told the result.

    A training that fails leaves a run marked as failed.
    """
    mlflow = client(home, config.city.id)
    with mlflow.start_run(run_name=f"{config.city.id}-{until:%Y%m%d}"):
        mlflow.log_params(_flat(settings.model_dump(mode="json")))
        mlflow.set_tags(
            {
                "city": config.city.id, "until": until.isoformat(),
                "config": config.digest, "code": provenance.code_revision(),
                "stations": len(record.stations), "first": record.origin.isoformat(),
            }
        )  # fmt: skip

        def told(made: Artifact) -> None:
            short = {k: v for k, v in made.about.items() if k not in ("settings", "errors")}
            mlflow.set_tags({k: str(v)[:250] for k, v in short.items()})
            mlflow.log_metric("train_seconds", float(made.about["train_seconds"]))
            for name, step, loss in _curve(curves):
                mlflow.log_metric(f"loss/{name}", loss, step=step)
            with tempfile.TemporaryDirectory() as folder:
                artifact.write(made, Path(folder))
                mlflow.log_artifacts(folder, "model")

        yield told


def client(home: Path, experiment: str) -> Any:
    """MLflow set to the home's store, or to MLFLOW_TRACKING_URI, with an experiment chosen."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    import mlflow

    uri = os.environ.get("MLFLOW_TRACKING_URI")
    folder = (home / "mlflow").resolve()
    if not uri:
        folder.mkdir(parents=True, exist_ok=True)
        uri = f"sqlite:///{folder / 'mlflow.db'}"
    mlflow.set_tracking_uri(uri)
    # Two trainings that begin side by side would both make the tables, and one would fail.
    with files.exclusive(folder):
        if mlflow.get_experiment_by_name(experiment) is None:
            place = None if os.environ.get("MLFLOW_TRACKING_URI") else str(folder / "artifacts")
            mlflow.create_experiment(experiment, artifact_location=place)
        mlflow.set_experiment(experiment)
    return mlflow


def _curve(folder: Path | None) -> Iterator[tuple[str, int, float]]:
    for path in sorted(folder.glob("*/curve/metrics.csv")) if folder else []:
        with path.open(encoding="utf-8", newline="") as handle:
            for row in csv.DictReader(handle):
                if row.get("loss"):
                    yield path.parent.parent.name, int(row["step"]), float(row["loss"])


def _flat(content: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, dict):
            out |= _flat(value, f"{prefix}{key}.")
        else:
            out[f"{prefix}{key}"] = value
    return out
