"""What children write, and what must be found of it: checkpoints and pictures that know their numbers."""

import io
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image
from support import older_store

from faults.child import Say
from mousetrackd.core.accumulator import Tally
from mousetrackd.core.counts import Counts
from mousetrackd.core.errors import RefusedError, StoreError
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement
from mousetrackd.core.series import Series
from mousetrackd.picture import archive
from mousetrackd.storage import unsaved
from mousetrackd.storage.batch import Batch
from mousetrackd.storage.errors import DamagedError
from mousetrackd.storage.readings import PATH
from mousetrackd.storage.recovery import rescue
from mousetrackd.storage.store import Store
from mousetrackd.storage.tiers import RollupAges
from mousetrackd.system.paths import Paths

SCREEN = Monitor("W", 1000, 1000)
LAYOUT = Layout([Placement(SCREEN, 0, 0)])
BEGIN_S = 1_700_000_000
STEP_S = 600
AGES = RollupAges(1, 2, 3)
"""So that a short history is rolled up into hours, days and months."""
_WAY_PX = 400
_PLACES = 6 * 4096
"""Where the table of how the screens stood begins."""


def _way(number: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return (number * 7919 + np.arange(_WAY_PX, dtype=np.int64) * 2503) % 1_000_000


def tally(number: int) -> Tally:
    """Checkpoint ``number``: rested once at the pixel of that number, and went a way of its own."""
    rest = Counts.from_pixels(1000, 1000, np.array([number]))
    way = Counts.from_pixels(1000, 1000, _way(number))
    return Tally({Series(SCREEN, "dwell"): rest, Series(SCREEN, "travel"): way}, {SCREEN: 1.0})


def commit(store: Store, number: int) -> None:
    """Save checkpoint ``number`` at its time."""
    start_s = BEGIN_S + STEP_S * number
    store.commit(tally(number), start_s, start_s + 60, LAYOUT)


def make_damaged(path: Path, count: int) -> None:
    """A store of checkpoints 1 to ``count`` that is damaged, and has all its counts."""
    with Store.open(path, zone=UTC) as store:
        for number in range(1, count + 1):
            commit(store, number)
    pages = path.read_bytes()
    path.write_bytes(pages[:_PLACES] + bytes(4096) + pages[_PLACES + 4096 :])


def make_older(path: Path, count: int) -> None:
    """A store of checkpoints 1 to ``count`` as schema 2 had it: without hours."""
    newer = path.with_name("newer.sqlite3")
    with Store.open(newer, zone=UTC) as store:
        for number in range(1, count + 1):
            commit(store, number)
    older_store.make_older(newer, path, 2)
    newer.unlink()


def batch(number: int) -> Batch:
    """Checkpoint ``number`` as the daemon hands it to the store, or to a side file."""
    start_s = BEGIN_S + STEP_S * number
    return Batch(number, start_s, start_s + 60, tally(number), LAYOUT)


def keep_aside(folder: Path, numbers: Iterable[int], say: Say) -> None:
    """Write checkpoints into side files; say C after each."""
    for number in numbers:
        unsaved.write(paths_in(folder), folder, batch(number))
        say(f"C {number}")


def save_or_keep_aside(folder: Path, begin: int, count: int, say: Say) -> None:
    """Save so many, each tried once; what fails is kept aside. E is what could not be kept either."""
    store: Store | None = None
    for number in range(begin, begin + count):
        try:
            if store is None:
                store = Store.open(folder / "heat.sqlite3", zone=UTC)
            store.commit_batch(batch(number))
        except StoreError:
            try:
                keep_aside(folder, [number], say)
            except (OSError, RefusedError) as error:
                say(f"E {number} {str(error)!r} '-'")
            break  # as at the end of a daemon: nothing writes over what a failed commit has left
        say(f"C {number}")


def paths_in(folder: Path) -> Paths:
    """All four folders in one."""
    return Paths(folder, folder, folder, folder)


def open_or_rescue(path: Path) -> None:
    """What the daemon does at its start."""
    try:
        Store.open(path).close()
    except DamagedError:
        rescue(path, datetime(2024, 1, 1, tzinfo=UTC))
    with Store.open(path) as store:
        unsaved.take_in(paths_in(path.parent), store)


def roll_up(store: Store, number: int) -> None:
    """Roll up as at the time of checkpoint ``number``."""
    store.roll_up(BEGIN_S + STEP_S * number, AGES)


def keep_picture(folder: Path, number: int) -> None:
    """Write a picture that shows its number."""
    pixels = np.random.default_rng(number).integers(0, 256, (64, 64), np.uint8)
    pixels[0, :4] = np.frombuffer(number.to_bytes(4, "little"), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    archive.keep(folder, file.getvalue(), datetime.now(UTC), 3, 10)


def decoded(png: bytes) -> np.ndarray[Any, Any] | None:
    """The pixels of a picture; None for half of one."""
    if not png.endswith(b"IEND\xaeB`\x82"):
        return None
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)


def picture_number(latest: Path) -> int:
    """The number a picture shows; -1 for half of one."""
    pixels = decoded(latest.read_bytes())
    return -1 if pixels is None else int.from_bytes(pixels[0, :4].tobytes(), "little")


def write_until_killed(folder: Path, begin: int, say: Say) -> None:
    """Save, roll up and draw as a daemon does in a hurry; say C after each checkpoint and P after each picture."""
    number = begin
    with Store.open(folder / "heat.sqlite3", zone=UTC) as store:
        say("O 0")
        while True:
            commit(store, number)
            say(f"C {number}")
            if number % 5 == 0:
                roll_up(store, number)
            if number % 4 == 0:
                keep_picture(folder / "snapshots", number)
                say(f"P {number}")
            number += 1


def write_some(folder: Path, begin: int, count: int, say: Say) -> None:
    """Open, save so many, each tried three times as the daemon would try again, close. E is a refusal it can report."""
    store: Store | None = None
    for number in range(begin, begin + count):
        for _ in range(3):
            try:
                if store is None:
                    store = Store.open(folder / "heat.sqlite3", zone=UTC)
                commit(store, number)
            except StoreError as error:
                say(f"E {number} {error.message!r} {error.hint!r}")
                continue
            say(f"C {number}")
            break
    if store is not None:
        store.close()


def look(path: Path, acknowledged: set[int], unsure: int) -> tuple[set[int], list[str]]:
    """The numbers of the checkpoints in the store, and all that is wrong with it.

    unsure: how many may be there beyond the acknowledged: those under way when their writer ended.
    """
    try:
        with Store.open(path, zone=UTC) as store:
            problems = store.check()
            reading = store.read(("dwell", "travel"))
            gone = sum(total.total for total in store.totals() if total.what == PATH)
    except StoreError as error:
        return set(), [f"unreadable: {error.message}"]
    problems += reading.left_out
    rests, ways = (reading.counts.get(Series(SCREEN, layer), Counts.empty(1000, 1000)) for layer in ("dwell", "travel"))
    found = set(rests.index.tolist())
    if (rests.count != 1).any():
        problems.append(f"counted twice: {rests.index[rests.count != 1].tolist()[:5]}")
    if acknowledged - found:
        problems.append(f"LOST {len(acknowledged - found)} acknowledged: {sorted(acknowledged - found)[:5]}")
    if len(found - acknowledged) > unsure:
        problems.append(f"nobody wrote {sorted(found - acknowledged)[:5]}")
    expected = Counter(int(pixel) for number in found for pixel in _way(number))
    if dict(zip(ways.index.tolist(), ways.count.tolist(), strict=True)) != dict(expected):
        problems.append("the ways are not the sum of the checkpoints'")
    if gone != len(found):
        problems.append(f"the path is {gone} px long, not {len(found)}")
    return found, problems
