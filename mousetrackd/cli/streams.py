"""Standard input, output and error, so that a command does its work and reports its end whatever they are.

They may be closed, full, a pipe that nobody reads, or have an encoding of few characters. What fails on standard
output is remembered, and reported when the command has done its work. What fails on standard error is dropped: there
is nobody left to read it.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from typing import TextIO

_IN_PLACE_OF_CLOSED: Final = (os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)
"""How /dev/null is opened for each: stdin is empty, writing to stdout fails as it did, stderr goes nowhere."""

_STDERR_PATIENCE_MS: Final = 1000
"""How long the log waits for a terminal that was stopped (Ctrl-S), or for a program that does not read its pipe."""


class _Output(io.FileIO):
    """A stream that never raises. failure: the first error of what it could not pass on.

    patience_ms: how long it waits until it can write; None: for as long as that takes.
    """

    def __init__(self, number: int, patience_ms: int | None) -> None:
        super().__init__(number, "w", closefd=False)
        self.failure: OSError | None = None
        self._patience_ms = self._wait_ms = patience_ms
        self._poll = select.poll()
        self._poll.register(number, select.POLLOUT)

    def write(self, data: Any, /) -> int:
        view = memoryview(data).cast("B")
        try:
            while self._poll.poll(self._wait_ms):
                self._wait_ms = self._patience_ms
                # Whoever is ready takes this much at once; the rest is offered again.
                written: int | None = super().write(view[: select.PIPE_BUF])
                if written is not None:
                    return written
            self._wait_ms = 0  # the next line need not wait as well
        except OSError as error:
            self.failure = self.failure or error
        return len(view)


class Streams:
    """The three streams of this process, taken over from Python. To be made before any file is opened.

    A stream that was closed is opened on /dev/null: otherwise a store or a socket would get its number, and what is
    printed would go there.
    """

    def __init__(self) -> None:
        for number, flags in enumerate(_IN_PLACE_OF_CLOSED):
            try:
                os.fstat(number)
            except OSError:
                opened = os.open(os.devnull, flags)  # the lowest number that is free: this one
                os.set_inheritable(opened, True)
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(errors="replace")
        else:
            sys.stdin = open(0, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115 - for a whole life
        self._stdout = _Output(1, None)
        sys.stdout = _text(self._stdout, sys.stdout)
        sys.stderr = _text(_Output(2, _STDERR_PATIENCE_MS), sys.stderr)

    def failed(self) -> str:
        """Why what was printed has not arrived; empty when it has, or when its reader had read enough."""
        sys.stdout.flush()
        failure = self._stdout.failure
        if failure is None or failure.errno == errno.EPIPE:
            return ""
        return failure.strerror or str(failure)


def _text(output: _Output, before: TextIO | None) -> TextIO:
    encoding = (before and before.encoding) or "utf-8"
    return io.TextIOWrapper(io.BufferedWriter(output), encoding, "backslashreplace", line_buffering=True)
