"""Files that the user names for a picture, a film or a table: written whole or not at all, as other programs do.

A new file is private. An old one of the user's own keeps its mode, group and access list, so that what was shared
stays shared; anyone else's is replaced by a private one, where its folder permits that, for its mode was not the
user's choice. A second name (hard link) keeps the old content: only a new file under the name can be whole or absent.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mousetrackd.core.errors import MousetrackError
from mousetrackd.system.files import sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINKS_MAX: Final = 40
"""As many as the kernel follows."""

UNFINISHED: Final = ".mousetrackd-"
"""How the folder of a file begins that is being written, and is left of one whose writer was killed."""

_ACCESS_LIST: Final = "system.posix_acl_access"


def write(out: Path, content: bytes) -> None:
    """Write ``content`` into ``out``. Raises MousetrackError."""
    with fresh_file(out) as fresh:
        fresh.write_bytes(content)


@contextlib.contextmanager
def fresh_file(out: Path) -> Iterator[Path]:
    """A path with the ending of ``out``, to be written to; when the block has ended ``out`` has that content.

    A block that raises leaves ``out`` as it was. Raises MousetrackError where ``out`` cannot be written.
    """
    hint = "What was there is untouched. Choose another place."
    try:
        place = _place(out)
        is_stream = _is_stream(place)
        if is_stream:
            hint = "Choose another place."
        else:
            place = out  # a link is replaced, and what it leads to stays as it is
        # A folder of our own beside it: encoders open a name as it is, were it a link that someone planted.
        with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=None if is_stream else place.parent) as folder:
            fresh = Path(folder, f"new{out.suffix}")
            yield fresh
            if is_stream:
                with fresh.open("rb") as content, place.open("wb", buffering=0) as stream:
                    shutil.copyfileobj(content, stream)
            else:
                _put_in_place(fresh, place)
    except OSError as error:
        raise MousetrackError(f"cannot write {out}: {error.strerror or error}", hint) from error


def _place(out: Path) -> Path:
    """What ``out`` leads to, by links that nobody else can have planted. Raises OSError."""
    place = out
    for _ in range(_LINKS_MAX):
        try:
            found = place.lstat()
        except FileNotFoundError:
            return place
        if not stat.S_ISLNK(found.st_mode) or _is_descriptor(place):
            return place
        if found.st_uid not in (os.geteuid(), 0):
            raise OSError(errno.EPERM, "it is a link that belongs to another user")
        place = place.parent / place.readlink()
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def _is_descriptor(place: Path) -> bool:
    """Is it an open file of some process, like /dev/stdout is? What its link names cannot be found by that name."""
    return place.parent.resolve().is_relative_to("/proc")


def _is_stream(place: Path) -> bool:
    """Is it a pipe or a device, to be written into rather than replaced? Raises OSError where it cannot be written."""
    try:
        found = place.stat()
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if stat.S_ISFIFO(found.st_mode) and found.st_uid != os.geteuid() and not _is_descriptor(place):
        raise OSError(errno.EPERM, "it is a pipe that belongs to another user")
    if not os.access(place, os.W_OK, effective_ids=True):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return not stat.S_ISREG(found.st_mode) or _is_descriptor(place)


def _put_in_place(fresh: Path, place: Path) -> None:
    descriptor = os.open(fresh, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fchmod(descriptor, 0o600)
        with contextlib.suppress(OSError):  # what cannot be kept leaves it private
            _keep_access(descriptor, place)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    fresh.replace(place)
    sync_folder(place.parent)


def _keep_access(descriptor: int, place: Path) -> None:
    """Who else could read the user's own old file can read the new one. Raises OSError."""
    before = place.lstat()
    if before.st_uid != os.geteuid() or stat.S_ISLNK(before.st_mode):
        return
    if os.fstat(descriptor).st_gid != before.st_gid:
        os.fchown(descriptor, -1, before.st_gid)
    access_list = b""
    with contextlib.suppress(OSError):  # most files have none
        access_list = os.getxattr(place, _ACCESS_LIST)
    if access_list:
        os.setxattr(descriptor, _ACCESS_LIST, access_list)
    else:
        os.fchmod(descriptor, before.st_mode & 0o777)
