"""Validates what compositors and the session bus send: who sends it, until when, how much, and what.

Every function that waits has one deadline for the whole, however slowly the bytes come.
"""

from __future__ import annotations

import errno
import json
import math
import os
import socket
import struct
from typing import TYPE_CHECKING, Any, NoReturn

from mousetrackd.core.wording import quoted

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from mousetrackd.system.deadline import Deadline

ANSWER_MAX_BYTES = 1 << 16
"""No answer about the pointer is longer."""

FARTHEST_PX = 1 << 20
"""No desktop reaches so far from its origin; a position beyond is none."""

_LONGEST_NUMBER = 40
"""Characters of a number in JSON: more than any that a program computes with has."""

_CREDENTIALS = struct.Struct("3i")
"""pid, uid and gid (SO_PEERCRED of unix(7))."""


def left_s(deadline: Deadline) -> float:
    """The seconds that are left, more than 0. Raises TimeoutError where none are."""
    if deadline.is_over():
        raise TimeoutError("there was no whole answer in time")
    return max(deadline.left_s(), 1e-6)  # 0 would not mean to wait for no time, but not to wait at all


def connect(path: str | Path, deadline: Deadline, *, owners: Collection[int] = ()) -> socket.socket:
    """A connection to the program that listens at ``path``; a path that begins with NUL is an abstract one.

    owners: whose program that may be, as user ids; without any, ours and root's. Raises OSError: PermissionError for
    another's, BlockingIOError where too many wait for it already.
    """
    peer = socket.socket(socket.AF_UNIX)
    try:
        peer.settimeout(left_s(deadline))
        peer.connect(str(path))
        _, uid = credentials(peer)
        if uid not in (owners or {os.geteuid(), 0}):
            raise PermissionError(errno.EACCES, f"it belongs to another user, {uid}")  # noqa: TRY301
    except ValueError as error:  # a NUL within the path
        peer.close()
        raise OSError(errno.EINVAL, str(error)) from error
    except BaseException:
        peer.close()
        raise
    return peer


def credentials(peer: socket.socket) -> tuple[int, int]:
    """The pid and the uid of the program at the other end; a pid of 0 is outside of our namespace."""
    pid, uid, _ = _CREDENTIALS.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return pid, uid


def send(peer: socket.socket, data: bytes, deadline: Deadline) -> None:
    """Send all of ``data``. Raises OSError, TimeoutError where it is not taken in time."""
    peer.settimeout(left_s(deadline))
    peer.sendall(data)


def receive(peer: socket.socket, size: int, deadline: Deadline) -> bytes:
    """Exactly ``size`` bytes. Raises OSError, ConnectionResetError where the end comes first."""
    data = bytearray()
    while len(data) < size:
        peer.settimeout(left_s(deadline))
        more = peer.recv(min(size - len(data), 1 << 16))
        if not more:
            raise ConnectionResetError(errno.ECONNRESET, "it hung up")
        data += more
    return bytes(data)


def receive_all(peer: socket.socket, deadline: Deadline, max_bytes: int = ANSWER_MAX_BYTES) -> bytes:
    """All until the end of the connection. Raises OSError, ValueError for more than ``max_bytes``."""
    data = bytearray()
    while True:
        peer.settimeout(left_s(deadline))
        more = peer.recv(max_bytes + 1 - len(data))
        if not more:
            return bytes(data)
        data += more
        if len(data) > max_bytes:
            raise ValueError(f"an answer of more than {max_bytes} bytes")


def parse_json(data: bytes) -> Any:
    """The value of JSON text. Raises ValueError; also for NaN and infinities, and for numbers too long to be one."""
    try:
        return json.loads(
            data.decode(), parse_int=_parse_int, parse_float=_parse_float, parse_constant=_refuse_constant
        )
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def position(x: object, y: object) -> tuple[float, float]:
    """A position in the compositor's logical coordinates. Raises ValueError for what no desktop has."""
    return _coordinate(x), _coordinate(y)


def _coordinate(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{quoted(repr(value), 40)} is no coordinate")  # noqa: TRY004 - of one kind with the next
    if not -FARTHEST_PX < value < FARTHEST_PX:  # NaN is not, either
        raise ValueError(f"{_short(value)} is on no desktop")
    return value


def _short(value: float) -> str:
    try:
        return f"{value:.6g}"
    except OverflowError:  # an int that is no float
        return f"a number of {math.floor(math.log10(abs(value))) + 1} digits"


def _parse_int(text: str) -> int:
    return int(_number(text))


def _parse_float(text: str) -> float:
    return float(_number(text))


def _number(text: str) -> str:
    if len(text) > _LONGEST_NUMBER:
        raise ValueError(f"a number of {len(text)} characters")
    return text


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")
