"""A desk of its own to measure at: a private display, private folders, and processes that end when it does."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from support.waiting import wait_until
from support.xserver import XServer, Xvfb

CHECKOUT = Path(__file__).resolve().parents[2]
CACHE = CHECKOUT / ".cache" / "bench"
"""On the disk, where written bytes are counted; /tmp may be memory."""
TOOL = str(CACHE / "tool")
MOUSETRACKD = str(Path(sys.executable).parent / "mousetrackd")

_NOT_OURS = (
    "WAYLAND_DISPLAY",
    "XDG_CURRENT_DESKTOP",
    "DBUS_SESSION_BUS_ADDRESS",
    "XAUTHORITY",
    "NOTIFY_SOCKET",
    "DISPLAY",
    "PYTHONDONTWRITEBYTECODE",  # pip compiles what it installs, and only then is a start what its user pays
)


@dataclass(frozen=True)
class Used:
    """What a process and its children used from start to end."""

    cpu_s: float
    peak_mb: float
    said: str


def python(*words: str) -> list[str]:
    """The command for a module of ours, like ``python("original", "1920", "1080")``."""
    return [sys.executable, "-m", f"benchmarks.{words[0]}", *words[1:]]


class Desk(contextlib.ExitStack):
    """Folders and, when asked, a display. Use it in a ``with``; all that was started at it ends with it."""

    def __init__(self) -> None:
        super().__init__()
        self.late_ms = 0
        self.env = {name: value for name, value in os.environ.items() if name not in _NOT_OURS}

    def __enter__(self) -> Self:
        super().__enter__()
        CACHE.mkdir(parents=True, exist_ok=True)
        self.folder = Path(self.enter_context(tempfile.TemporaryDirectory(dir=CACHE)))
        self.env |= {"XDG_SESSION_TYPE": "x11", "PYTHONPATH": f"{CHECKOUT / 'scripts'}:{CHECKOUT / 'tests'}"}
        for name in ("DATA_HOME", "CONFIG_HOME", "STATE_HOME", "CACHE_HOME", "RUNTIME_DIR"):
            (self.folder / name).mkdir(mode=0o700)
            self.env[f"XDG_{name}"] = str(self.folder / name)
        return self

    @property
    def store(self) -> Path:
        """Where the daemon at this desk counts."""
        return self.folder / "DATA_HOME" / "mousetrackd" / "heat.sqlite3"

    @property
    def status(self) -> dict[str, Any]:
        """What the daemon at this desk last said."""
        file = self.folder / "RUNTIME_DIR" / "mousetrackd" / "status.json"
        said: dict[str, Any] = json.loads(file.read_bytes()) if file.exists() else {}
        return said

    def configure(self, toml: str) -> None:
        """Write the configuration."""
        file = self.folder / "CONFIG_HOME" / "mousetrackd" / "config.toml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(toml)

    def has_picture(self) -> None:
        """Let there be a picture already, so that the daemon draws none before the next is due."""
        latest = self.store.parent / "snapshots" / "latest.png"
        latest.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        latest.touch()

    def open_display(self, size: str = "1920x1080") -> None:
        """Start an X server, and a client whose window selects pointer motion, without which all looks cheaper."""
        self.start_server(Xvfb(self.folder, size=size))
        self.start_ready([TOOL, "sink"])

    def start_server(self, server: XServer) -> None:
        """Start an X server that ends with the desk; all that is started from here on is its client."""
        server.start()
        self.callback(server.stop)
        self.env["DISPLAY"] = server.name

    def start(self, command: Sequence[str], *, stdout: int = subprocess.DEVNULL) -> Any:
        """Start a process that ends with the desk, at the latest."""
        process = subprocess.Popen(
            command, env=self.env, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.DEVNULL
        )
        self.callback(end, process)
        return process

    def start_ready(self, command: Sequence[str]) -> Any:
        """Start a process, and wait until it says that it is ready."""
        process = self.start(command, stdout=subprocess.PIPE)
        if process.stdout.readline().strip() != b"ready":
            raise RuntimeError(f"did not get ready: {' '.join(command)}")
        return process

    @contextlib.contextmanager
    def daemon(self) -> Iterator[int]:
        """``mousetrackd run``, tracking, by its pid. It is stopped, without a last picture, at the end."""
        process = self.start([MOUSETRACKD, "run", "--allow-root"])
        try:
            wait_until(lambda: self._state(process) == "tracking", "the daemon is tracking", timeout_s=60)
            yield process.pid
        finally:
            while process.poll() is None:  # the first asks it to end, a second to leave out the last picture
                process.send_signal(signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.2)

    def _state(self, process: Any) -> str:
        if process.poll() is not None:
            raise RuntimeError("the daemon has ended; to see why: mousetrackd run")
        said = self.status
        return str(said["state"]) if said.get("pid") == process.pid else ""

    def drive(self, *words: object) -> int:
        """Move the pointer (see tool.c). Returns how many events were sent; ``late_ms`` says how late they were."""
        done = subprocess.run([TOOL, *map(str, words)], env=self.env, check=True, capture_output=True, text=True)
        sent, *late = done.stdout.split()
        self.late_ms = int(late[0]) if late else 0
        return int(sent)

    def run(self, command: Sequence[str], *, stdin: str = "", fails: bool = False) -> Used:
        """Run a command to its end. Raises RuntimeError with its words when it fails, unless it may."""
        # By way of a small program: the peak memory of a child is never less than its parent's.
        done = subprocess.run(
            [TOOL, "usage", *command], env=self.env, input=stdin, capture_output=True, text=True, check=False
        )
        *words, last = done.stderr.strip().splitlines()
        if done.returncode and not fails:
            raise RuntimeError(f"{' '.join(command)} failed:\n" + "\n".join(words))
        cpu_s, peak_kb = last.split()
        return Used(float(cpu_s), int(peak_kb) * 1.024 / 1000, done.stdout)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process, if it has not ended."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout is not None:
        process.stdout.close()
