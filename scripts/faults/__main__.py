"""The command line of ``scripts/check-faults``."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable

import click
from support.report import Report

from faults import full, inject, kill, monitors, powercut, shutdown, soak

PARTS: dict[str, Callable[[Report], None]] = {
    "kill": kill.main,
    "inject": inject.main,
    "powercut": powercut.main,
    "full": full.main,
    "shutdown": shutdown.main,
    "monitors": monitors.main,
    "soak": soak.main,
}


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice([*PARTS]), metavar="[PART]...")
def main(parts: tuple[str, ...]) -> None:
    """Do it all, or these parts; the soak beside the others, for it mostly waits."""
    began_s = time.monotonic()
    report = Report()
    chosen = parts or tuple(PARTS)
    with contextlib.ExitStack() as stack:
        beside = None
        if "soak" in chosen and len(chosen) > 1:
            beside = stack.enter_context(
                subprocess.Popen([sys.executable, "-m", "faults", "soak"], stdout=subprocess.PIPE, text=True)
            )
            stack.callback(beside.terminate)
        for part, try_it in PARTS.items():
            if part in chosen and not (part == "soak" and beside):
                report.run(part, try_it)
        if beside is not None:
            said, _ = beside.communicate()
            *lines, last = said.splitlines() or ["0 passed, 1 failed"]
            print("\n".join(lines))
            words = last.split()
            report.passed += int(words[0])
            report.failed += int(words[2])
    click.echo(f"all took {time.monotonic() - began_s:.0f} s", err=True)
    sys.exit(not report.close())


if __name__ == "__main__":
    main()
