"""Counts that could not be put into the store: kept in a side file, and taken in exactly once by the next start.

A ``Batch`` carries a random mark. The transaction that stores it writes the mark as well, so that a batch whose commit
failed without it being known how far it got, or whose side file is still there after a crash, is not stored twice.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import math
import os
import secrets
import stat
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from mousetrackd.core.accumulator import Tally
from mousetrackd.core.counts import Counts
from mousetrackd.core.errors import RefusedError
from mousetrackd.core.layers import LAYERS
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement
from mousetrackd.core.series import Series
from mousetrackd.core.validity import PATH_MAX_PX, SPAN_MAX_S, TIME_MAX_S, TIME_MIN_S, stretch
from mousetrackd.system.files import make_private, sync_folder, write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from mousetrackd.storage.store import Store
    from mousetrackd.system.paths import Paths

_FORMAT = b"mousetrackd unsaved counts 1"
_LARGEST_BYTES = 512 << 20


@dataclass(frozen=True)
class Batch:
    """What was counted from ``start_s`` to ``end_s`` (UTC seconds), to be stored exactly once.

    mark: random, 63 bits; tells it from any other batch.
    """

    mark: int
    start_s: int
    end_s: int
    tally: Tally
    layout: Layout

    @classmethod
    def of(cls, tally: Tally, start_s: int, end_s: int, layout: Layout) -> Self:
        """One with a mark of its own."""
        start_s, span_s = stretch(start_s, end_s)
        end_s = start_s + span_s
        return cls(1 + secrets.randbelow((1 << 63) - 1), start_s, end_s, tally, layout)


@dataclass(frozen=True)
class TakenIn:
    """What became of the side files. taken: those whose counts are in the store now. problems: sentences."""

    taken: tuple[Path, ...]
    problems: tuple[str, ...]


def folders(paths: Paths) -> tuple[Path, ...]:
    """Where side files may be, the best place first. The runtime folder does not outlive a login."""
    return tuple(dict.fromkeys((paths.data_dir, paths.state_dir, paths.runtime_dir)))


def files(paths: Paths) -> list[Path]:
    """Every side file, damaged and half-written ones too."""
    stem = f"{paths.store.stem}.unsaved-"
    return sorted(path for folder in folders(paths) for name in (f"{stem}*", f".{stem}*") for path in folder.glob(name))


def write(paths: Paths, folder: Path, batch: Batch) -> Path:
    """Keep a batch in ``folder``: whole, private, and on disk when this returns. Raises OSError and RefusedError."""
    make_private(folder)
    path = folder / f"{paths.store.stem}.unsaved-{batch.mark:016x}"
    write_whole(path, encode(batch))
    return path


def take_in(paths: Paths, store: Store) -> TakenIn:
    """Store what the side files hold, each exactly once, and remove them.

    Interrupted anywhere, or done by two processes at once, nothing is counted twice. A file that is damaged is renamed
    and kept; one that is not the user's own is left alone. Both are reported. Raises StoreError when the store cannot
    be written; the file then stays.
    """
    taken: list[Path] = []
    problems: list[str] = []
    for path in files(paths):
        if path.name.startswith(".") or path.name.endswith(_DAMAGED):
            continue
        try:
            batch, found = _read(path)
        except FileNotFoundError:  # another process has just taken it in
            continue
        except (OSError, RefusedError) as error:
            problems.append(f"counts in {path} were not taken in: {error}")
            continue
        except ValueError as error:
            problems.append(_set_aside(path, str(error)))
            continue
        store.commit_batch(batch, is_wanted=lambda path=path, found=found: _is_still(path, found))  # type: ignore[misc]
        try:
            path.unlink(missing_ok=True)
            sync_folder(path.parent)
        except OSError as error:  # its mark keeps it from being stored again
            problems.append(f"{path} was taken in, and cannot be removed: {error.strerror}")
        taken.append(path)
    return TakenIn(tuple(taken), tuple(problems))


def encode(batch: Batch) -> bytes:
    """A batch as bytes, with a checksum."""
    monitors = list(
        dict.fromkeys(
            [*(series.monitor for series in batch.tally.counts), *batch.tally.path_px, *batch.layout.monitors]
        )
    )
    number = {monitor: nth for nth, monitor in enumerate(monitors)}
    body = json.dumps(
        {
            "mark": batch.mark,
            "start_s": batch.start_s,
            "end_s": batch.end_s,
            "monitors": [[m.output, m.width_px, m.height_px, m.edid_hash] for m in monitors],
            "placements": [
                [number[p.monitor], p.desktop_x, p.desktop_y, p.width_mm, p.height_mm] for p in batch.layout.placements
            ],
            "counts": [
                [number[monitor], layer, base64.b64encode(counts.encode()).decode()]
                for (monitor, layer), counts in batch.tally.counts.items()
            ],
            "path_px": [[number[monitor], px] for monitor, px in batch.tally.path_px.items()],
        }
    ).encode()
    return b"%s %08x %d\n%s" % (_FORMAT, zlib.crc32(body), len(body), body)


def decode(content: bytes) -> Batch:
    """The batch that ``encode`` made bytes of. Raises ValueError for anything else."""
    head, _, body = content.partition(b"\n")
    if head != b"%s %08x %d" % (_FORMAT, zlib.crc32(body), len(body)):
        raise ValueError("it is damaged")
    try:
        said = json.loads(body)
        monitors = [Monitor(*row) for row in said["monitors"]]
        start_s = _whole(said["start_s"], TIME_MIN_S, TIME_MAX_S)
        end_s = _whole(said["end_s"], start_s, start_s + SPAN_MAX_S)
        placements = [
            Placement(monitors[_whole(nth, 0, len(monitors) - 1)], *rest) for nth, *rest in said["placements"]
        ]
        counts = dict(_counted(monitors, *row) for row in said["counts"])
        path_px = {monitors[_whole(nth, 0, len(monitors) - 1)]: _length(px) for nth, px in said["path_px"]}
        mark = _whole(said["mark"], 1, (1 << 63) - 1)
    except (KeyError, TypeError, AttributeError, RecursionError, binascii.Error) as error:
        raise ValueError(f"it makes no sense: {error}") from error
    return Batch(mark, start_s, end_s, Tally(counts, path_px), Layout(placements))


_DAMAGED = ".damaged"


def _counted(monitors: list[Monitor], nth: Any, layer: Any, encoded: Any) -> tuple[Series, Counts]:
    monitor = monitors[_whole(nth, 0, len(monitors) - 1)]
    if layer not in LAYERS:
        raise ValueError("it names a layer that does not exist")
    counts = Counts.decode(base64.b64decode(encoded, validate=True))
    if (counts.width_px, counts.height_px) != (monitor.width_px, monitor.height_px):
        raise ValueError(f"its counts are not of {monitor.label}'s size")
    return Series(monitor, layer), counts


def _whole(value: Any, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError("a number in it is out of range")
    return value


def _length(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value) or not 0 <= value <= PATH_MAX_PX:
        raise ValueError("a length in it is out of range")
    return float(value)


def _read(path: Path) -> tuple[Batch, os.stat_result]:
    """A side file, and which file that was. Raises OSError, RefusedError where it is not ours, and ValueError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise RefusedError("it is not a file")
        if found.st_uid != os.getuid() or found.st_mode & 0o022:
            raise RefusedError("another user owns it or may write to it")
        if found.st_size > _LARGEST_BYTES:
            raise ValueError("it is larger than any that mousetrackd writes")
        return decode(file.read(found.st_size)), found


def _is_still(path: Path, found: os.stat_result) -> bool:
    try:
        return os.path.samestat(path.lstat(), found)
    except OSError:
        return False


def _set_aside(path: Path, why: str) -> str:
    """Give a damaged file a name that nobody takes for a good one; a sentence about it."""
    aside = path.with_name(path.name + _DAMAGED)
    with contextlib.suppress(OSError):
        path.rename(aside)
        return f"counts kept in {path.name} cannot be used: {why}. The file is now {aside}; remove it when you like"
    return f"counts kept in {path} cannot be used: {why}"
