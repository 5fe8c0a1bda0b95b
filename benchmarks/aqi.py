"""How long an ensemble's hourly and daily index takes, and how much memory at its peak.

python benchmarks/aqi.py: 100 members x 96 h x 580 stations x 6 pollutants, both editions.
Target: 5 s and 2 GB on two cores.
"""

import resource
import time

import numpy as np

from forecast.aqi import ensemble
from forecast.schema import POLLUTANTS
from forecast.standards import EDITIONS, load

MEMBERS, HOURS, STATIONS = 100, 96, 580


def main() -> None:
    rng = np.random.default_rng(0)
    conc = np.empty((MEMBERS, HOURS, STATIONS, len(POLLUTANTS)), dtype=np.float32)
    medians = np.array([70, 110, 14, 42, 1.1, 60], dtype=np.float32)
    for member in conc:
        noise = rng.standard_normal(member.shape, dtype=np.float32)
        np.multiply(np.exp(0.6 * noise), medians, out=member)
    print(f"{conc.size / 1e6:.1f} million values, {conc.nbytes / 1e6:.0f} MB")
    for edition in EDITIONS:
        begin = time.perf_counter()
        result = ensemble(conc, load(edition), first_hour=1)
        seconds = time.perf_counter() - begin
        heavy = float((result.daily.aqi > 200).mean())
        print(f"{edition}: {seconds:.2f} s; {heavy:.1%} of station days above 200")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"peak memory {peak:.2f} GB")


if __name__ == "__main__":
    main()
