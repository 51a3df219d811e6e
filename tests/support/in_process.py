"""A command run within the process of the test: what a process of its own would do, without the cost of its start."""

import contextlib
import logging
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from mousetrackd.cli.main import main


@dataclass(frozen=True)
class Result:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def err_lines(self) -> list[str]:
        return self.err.splitlines()


def run(words: Sequence[str], environment: Mapping[str, str], folder: Path, stdin: str = "") -> Result:
    """Run ``mousetrackd WORDS`` in ``folder``. Everything that it changes of this process is put back afterwards."""
    assert threading.current_thread() is threading.main_thread(), "the folder and the streams are the whole process's"
    with tempfile.TemporaryFile() as typed, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        typed.write(stdin.encode())
        typed.seek(0)
        with _put_back(), _streams(typed, out, err):
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environment)
            time.tzset()
            sys.argv = ["mousetrackd", *words]
            try:
                main()
            except SystemExit as end:
                code = end.code
        assert isinstance(code, int)
        return Result(code, _text(out), _text(err))


@contextlib.contextmanager
def _streams(*files: IO[bytes]) -> Iterator[None]:
    """Have the descriptors 0, 1 and 2 be these files, so that the program and its children find them there."""
    before = [os.dup(number) for number in range(3)]
    standard = sys.stdin, sys.stdout, sys.stderr
    try:
        for number, file in enumerate(files):
            os.dup2(file.fileno(), number)
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        sys.stdin, sys.stdout, sys.stderr = standard
        for number, kept in enumerate(before):
            os.dup2(kept, number)
            os.close(kept)


@contextlib.contextmanager
def _put_back() -> Iterator[None]:
    """Put back the folder, environment, umask, arguments, log and signal handlers."""
    folder, environment, arguments = Path.cwd(), dict(os.environ), sys.argv
    umask = os.umask(0o077)
    os.umask(umask)
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    log = logging.getLogger("mousetrackd")
    log_handlers, level, raises = list(log.handlers), log.level, logging.raiseExceptions
    temporary, tempfile.tempdir = tempfile.tempdir, None  # found again by the command's own TMPDIR
    try:
        yield
    finally:
        tempfile.tempdir = temporary
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        time.tzset()
        os.umask(umask)
        sys.argv = arguments
        for number, handler in handlers.items():
            if signal.getsignal(number) != handler:
                signal.signal(number, handler)
        log.handlers[:], log.level, logging.raiseExceptions = log_handlers, level, raises


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()
