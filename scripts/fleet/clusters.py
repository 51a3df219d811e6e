"""A study added up by other processes, whichever of them is lost."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from fleet.report import report
from mousetrackd.core.errors import MousetrackError
from mousetrackd.fleet import dask_total
from mousetrackd.fleet.total import Asked, Part

LAYERS = ("dwell", "travel", "clicks")
_START_S = 60.0


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
