"""D-Bus messages as bytes, read: every size, depth and text is checked before it is believed. Pure.

jeepney writes ours; it would read another's without a limit (an array of nothing has no end there).
The format is that of the D-Bus specification, "Message Protocol".
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

FIXED_BYTES = 16
"""So many bytes begin every message, and say how long it is."""

SIZE_MAX_BYTES = 1 << 27
"""No bus passes on a longer message."""

_DEPTH_MAX = 64
"""No bus passes on values that are nested more deeply."""

METHOD_CALL, METHOD_RETURN, ERROR, SIGNAL = 1, 2, 3, 4
"""Kinds of messages. There may be others, which are to be ignored."""

NO_REPLY_EXPECTED = 1
"""A flag."""

_FIELDS: dict[int, tuple[str, type]] = {
    1: ("path", str),
    2: ("interface", str),
    3: ("member", str),
    4: ("error_name", str),
    5: ("reply_serial", int),
    7: ("sender", str),
    8: ("signature", str),
}

_FIXED = {"y": "B", "n": "h", "q": "H", "b": "I", "i": "i", "u": "I", "x": "q", "t": "Q", "d": "d", "h": "I"}
_ALIGNED_BYTES = {**{code: struct.calcsize(c) for code, c in _FIXED.items()}, **dict.fromkeys("soa", 4)}
_ALIGNED_BYTES |= {"g": 1, "v": 1, "(": 8, "{": 8}


@dataclass(frozen=True)
class Message:
    """A message. Texts are empty and ``reply_serial`` is 0 where it has none."""

    kind: int
    flags: int
    serial: int
    data: bytes
    """All of it."""
    body_at: int
    path: str = ""
    interface: str = ""
    member: str = ""
    error_name: str = ""
    reply_serial: int = 0
    sender: str = ""
    signature: str = ""

    def body(self) -> tuple[Any, ...]:
        """Its values: str, int, float, bool, bytes, list, dict or tuple, a variant as (signature, value).

        Raises ValueError for what is none.
        """
        with _Nonsense():
            return _Reader(self.data, self.body_at).values(self.signature, 0)


def size_bytes(head: bytes | bytearray) -> int:
    """How long the message is that begins with these ``FIXED_BYTES``. Raises ValueError where that cannot be."""
    order = _order(head)
    body, fields = struct.unpack_from(f"{order}I", head, 4)[0], struct.unpack_from(f"{order}I", head, 12)[0]
    size = _aligned(FIXED_BYTES + fields, 8) + body
    if head[3] != 1 or size > SIZE_MAX_BYTES:
        raise ValueError("it sends what is no D-Bus message")
    return int(size)


def parse(data: bytes) -> Message:
    """The message; its body is read when it is asked for. Raises ValueError for what is none."""
    with _Nonsense():
        serial = struct.unpack_from(f"{_order(data)}I", data, 8)[0]
        reader = _Reader(data, 12)
        fields: dict[str, Any] = {}
        for code, (_, value) in reader.values("a(yv)", 0)[0]:
            name, kind = _FIELDS.get(code, ("", object))
            if not isinstance(value, kind):
                raise ValueError("a field of the wrong type")  # noqa: TRY004 - as all nonsense
            if name:
                fields[name] = value
        return Message(data[1], data[2], serial, data, _aligned(reader.at, 8), **fields)


class _Nonsense:
    """Makes one kind of error of all that bytes of no sense can lead to."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, struct.error | ValueError | IndexError | KeyError | TypeError | RecursionError):
            raise ValueError("it sends what is no D-Bus message") from error  # noqa: TRY004 - of the bytes, not of us


def _order(data: bytes | bytearray) -> str:
    order = {b"l": "<", b"B": ">"}.get(bytes(data[:1]))
    if order is None:
        raise ValueError("it sends what is no D-Bus message")
    return order


def _aligned(at: int, step: int) -> int:
    return -(-at // step) * step


def _end_of_type(signature: str, at: int) -> int:
    """Where the complete type that begins at ``at`` ends. Raises IndexError where it does not."""
    code = signature[at]
    if code == "a":
        return _end_of_type(signature, at + 1)
    if code in "({":
        at += 1
        while signature[at] not in ")}":
            at = _end_of_type(signature, at)
    return at + 1


class _Reader:
    """Reads values one after the other. Raises what ``_Nonsense`` catches."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._order = _order(data)
        self.at = at

    def values(self, signature: str, depth: int) -> tuple[Any, ...]:
        values = []
        at = 0
        while at < len(signature):
            end = _end_of_type(signature, at)
            values.append(self._value(signature[at:end], depth))
            at = end
        return tuple(values)

    def _value(self, kind: str, depth: int) -> Any:
        code = kind[0]
        self.at = _aligned(self.at, _ALIGNED_BYTES[code])
        if depth > _DEPTH_MAX:
            raise ValueError("too deep")
        if code in _FIXED:
            value = self._fixed(code)
            return bool(value) if code == "b" else value
        if code == "v":
            inner = self._text("y")
            if _end_of_type(inner, 0) != len(inner):
                raise ValueError("a variant of several values")
            return inner, self._value(inner, depth + 1)
        if code == "a":
            return self._array(kind[1:], depth)
        if code in "({":
            return self.values(kind[1:-1], depth + 1)
        return self._text("y" if code == "g" else "u")

    def _fixed(self, code: str) -> Any:
        (value,) = struct.unpack_from(self._order + _FIXED[code], self._data, self.at)
        self.at += _ALIGNED_BYTES[code]
        return value

    def _text(self, length: str) -> str:
        return self._bytes(self._fixed(length) + 1)[:-1].decode()

    def _bytes(self, size: int) -> bytes:
        data = self._data[self.at : self.at + size]
        if len(data) < size:
            raise ValueError("cut off")
        self.at += size
        return data

    def _array(self, kind: str, depth: int) -> Any:
        size = self._fixed("u")
        self.at = _aligned(self.at, _ALIGNED_BYTES[kind[0]])
        if kind == "y":
            return self._bytes(size)
        end = self.at + size
        if end > len(self._data):
            raise ValueError("cut off")
        values = []
        while self.at < end:
            before = self.at
            values.append(self._value(kind, depth + 1))
            if self.at == before:
                raise ValueError("an array of nothing")
        return dict(values) if kind[0] == "{" else values
