"""Whose the pointer is under each X11 window manager: see check-windows."""

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from support.waiting import wait_until
from support.windows_recorder import WindowsRecorder, is_quiet
from support.xserver import Xvfb
from support.xwindows import COMMANDS, Program, WindowManager

from mousetrackd.core.events import NOBODY

RETITLES = 30
OVERLAP = (450, 350)


def centre(program: Program, window: Any) -> tuple[int, int]:
    """The middle of a window on the desktop."""
    size, at = window.get_geometry(), program.root.translate_coords(window, 0, 0)
    return at.x + size.width // 2, at.y + size.height // 2


def check(manager: str, recorder: WindowsRecorder) -> None:
    """Raises AssertionError with what is wrong."""
    with Program("a", "One") as one, Program("b", "Two") as two:
        first = one.open(100, 100, 500, 400)
        recorder.await_focus("one")
        second = two.open(400, 300, 500, 400)
        recorder.await_focus("two")
        recorder.await_at(*centre(one, first), "one", "a")
        recorder.await_at(*centre(two, second), "two", "b")
        menu = one.open(*centre(two, second), 40, 40, is_menu=True)
        x, y = centre(one, menu)
        recorder.await_at(x, y, "one", "a")
        one.close(menu)
        recorder.await_at(x, y, "two", "b")
        if manager != "i3":  # which puts windows side by side, and minimises none
            one.activate(first)
            recorder.await_at(*OVERLAP, "one", "a")
            two.activate(second)
            recorder.await_at(*OVERLAP, "two", "b")
            two.minimise(second)
            recorder.await_at(880, 680, *NOBODY)
            two.activate(second)
            recorder.await_at(*OVERLAP, "two", "b")
        thread = recorder.source.windows
        wait_until(lambda: is_quiet(thread), "all changes are over")
        before = thread.wake_ups if thread else 0
        for number in range(RETITLES):
            two.retitle(second, f"title {number}")
        if thread is None or not is_quiet(thread) or thread.wake_ups != before:
            raise AssertionError(f"it is woken by {RETITLES} titles")
        two.close(second)
        wait_until(lambda: recorder.names_at(880, 680) != ("two", "b"), "the window is closed")


def main() -> int:
    """Check each; 1 where one fails."""
    failed = 0
    for manager in sys.argv[1:] or COMMANDS:
        if shutil.which(manager) is None:
            sys.stdout.write(f"{manager}: not installed\n")
            failed += bool(sys.argv[1:])
            continue
        with tempfile.TemporaryDirectory() as folder:
            server = Xvfb(Path(folder), "+extension", "GLX")
            server.start()
            os.environ["DISPLAY"] = server.name
            try:
                with WindowManager(manager, Path(folder)):
                    recorder = WindowsRecorder()
                    try:
                        check(manager, recorder)
                    finally:
                        recorder.source.stop()
                sys.stdout.write(f"{manager}: each window's own, 0 wake-ups by {RETITLES} titles\n")
            except AssertionError as error:
                sys.stdout.write(f"{manager}: {error}\n")
                failed += 1
            finally:
                server.stop()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
