"""The program itself, as a user has it: processes with folders of their own, and what they print and write."""

import contextlib
import csv
import io
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mousetrackd.system.paths import Paths
from support import in_process
from support.in_process import Result
from support.waiting import wait_until

COMMAND_TIMEOUT_S = 30.0
ANSWER_TIMEOUT_S = 60.0
"""A start takes half a second of CPU time, and took 23 s where others used all the processors."""

_NOT_OURS = (
    *("NOTIFY_SOCKET", "JOURNAL_STREAM", "WAYLAND_DISPLAY", "XDG_SESSION_TYPE", "COLUMNS", "DBUS_SESSION_BUS_ADDRESS"),
)
"""What a developer's session would otherwise lend to the program."""

Pixel = tuple[int, int]


class Home:
    """One user's folders below ``folder``, and the commands run in them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.variables: dict[str, str | None] = {}
        """Set in, or (None) removed from, the environment of everything that is started from here."""
        homes = {
            "XDG_CONFIG_HOME": "config",
            "XDG_DATA_HOME": "data",
            "XDG_RUNTIME_DIR": "runtime",
            "XDG_STATE_HOME": "state",
        }
        self._folders = {variable: str(folder / name) for variable, name in homes.items()}
        (folder / "runtime").mkdir(mode=0o700, exist_ok=True)
        self.paths = Paths(*(folder / name / "mousetrackd" for name in homes.values()))
        self._number = 0

    def environment(self) -> dict[str, str]:
        merged: dict[str, str | None] = {**os.environ, **dict.fromkeys(_NOT_OURS), **self._folders, **self.variables}
        return {name: value for name, value in merged.items() if value is not None}

    def run(self, *words: str | Path, stdin: str = "") -> Result:
        """Run a command to its end within this process, which spares the start of another.

        It runs as in a process of its own: the same entry point, environment, folder and standard streams.
        """
        return in_process.run(list(map(str, words)), self.environment(), self.folder, stdin)

    def run_process(self, *words: str | Path, stdin: str | None = None) -> Result:
        """Run a command to its end in a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "mousetrackd", *map(str, words)],
            env=self.environment(),
            cwd=self.folder,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def shell(self, line: str) -> Result:
        """Run a line of sh, in which ``{}`` is the program."""
        done = subprocess.run(
            ["sh", "-c", line.format(f'"{sys.executable}" -m mousetrackd')],
            env=self.environment(),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def run_ok(self, *words: str | Path) -> str:
        """Run a command that has to succeed; what it printed."""
        result = self.run(*words)
        assert result.code == 0, f"mousetrackd {' '.join(map(str, words))}: {result}"
        return result.out

    def configure(self, text: str) -> None:
        self.paths.config_dir.mkdir(parents=True, exist_ok=True)
        self.paths.config_file.write_text(text, "utf-8")

    def start(self, *options: str | Path, under: Sequence[str] = ()) -> "Running":
        """Start ``run``, ``under`` the command of another program that keeps its pid; returns at once."""
        self._number += 1
        log = self.folder / f"run-{self._number}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [*under, sys.executable, "-m", "mousetrackd", "run", "--allow-root", *map(str, options)],
                env=self.environment(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )
        return Running(self, process, log)

    @contextlib.contextmanager
    def running(self, *options: str | Path, state: str = "tracking", under: Sequence[str] = ()) -> Iterator["Running"]:
        """A daemon in ``state``, for as long as the block lasts; one that still runs is killed."""
        began_s = time.monotonic()
        daemon = self.start(*options, under=under)
        try:
            daemon.await_state(state)
            daemon.started_in_s = time.monotonic() - began_s
            yield daemon
            assert "Traceback" not in daemon.log, daemon.log
        finally:
            daemon.kill()

    def cells(self, layer: str, *options: str) -> Counter[Pixel]:
        """The counts of a layer on the only screen, as ``export`` gives them."""
        screens = self.screens(layer, *options)
        assert len(screens) <= 1, f"counts on {sorted(screens)}"
        return next(iter(screens.values()), Counter())

    def screens(self, layer: str, *options: str) -> dict[str, Counter[Pixel]]:
        """The counts of a layer by the name of the output."""
        out = self.folder / "exported.csv"
        self.run_ok("export", out, "--layer", layer, *options)
        return read_csv(out.read_text("utf-8"))

    def status(self) -> dict[str, Any]:
        """What the daemon last wrote about itself; empty before that."""
        try:
            said = json.loads(self.paths.status.read_bytes())
        except FileNotFoundError:
            return {}
        assert isinstance(said, dict)
        return said

    def store_bytes(self) -> dict[str, bytes]:
        """Everything the store consists of but SQLite's index of its journal, which readers may touch."""
        files = self.paths.data_dir.glob("*.sqlite3*")
        return {file.name: file.read_bytes() for file in files if not file.name.endswith("-shm")}

    def dated_pictures(self) -> list[Path]:
        return sorted(path for path in self.paths.snapshots.glob("*.png") if path.name != "latest.png")


class Running:
    """A daemon's process."""

    def __init__(self, home: Home, process: subprocess.Popen[bytes], log: Path) -> None:
        self._home = home
        self._process = process
        self._log = log
        self.pid = process.pid
        self.started_in_s = 0.0
        """How long it took from its start to the state that was waited for."""

    @property
    def log(self) -> str:
        """All that it has printed on stdout and stderr."""
        return self._log.read_text("utf-8", "replace")

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def await_status(self, holds: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """Wait until its own status says something; fail at once when it has ended."""

        def said() -> bool:
            assert not self.has_ended(), f"it ended with {self._process.returncode} before {what}:\n{self.log}"
            status = self._home.status()
            return status.get("pid") == self.pid and holds(status)

        try:
            wait_until(said, what, timeout_s=ANSWER_TIMEOUT_S)
        except AssertionError as error:
            error.add_note(f"Its status: {self._home.status()}\nIts log:\n{self.log}")
            raise
        return self._home.status()

    def await_state(self, state: str) -> dict[str, Any]:
        return self.await_status(lambda status: status["state"] == state, f"the daemon is {state}")

    def await_log(self, words: str) -> None:
        try:
            wait_until(lambda: words in self.log, f'the log says "{words}"', timeout_s=ANSWER_TIMEOUT_S)
        except AssertionError as error:
            error.add_note(self.log)
            raise

    def send(self, *numbers: signal.Signals) -> None:
        for number in numbers:
            self._process.send_signal(number)

    def send_at_once(self, *numbers: signal.Signals) -> None:
        """Have all of them pending at the same time: their order is then unknowable."""
        self.freeze()
        self.send(*numbers)
        self.send(signal.SIGCONT)

    def freeze(self) -> None:
        """Stop it, and return when it has stopped."""
        self.send(signal.SIGSTOP)
        stat = Path(f"/proc/{self.pid}/stat")
        wait_until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", "the process has stopped")

    def ends(self, *, within_s: float = ANSWER_TIMEOUT_S) -> int:
        """Its exit code; fails when it does not end in time."""
        try:
            return self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end within {within_s:g} s; it said\n{self.log}") from None

    def stop(self, *, draw: bool = False) -> None:
        """End it when it has saved; without ``draw`` as who is in a hurry: the second signal skips the last picture."""
        self.send(signal.SIGTERM, *(() if draw else (signal.SIGINT,)))
        assert self.ends() == 0, self.log

    def kill(self) -> None:
        """kill -9, and gone when this returns."""
        self._process.kill()
        self._process.wait(ANSWER_TIMEOUT_S)

    def sockets(self) -> list[str]:
        """Every socket it has open. An idle daemon has none but those to the display."""
        return [link for link in self._links() if link.startswith("socket:")]

    @staticmethod
    def clock_ms() -> int:
        """The clock by which it counts time."""
        return time.monotonic_ns() // 1_000_000

    def await_read(self) -> None:
        """Return when its connections to the display hold nothing more to read.

        Each line of ``ss`` is: state, bytes to read, bytes to write, ...; and the process at the end.
        """

        def unread() -> list[str]:
            said = subprocess.run(["ss", "-xpHn"], capture_output=True, text=True, timeout=20, check=True).stdout
            ours = [line.split() for line in said.splitlines() if f"pid={self.pid}," in line]
            assert ours, "it has no connections"
            return [line[2] for line in ours if line[2] != "0"]

        wait_until(lambda: unread() == [], "it has read all that the display sent")

    def children(self) -> list[int]:
        found: list[int] = []
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread that ends while we look
                found += map(int, (task / "children").read_text().split())
        return found

    def uses(self) -> dict[str, int]:
        """What it takes of the machine: threads, open files (sockets too), and memory that is its own."""
        status = dict(line.split(":", 1) for line in Path(f"/proc/{self.pid}/status").read_text().splitlines())
        return {
            "threads": int(status["Threads"]),
            "files": len(self._links()),
            "resident_kb": int(status["RssAnon"].split()[0]),
        }

    def _links(self) -> list[str]:
        links: list[str] = []
        for descriptor in Path(f"/proc/{self.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed while we look
                links.append(str(descriptor.readlink()))
        return links


def read_csv(text: str) -> dict[str, Counter[Pixel]]:
    """Counts by output, from ``monitor,x,y,count`` lines."""
    screens: dict[str, Counter[Pixel]] = {}
    for row in csv.DictReader(io.StringIO(text)):
        cells = screens.setdefault(row["monitor"].partition("@")[0], Counter())
        pixel = (int(row["x"]), int(row["y"]))
        assert pixel not in cells, f"{row} is there twice"
        cells[pixel] = int(row["count"])
    return screens


def line_cells(points: Sequence[Pixel]) -> Counter[Pixel]:
    """How often a path through ``points`` enters each pixel, by the definition: one pixel per step along the
    longer axis, the nearest to the true line on the other (halves towards larger numbers), the first point not
    counted.
    """
    cells: Counter[Pixel] = Counter()
    for (from_x, from_y), (to_x, to_y) in itertools.pairwise(points):
        steps = max(abs(to_x - from_x), abs(to_y - from_y))
        for step in range(1, steps + 1):
            x = from_x + (2 * step * (to_x - from_x) + steps) // (2 * steps)
            y = from_y + (2 * step * (to_y - from_y) + steps) // (2 * steps)
            cells[x, y] += 1
    return cells


def decodes(png: Path) -> bool:
    """Is the picture whole, and not only its beginning?"""
    return is_whole(png.read_bytes())


def is_whole(content: bytes) -> bool:
    """As ``decodes``, of what was read of the file."""
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    return picture is not None and content.endswith(b"IEND\xaeB`\x82")


def always(condition: Callable[[], bool], what: str, *, for_s: float) -> None:
    """Fail as soon as ``condition`` does not hold; the only way to see that something does not happen."""
    until_s = time.monotonic() + for_s
    while time.monotonic() < until_s:
        assert condition(), f"not so any more: {what}"
        time.sleep(0.01)


def wander(count: int, *, seed: int, left: int = 100, top: int = 100, side_px: int = 800) -> list[Pixel]:
    """Points all over a square of ``side_px``, each another than the one before. The same for the same arguments."""
    dice = random.Random(seed)  # noqa: S311 - nothing is kept secret with it
    points: list[Pixel] = []
    while len(points) < count:
        point = (left + dice.randrange(side_px), top + dice.randrange(side_px))
        if not points or point != points[-1]:
            points.append(point)
    return points
