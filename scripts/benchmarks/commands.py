"""Starting, and asking how it is."""

import sys
import time
from collections.abc import Iterator

from benchmarks import kernel
from benchmarks.desk import MOUSETRACKD, Desk
from benchmarks.table import Row, at_most, median, ms


def start(*, quick: bool) -> Iterator[Row]:
    """From nothing to tracking."""
    turns = 1 if quick else 5
    ours: list[float] = []
    imports: list[float] = []
    with Desk() as desk:
        desk.open_display()
        desk.has_picture()
        for _ in range(turns + 1):
            with desk.daemon() as pid:
                time.sleep(0.2)  # what its start set going belongs to it
                ours.append(kernel.cpu_s(pid))
            imports.append(desk.run([sys.executable, "-c", "import numpy, pynput.mouse"]).cpu_s)
    # The first turn compiles and makes the store.
    beside = f"importing numpy and pynput {ms(median(imports[1:]))}; the very first start {ms(ours[0])}"
    yield at_most("start to tracking: CPU", median(ours[1:]), 0.35, "s", beside=beside, digits=3)


def status(*, quick: bool) -> Iterator[Row]:
    """``mousetrackd status`` beside a daemon."""
    turns = 1 if quick else 7
    ours: list[float] = []
    bare: list[float] = []
    with Desk() as desk:
        desk.open_display()
        desk.has_picture()
        with desk.daemon():
            for _ in range(turns + 1):
                ours.append(desk.run([MOUSETRACKD, "status"]).cpu_s)
                bare.append(desk.run([sys.executable, "-c", "pass"]).cpu_s)
    beside = f"python -c pass {ms(median(bare[1:]))}"
    yield at_most("mousetrackd status: CPU", median(ours[1:]), 0.15, "s", beside=beside, digits=3)


IMPORT = "import time; began = time.process_time(); import {0}; print(time.process_time() - began)"


def importing(*, quick: bool) -> Iterator[Row]:
    """``import mousetrackd`` in a program of the user's."""
    turns = 1 if quick else 7
    with Desk() as desk:
        # The first turn compiles.
        desk.env["PYTHONPYCACHEPREFIX"] = str(desk.folder / "compiled")
        desk.env.pop("PYTHONDONTWRITEBYTECODE", None)

        def cost_s(name: str) -> float:
            command = [sys.executable, "-c", IMPORT.format(name)]
            said = [desk.run(command).said for _ in range(turns + 1)]
            return median(map(float, said[1:]))

        beside = f"import numpy {ms(cost_s('numpy'))}, import cv2 {ms(cost_s('cv2'))}"
        yield at_most("import mousetrackd: CPU", cost_s("mousetrackd") * 1000, 5, "ms", beside=beside, digits=1)
