"""Counts that could not be put into the store: kept in a side file, and taken in exactly once by the next start."""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mousetrackd.core.errors import RefusedError
from mousetrackd.storage import reserve
from mousetrackd.storage.batch import Batch, decode, encode
from mousetrackd.system.files import make_private, sync_folder, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mousetrackd.storage.store_file import StoreFile
    from mousetrackd.system.paths import Paths

_LARGEST_BYTES = 512 << 20


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


def write(paths: Paths, folder: Path, batch: Batch, *, write_file: Callable[[Path, bytes], None] = write_whole) -> Path:
    """Keep a batch in ``folder``: whole, private, and on disk when this returns. Raises OSError and RefusedError.

    On a full disk under the data folder the reserve is given up for it.
    """
    make_private(folder)
    path = folder / f"{paths.store.stem}.unsaved-{batch.mark:016x}"
    content = encode(batch)
    try:
        write_file(path, content)
    except OSError as error:
        if folder != paths.data_dir or not reserve.give_up(paths.reserve, error):
            raise
        write_file(path, content)
    return path


def take_in(paths: Paths, store: StoreFile) -> TakenIn:
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


_DAMAGED = ".damaged"


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
