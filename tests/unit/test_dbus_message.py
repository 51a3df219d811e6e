"""D-Bus messages are read as jeepney writes them, and no bytes lead to anything else than ValueError."""

import random
import struct
from typing import Any

import jeepney
import pytest
from jeepney import DBusAddress, Endianness, Header, HeaderFields, MessageType

from mousetrackd.capture.wayland.dbus_message import (
    ERROR,
    FIXED_BYTES,
    METHOD_CALL,
    METHOD_RETURN,
    SIGNAL,
    SIZE_MAX_BYTES,
    parse,
    size_bytes,
)

THERE = DBusAddress("/org/mousetrackd/Pointer", ":1.5", "org.mousetrackd.Pointer")


def call(signature: str = "", *values: Any) -> bytes:
    message = jeepney.new_method_call(THERE, "Moved", signature or None, values)
    return bytes(message.serialise(serial=7))


def returned(signature: str, body: bytes) -> bytes:
    """A message whose body is exactly these bytes, in jeepney's byte order."""
    fields = {HeaderFields.reply_serial: 3, HeaderFields.sender: ":1.9"}
    head = bytearray(
        jeepney.Message(Header(Endianness.little, MessageType.method_return, 0, 1, 0, 0, fields), ()).serialise(9)
    )
    # Another field in the header's array: the signature, which jeepney would not take.
    padding = b"\0" * (-len(head) % 8)
    field = struct.pack("<B", 8) + b"\x01g\0" + bytes([len(signature)]) + signature.encode() + b"\0"
    array = struct.unpack_from("<I", head, 12)[0]
    array = -(-(16 + array) // 8) * 8 - 16 + len(field)
    struct.pack_into("<I", head, 12, array)
    struct.pack_into("<I", head, 4, len(body))
    data = bytes(head) + padding + field
    return data + b"\0" * (-len(data) % 8) + body


@pytest.mark.parametrize(
    ("signature", "values"),
    [
        ("", ()),
        ("ii", (-1, 2**31 - 1)),
        ("ddu", (1.5, float("inf"), 2**32 - 1)),
        ("xt", (-(2**63), 2**64 - 1)),
        ("ynqb", (255, -5, 6, True)),
        ("sog", ("ä\u202e", "/a/b", "a{sv}")),
        ("a{sv}", ({"state": ("d", 1.0), "error": ("s", "oh")},)),
        ("a{sv}", ({},)),
        ("ay(is)as", (b"abc", (1, "x"), ["", "y"])),
        ("aai(v)", ([[1, 2], [], [3]], (("ai", [4]),))),
    ],
)
def test_what_jeepney_writes_is_read(signature: str, values: tuple[Any, ...]) -> None:
    data = call(signature, *values)
    assert size_bytes(data[:FIXED_BYTES]) == len(data)
    message = parse(data)
    assert (message.kind, message.serial, message.member) == (METHOD_CALL, 7, "Moved")
    assert (message.path, message.interface) == ("/org/mousetrackd/Pointer", "org.mousetrackd.Pointer")
    assert message.body() == values


def test_answers_errors_and_signals_are_distinguished() -> None:
    asked = jeepney.new_method_call(THERE, "Moved")
    asked.header.serial = 12
    answer = parse(jeepney.new_method_return(asked, "s", ("yes",)).serialise(serial=1))
    assert (answer.kind, answer.reply_serial, answer.body()) == (METHOD_RETURN, 12, ("yes",))
    refused = parse(jeepney.new_error(asked, "org.example.No", "s", ("why",)).serialise(serial=1))
    assert (refused.kind, refused.error_name, refused.body()) == (ERROR, "org.example.No", ("why",))
    assert parse(jeepney.new_signal(THERE, "Changed").serialise(serial=1)).kind == SIGNAL


def test_the_other_byte_order_is_read() -> None:
    message = jeepney.new_method_call(THERE, "Moved", "ids", (1, 2.5, "x"))
    message.header.endianness = Endianness.big
    data = message.serialise(serial=258)
    assert size_bytes(data[:FIXED_BYTES]) == len(data)
    assert (parse(data).serial, parse(data).body()) == (258, (1, 2.5, "x"))


NONSENSE = {
    "an array of nothing": ("a()", struct.pack("<II", 8, 0) + bytes(8)),
    "an array longer than the message": ("ai", struct.pack("<I", 1 << 26)),
    "a text longer than the message": ("s", struct.pack("<I", 1 << 31)),
    "no UTF-8": ("s", b"\x02\0\0\0\xff\xfe\0"),
    "an unknown type": ("z", bytes(8)),
    "a struct without an end": ("(ii", bytes(8)),
    "an end without a struct": (")", bytes(8)),
    "an array of no type": ("a", bytes(8)),
    "a dict of lists": ("a{aiv}", struct.pack("<IIII", 16, 0, 0, 0) + bytes(8)),
    "a variant of nothing": ("v", b"\0\0"),
    "a variant of two": ("v", b"\x02ii\0" + bytes(16)),
    "variants within variants": ("v", b"\x01v\0" * 100 + b"\x01y\0\0"),
    "arrays within arrays": ("a" * 200 + "i", b"\x10\0\0\0" * 300),
    "too few": ("ii", bytes(4)),
}


@pytest.mark.parametrize("kind", NONSENSE)
def test_nonsense_is_a_value_error(kind: str) -> None:
    assert parse(returned("u", struct.pack("<I", 5))).body() == (5,)
    message = parse(returned(*NONSENSE[kind]))
    with pytest.raises(ValueError, match="no D-Bus message"):
        message.body()


@pytest.mark.parametrize("head", [b"x" + bytes(15), b"l\1\0\2" + bytes(12), b"l\1\0\1\xff\xff\xff\xff" + bytes(8)])
def test_a_length_that_no_bus_passes_on_is_refused(head: bytes) -> None:
    with pytest.raises(ValueError, match="no D-Bus message"):
        size_bytes(head)


def test_a_size_is_at_most_what_the_specification_allows() -> None:
    def head(body: int) -> bytes:
        return b"l\1\0\1" + struct.pack("<III", body, 1, 0)

    assert size_bytes(head(SIZE_MAX_BYTES - 16)) == SIZE_MAX_BYTES
    with pytest.raises(ValueError, match="no D-Bus message"):
        size_bytes(head(SIZE_MAX_BYTES - 15))


def test_whatever_bytes_are_wrong_nothing_but_a_value_error_comes_of_it() -> None:
    chance = random.Random(20261127)  # noqa: S311 - the same every time
    honest = [
        call("a{sv}sdu", {"state": ("d", 1.0), "a": ("as", ["x"])}, "text", 1.5, 7),
        returned("(ai)v", bytes(8) + b"\1s\0\0\0\0\0\0\0"),
    ]
    read = refused = 0
    for _ in range(4000):
        data = bytearray(chance.choice(honest))
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.choice([0, 1, 255, chance.randrange(256), *b"a(){}vsdg"])
        try:
            parse(bytes(data)[: chance.randint(16, 400)]).body()
            read += 1
        except ValueError:
            refused += 1
    assert read > 100
    assert refused > 100
