"""Files whose content is trusted: nobody else can have written them, and no read waits for a disk that hangs."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from mousetrackd.core.errors import MousetrackError, RefusedError
from mousetrackd.system.bounded_calls import NoAnswerError, OneAtATime
from mousetrackd.system.input_files import open_regular

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LINKS_AT_MOST = 40
"""As the kernel: more is a loop."""
_NOBODY = 65534
"""Who owns, inside a user namespace, all that belongs to users who have no number there."""


class LeadsNowhereError(RefusedError):
    """A link on the way to the file leads to something that is not there."""


class SlowFileError(MousetrackError):
    """The file could not be read in time: its disk does not answer."""


def read_trusted(path: Path, at_most_bytes: int) -> bytes:
    """Read a small file that only we and root can have written. Links are followed, and what they lead to is judged.

    Raises FileNotFoundError where there is none, LeadsNowhereError for a link to nothing, RefusedError where others may
    write the file or change a folder or link on its way, and OSError.
    """
    found = _checked(path)
    with open_regular(path) as file:
        if not os.path.samestat(found, os.fstat(file.fileno())):
            raise RefusedError(f"{path} was replaced while it was looked at", "Try again.")
        content = file.read(at_most_bytes + 1)
    if len(content) > at_most_bytes:
        raise RefusedError(f"{path} is larger than {at_most_bytes // 1024} KiB", "Make it smaller.")
    return content


def _checked(path: Path) -> os.stat_result:
    """What lies at ``path``, after everything on the way there was judged."""
    found = os.lstat("/")
    for at, found in _steps(path):
        if found.st_uid not in (os.getuid(), 0) and not (found.st_uid == _NOBODY and _in_a_namespace()):
            raise RefusedError(f"{path} cannot be trusted: {at} belongs to another user (uid {found.st_uid})", _OWN)
        is_sticky_folder = stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX
        if not stat.S_ISLNK(found.st_mode) and not is_sticky_folder and _others_may_write(at, found):
            raise RefusedError(f"{path} cannot be trusted: others may write {at}", f"To change that: chmod go-w {at}")
    return found


_OWN = "Use a file of your own, in folders that are yours or root's."


def _steps(path: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Every folder and link on the way to ``path``, and what lies there."""
    here, links = "/", 0
    todo: list[tuple[str, str]] = [(part, "") for part in reversed(Path(os.path.abspath(path)).parts[1:])]  # noqa: PTH100 - Path's follows links
    yield here, os.lstat(here)
    while todo:
        part, link = todo.pop()
        if part in ("", "."):
            continue
        if part == "..":
            here = os.path.dirname(here)  # noqa: PTH120 - of "/" it is "/", as for the kernel
            continue
        at = os.path.join(here, part)  # noqa: PTH118 - text, as the rest here
        try:
            found = os.lstat(at)
        except FileNotFoundError:
            if link:
                raise LeadsNowhereError(
                    f"cannot read {path}: the link {link} leads to {at}, which is not there",
                    "Mount or restore what it leads to, or remove the link.",
                ) from None
            raise
        yield at, found
        if not stat.S_ISLNK(found.st_mode):
            here = at
            continue
        links += 1
        if links > _LINKS_AT_MOST:
            raise OSError(errno.ELOOP, "its links lead in a circle", at)
        target = os.readlink(at)  # noqa: PTH115 - as written: Path drops "." and "//"
        here = "/" if target.startswith("/") else here
        todo += [(one, at) for one in reversed(target.split("/"))]


def _others_may_write(at: str, found: os.stat_result) -> bool:
    """May anyone but its owner and root? A group that is the user's alone (umask 002) is nobody else."""
    if found.st_mode & stat.S_IWOTH:
        return True
    return bool(found.st_mode & stat.S_IWGRP) and (not _is_own_group(found.st_gid) or _has_access_list(at))


def _is_own_group(gid: int) -> bool:
    """Is it the user's own group: their primary one, of their name, and without other members?"""
    try:
        user, group = pwd.getpwuid(os.getuid()), grp.getgrgid(gid)
    except KeyError:
        return False
    return user.pw_gid == gid and group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}


def _has_access_list(at: str) -> bool:
    """Beside an access list, the group's bits are those of the most that anyone in the list may do (acl(5))."""
    try:
        return bool(os.getxattr(at, "system.posix_acl_access"))
    except OSError as error:
        return error.errno not in (errno.ENODATA, errno.ENOTSUP)


def _in_a_namespace() -> bool:
    """Do some users have no number here? Root's files are nobody's then, as in our own systemd unit."""
    try:
        return Path("/proc/self/uid_map").read_text("ascii").split() != ["0", "0", "4294967295"]
    except OSError:
        return False


class Reader:
    """Reads trusted files in a thread, so that a disk that does not answer stops nobody else."""

    def __init__(self, read: Callable[[Path, int], bytes] = read_trusted) -> None:
        self._read = read
        self._calls = OneAtATime("read a file")

    def read(self, path: Path, at_most_bytes: int, timeout_s: float) -> bytes:
        """As ``read_trusted``; raises SlowFileError after ``timeout_s``, and at once while an earlier try hangs."""
        try:
            return self._calls.run(lambda: self._read(path, at_most_bytes), timeout_s)
        except NoAnswerError as error:
            raise SlowFileError(
                f"cannot read {path}: its disk does not answer", "Check the disk or mount it is on."
            ) from error

    def wait(self) -> None:
        """Return when an earlier try no longer hangs."""
        self._calls.wait()
