"""Time and memory of verifying a year of six-hourly issue times at twelve stations.

    python benchmarks/verify.py [--issues 1460] [--out DIR]

The data are mock data, so the scores mean nothing. Limits: 90 s and 4 GB on two cores.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from forecast import forecast_file
from forecast.batch import leads_of, stacked
from forecast.files import write_text
from forecast.forecast_file import AreaChunk, Chunk, Header, Layout
from forecast.schema import POLLUTANTS, QUANTILES, mock_observations, stations_frame
from forecast.verify import daily, observed, report, run, settings

OFFSET = pd.Timedelta(hours=8)
MEMBERS = 100
HEADER = Header(
    model="mock", model_version="0", data_hash="-", standard="auto", config_hash="-",
    weather_tier="none", code_revision="-", simulated=True, utc_offset_hours=8, trained_until="",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--issues", type=int, default=1460)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    hours = 24 * 365 + 6 * args.issues + 96
    obs = mock_observations(start="2024-12-31T16:00", hours=hours, stations=12)
    times = pd.date_range("2025-12-31T16:00", periods=args.issues, freq="6h")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mock.nc"
        layout = Layout(times, stations_frame(obs), ("city",), MEMBERS)
        start = time.perf_counter()
        forecast_file.write(path, HEADER, layout, chunks(obs, times))
        print(f"write  {time.perf_counter() - start:6.1f} s, {path.stat().st_size / 1e6:.0f} MB")
        start = time.perf_counter()
        scores = run.score(path, obs, settings.load(), references={}, builtin=True)
        print(f"score  {time.perf_counter() - start:6.1f} s")
        start = time.perf_counter()
        page = report.render(scores)
        print(f"report {time.perf_counter() - start:6.1f} s, {len(page) / 1e6:.1f} MB")
    if args.out:
        import json

        write_text(args.out / "scores.json", json.dumps(scores, ensure_ascii=False, indent=1))
        write_text(args.out / "report.html", page)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"peak memory {peak:.2f} GB")


def chunks(obs: "object", times: pd.DatetimeIndex) -> Iterator[Chunk]:
    """What will be observed, with an error that grows with lead and is common to all stations."""
    rng = np.random.default_rng(0)
    values = stacked(obs, POLLUTANTS)
    filled = pd.DataFrame(values.reshape(len(values), -1)).ffill().bfill()
    values = filled.to_numpy(np.float32).reshape(values.shape)
    origin = pd.Timestamp(obs["time"].values[0])
    from scipy.stats import norm

    z = norm.ppf(QUANTILES)
    days = observed.days(obs, ("city",), "auto", OFFSET)
    for at in range(0, len(times), 73):
        part = times[at : at + 73]
        truth = leads_of(values, origin, part)
        truth = np.where(np.isnan(truth), 50, truth)
        spread = 0.1 + 0.4 * np.linspace(0, 1, 96)[None, :, None, None]
        error = spread * rng.standard_normal((len(part), 1, 1, len(POLLUTANTS)))
        middle = np.log(np.maximum(truth, 0.1)) + error
        quantiles = np.exp(middle[..., None] + (spread[..., None] * z))
        target = observed.targets(days, 0, daily.target_dates(part, OFFSET))
        seen = np.where(np.isnan(target.aqi), 100, target.aqi)
        common = 0.25 * rng.standard_normal((*seen.shape, 1))
        noise = 0.25 * rng.standard_normal((*seen.shape, MEMBERS))
        aqi = np.clip(np.rint(seen[..., None] * np.exp(common + noise)), 1, 500)[:, :, None]
        primary = np.broadcast_to(
            forecast_file.primary_mask(target.primary)[:, :, None, None], aqi.shape
        )
        conc = {p: np.ones_like(aqi) for p in POLLUTANTS}
        yield Chunk(
            np.minimum(quantiles, 3000).astype(np.float32) * 1.0, AreaChunk(aqi, primary, conc)
        )


if __name__ == "__main__":
    main()
