"""Work on a disk that may hang: done in a thread, which is waited for only so long."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from mousetrackd.core.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class HangingError(StoreError):
    """The disk under a folder does not answer."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"the disk under {folder} does not answer", "Check the disk, or the server that it is mounted from."
        )


class Disk:
    """One piece of work at a time on what lies in ``folder``. Nothing runs, and nobody waits, in between."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._thread: threading.Thread | None = None

    def is_hanging(self) -> bool:
        """Is work that nobody waits for any more still being done?"""
        return self._thread is not None and self._thread.is_alive()

    def run(self, work: Callable[[], None], wait_s: float) -> None:
        """Do ``work``; raises what it raises. Raises HangingError when that takes longer than ``wait_s``.

        The work then goes on by itself, and all that is asked for until it is done is refused with the same error.
        """
        if self.is_hanging():
            raise HangingError(self._folder)
        raised: list[BaseException] = []

        def do() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - raised again by who waits
                raised.append(error)

        # A daemon thread: the end of the process does not wait for a disk.
        self._thread = threading.Thread(target=do, name="disk", daemon=True)
        self._thread.start()
        self._thread.join(wait_s)
        if self._thread.is_alive():
            raise HangingError(self._folder)
        self._thread = None
        if raised:
            raise raised[0]
