"""The command line of ``scripts/check-page``."""

import signal
import sys
import tempfile
from functools import partial
from pathlib import Path

import click
from playwright.sync_api import sync_playwright
from support.report import Report

from browser import appearance, controls, pictures, safe, saved, sums
from browser.drive import CHROMIUM, FIREFOX
from browser.setting import Setting

PARTS = {
    "safe": safe.check,
    "sums": sums.check,
    "pictures": pictures.check,
    "controls": controls.check,
    "appearance": appearance.check,
    "saved": saved.check,
}


@click.command()
@click.argument("names", nargs=-1, metavar="[PART]...", type=click.Choice([*PARTS]))
@click.option("--browser", "browsers", multiple=True, type=click.Choice([CHROMIUM, FIREFOX]), help="Only this one.")
@click.option("--screenshots", type=click.Path(path_type=Path), help="A folder for pictures of the page.")
def main(names: tuple[str, ...], browsers: tuple[str, ...], screenshots: Path | None) -> None:
    """Check the page in real browsers. Closes non-zero when something failed.

    Parts: safe sums pictures controls appearance saved.

    Example: scripts/check-page sums --browser firefox
    """
    # A signal is an exception here, so that every process that was started is ended.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    report = Report()
    if screenshots:
        screenshots.mkdir(parents=True, exist_ok=True)
    memory = Path("/dev/shm")  # noqa: S108 - stores are synced for each hour of a year
    with (
        tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder,
        sync_playwright() as playwright,
    ):
        setting = Setting(playwright, Path(folder), browsers or (CHROMIUM, FIREFOX), screenshots)
        for name in names or PARTS:
            report.run(name, partial(PARTS[name], setting))
        setting.close()
    sys.exit(not report.close())


if __name__ == "__main__":
    main()
