"""The sum of a study by one engine, in a process of its own: fleet_sum.py ENGINE STUDY MACHINES LAYER.

Prints its CPU in seconds, the most memory it had in MB, and the sum of all cells.
"""

import json
import resource
import sys
from pathlib import Path

import numpy as np


def by_us(files: list[Path], layer: str) -> int:
    """Every byte verified."""
    from mousetrackd.fleet import total  # noqa: PLC0415 - each engine pays for its own imports

    of_machines: dict[str, list[Path]] = {}
    for file in files:
        of_machines.setdefault(file.stem, []).append(file)
    part = total.sum_machines(of_machines.values(), total.Asked((layer,)))
    if part.bad:
        raise SystemExit(part.bad[0])
    return int(part.sums[layer].counts.sum())


def by_numpy(files: list[Path], layer: str) -> int:
    """Nothing verified, no machine distinguished from another."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    sums = np.zeros(480 * 270, np.int64)
    for file in files:
        table = pq.read_table(file, columns=["cell", "n"], filters=[("layer", "==", layer)], partitioning=None)
        np.add.at(sums, table["cell"].to_numpy(), table["n"].to_numpy())
    return int(sums.sum())


def by_duckdb(files: list[Path], layer: str) -> int:
    """As ``by_numpy``."""
    import duckdb  # noqa: PLC0415

    rows = duckdb.sql(
        "SELECT cell, sum(n)::BIGINT AS n FROM read_parquet($files) WHERE layer = $layer GROUP BY cell",
        params={"files": list(map(str, files)), "layer": layer},
    ).fetchnumpy()
    return int(rows["n"].sum())


if __name__ == "__main__":
    engine, study, machines, layer = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    every = sorted(study.glob("month=*/*.parquet"))
    chosen = sorted({file.stem for file in every})[:machines]
    found = {"ours": by_us, "numpy": by_numpy, "duckdb": by_duckdb}[engine](
        [file for file in every if file.stem in chosen], layer
    )
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, found]))
