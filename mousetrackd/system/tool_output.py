"""What a small program of the system answers, with a limit of time and of bytes for all of it."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from mousetrackd.system.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OUTPUT_MAX_BYTES = 1 << 20
"""More than any settings tool or service manager prints when it is asked one thing."""


class Output(NamedTuple):
    """How a program ended, and what it printed, as text."""

    code: int
    stdout: str
    stderr: str


def run_tool(
    command: Sequence[str],
    *,
    timeout_s: float,
    environment: Mapping[str, str] | None = None,
    max_bytes: int = OUTPUT_MAX_BYTES,
) -> Output:
    """Run ``command`` without input.

    Raises OSError where it cannot be run, TimeoutError where it has not ended after ``timeout_s``, and ValueError
    where it prints more than ``max_bytes``. It is ended then, with what it has started.
    """
    deadline = Deadline(timeout_s)
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,  # so that all that it starts can be ended with it
    )
    with process:
        try:
            printed = _read(process, deadline, max_bytes)
            code = process.wait(max(deadline.left_s(), 0.001))
        except BaseException as error:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, TimeoutError | subprocess.TimeoutExpired):
                raise TimeoutError(f"no answer within {timeout_s:g} s") from error
            raise
    return Output(code, *(data.decode("utf-8", "replace") for data in printed))


def _read(process: subprocess.Popen[bytes], deadline: Deadline, max_bytes: int) -> tuple[bytes, bytes]:
    pipes = (process.stdout, process.stderr)
    printed = {pipe: bytearray() for pipe in pipes}
    with selectors.DefaultSelector() as selector:
        for pipe in pipes:
            if pipe is not None:
                selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(deadline.left_s())
            if deadline.is_over():
                raise TimeoutError
            for key, _ in ready:
                data = os.read(key.fd, 1 << 16)
                if not data:
                    selector.unregister(key.fileobj)
                printed[key.fileobj] += data  # type: ignore[index]  # only these were registered
            if sum(map(len, printed.values())) > max_bytes:
                raise ValueError(f"it prints more than {max_bytes} bytes")
    stdout, stderr = (bytes(printed[pipe]) for pipe in pipes)
    return stdout, stderr
