"""Randomness of the simulated city: one independent stream per named purpose.

Takes the city's seed and a name; gives a generator. A part that draws more or fewer numbers, or is
left out, does not disturb the others, because each stream hangs on its name alone.
"""

import hashlib

import numpy as np


def rng(seed: int, *names: str) -> np.random.Generator:
    """The generator of one purpose; the purpose is named from coarse to fine.

    Args:
        seed: The city's seed, not negative.
        names: What the numbers are for, such as "weather", "fronts"; at least one.

    Raises:
        ValueError: No purpose was named.
    """
    if not names:
        raise ValueError("a random stream needs a name, such as 'weather'")
    key = hashlib.sha256("\x00".join(names).encode()).digest()
    words = tuple(int(w) for w in np.frombuffer(key, dtype="<u4"))
    return np.random.default_rng(np.random.SeedSequence(entropy=seed, spawn_key=words))


def label(digest: str, seed: int) -> str:
    """What attrs["simulated"] of everything the city makes says."""
    return f"twin:{digest}:{seed}"
