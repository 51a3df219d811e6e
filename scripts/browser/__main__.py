"""The command line of ``scripts/check-page``."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import FrameType

import click
from playwright.sync_api import sync_playwright
from support.report import Report

from browser import appearance, controls, dates, person, pictures, safe, saved, sums
from browser.drive import CHROMIUM, FIREFOX
from browser.setting import Setting

PARTS = {
    "safe": safe.check,
    "sums": sums.check,
    "dates": dates.check,
    "pictures": pictures.check,
    "controls": controls.check,
    "appearance": appearance.check,
    "saved": saved.check,
}
_MEMORY = Path("/dev/shm")  # noqa: S108 - stores are synced for each hour of a year
_LASTS_S = 10.0


@click.command()
@click.argument("names", nargs=-1, metavar="[PART]...", type=click.Choice([*PARTS]))
@click.option("--browser", "browsers", multiple=True, type=click.Choice([CHROMIUM, FIREFOX]), help="Only this one.")
@click.option("--screenshots", type=click.Path(path_type=Path), help="A folder for pictures of the page.")
@click.option("--homes", type=click.Path(path_type=Path, exists=True), hidden=True)
def main(names: tuple[str, ...], browsers: tuple[str, ...], screenshots: Path | None, homes: Path | None) -> None:
    """Check the page in real browsers, both side by side. Closes non-zero when something failed.

    Parts: safe sums dates pictures controls appearance saved.

    Example: scripts/check-page sums --browser firefox
    """
    if screenshots:
        screenshots.mkdir(parents=True, exist_ok=True)
    person.note_begin()
    with _folder(homes) as folder, _made(homes or folder, is_there=homes is not None) as made:
        if browsers:
            is_good = _check(names, browsers, screenshots, folder, made)
        else:
            is_good = _side_by_side(names, screenshots, folder, made)
    sys.exit(not is_good)


def _check(
    names: tuple[str, ...], browsers: tuple[str, ...], screenshots: Path | None, folder: Path, homes: Path
) -> bool:
    report = Report()
    with sync_playwright() as playwright:
        setting = Setting(playwright, folder, homes, browsers, screenshots)
        for name in names or PARTS:
            report.run(name, partial(PARTS[name], setting))
        setting.close()
    return report.close()


def _side_by_side(names: tuple[str, ...], screenshots: Path | None, folder: Path, homes: Path) -> bool:
    """A process for each browser. What the first prints is seen at once, and the other's below it."""
    command = [sys.executable, "-m", "browser", *names, "--homes", str(homes)]
    if screenshots:
        command += ["--screenshots", str(screenshots)]
    later = folder / f"{FIREFOX}.log"
    with later.open("wb") as log:
        first = subprocess.Popen([*command, "--browser", CHROMIUM])
        other = subprocess.Popen([*command, "--browser", FIREFOX], stdout=log, stderr=log)
    codes = [first.wait()]
    try:
        codes.append(other.wait())
    finally:
        print(later.read_text("utf-8"), end="", flush=True)
    return not any(codes)


@contextlib.contextmanager
def _folder(parent: Path | None) -> Iterator[Path]:
    """A folder for everything that is made here, by browsers too. A signal ends what was started, and removes it."""
    with tempfile.TemporaryDirectory(dir=parent or (_MEMORY if _MEMORY.is_dir() else None)) as name:
        os.environ["TMPDIR"] = name

        def end(number: int, _frame: FrameType | None) -> None:
            # Raised as an exception, it would end in Playwright's loop, which goes on waiting for the browser.
            for pid in _below(os.getpid()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            shutil.rmtree(name, ignore_errors=True)
            os._exit(128 + number)

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, end)
        yield Path(name)


def _below(pid: int) -> list[int]:
    """The processes that one started, and those that these did: browsers are not in its group."""
    found = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # one that ends while we look
            found += [int(child) for child in children.read_text().split()]
    return found + [below for child in found for below in _below(child)]


@contextlib.contextmanager
def _made(folder: Path, *, is_there: bool) -> Iterator[Path]:
    """The folder with people's homes, which are made beside all else; is_there: somebody else makes them."""
    makers = [] if is_there else person.start(folder)
    try:
        yield folder
    finally:
        for maker in makers:
            maker.kill()
            maker.wait(_LASTS_S)


if __name__ == "__main__":
    main()
