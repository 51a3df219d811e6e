"""A study: what its sum costs with 10, 50 and 200 machines, beside DuckDB and plain numpy over the same files."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from multiprocessing import Pool
from pathlib import Path
from typing import NamedTuple

from fleet import simulated

from benchmarks.table import Row, times_at_most
from mousetrackd.fleet.study import Study
from mousetrackd.storage.store import Store

_LAYER = "travel"
_MEMORY_TIMES = 1.1
"""What 200 machines may take of the memory of 10."""
_YEARS = 1000
_CHILD = Path(__file__).with_name("fleet_sum.py")


class _Cost(NamedTuple):
    cpu_s: float
    peak_mb: float
    total: int


def sums(*, quick: bool) -> Iterator[Row]:
    """CPU and memory of each, and the answer that all must agree on."""
    sizes, days = ((2, 5, 20), 2) if quick else ((10, 50, 200), 7)
    engines = ["ours", "numpy", *(["duckdb"] if importlib.util.find_spec("duckdb") else [])]
    with tempfile.TemporaryDirectory(prefix="mousetrackd-bench-") as name:
        folder = Path(name)
        study = folder / "study"
        study.mkdir()
        (folder / "secret").write_text("the secret of a made-up study")
        with Pool(os.cpu_count()) as pool:
            pool.map(_give, [(folder, number, days) for number in range(sizes[-1])], chunksize=2)
        costs = {(engine, size): _measured(engine, study, size) for size in sizes for engine in engines}
        for size in sizes:
            answers = {costs[engine, size].total for engine in engines}
            beside = ", ".join(f"{engine} {_text(costs[engine, size])}" for engine in engines[1:])
            yield Row(
                f"sum of {_LAYER}, {size} machines of {days} days",
                _text(costs["ours", size]),
                beside,
                "the same sum",
                len(answers) == 1,
            )
        least, _, most = (costs["ours", size] for size in sizes)
        yield times_at_most(
            f"memory at {sizes[-1]} machines, of that at {sizes[0]}", most.peak_mb, least.peak_mb, _MEMORY_TIMES
        )
        per_day_s = (most.cpu_s - least.cpu_s) / (sizes[-1] - sizes[0]) / days
        kb = sum(path.stat().st_size for path in study.rglob("*.parquet")) / sizes[-1] / days / 1000
        yield Row(
            f"{_YEARS:,} machine-years, extrapolated",
            f"{per_day_s * 365 * _YEARS / 60:.0f} min of CPU",
            f"linear: {per_day_s * 1000:.2f} ms and {kb:.0f} kB a machine-day",
        )


def _give(job: tuple[Path, int, int]) -> None:
    folder, number, days = job
    file = folder / f"machine{number}" / "mousetrackd" / "heat.sqlite3"
    simulated.make_machine(file, number, days)
    study = Study(folder / "study", folder / "secret")
    with Store.open_read_only(file) as store:
        plan = study.plan(store)
        for month in study.months(store, plan):
            study.put(month)


def _measured(engine: str, study: Path, machines: int) -> _Cost:
    """A process of its own, because memory that was used once stays."""
    done = subprocess.run(
        [sys.executable, _CHILD, engine, study, str(machines), _LAYER], capture_output=True, text=True, check=True
    )
    return _Cost(*json.loads(done.stdout))


def _text(cost: _Cost) -> str:
    return f"{cost.cpu_s:.1f} s CPU, {cost.peak_mb:.0f} MB"
