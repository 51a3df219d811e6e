"""Children of the daemon: one of our modules run as a process of its own, isolated, limited, and never waited for.

A child imports the parent's very files and the libraries that the parent has, and nothing that lies in the current
directory or in $PYTHONPATH before those. What it prints is for the log. How it ended is one sentence of ours.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import mousetrackd
from mousetrackd.core.wording import printable_lines
from mousetrackd.daemon.event_loop import SIGNALS, Message
from mousetrackd.system.bounded_calls import bounded
from mousetrackd.system.deadline import Deadline

PACKAGE: Final = os.path.abspath(str(mousetrackd.__file__))  # noqa: PTH100 - links stay what they are
CHILD_TIMEOUT_S: Final = 300.0
MEMORY_LIMIT_BYTES: Final = 2 << 30
"""The usual picture of two or three 4K screens takes 174 to 310 MB, one with every layer 1.2 GB of six such screens and
1.9 GB of four 8K ones. A child that wants more would push what the user works with out of memory."""

_LOOK_TIMEOUT_S: Final = 5.0
_DEATH_TIMEOUT_S: Final = 2.0
"""SIGKILL takes a moment, or, of a process that waits for a disk, as long as that does."""

_REPLY_LIMIT_BYTES: Final = 1 << 16
_OUTPUT_LIMIT_BYTES: Final = 4096
"""A traceback and some lines more. The end is kept: that is where the reason is."""

_FOR_THE_DAEMON: Final = [number for number, message in SIGNALS.items() if message is not Message.END]

_KEPT_VARIABLES: Final = ("PYTHONHOME", "PYTHONUSERBASE", "PYTHONNOUSERSITE", "PYTHONUTF8", "PYTHONDONTWRITEBYTECODE")
"""Of Python's own variables those that say where its library is, or nothing about code at all."""

_FOLDER_VARIABLES: Final = (
    *("HOME", "XAUTHORITY", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME"),
)
"""Relative ones are meant from the parent's current directory."""


@dataclass(frozen=True)
class Ended:
    """How a child ended.

    problem: a sentence for the user, perhaps with a second line that says what to do; empty when
    all was done. output: the end of what it printed, for the log, printable.
    """

    problem: str
    output: str = ""


@dataclass(frozen=True)
class Job:
    """What a child is to do. module: one of ours, whose ``main`` is run. name: for sentences and the thread.

    message: what it reads from stdin. look: called before it is started, in a thread; what that returns is called when
    the child says that all is done, and is the problem there is all the same, or "". memory_hint: what the user can do
    when ``memory_bytes`` are not enough. python, package: the interpreter, and the ``__init__`` of the package.
    """

    module: str
    name: str
    message: bytes
    look: Callable[[], Callable[[], str]] = field(default=lambda: lambda: "")
    memory_hint: str = ""
    memory_bytes: int = MEMORY_LIMIT_BYTES
    timeout_s: float = CHILD_TIMEOUT_S
    python: str = sys.executable
    package: str = PACKAGE


def command(job: Job) -> list[str]:
    """The command line that runs a job: this interpreter, on a file of ours, with the parent's module path."""
    request = {
        "package": job.package,
        "module": job.module,
        "path": module_path(sys.path, os.environ, Path(job.package).parent.parent, safe=sys.flags.safe_path),
        "memory_bytes": job.memory_bytes,
        "memory_hint": job.memory_hint,
    }
    flags = ["-P", *(["-s"] if sys.flags.no_user_site else []), *(["-E"] if sys.flags.ignore_environment else [])]
    return [job.python, *flags, str(Path(PACKAGE).parent / "daemon" / "child_start.py"), json.dumps(request)]


def module_path(path: Sequence[str], variables: Mapping[str, str], home: Path, *, safe: bool) -> list[str]:
    """The parent's ``path``, with nothing in it that could take the place of the library or of what is installed.

    home: the folder that our package is in, which stays where it is. safe: the interpreter put neither the script's
    folder nor the current directory before the rest. What $PYTHONPATH names comes last.
    """
    named = {os.path.abspath(entry) for entry in variables.get("PYTHONPATH", "").split(os.pathsep)}  # noqa: PTH100
    own, last = [], []
    for number, entry in enumerate(path):
        if not os.path.isabs(entry):  # noqa: PTH117 - "" is the current directory
            continue
        if Path(entry) == home:
            own.append(entry)
        elif entry in named and "PYTHONPATH" in variables:
            last.append(entry)
        elif safe or number > 0:
            own.append(entry)
    return own + last


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The child's environment: the parent's, without what brings other code, and with folders that are whole paths."""
    kept = {
        name: value for name, value in variables.items() if not name.startswith("PYTHON") or name in _KEPT_VARIABLES
    }
    for name in _FOLDER_VARIABLES:
        if kept.get(name):
            kept[name] = os.path.abspath(kept[name])  # noqa: PTH100 - links stay what they are
    # A thread per core costs OpenBLAS a fifth of a second of start-up, and none is used.
    return {**kept, "OPENBLAS_NUM_THREADS": "1"}


class Child:
    """One job, from its start to its end, after which ``done`` is called once, from a thread.

    All that may block happens in that thread, and nothing waits for it: a process that cannot be killed, or a file that
    does not answer, keeps neither the daemon's loop nor its end.
    """

    def __init__(self, job: Job, done: Callable[[Child, Ended], None]) -> None:
        """Start it. Raises RuntimeError where there can be no more threads."""
        self._job = job
        self._done = done
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._reaped = False
        self._killed = self._abandoned = False
        self._thread = threading.Thread(target=self._live, name=job.name, daemon=True)
        self._thread.start()

    @property
    def name(self) -> str:
        """As in the job."""
        return self._job.name

    @property
    def pid(self) -> int | None:
        """Its process, where there is one yet."""
        return self._process.pid if self._process is not None else None

    def kill(self) -> None:
        """End it, and all that it started. ``done`` is still called."""
        with self._lock:
            self._killed = True
            if self._process is not None and not self._reaped:  # afterwards its number may be another's
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, signal.SIGKILL)

    def abandon(self) -> None:
        """Kill it, and have nothing more reported of it."""
        with self._lock:
            self._abandoned = True
        self.kill()

    def is_alive(self, *, wait_s: float = 0.0) -> bool:
        """Whether there is anything left of it, after at most ``wait_s``: a process that cannot be killed, say."""
        self._thread.join(wait_s)
        return self._thread.is_alive()

    # In the thread ------------------------------------------------------------------------------------

    def _live(self) -> None:
        # The process inherits this: whoever signals all processes of the unit (systemctl kill) means the daemon.
        signal.pthread_sigmask(signal.SIG_BLOCK, _FOR_THE_DAEMON)
        name = self._job.name
        try:
            ended = self._run()
        except TimeoutError:
            ended = Ended(
                f"{name} was not started: the disk or network mount of its files does not answer\n"
                "Mount it again, or see dmesg. It is tried again."
            )
        except (OSError, ValueError) as error:
            ended = Ended(f"{name} cannot be started: {getattr(error, 'strerror', None) or error}")
        except Exception as error:  # noqa: BLE001 - without a report it would be waited for permanently
            ended = Ended(f"{name} failed: {type(error).__name__}", printable_lines(str(error)))
        with self._lock:
            is_reported = not self._abandoned
            self._abandoned = True
            if is_reported:
                self._done(self, ended)
        if self._process is not None and not self._reaped:
            self._process.wait()  # one that cannot be killed: nobody starts the next one beside it

    def _run(self) -> Ended:
        look_again = bounded(_LOOK_TIMEOUT_S, self._job.look)
        process = subprocess.Popen(
            command(self._job),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            env=environment(os.environ),
            start_new_session=True,  # Ctrl-C is for the daemon, which decides what becomes of the child
        )
        with self._lock:
            self._process = process
            is_wanted = not self._killed
        if not is_wanted:
            self.kill()
        is_late = True
        try:
            with contextlib.closing(_Pipes(process, self._job.message)) as pipes:
                is_late = not pipes.attend(Deadline(self._job.timeout_s))
                if is_late:
                    self.kill()
                if not is_late or pipes.attend(Deadline(_DEATH_TIMEOUT_S)):
                    with self._lock:
                        process.wait()
                        self._reaped = True
        finally:
            if not self._reaped:
                self.kill()
        output = printable_lines(pipes.output.decode("utf-8", "replace").strip())
        problem = self._problem(process.returncode, pipes.reply, is_late=is_late)
        if not problem:
            try:
                problem = bounded(_LOOK_TIMEOUT_S, look_again)
            except TimeoutError:
                problem = f"{self._job.name} is done, but the disk or network mount of its files does not answer"
        return Ended(problem, output)

    def _problem(self, code: int | None, reply: bytes, *, is_late: bool) -> str:
        name = self._job.name
        if code is None:
            return (
                f"{name} (pid {self.pid}) hangs and cannot be killed\nIt waits for a disk or network mount: see dmesg."
            )
        if is_late:
            return (
                f"{name} took longer than {self._job.timeout_s:.0f} s and was ended\n"
                "Another program may hold its files, or a disk or network mount does not answer."
            )
        said = _parsed(reply)
        if code == 0 and said.get("done") is True:
            return ""
        if isinstance(said.get("message"), str):
            hint = said.get("hint")
            return printable_lines(f"{said['message']}\n{hint}" if isinstance(hint, str) and hint else said["message"])
        if code < 0:
            return f"{name} was ended by {_signal_name(-code)}\nThe machine may lack memory. It is tried again."
        return f"{name} failed (exit code {code})\nWhat it printed is in the log. If Python was just upgraded, restart."


class _Pipes:
    """What is written to a process and what it writes, without ever blocking, and no more of it than is used."""

    def __init__(self, process: subprocess.Popen[bytes], message: bytes) -> None:
        assert process.stdin is not None  # noqa: S101 - for mypy
        assert process.stdout is not None  # noqa: S101
        assert process.stderr is not None  # noqa: S101
        self._in, self._out, self._err = process.stdin, process.stdout, process.stderr
        self._message = memoryview(message)
        self.reply = self.output = b""
        self._end = os.pidfd_open(process.pid)
        self._poll = select.poll()
        for pipe in (self._in, self._out, self._err):
            os.set_blocking(pipe.fileno(), False)
        self._poll.register(self._in, select.POLLOUT)
        for source in (self._out, self._err, self._end):
            self._poll.register(source, select.POLLIN)

    def attend(self, deadline: Deadline) -> bool:
        """Write and read until it has ended: True, or until the deadline is over: False."""
        while not deadline.is_over():
            ready = [descriptor for descriptor, _ in self._poll.poll(max(deadline.left_s() * 1000, 1))]
            if not self._in.closed and self._in.fileno() in ready:
                self._write()
            self._take()
            if self._end in ready:
                self._take()
                return True
        return False

    def _write(self) -> None:
        try:
            self._message = self._message[os.write(self._in.fileno(), self._message[:4096]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:  # it reads no more
            self._message = self._message[:0]
        if not self._message:
            self._poll.unregister(self._in)
            self._in.close()

    def _take(self) -> None:
        self.reply = (self.reply + self._read(self._out))[:_REPLY_LIMIT_BYTES]
        self.output = (self.output + self._read(self._err))[-_OUTPUT_LIMIT_BYTES:]

    def _read(self, pipe: Any) -> bytes:
        try:
            said = os.read(pipe.fileno(), 1 << 16)
        except BlockingIOError:
            return b""
        if not said:
            with contextlib.suppress(KeyError):
                self._poll.unregister(pipe)
        return said

    def close(self) -> None:
        for pipe in (self._in, self._out, self._err):
            with contextlib.suppress(OSError):
                pipe.close()
        os.close(self._end)


def _parsed(reply: bytes) -> dict[str, Any]:
    try:
        said = json.loads(reply)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
