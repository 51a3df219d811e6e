"""Calls that may never return, as those on a network mount whose server is gone, and how not to wait for them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

from mousetrackd.core.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")


class NoAnswerError(TimeoutError):
    """A call has not returned in time, and still runs."""


def bounded(timeout_s: float, call: Callable[[], T], *, name: str = "bounded") -> T:
    """What ``call`` returns or raises, run in a thread called ``name``.

    Raises NoAnswerError when it has not returned after ``timeout_s`` seconds. Its thread is then left behind, and does
    not keep the process alive.
    """
    return OneAtATime(name).run(call, timeout_s)


class OneAtATime:
    """Calls in threads called ``name``, each waited for only so long, and none beside one that hangs.

    Between two calls nothing runs.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread: threading.Thread | None = None

    def is_hanging(self) -> bool:
        """Is a call still running that nobody waits for any more?"""
        return self._thread is not None and self._thread.is_alive()

    def run(self, call: Callable[[], T], timeout_s: float) -> T:
        """What ``call`` returns or raises.

        Raises NoAnswerError when it has not returned after ``timeout_s`` seconds, and at once while an earlier one
        hangs. A call that hangs goes on by itself; its thread does not keep the process alive.
        """
        if self.is_hanging():
            raise NoAnswerError("an earlier call still hangs")
        results: list[T] = []
        errors: list[BaseException] = []

        def run() -> None:
            try:
                results.append(call())
            except BaseException as error:  # noqa: BLE001 - it is raised again where it is waited for
                errors.append(error)

        self._thread = threading.Thread(target=run, name=self._name, daemon=True)
        self._thread.start()
        self._thread.join(timeout_s)
        if not results and not errors:
            raise NoAnswerError(f"no answer within {timeout_s:g} s")
        self._thread = None
        if errors:
            raise errors[0]
        return results[0]

    def wait(self) -> None:
        """Return when no call hangs any more."""
        if self._thread is not None:
            self._thread.join()


class HangingError(StoreError):
    """The disk under a folder does not answer."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"the disk under {folder} does not answer", "Check the disk, or the server that it is mounted from."
        )


class Disk:
    """Work on what lies in ``folder``, one piece at a time, on a disk that may hang."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._calls = OneAtATime("disk")

    def is_hanging(self) -> bool:
        """Is work still running that nobody waits for any more?"""
        return self._calls.is_hanging()

    def run(self, work: Callable[[], None], wait_s: float) -> None:
        """Do ``work``; raises what it raises. Raises HangingError when that takes longer than ``wait_s``.

        The work then goes on by itself, and all that is asked for until it is done is refused with the same error.
        """
        try:
            self._calls.run(work, wait_s)
        except NoAnswerError as error:
            raise HangingError(self._folder) from error
