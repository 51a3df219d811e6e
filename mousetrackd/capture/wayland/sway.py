"""sway's windows: its IPC lists them with their places, and reports when one is opened, closed or focused.

Titles come with both. They are asked for by nobody and not kept, but a title that changes wakes the thread of the
source for a moment: sway has no way to leave those events out. It reports no size that changes, so the list is asked
for as well while the pointer moves. Panels and menus are not in it.
"""

from __future__ import annotations

import re
import socket
import struct
import time
from typing import TYPE_CHECKING, Any, Final

from mousetrackd.capture.wayland import peer
from mousetrackd.capture.wayland.windows import WindowReports
from mousetrackd.core.wording import quoted, reason
from mousetrackd.system.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mousetrackd.capture.wayland.outputs import LayoutReader
    from mousetrackd.capture.wayland.reader_thread import CompositorSource

_HEAD: Final = struct.Struct("=6sII")
"""Before each message: a magic text, how many bytes of JSON follow, and the kind (sway-ipc(7))."""
_MAGIC: Final = b"i3-ipc"
_SUBSCRIBE, _GET_TREE = 2, 4
_EVENTS: Final = b'["window", "workspace"]'

_CHANGE: Final = re.compile(rb'\s*\{\s*"change"\s*:\s*"(\w+)"')
_OF_NO_INTEREST: Final = {b"title", b"mark", b"urgent"}

_ANSWER_TIMEOUT_S: Final = 0.5
_ANSWER_MAX_BYTES: Final = 1 << 22
_DEPTH_MAX: Final = 50

_GATHER_S: Final = 0.01
"""One action makes several events at once."""
_PACE_S: Final = 0.25
"""While the pointer moves the list is asked for so often: it takes 1 ms."""


class SwayWindows:
    """Puts the windows of sway into a source. See ``windows.FollowsWindows``.

    Failures are a note, and windows are not known then.
    """

    def __init__(self, source: CompositorSource, monitors: LayoutReader, path: str) -> None:
        self._reports = WindowReports(source, monitors, "sway has not listed them yet")
        self._unread = bytearray()
        self._due_s: float | None = None
        self._looked_s = 0.0
        self._events: socket.socket | None = None
        self._questions: socket.socket | None = None
        try:
            self._events = peer.connect(path, Deadline(_ANSWER_TIMEOUT_S))
            self._questions = peer.connect(path, Deadline(_ANSWER_TIMEOUT_S))
            _ask(self._events, _SUBSCRIBE, _EVENTS)
        except (OSError, ValueError) as error:
            self._lose(error)
        else:
            self._look()

    @property
    def notes(self) -> tuple[str, ...]:
        """Why windows are not identified, where they are not."""
        return (self._reports.problem,) if self._reports.problem else ()

    def fileno(self) -> int:
        """What becomes readable with an event; -1 where none comes."""
        return -1 if self._events is None else self._events.fileno()

    def refresh(self) -> None:
        """The pointer moves: look where the windows are, if that was not done just now."""
        if time.monotonic() >= self._looked_s + _PACE_S:
            self._look()

    def place(self) -> None:
        """The monitors have changed: put the windows where they are on them."""
        self._reports.place()

    def follow(self) -> float | None:
        """Take the events that have come. Returns after how many seconds to call it again, None for never."""
        try:
            if self._take_events() and self._due_s is None:
                self._due_s = time.monotonic() + _GATHER_S
        except (OSError, ValueError) as error:
            self._lose(error)
        if self._due_s is None:
            return None
        left_s = self._due_s - time.monotonic()
        if left_s > 0:
            return left_s
        self._look()
        return None

    def close(self) -> None:
        """Disconnect. Idempotent."""
        for one in (self._events, self._questions):
            if one is not None:
                one.close()
        self._events = self._questions = None

    def _look(self) -> None:
        self._due_s = None
        if self._questions is None:
            return
        try:
            tree = peer.parse_json(_ask(self._questions, _GET_TREE))
            self._reports.take_report(_report(tree))
        except (OSError, ValueError) as error:
            self._lose(error)
        self._looked_s = time.monotonic()

    def _lose(self, error: Exception) -> None:
        self.close()
        self._reports.lose(f"sway does not list them: {reason(error)}")

    def _take_events(self) -> bool:
        """Read what has come. Returns whether some of it may have changed where windows are."""
        if self._events is None:
            return False
        try:
            self._events.setblocking(False)
            came = self._events.recv(1 << 16)
        except BlockingIOError:
            return False
        if not came:
            raise ConnectionResetError("it hung up")
        self._unread += came
        is_news = False
        while len(self._unread) >= _HEAD.size:
            length, _ = _lengths(bytes(self._unread[: _HEAD.size]))
            if len(self._unread) < _HEAD.size + length:
                break
            change = _CHANGE.match(self._unread, _HEAD.size)
            is_news |= change is None or bytes(change[1]) not in _OF_NO_INTEREST
            del self._unread[: _HEAD.size + length]
        return is_news


def _ask(sway: socket.socket, kind: int, payload: bytes = b"") -> bytes:
    """The answer to a question. Raises OSError, and ValueError for what is none."""
    deadline = Deadline(_ANSWER_TIMEOUT_S)
    peer.send(sway, _HEAD.pack(_MAGIC, len(payload), kind) + payload, deadline)
    length, answered = _lengths(peer.receive(sway, _HEAD.size, deadline))
    if answered != kind:
        raise ValueError(f"an answer of kind {answered} to a question of kind {kind}")
    return peer.receive(sway, length, deadline)


def _lengths(head: bytes) -> tuple[int, int]:
    """The length and the kind of a message. Raises ValueError."""
    magic, length, kind = _HEAD.unpack(head)
    if magic != _MAGIC or length > _ANSWER_MAX_BYTES:
        raise ValueError("it sends what is no message of its IPC")
    return length, kind


def _report(tree: object) -> dict[str, Any]:
    """The tree as ``windows`` reads reports. Raises ValueError."""
    windows: list[Any] = []
    focus: list[str] | None = None
    for node in _views(tree, 0):
        names = _names(node)
        if node.get("focused") is True:
            focus = names
        if node.get("visible") is True:
            windows.append([names, *_boxes(node)])
    return {"windows": windows, "focus": focus}


def _views(node: object, depth: int) -> Iterator[dict[str, Any]]:
    """The windows in a part of the tree, the lowest first: floating ones are above the others."""
    if not isinstance(node, dict) or depth > _DEPTH_MAX:
        raise ValueError(f"{quoted(repr(node), 80)} is no tree")
    inner = [*_list(node, "nodes"), *_list(node, "floating_nodes")]
    if not inner and node.get("pid") is not None:
        yield node
    for one in inner:
        yield from _views(one, depth + 1)


def _list(node: dict[str, Any], key: str) -> list[Any]:
    found = node.get(key, [])
    if not isinstance(found, list):
        raise ValueError(f"{quoted(repr(found), 80)} is no list")  # noqa: TRY004 - as all nonsense
    return found


def _names(node: dict[str, Any]) -> list[str]:
    """What the program of a window is called: its app_id, or of X11 its class."""
    properties = node.get("window_properties")
    given = [node.get("app_id"), properties.get("class") if isinstance(properties, dict) else None]
    return [name for name in given if isinstance(name, str)]


def _boxes(node: dict[str, Any]) -> tuple[list[float], list[float]]:
    """The rectangle of a window with its title bar, which is above ``rect``; and its content."""
    x, y, width, height = _rectangle(node.get("rect"))
    left, top, inner_width, inner_height = _rectangle(node.get("window_rect"))
    bar = _rectangle(node.get("deco_rect"))[3]
    return [x, y - bar, width, height + bar], [x + left, y + top, inner_width, inner_height]


def _rectangle(value: object) -> tuple[float, float, float, float]:
    match value:
        case {"x": x, "y": y, "width": width, "height": height}:
            return *peer.position(x, y), *peer.position(width, height)
    raise ValueError(f"{quoted(repr(value), 80)} is no rectangle")
