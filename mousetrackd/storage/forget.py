"""Forgetting: what was counted in a time, on a monitor or for an application is deleted from every file of ours.

In doubt more is deleted: what is kept only coarsely goes whole, and so does every file that was written since the
range began and whose content is not known (pictures, backups, stores set aside).
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import tempfile
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mousetrackd.core import validity
from mousetrackd.core.errors import MousetrackError, UsageError
from mousetrackd.core.monitors import selected
from mousetrackd.core.wording import counted, printable
from mousetrackd.storage import forget_note, unsaved
from mousetrackd.storage.elsewhere import LOOKED_AT
from mousetrackd.storage.erase import Promise
from mousetrackd.storage.errors import DamagedError
from mousetrackd.storage.readings import Held, Range
from mousetrackd.storage.store import Store
from mousetrackd.system.files import folder_held, make_private, sync_folder
from mousetrackd.system.output_files import UNFINISHED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mousetrackd.system.paths import Paths


@dataclass(frozen=True)
class Choice:
    """What is to be forgotten: UTC seconds, None for an open end; a monitor's name, None for all.

    application: what was counted for it; None for everything. Its identity, once it went through ``named``.
    """

    since_s: int | None = None
    until_s: int | None = None
    monitor: str | None = None
    application: str | None = None

    @property
    def everything(self) -> bool:
        """Is it all there is?"""
        return self == Choice()

    def options(self) -> str:
        """The options of ``mousetrackd forget`` that mean the same at any time."""
        if self.everything:
            return "--all"
        since = [] if self.since_s is None else ["--since", _exactly(self.since_s)]
        until = [] if self.until_s is None else ["--until", _exactly(self.until_s)]
        monitor = [] if self.monitor is None else ["--monitor", self.monitor]
        application = [] if self.application is None else ["--application", self.application]
        return shlex.join([*since, *until, *monitor, *application])

    @property
    def asked(self) -> Range:
        """What of the store it is."""
        return Range(self.since_s, self.until_s, self.monitor, application=self.application or "")


@dataclass(frozen=True)
class Found:
    """What there is, or was, of a choice. copies: backups and stores set aside, damaged or half made."""

    held: Held
    pictures: list[Path]
    copies: list[Path]

    def __bool__(self) -> bool:
        return bool(self.held.pieces or self.pictures or self.copies)

    def lines(self, choice: Choice) -> list[str]:
        """The same as sentences for the user."""
        lines = []
        held = self.held
        if held.pieces and held.first_s is not None and held.last_s is not None:
            whose = "" if choice.application is None else f" for {printable(choice.application)}"
            lines.append(
                f"{counted(held.pieces, 'piece')} of the counts{whose}, from {_when(held.first_s)} to "
                f"{_when(held.last_s)}"
            )
            if held.first_s < (choice.since_s or held.first_s) or held.last_s > (choice.until_s or held.last_s):
                lines.append("  (more than was named: what is kept by the minute, hour, day or month goes whole)")
        lines += [
            f"  (what stays of {_when(begin_s)} to {_when(end_s)} is kept by the hour, in cells instead of pixels)"
            for begin_s, end_s in held.coarsened
        ]
        if held.pieces and choice.application is not None:
            lines.append("  (and as much of the totals; travel and distance stay: they are not kept by application)")
        if self.pictures:
            pages = [path for path in self.pictures if path.suffix == ".html"]
            pictures = len(self.pictures) - len(pages)
            if pictures:
                lines.append(f"{counted(pictures, 'picture')}: all that may show it")
            lines += [f"the page {path}" for path in pages]
        if self.copies:
            lines.append(
                f"{counted(len(self.copies), 'file')} beside the store, damaged or older: {_names(self.copies)}"
            )
        return lines


def named(paths: Paths, choice: Choice) -> Choice:
    """The same, its application by its identity. Raises StoreError, and UsageError where it is none or several."""
    if choice.application is None:
        return choice
    from mousetrackd.storage import application_names  # noqa: PLC0415 - only for who names one

    as_noted = replace(choice, application=validity.plain_name(choice.application))
    if as_noted.options() in forget_note.unfinished(paths):  # its counts may be gone already
        return as_noted
    with _store(paths, choice) as store:
        known = [] if store is None else store.applications()
    return replace(choice, application=application_names.find(choice.application, known))


def find(paths: Paths, choice: Choice) -> Found:
    """What would be forgotten. Raises StoreError, and UsageError for a monitor never seen."""
    with _store(paths, choice) as store:
        screens = [] if store is None else [*store.monitors().values()]
        if choice.monitor is not None and not selected(screens, choice.monitor):
            labels = ", ".join(sorted(screen.label for screen in screens)) or "none yet"
            raise UsageError(f'there is no monitor "{choice.monitor}"', f"There are: {labels}")
        held = Held(0, None, None) if store is None else store.held(choice.asked)
        return Found(held, _pictures(paths, choice, held), _copies(paths, choice, store))


def carry_out(paths: Paths, choice: Choice, promise: Promise | None = None) -> Found:
    """Forget it; returns what went. Raises MousetrackError; MoreThanPromisedError where it would be more than promised.

    Interrupted anywhere, the store holds all of it or nothing, and ``unfinished`` returns what to do again. Waits for
    a picture that is being drawn: it may show what is to go.
    """
    try:
        for folder in (paths.data_dir, paths.snapshots):
            make_private(folder)
        with folder_held(paths.snapshots, alone=True), _store(paths, choice) as store:
            # Before the first picture goes.
            held = Held(0, None, None) if store is None else store.held(choice.asked, promise)
            with contextlib.suppress(OSError):  # a full disk is no reason to keep it: deleting makes space
                forget_note.write(paths, [*forget_note.unfinished(paths), choice.options()])
            found = Found(held, _pictures(paths, choice, held), _copies(paths, choice, store))
            # Files first: that takes no space, and gives the store the space to be rewritten.
            for path in (*found.pictures, *found.copies):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)
            for folder in {path.parent for path in (*found.pictures, *found.copies)}:
                sync_folder(folder)
            if choice.everything:
                paths.reserve.unlink(missing_ok=True)
            if store is not None:
                held = store.erase(choice.asked, promise)
            left = [one for one in forget_note.unfinished(paths) if one != choice.options()]
            forget_note.write(paths, [] if choice.everything else left)
    except OSError as error:
        raise MousetrackError(
            f"not all of it is forgotten: {error.filename or paths.data_dir}: {error.strerror or error}",
            f"Check the disk and its permissions, then do it again: mousetrackd forget {choice.options()}",
        ) from error
    return Found(held, found.pictures, found.copies)


@contextlib.contextmanager
def _store(paths: Paths, choice: Choice) -> Iterator[Store | None]:
    """The store; None where there is none, or only one too damaged to edit, which is deleted whole."""
    if not os.path.lexists(paths.store):
        yield None
        return
    try:
        store = Store.open(paths.store)
    except DamagedError:
        if not choice.everything:
            raise
        yield None
        return
    with store:
        if not choice.everything:  # then each goes as it is
            with contextlib.suppress(MousetrackError, OSError):  # what cannot be taken in goes as a file does
                unsaved.take_in(paths, store)
        yield store


def _pictures(paths: Paths, choice: Choice, held: Held) -> list[Path]:
    """Pictures and the page, and what is left of some, that may show it: each shows all that was counted before.

    Of an application: those written since its first counts.
    """
    if choice.application is not None:
        if held.first_s is None:
            return []
        choice = replace(choice, since_s=max(held.first_s, choice.since_s or held.first_s))
    kinds = ("*.png", ".*.new", paths.history.name, f"{UNFINISHED}*")
    names = [path for kind in kinds for path in paths.snapshots.glob(kind)] if paths.snapshots.is_dir() else []
    return sorted(path for path in names if _is_younger(path, choice))


def _copies(paths: Paths, choice: Choice, store: Store | None) -> list[Path]:
    """Backups, stores set aside, and counts that were not taken in yet, that may hold it."""
    store_files = {paths.store.with_name(paths.store.name + ending) for ending in ("", "-wal", "-shm", "-journal")}
    stem = paths.store.stem
    names = {*paths.data_dir.glob(f"{stem}*"), *paths.data_dir.glob(f".{stem}*")}
    if store is not None:
        names -= store_files
    names |= set(unsaved.files(paths))
    names |= {path for path in Path(tempfile.gettempdir()).glob(f"{LOOKED_AT}*") if _is_ours(path)}
    return sorted(path for path in names if _is_younger(path, choice))


def _is_ours(path: Path) -> bool:
    try:
        return path.lstat().st_uid == os.getuid()
    except FileNotFoundError:
        return False


def _is_younger(path: Path, choice: Choice) -> bool:
    """Was it written since the range began? What is older cannot hold anything of it."""
    try:
        return choice.since_s is None or path.lstat().st_mtime >= choice.since_s
    except FileNotFoundError:
        return False


def _exactly(moment_s: int) -> str:
    return datetime.fromtimestamp(moment_s).astimezone().isoformat()


def _when(moment_s: int) -> str:
    try:
        return f"{datetime.fromtimestamp(moment_s).astimezone():%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError, OSError):  # a damaged piece says anything
        return "an impossible time"


def _names(paths: list[Path]) -> str:
    return ", ".join(path.name for path in paths)
