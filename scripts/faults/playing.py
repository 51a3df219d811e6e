"""The real daemon, playing a recording, and what an independent reading of that recording says it must count."""

import csv
import gzip
import itertools
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from benchmarks import motion
from benchmarks.desk import Desk
from benchmarks.motion import HOUR_MS

from mousetrackd.core.events import Events, Kind
from mousetrackd.core.layers import LAYERS
from mousetrackd.core.recentring import Recentring
from mousetrackd.storage.store import Store

_COLUMNS = "record timestamp,client timestamp,button,state,x,y"
_ROWS = {
    Kind.MOVE: "NoButton,Move",
    Kind.LEFT: "Left,Pressed",
    Kind.MIDDLE: "Middle,Pressed",
    Kind.RIGHT: "Right,Pressed",
    Kind.OTHER: "X1,Pressed",
    Kind.SCROLL: "Scroll,Down",
}
_CLICKS = {"Left": "clicks.left", "Middle": "clicks.middle", "Right": "clicks.right"}
_REST_CAP_MS, _WARP_PX = 5000, 1000  # the configuration's defaults

Row = tuple[int, str]
"""When, in ms, and the rest of a line."""
Cells = dict[str, dict[int, int]]
"""How much was counted by layer and pixel number."""


def write_recording(path: Path, made_up: Sequence[Events], recorded: Sequence[list[Row]] = ()) -> int:
    """Made up hours and recorded people's, by turns. Returns how long it all is, in ms."""
    end_ms = 0
    with gzip.open(path, "wt", compresslevel=1) as out:
        print(_COLUMNS, file=out)
        for hour in _by_turns([_as_rows(events) for events in made_up], recorded):
            begin_ms = end_ms
            for time_ms, rest in hour:
                end_ms = max(begin_ms + time_ms, end_ms)
                print(f"0,{end_ms / 1000},{rest}", file=out)
    return end_ms


def _as_rows(events: Events) -> list[Row]:
    return [(time_ms, f"{_ROWS[Kind(kind)]},{x},{y}") for time_ms, kind, x, y in events.tolist()]


def recorded_hours() -> list[list[Row]]:
    """The hours of recorded sessions, where there are some, each from its own beginning."""
    hours: list[list[Row]] = []
    for file in _recorded():
        cut: dict[int, list[Row]] = defaultdict(list)
        with gzip.open(file, "rt", newline="") as rows:
            for row in csv.DictReader(rows):
                at_ms = round(float(row["client timestamp"]) * 1000)
                rest = f"{row['button']},{row['state']},{row['x']},{row['y']}"
                cut[at_ms // HOUR_MS].append((at_ms % HOUR_MS, rest))
        hours += cut.values()
    return hours


def _by_turns(some: Sequence[list[Row]], others: Sequence[list[Row]]) -> Iterator[list[Row]]:
    for one, other in itertools.zip_longest(some, others, fillvalue=()):
        yield from (list(one), list(other))


def recorded_ms() -> int:
    """How much of people's motion there is."""
    return sum(int(events["time_ms"][-1]) for events in motion.sessions())


def _recorded() -> list[Path]:
    folder = os.environ.get("MOUSE_SESSIONS")
    return sorted(Path(folder).glob("*.csv.gz")) if folder else []


def expected(path: Path, width_px: int, height_px: int) -> Cells:
    """What the recording's layers are, row by row and pixel by pixel.

    It shares nothing with the daemon's way but the judgement of which steps are a program's returns.
    """
    cells: Cells = defaultdict(lambda: defaultdict(int))

    def count(layer: str, x: int, y: int, much: int = 1) -> None:
        if -1 <= x <= width_px and -1 <= y <= height_px:  # the pixel beside the edge is the edge
            cells[layer][min(max(y, 0), height_px - 1) * width_px + min(max(x, 0), width_px - 1)] += much

    steps: list[tuple[int, int, int]] = []
    last_ms, from_x, from_y = 0, -9999, -9999  # nowhere: on no screen, and farther than a line is drawn
    with gzip.open(path, "rt", newline="") as rows:
        for row in csv.DictReader(rows):
            state, x, y = row["state"], int(row["x"]), int(row["y"])
            if state == "Released":
                continue
            if state in ("Up", "Down"):
                x, y = (x, y) if (x, y) != (0, 0) else (from_x, from_y)  # the recorder says no place of the wheel's
                count("scroll", x, y)
            if state == "Pressed":
                count(_CLICKS.get(row["button"], "clicks.other"), x, y)
            at_ms = max(round(float(row["client timestamp"]) * 1000), last_ms)
            count("dwell", from_x, from_y, min(at_ms - last_ms, _REST_CAP_MS))
            steps.append((at_ms, x, y))
            last_ms, from_x, from_y = at_ms, x, y
    returns = Recentring().returns(*np.array(steps, np.int64).T).tolist() if steps else []
    from_x, from_y = -9999, -9999
    for (_, x, y), is_return in zip(steps, returns, strict=True):
        for there_x, there_y in () if is_return else _line(from_x, from_y, x, y):
            count("travel", there_x, there_y)
        from_x, from_y = x, y
    return {layer: {pixel: much for pixel, much in counted.items() if much} for layer, counted in cells.items()}


def _line(from_x: int, from_y: int, x: int, y: int) -> Iterator[tuple[int, int]]:
    """The pixels of a line, without its first; none of a jump by a program."""
    steps = max(abs(x - from_x), abs(y - from_y))
    if steps <= _WARP_PX:
        for step in range(1, steps + 1):
            yield (
                from_x + (2 * step * (x - from_x) + steps) // (2 * steps),
                from_y + (2 * step * (y - from_y) + steps) // (2 * steps),
            )


def differences(store: Path, recording: Path) -> tuple[str, list[str]]:
    """The sums that were expected, in words, and what the store has otherwise."""
    with Store.open_read_only(store) as opened:
        problems = opened.check()
        counts = opened.read(LAYERS).counts
    (screen,) = {series.monitor for series in counts}
    wanted = expected(recording, screen.width_px, screen.height_px)
    found = {
        layer: dict(zip(one.index.tolist(), one.count.tolist(), strict=True)) for (_, layer, *_), one in counts.items()
    }
    for layer in sorted(wanted.keys() | found.keys()):
        if wanted.get(layer) != found.get(layer):
            sums = sum(wanted.get(layer, {}).values()), sum(found.get(layer, {}).values())
            problems.append(f"{layer}: {sums[0]} expected, {sums[1]} found, or at other pixels")
    hours = sum(wanted["dwell"].values()) / 3_600_000
    return f"{hours:.2f} h of rest, {sum(wanted['travel'].values()):,} crossings", problems


def play(desk: Desk, recording: Path, speed: float, log: Path) -> subprocess.Popen[bytes]:
    """Start the daemon at this desk."""
    command = [
        sys.executable,
        "-m",
        "faults.seasoned",
        "run",
        "--allow-root",
        "--source",
        f"replay:{recording}",
        "--speed",
        str(speed),
    ]
    with log.open("wb") as file:
        return subprocess.Popen(command, env=desk.env, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
