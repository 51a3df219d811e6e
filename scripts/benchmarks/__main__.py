"""The command line of ``scripts/bench``."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

import click

from benchmarks import (
    by_application,
    capture,
    commands,
    compositors,
    drawing,
    files,
    fleet,
    growth,
    keeping,
    page,
    past,
)
from benchmarks.table import Row, text

BENCHMARKS: dict[str, Callable[..., Iterator[Row]]] = {
    "start": commands.start,
    "status": commands.status,
    "import": commands.importing,
    "idle": capture.still,
    "idle_memory": capture.idle_memory,
    **{f"capture.{rate}": partial(capture.steady, rate) for rate in capture.RATES},
    "burst": capture.burst,
    "applications.capture": by_application.capture,
    "applications.idle": by_application.still,
    "applications.growth": by_application.growth,
    **{f"wayland.{name}": partial(compositors.desktop, name) for name in compositors.DESKTOPS},
    **{f"render.{screen}": partial(drawing.render, screen) for screen in drawing.TARGETS},
    "files": files.files,
    "cells": past.accuracy,
    "fleet": fleet.sums,
    "page": page.page,
    "bytes": keeping.written,
    "memory": keeping.memory,
    **{f"growth.{screen}": partial(growth.growth, screen) for screen in growth.SCREENS},
}


def _chosen(names: tuple[str, ...]) -> list[str]:
    """The benchmarks that are called so, or belong to a group that is; all when none is named."""
    for name in names:
        if not any(known == name or known.startswith(f"{name}.") for known in BENCHMARKS):
            raise click.UsageError(f'there is no "{name}", only {", ".join(BENCHMARKS)} and the groups of these.')
    return [k for k in BENCHMARKS if not names or any(k == name or k.startswith(f"{name}.") for name in names)]


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--quick", is_flag=True, help="Smaller and once each: whether it works, not what it costs.")
def main(names: tuple[str, ...], quick: bool) -> None:
    """Measure what mousetrackd costs. All takes most of an hour, half of it for growth.

    Example: scripts/bench render capture.1000
    """
    # A signal is an exception here, so that every process that was started is ended.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    rows: list[Row] = []
    try:
        for name in _chosen(names):
            began_s = time.monotonic()
            click.echo(f"{name} ...", err=True)
            rows += BENCHMARKS[name](quick=quick)
            click.echo(f"{name} took {time.monotonic() - began_s:.0f} s", err=True)
    finally:
        print(text(rows))
    sys.exit(any(row.met is False for row in rows))


if __name__ == "__main__":
    main()
