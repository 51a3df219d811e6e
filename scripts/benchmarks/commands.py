"""Starting, and asking how it is."""

import sys
import time
from collections.abc import Iterator

from benchmarks import kernel
from benchmarks.desk import MOUSETRACKD, Desk
from benchmarks.table import Row, at_most, median, ms, times_at_most

_OF_IMPORTS, _OF_NOTHING = 1.5, 8
"""How many times as much as importing numpy and pynput a start may take, and a status as a Python that does nothing:
a ratio is the same on a slower machine."""


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
    own_s, bare_s = median(ours[1:]), median(imports[1:])
    beside = f"{ms(own_s)}; importing numpy and pynput {ms(bare_s)}; the very first start {ms(ours[0])}"
    yield times_at_most("start to tracking: CPU", own_s, bare_s, _OF_IMPORTS, beside=beside)


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
    own_s, bare_s = median(ours[1:]), median(bare[1:])
    yield times_at_most(
        "mousetrackd status: CPU", own_s, bare_s, _OF_NOTHING, beside=f"{ms(own_s)}; python -c pass {ms(bare_s)}"
    )


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
