"""A child that does something with the store, says what it has done, and is killed, traced or waited for."""

import contextlib
import os
import select
import signal
import socket
import subprocess
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

Say = Callable[[str], None]

_PATIENCE_S = 60.0


class Child:
    """``work`` in a process of its own, forked from this one: all is imported, so it begins at once.

    It waits for ``go``. What it says goes through a socket, whose calls are none of the file system's.
    """

    def __init__(self, work: Callable[[Say], None]) -> None:
        self.lines: list[str] = []
        self._rest = b""
        self.status: int | None = None
        self._ours, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            self._ours.close()
            _be(theirs, work)
        theirs.close()

    def go(self) -> None:
        """Let it begin."""
        self._ours.send(b"g")

    def listen(self, for_s: float) -> bool:
        """Take what it says for so long. False when it has ended."""
        until_s = time.monotonic() + for_s
        while True:
            left_s = max(until_s - time.monotonic(), 0)
            ready, _, _ = select.select([self._ours], [], [], left_s)
            if not ready:
                return True
            said = b""
            with contextlib.suppress(ConnectionResetError):
                said = self._ours.recv(1 << 16)
            if not said:
                return False
            *whole, self._rest = (self._rest + said).split(b"\n")
            self.lines += [line.decode() for line in whole]

    def listen_until(self, lines: int, then_s: float) -> None:
        """Take what it says until it has said so many lines, and a moment more: work is what counts, not time."""
        give_up_s = time.monotonic() + _PATIENCE_S
        while len(self.lines) < lines and time.monotonic() < give_up_s and self.listen(0.001):
            pass
        self.listen(then_s)

    def numbers(self, letter: str) -> list[int]:
        """The numbers it has said with this letter: C for a checkpoint done, P for a picture."""
        return [int(line.split()[1]) for line in self.lines if line.startswith(f"{letter} ")]

    def kill(self) -> None:
        """kill -9."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def end(self) -> int:
        """Wait for its end, read its last lines; its exit status, negative for a signal."""
        give_up_s = time.monotonic() + _PATIENCE_S
        while self.listen(1):
            if time.monotonic() > give_up_s:
                self.kill()
        self._ours.close()
        _, status = os.waitpid(self.pid, 0)
        self.status = os.waitstatus_to_exitcode(status)
        return self.status


def _be(peer: socket.socket, work: Callable[[Say], None]) -> None:
    """The child's life."""
    code = 1
    try:
        peer.recv(1)
        work(lambda line: peer.sendall(line.encode() + b"\n"))
        code = 0
    except BaseException:  # noqa: BLE001 - the parent reads it, and judges
        peer.sendall(f"X {traceback.format_exc()!r}\n".encode())
    finally:
        os._exit(code)


def run_traced(work: Callable[[Say], None], inject: str, log: Path) -> tuple[Child, bool]:
    """Run ``work`` to its end under strace with one injection; was anything injected?"""
    child = Child(work)
    calls = inject.partition(":")[0]
    command: Sequence[str] = ("strace", "-f", "-o", str(log), "-p", str(child.pid), "-e", f"trace={calls}")
    with subprocess.Popen([*command, "-e", f"inject={inject}"], stderr=subprocess.PIPE, text=True) as tracer:
        if tracer.stderr is None or "attached" not in tracer.stderr.readline():
            child.kill()
            raise RuntimeError("strace cannot trace here: is ptrace forbidden?")
        child.go()
        code = child.end()
        tracer.wait(_PATIENCE_S)
    return child, code == -signal.SIGKILL or "INJECTED" in log.read_text()
