"""A study of many made-up machines: what it adds up to, what gets in, what leaves, and what a lost process changes.

One line for each claim, and a non-zero exit where one does not hold.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from fleet import simulated
from mousetrackd.core.errors import MousetrackError
from mousetrackd.core.layers import expand_layers
from mousetrackd.fleet import dask_total, months, total
from mousetrackd.fleet.study import Study
from mousetrackd.fleet.total import Asked, Part
from mousetrackd.storage.store import Store

LAYERS = ("dwell", "travel", "clicks")
LEAST = 10
FLIPS = 60
_START_S = 60.0

failed: list[str] = []


def report(claim: str, holds: bool, detail: str = "") -> None:
    """Print a line of the result."""
    print(f"{'ok    ' if holds else 'FAILED'} {claim}{f': {detail}' if detail else ''}", flush=True)
    if not holds:
        failed.append(claim)


def give(job: tuple[Path, int, int]) -> dict[str, dict[int, int]]:
    """Make a machine and export it; what its store holds by layer and cell, counted by a plain dictionary."""
    folder, number, days = job
    file = folder / f"machine{number}" / "mousetrackd" / "heat.sqlite3"
    simulated.make_machine(file, number, days)
    study = Study(folder / "study", folder / "secret", ("design", "support")[number % 2])
    with Store.open_read_only(file) as store:
        plan = study.plan(store)
        for month in study.months(store, plan):
            study.put(month)
    found: dict[str, dict[int, int]] = {}
    for layer in LAYERS:
        cells: Counter[int] = Counter()
        for one in expand_layers([layer]):
            cells.update(simulated.plain_sum(file, one))
        found[layer] = dict(cells)
    return found


def cells_of(array: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> dict[int, int]:
    """The cells with counts."""
    flat = array.reshape(-1)
    return {int(cell): int(flat[cell]) for cell in np.flatnonzero(flat)}


def check_sums(part: Part, machines: list[dict[str, dict[int, int]]]) -> None:
    """The sum, and what of it may be shown, against dictionaries."""
    for layer in LAYERS:
        by_cell: dict[int, list[int]] = {}
        for one in machines:
            for cell, count in one[layer].items():
                by_cell.setdefault(cell, []).append(count)
        sums = {cell: sum(counts) for cell, counts in by_cell.items()}
        report(f"the sum of {layer} is that of a dictionary", cells_of(part.sums[layer].counts) == sums)
        shown = total.publish(part.sums[layer], LEAST)
        allowed = {
            cell: sums[cell]
            for cell, counts in by_cell.items()
            if len(counts) >= LEAST and 2 * max(counts) <= sums[cell]
        }
        share = shown.hidden / max(shown.total, 1)
        report(
            f"{layer}: cells of {LEAST} machines or more, counted one by one",
            cells_of(shown.counts) == allowed,
            f"{shown.hidden_cells} of {shown.cells} hidden, {share:.1%} of counts",
        )


def check_what_leaves(study: Path) -> None:
    """No name, EDID, hour or size of a screen is in a file."""
    found, columns = set(), set()
    words = (b"SECRET", b"eded0", b"machine1", b"heat.sqlite3")
    for path in study.glob("month=*/*"):
        content = path.read_bytes()
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            columns |= {f"{field.name} {field.type}" for field in table.schema}
            content += str(table.schema.metadata).encode()
        found |= {word for word in words if word in content}
    report("no name of a monitor, EDID or path leaves", not found, str(sorted(found)) if found else "")
    wanted = {"day date32[day]", "layer dictionary<values=string, indices=int8, ordered=0>", "cell int32", "n int64"}
    is_right = {one.split()[0] for one in columns} == {
        one.split()[0] for one in wanted
    } and "day date32[day]" in columns
    report("no hour leaves: there are days, layers, cells and counts", is_right, str(sorted(columns)))


def check_faults(study: Path, machines: list[list[Path]]) -> None:
    """Flipped bits, and files that are cut, empty, doubled or under another name."""
    rng = np.random.default_rng(7)
    files = [path for of_one in machines for path in of_one]
    noticed = 0
    for _ in range(FLIPS):
        file = files[rng.integers(len(files))]
        file = file if rng.random() < 0.8 else months.facts_beside(file)
        whole = file.read_bytes()
        spoiled = bytearray(whole)
        spoiled[rng.integers(len(spoiled))] ^= 1 << int(rng.integers(8))
        file.write_bytes(spoiled)
        part = total.sum_machines([[file.with_suffix(".parquet")]], Asked(LAYERS))
        noticed += len(part.bad) == 1 and part.machines == 0
        file.write_bytes(whole)
    report("flipped bits are found", noticed == FLIPS, f"{noticed} of {FLIPS}")
    file = files[3]
    whole = file.read_bytes()
    for name, content in (("truncated", whole[: len(whole) // 2]), ("empty", b""), ("foreign", b"PAR1" * 100)):
        file.write_bytes(content)
        part = total.sum_machines([[file]], Asked(LAYERS))
        report(f"a file that is {name} is left out and named", len(part.bad) == 1, part.bad[0] if part.bad else "")
    file.write_bytes(whole)
    copy = file.with_name("0123456789abcdef.parquet")
    copy.write_bytes(whole)
    months.facts_beside(copy).write_bytes(months.facts_beside(file).read_bytes())
    bad: list[str] = []
    part = total.sum_machines(
        [[path] for of_one in total.machines_of(study, bad) for path in of_one if path == copy], Asked(LAYERS)
    )
    report("a machine under a second name is not counted again", len(part.bad) == 1, part.bad[0] if part.bad else "")
    copy.unlink()
    months.facts_beside(copy).unlink()


# Beyond one process -------------------------------------------------------------------------------


class Cluster:
    """A scheduler and two workers, each a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.address_file = folder / f"scheduler-{time.monotonic_ns()}.json"
        self.log = (folder / "dask.log").open("ab")
        self.scheduler = self._start(
            "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", self.address_file
        )
        deadline_s = time.monotonic() + _START_S
        while not self.address_file.exists():
            if time.monotonic() > deadline_s or self.scheduler.poll() is not None:
                raise SystemExit(f"dask scheduler does not start: see {self.log.name}")
            time.sleep(0.05)
        self.workers = [
            self._start(
                "worker",
                "--no-nanny",
                "--no-dashboard",
                "--nthreads",
                "1",
                "--host",
                "127.0.0.1",
                "--scheduler-file",
                self.address_file,
            )
            for _ in range(2)
        ]
        self.address = json.loads(self.address_file.read_text())["address"]

    def _start(self, *words: str | Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-m", "dask", *map(str, words)], stdout=self.log, stderr=self.log)

    def end(self) -> None:
        """Kill what still runs."""
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()
        self.log.close()


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """One for as long as the block lasts."""
    made = Cluster(folder)
    try:
        yield made
    finally:
        made.end()


def killing(process: subprocess.Popen[bytes], machines: int) -> Callable[[int], None]:
    """A progress that kills a process when half of the machines are done."""
    done = 0

    def progress(more: int) -> None:
        nonlocal done
        done += more
        if done * 2 >= machines and process.poll() is None:
            process.kill()
            process.wait()

    return progress


def is_same(one: Part, other: Part) -> bool:
    """Are they the same sums of the same machines?"""
    return (one.machines, one.days, sorted(one.bad)) == (other.machines, other.days, sorted(other.bad)) and all(
        np.array_equal(getattr(one.sums[layer], name), getattr(other.sums[layer], name))
        for layer in one.sums
        for name in ("counts", "seen", "largest")
    )


def check_dask(folder: Path, machines: list[list[Path]], part: Part) -> None:
    """The same sum by other processes, whichever of them is lost."""
    asked = Asked(LAYERS)
    with cluster(folder) as made:
        found = dask_total.sum_machines(machines, asked, made.address)
        report("Dask gives the same sum", is_same(found, part))
        found = dask_total.sum_machines(machines, asked, made.address, killing(made.workers[0], len(machines)))
        report("a worker killed half-way changes nothing", is_same(found, part) and made.workers[0].poll() is not None)
    with cluster(folder) as made:
        begun_s = time.monotonic()
        try:
            dask_total.sum_machines(machines, asked, made.address, killing(made.scheduler, len(machines)))
            report("a scheduler killed half-way ends in a sentence", False, "it ended as if nothing were")
        except MousetrackError as error:
            took_s = time.monotonic() - begun_s
            report(
                "a scheduler killed half-way ends in a sentence",
                "was lost" in error.message and took_s < 60,
                f"{error.message}, after {took_s:.0f} s",
            )
    with cluster(folder) as made:
        found = dask_total.sum_machines(machines, asked, made.address)
        report("the job started again gives the same sum", is_same(found, part))


def main() -> int:
    """Run all checks; the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/check-fleet", description=__doc__)
    parser.add_argument("--machines", type=int, default=200)
    parser.add_argument("--days", type=int, default=4, help="from 29 September on")
    given = parser.parse_args()
    begun_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mousetrackd-fleet-") as name:
        folder = Path(name)
        (folder / "study").mkdir()
        (folder / "secret").write_text("the secret of a made-up study")
        (folder / "secret").chmod(0o600)
        with Pool(os.cpu_count()) as pool:
            counted = pool.map(give, [(folder, number, given.days) for number in range(given.machines)], chunksize=4)
        files = list((folder / "study").glob("month=*/*.parquet"))
        per_day = sum(path.stat().st_size for path in files) / given.machines / given.days
        print(
            f"{given.machines} machines of {given.days} days, {len(files)} files, {per_day / 1000:.1f} kB a day each,"
            f" {time.monotonic() - begun_s:.0f} s"
        )
        bad: list[str] = []
        machines = total.machines_of(folder / "study", bad)
        part = total.sum_machines(machines, Asked(LAYERS))
        report(
            "every machine is counted, and every file is good",
            part.machines == given.machines and not [*bad, *part.bad],
        )
        check_sums(part, counted)
        check_what_leaves(folder / "study")
        check_faults(folder / "study", machines)
        check_dask(folder, machines, part)
    print(f"{'FAILED: ' + ', '.join(failed) if failed else 'all hold'}; {time.monotonic() - begun_s:.0f} s")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
