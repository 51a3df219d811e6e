"""How many pointers an X server shows: each master pointer of XInput 2 is one.

RECORD repeats the events of all of them without saying whose each is.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import Xlib.display
import Xlib.error
from Xlib.ext import ge, xinput

if TYPE_CHECKING:
    from collections.abc import Callable

_MASTER_POINTER = 1  # XI2.h


class MasterPointers:
    """Counts the master pointers of one display. Used by the thread that reads the connection.

    changed: called with the new number, and the server's time stamp of the change, None at first. A server without
    XInput 2 has one pointer.
    """

    def __init__(self, display: Xlib.display.Display, changed: Callable[[int, int | None], None]) -> None:
        self._display = display
        self._changed = changed
        self._opcode: int | None = None
        if display.has_extension(xinput.extname):
            version = display.xinput_query_version()
            if version.major_version >= 2:
                self._opcode = display.display.get_extension_major(xinput.extname)
        self.count = 1

    def select(self) -> None:
        """Have the server report changes, and count."""
        if self._opcode is not None:
            masks = [(xinput.AllDevices, xinput.HierarchyChangedMask)]
            self._display.screen().root.xinput_select_events(masks)
            self._count(None)

    def receive(self, event: Any) -> bool:
        """True when ``event`` is about master pointers; they have then been counted again."""
        if event.type != ge.GenericEventCode or event.extension != self._opcode:
            return False
        self._count(int(event.data.time))
        return True

    def _count(self, stamp_ms: int | None) -> None:
        try:
            devices = self._display.xinput_query_device(xinput.AllMasterDevices).devices
        except (
            Xlib.error.XError,
            struct.error,
            ValueError,
        ):  # what is asked about is gone, or python-xlib trips over it
            return
        count = max(sum(one.use == _MASTER_POINTER for one in devices), 1)
        if count != self.count:
            self.count = count
            self._changed(count, stamp_ms)
