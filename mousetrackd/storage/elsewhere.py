"""Stores that are not in our own data folder: a backup, one of another machine, one in a folder that is synced.

Such a folder is not ours to change: its mode stays, and SQLite puts no journal into it.
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mousetrackd.core.errors import StoreError
from mousetrackd.storage.database_files import beside
from mousetrackd.storage.errors import as_store_error

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOKED_AT: Final = "mousetrackd-damaged-"
"""What a temporary folder with a copy of a store is called: what a killed command left can be forgotten."""
_TRIES: Final = 3
_MAGIC: Final = b"SQLite format 3\0"


@contextlib.contextmanager
def settled(path: Path) -> Iterator[tuple[Path, bool]]:
    """The file to open instead of ``path``, and whether nobody writes it.

    It is the file itself, or, where a journal with newer counts lies beside it, a copy of both in a temporary folder.
    Raises StoreError where there is no store, or where it changes faster than it can be copied.
    """
    with contextlib.ExitStack() as stack:
        try:
            place = path.resolve(strict=True)
            is_file = place.is_file()  # a pipe would block
            with place.open("rb") if is_file else contextlib.nullcontext() as file:
                if file is None or file.read(len(_MAGIC)) != _MAGIC:
                    raise StoreError(f"{path} is no store of mousetrackd", "A store is a file like heat.sqlite3.")
            has_journal = _size(beside(place, "-wal")) > 0
            if has_journal:
                import tempfile  # noqa: PLC0415 - brings a dozen modules, and is rarely needed

                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=LOOKED_AT)))
                place = _copied(place, folder)
        except FileNotFoundError as error:
            raise StoreError(f"there is no {path}", "Give the file of a store, like heat.sqlite3.") from error
        except OSError as error:
            raise as_store_error(path, error) from error
        yield place, not has_journal


def _copied(place: Path, folder: Path) -> Path:
    """A copy of a store and its journal, of one moment. Raises StoreError where there is no such moment; OSError."""
    files = [place, beside(place, "-wal")]
    for _ in range(_TRIES):
        before = [_state(file) for file in files]
        for file in files:
            if file.exists():
                shutil.copyfile(file, folder / file.name)
        if before == [_state(file) for file in files]:
            return folder / place.name
        for file in files:
            (folder / file.name).unlink(missing_ok=True)
    raise StoreError(f"{place} is being written all the time", "Try again, or stop what writes it.")


def _state(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
