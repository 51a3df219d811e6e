"""The program's own files and folders: private, written whole, and never another user's.

Nothing here follows a link that somebody else may have planted, and nothing blocks on a pipe or a device.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import stat
from typing import TYPE_CHECKING

from mousetrackd.core.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mousetrackd.system.paths import Paths

NO_LOCKS_HINT = "Some network mounts have no locks: keep it on a local disk, or point XDG_DATA_HOME to one."


def make_private(folder: Path) -> None:
    """Make ``folder`` and see that only its owner, who is us, can enter it.

    Raises RefusedError when it cannot be made, is no folder, a symbolic link, or belongs to someone else.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
    except OSError as error:
        raise _cannot_use(f"the folder {folder}", error) from error
    check_private(folder)


def check_private(folder: Path) -> None:
    """See that only its owner, who is us, can enter ``folder``; each opening of what is in it begins with this.

    Raises RefusedError as ``make_private``, also where it is not there.
    """
    try:
        found = folder.lstat()
        if stat.S_ISLNK(found.st_mode):
            # A link of our own (a home on another disk) is fine; what it leads to is looked at instead.
            if found.st_uid not in (os.getuid(), 0):
                raise RefusedError(f"{folder} is a link that belongs to someone else", "Remove it, and try again.")
            found = folder.stat()
        if not stat.S_ISDIR(found.st_mode):
            raise RefusedError(f"{folder} is not a folder", "Move it away, and try again.")
        if found.st_uid != os.getuid():
            raise RefusedError(
                f"{folder} belongs to another user (uid {found.st_uid})",
                "mousetrackd keeps private data only in folders of your own: move it away, or change its owner.",
            )
        if stat.S_IMODE(found.st_mode) & 0o077:
            folder.chmod(0o700)
            if stat.S_IMODE(folder.stat().st_mode) & 0o077:  # vfat and exfat keep no modes, and say that all is well
                raise RefusedError(
                    f"{folder} cannot be made private: its disk keeps no permissions, so others can read it",
                    "Mount that disk with umask=077, or point XDG_DATA_HOME, XDG_CONFIG_HOME, XDG_STATE_HOME or "
                    "XDG_RUNTIME_DIR elsewhere.",
                )
    except OSError as error:
        raise _cannot_use(f"the folder {folder}", error) from error


def check_own_file(path: Path) -> None:
    """See that a file of ours, where it is there, is a plain file that only its owner, who is us, can use.

    Raises RefusedError for one of another user, and for one that cannot be made private.
    """
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            return  # who opens it says what it is
        if found.st_uid != os.getuid():
            raise RefusedError(
                f"{path} belongs to another user (uid {found.st_uid})", "Move it away, or change its owner."
            )
        if stat.S_IMODE(found.st_mode) & 0o077:
            path.chmod(0o600)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _cannot_use(str(path), error) from error


def _cannot_use(what: str, error: OSError) -> RefusedError:
    return RefusedError(
        f"cannot use {what}: {error.strerror or error}",
        "Check its permissions and the disk, or point XDG_DATA_HOME, XDG_CONFIG_HOME, XDG_STATE_HOME or "
        "XDG_RUNTIME_DIR elsewhere.",
    )


def write_whole(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a file that others see either as it was or whole, with mode 0600.

    A new file beside it is written, synced and renamed over it, and then the folder is synced: without each
    of these a power cut can leave an empty file, or none. durable=False leaves out the syncs, for a file in
    memory that no reboot will outlive. Raises OSError; the old file is then untouched.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    fresh.unlink(missing_ok=True)
    try:
        # O_EXCL and O_NOFOLLOW: a planted link is never written through.
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def read_own(path: Path) -> bytes:
    """Read a small file that ``write_whole`` wrote. Raises OSError, as ``open_own``."""
    with os.fdopen(open_own(path, os.O_RDONLY), "rb") as file:
        return file.read()


def open_own(path: Path, flags: int) -> int:
    """A descriptor of a regular file of ours, which O_CREAT in ``flags`` makes with mode 0600. Never blocks.

    Raises OSError, also where anything else is in its place (a link, a pipe, a device, another user's file): its
    ``strerror`` says so.
    """
    with contextlib.suppress(FileNotFoundError):  # a device or a pipe may do something when it is only opened
        _check_own(path.lstat(), path)
    flags |= os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        found = os.fstat(descriptor)
        _check_own(found, path)  # it may have been put there meanwhile
        if stat.S_IMODE(found.st_mode) & 0o077:
            with contextlib.suppress(OSError):  # some file systems have no modes
                os.fchmod(descriptor, 0o600)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _check_own(found: os.stat_result, path: Path) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise OSError(errno.ELOOP, "it is a link, and links are not followed here", str(path))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    if found.st_uid != os.geteuid():
        raise OSError(errno.EPERM, f"it belongs to another user (uid {found.st_uid})", str(path))


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` survive a power cut. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def folder_held(folder: Path, *, alone: bool, flock: Callable[[int, int], None] = fcntl.flock) -> Iterator[None]:
    """Hold ``folder``, alone or with others who do not want it alone; waits until that can be.

    Raises OSError, and RefusedError where its file system has no locks at all. flock: as in ``fcntl``.
    """
    operation = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
    with contextlib.ExitStack() as held:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        held.callback(os.close, descriptor)
        try:
            flock(descriptor, operation)
        except OSError:  # some network mounts lock files, but no folders
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(folder / ".lock", flags, 0o600)
            held.callback(os.close, descriptor)
            try:
                flock(descriptor, operation)
            except OSError as error:
                # Without a lock, a picture of what is being forgotten could be written after it is gone.
                raise RefusedError(f"cannot lock {folder}: {error.strerror}", NO_LOCKS_HINT) from error
        yield


def open_lock(path: Path, flags: int) -> int:
    """A descriptor of a lock file, or, with O_DIRECTORY, of the folder that is locked as well. Raises OSError."""
    return os.open(path, flags | os.O_CLOEXEC) if flags & os.O_DIRECTORY else open_own(path, flags)


def is_locked(path: Path, flags: int) -> bool:
    """Whether a process holds this lock file, or with O_DIRECTORY this folder, alone."""
    try:
        descriptor = open_lock(path, flags)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in (errno.EWOULDBLOCK, errno.EACCES)
    else:
        return False
    finally:
        os.close(descriptor)


def remove_all(paths: Paths) -> list[str]:
    """Remove every folder of ``paths`` with all that is in it; what was done, in words. Raises OSError."""
    done = []
    for folder in (paths.runtime_dir, paths.data_dir, paths.config_dir, paths.state_dir):
        if folder.is_symlink():  # who knows what else is there
            done.append(f"left {folder}, a link: remove what it leads to yourself, {folder.resolve()}")
        elif folder.exists():
            shutil.rmtree(folder)
            done.append(f"removed {folder}")
    return done
