"""Our files among the user's own: written, upgraded and removed again without losing what was changed by hand.

The last line of each is a comment (in JSON, a key) that says who wrote it, with a checksum of the rest. By it a later
version, and ``uninstall``, know a file that is as we left it from one that the user has changed, and from one that was
never ours. A PNG has a chunk of text instead, and is ours whatever else was changed in it.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import zlib
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from mousetrackd.core.errors import MousetrackError
from mousetrackd.system.files import sync_folder, write_whole

JSON_MARK = '"X-Mousetrackd": "'
"""What comes before the mark in a JSON object, which has no comments. Its text has no last brace: the mark ends it."""
XML_MARK = "<!--"
_ENDS = {JSON_MARK: '"}', XML_MARK: " -->"}
"""What ends a mark that the end of the line does not."""

_MARK = re.compile(
    rb'(?:#|//|\.\\"|<!--|"X-Mousetrackd": ") written by mousetrackd install, checksum ([0-9a-f]{8})[^\n]*\n\Z'
)
_PNG_MARK = b"tEXtSoftware\0written by mousetrackd install"
"""PNG specification, 11.3.3.2 and 11.3.3.1: a chunk of text, and the keyword for the program that made the picture."""


class Found(Enum):
    """What lies where a file of ours belongs."""

    NOTHING = "nothing"
    SAME = "the same file"
    OLDER = "a file that another version of mousetrackd wrote"
    CHANGED = "a file that mousetrackd wrote, and that was changed by hand"
    FOREIGN = "a file that mousetrackd did not write"


@dataclass(frozen=True)
class OwnFile:
    """A file to be written for the user. text: without its last line; comment: what begins a comment in it."""

    path: Path
    text: str
    comment: str = "#"

    def content(self) -> bytes:
        """The whole file, mark and all."""
        body = self.text.encode("utf-8", "surrogateescape")
        mark = f"{self.comment} written by mousetrackd install, checksum {zlib.crc32(body):08x}: "
        end = _ENDS.get(self.comment, "")
        return body + mark.encode() + f"changed by hand, it will be kept under another name{end}\n".encode()

    def found(self) -> Found:
        """What is there now. Raises MousetrackError when it cannot be read."""
        content = _read(self.path)
        return Found.SAME if content == self.content() else _judge(self.path, content)

    def write(self) -> str:
        """Put it there; what was done, in words, or "" when it was there already. Raises MousetrackError."""
        found = self.found()
        if found is Found.SAME:
            return ""
        kept = ""
        try:
            if found in (Found.CHANGED, Found.FOREIGN):
                kept = f" (there was {found.value}; it is now {_keep(self.path).name})"
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self.path, self.content())
        except OSError as error:
            raise MousetrackError(
                f"cannot write {self.path}: {error.strerror or error}", "Check its permissions and the disk."
            ) from error
        return f"{'updated' if found is Found.OLDER else 'wrote'} {self.path}{kept}"


@dataclass(frozen=True)
class OwnPicture(OwnFile):
    """A PNG to be written for the user. png: all its bytes, its mark within."""

    png: bytes = b""

    def content(self) -> bytes:
        """The whole file."""
        return self.png


def remove(path: Path, *, below: Path, with_kept: bool = False) -> list[str]:
    """Take away what ``OwnFile.write`` wrote, and its folders as far as they are empty, up to ``below``.

    What the user changed by hand is kept under another name, unless ``with_kept``: then what was kept of ours goes
    too. What is not ours stays, under whatever name. Returns what was done, in words. Raises MousetrackError.
    """
    found = _judge(path, _read(path))
    done = []
    try:
        if found is Found.CHANGED and not with_kept:
            done.append(f"removed {path} (you had changed it by hand; it is now {_keep(path).name})")
        elif found in (Found.OLDER, Found.CHANGED):
            path.unlink()
            sync_folder(path.parent)
            done.append(f"removed {path}")
        elif found is Found.FOREIGN:
            done.append(f"left {path}, which mousetrackd did not write")
        for aside in _kept(path) if with_kept else ():
            if is_foreign(aside):
                done.append(f"left {aside}, which was there before mousetrackd")
            else:
                aside.unlink()
                done.append(f"removed {aside}")
    except OSError as error:
        raise MousetrackError(f"cannot remove {path}: {error.strerror or error}", "Check its permissions.") from error
    remove_empty(path.parent, below=below)
    return done


def is_foreign(path: Path) -> bool:
    """Is there something that mousetrackd did not write? Raises MousetrackError when it cannot be read."""
    return _judge(path, _read(path)) is Found.FOREIGN


def remove_empty(folder: Path, *, below: Path) -> None:
    """Remove ``folder`` and those above it, as far as they are empty and lie below ``below``."""
    with contextlib.suppress(OSError):  # not empty, not there, or not ours: it stays
        while below in folder.parents:
            folder.rmdir()
            folder = folder.parent


def _read(path: Path) -> bytes | None:
    """The content of a file; None when there is none. A link to nothing is something: an empty file. So is a pipe."""
    try:
        if not stat.S_ISREG(mode := path.stat().st_mode) and not stat.S_ISDIR(mode):
            return b""  # reading a pipe or a device may never end
        return path.read_bytes()
    except OSError as error:
        if path.is_symlink():
            return b""
        if isinstance(error, (FileNotFoundError, NotADirectoryError)):
            return None
        raise MousetrackError(f"cannot read {path}: {error.strerror}", "Move it away, and try again.") from error


def _judge(path: Path, content: bytes | None) -> Found:
    """What a file is that is not the newest of ours."""
    if content is None:
        return Found.NOTHING
    if _PNG_MARK in content and not path.is_symlink():
        return Found.OLDER
    mark = _MARK.search(content)
    if mark is None or path.is_symlink():
        return Found.FOREIGN
    whole = int(mark[1], 16) == zlib.crc32(content[: mark.start()])
    return Found.OLDER if whole else Found.CHANGED


def _kept(path: Path) -> list[Path]:
    """The names under which what a hand had changed was kept."""
    return sorted(path.parent.glob(f"{path.name}.~*~"))


def _keep(path: Path) -> Path:
    """Rename a file to a name that no shell, desktop or systemd takes for the real one. Never overwrites."""
    number = 1
    while os.path.lexists(aside := path.with_name(f"{path.name}.~{number}~")):
        number += 1
    path.rename(aside)
    return aside
