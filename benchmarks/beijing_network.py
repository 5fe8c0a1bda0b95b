"""The table of the network's hindcast of Beijing, from the scores of `lantian verify`.

    python -m benchmarks.beijing_network SCORES_FOLDER

SCORES_FOLDER holds network-perfect, network-perturbed, network-none, each with a scores.json.
Prints the two tables of docs/results/beijing.md.
"""

import json
import sys
from pathlib import Path

from benchmarks import beijing_baselines

ORDER = ("network-perfect", "network-perturbed", "network-none")


def main(folder: Path) -> None:
    """Print the tables."""
    found = {
        name: json.loads((folder / name / "scores.json").read_text(encoding="utf-8"))
        for name in ORDER
        if (folder / name / "scores.json").is_file()
    }
    lines = ["## Stations", "", *beijing_baselines.stations(found), ""]
    lines += ["## The city's day", "", *beijing_baselines.city(found), ""]
    lines += ["## Skill, paired on the same cases", "", *beijing_baselines.skill(found, "network")]
    print("\n".join(lines))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
