"""Parts whose compositor is too old here are run inside a root of a newer Debian, and reported as if here."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from support.report import MORE, Report, SkipError

_SCRIPT = Path(__file__).with_name("newer-debian")


def is_inside() -> bool:
    """Whether this is that root already."""
    return "CHECK_WAYLAND_INSIDE" in os.environ


def inside(part: str, checks: Callable[[Report], None]) -> Callable[[Report], None]:
    """A part that is made of these checks, in that root."""
    return lambda report: checks(report) if is_inside() else run_inside(part, report)


def run_inside(part: str, report: Report) -> None:
    """Run ``part`` there; its checks count as ours. Raises SkipError for who may not make such a root."""
    if os.geteuid() != 0:
        raise SkipError("it needs a newer Debian than most, and making its root takes root: run it with sudo")
    with subprocess.Popen([_SCRIPT, part], stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            verdict, _, rest = line.rstrip("\n").partition(f": {part}: ")
            if verdict in ("ok", "FAILED"):
                report.check(rest, verdict == "ok")
            elif verdict.startswith("skipped"):
                raise SkipError(rest)
            elif line.startswith(MORE):
                print(line, end="", flush=True)
    if process.returncode and not report.failed:
        raise RuntimeError(f"{_SCRIPT.name} ended with {process.returncode}")
