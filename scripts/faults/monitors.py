"""Monitors that are plugged in, resized and pulled out as fast as that goes, on a real Xorg with its dummy driver.

A press between every two changes, and nobody waits for the daemon: each has to be counted on its monitor.
"""

import contextlib
import itertools
import os
from collections import Counter
from collections.abc import Iterator

from benchmarks.desk import Desk
from support.report import Report
from support.xserver import LEFT, Pointer, XServer, xrandr

from mousetrackd.core.layers import CLICK_LAYERS
from mousetrackd.storage.store import Store

CHANGES = 200

_XORG = """
Section "Device"
  Identifier "card"
  Driver "dummy"
  VideoRam 256000
EndSection
Section "Monitor"
  Identifier "monitor"
  HorizSync 5-1000
  VertRefresh 5-200
EndSection
Section "Screen"
  Identifier "screen"
  Device "card"
  Monitor "monitor"
  DefaultDepth 24
  SubSection "Display"
    Depth 24
    Modes "1920x1080" "1280x720"
    Virtual 8192 4096
  EndSubSection
EndSection
Section "ServerFlags"
  Option "AutoAddDevices" "false"
EndSection
"""
_MODES = {"wide": (1600, 900), "square": (1280, 1024), "small": (1024, 768)}
"""The driver's other outputs have no modes of their own."""
_AT_FIRST = (
    *("--output", "DUMMY0", "--mode", "1920x1080", "--pos", "0x0"),
    *("--output", "DUMMY1", "--off", "--output", "DUMMY2", "--off"),
)
_STEPS = (
    (("--output", "DUMMY1", "--mode", "square", "--right-of", "DUMMY0"), (2000, 100), "DUMMY1@1280x1024"),
    (("--output", "DUMMY1", "--mode", "wide"), (2000, 100), "DUMMY1@1600x900"),
    (("--output", "DUMMY2", "--mode", "small", "--below", "DUMMY0"), (100, 1200), "DUMMY2@1024x768"),
    (("--output", "DUMMY1", "--off"), (100, 1200), "DUMMY2@1024x768"),
    (("--output", "DUMMY1", "--mode", "square", "--left-of", "DUMMY0"), (100, 100), "DUMMY1@1280x1024"),
    (("--output", "DUMMY1", "--off", "--output", "DUMMY2", "--off"), (100, 100), "DUMMY0@1920x1080"),
    (("--output", "DUMMY0", "--mode", "1280x720"), (1279, 719), "DUMMY0@1280x720"),
    (("--output", "DUMMY0", "--mode", "1920x1080"), (1279, 719), "DUMMY0@1920x1080"),
)
"""What is changed, where the next press is made, and on which monitor that is."""


def main(report: Report) -> None:
    """Change and press, then read the store."""
    with Desk() as desk:
        config = desk.folder / "xorg.conf"
        config.write_text(_XORG)
        desk.start_server(
            XServer(desk.folder, "Xorg", "-config", str(config), "-logfile", str(desk.folder / "xorg.log"))
        )
        desk.configure("snapshot_interval_s = 86400\n")
        desk.has_picture()
        pressed: Counter[str] = Counter()
        with _at(desk), Pointer() as pointer:
            for name, (width_px, height_px) in _MODES.items():
                numbers = (60, *[width_px] * 4, *[height_px] * 4)
                xrandr("--newmode", name, *map(str, numbers))
                for output in ("DUMMY1", "DUMMY2"):
                    xrandr("--addmode", output, name)
            xrandr(*_AT_FIRST)
            with desk.daemon():
                for change, place, monitor in itertools.islice(itertools.cycle(_STEPS), CHANGES):
                    xrandr(*change)
                    pointer.move(place)
                    pointer.click(LEFT)
                    pressed[monitor] += 1
        with Store.open_read_only(desk.store) as store:
            counts = store.read(CLICK_LAYERS).counts
            strangers = {one.label for one in store.monitors().values()} - {one for _, _, one in _STEPS}
        found = Counter({series.monitor.label: int(one.count.sum()) for series, one in counts.items()})
    report.check(
        f"{CHANGES} times one plugged in, resized or pulled out, a press after each: {found.total()} presses"
        f" counted, {(found - pressed).total()} of them on another monitor",
        found == pressed,
        details=[f"made: {dict(pressed)}", f"counted: {dict(found)}"],
    )
    report.check("none was counted on that was there for no more than a change", not strangers, details=strangers)


@contextlib.contextmanager
def _at(desk: Desk) -> Iterator[None]:
    """Whatever this process does with a display, it does with the desk's."""
    before = os.environ.get("DISPLAY")
    os.environ["DISPLAY"] = desk.env["DISPLAY"]
    try:
        yield
    finally:
        if before is None:
            del os.environ["DISPLAY"]
        else:
            os.environ["DISPLAY"] = before
