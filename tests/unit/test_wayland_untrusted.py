"""A Wayland compositor that lies, floods or stalls: it costs the source, in time, with a reason, and prints nothing."""

import fcntl
import struct
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.compositor import Compositor
from support.waiting import wait_until

from mousetrackd.capture.wayland import wlroots
from mousetrackd.capture.wayland.outputs import LayoutReader
from mousetrackd.capture.wayland.reader_thread import CompositorSource
from mousetrackd.core.errors import FaultError, SourceError
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import MONITORS_MAX

pytest_plugins = ("support.fixtures",)

FAR = 2**31 - 1
LONGER_THAN_A_DISPATCH_S = 0.2
READ_AT_ONCE_BYTES = 1 << 16
SCALE_BYTES = 12


@pytest.fixture
def source(compositor: Compositor) -> Iterator[CompositorSource]:
    assert compositor.name
    source = wlroots.make_source()
    source.start(lambda: None)
    yield source
    source.stop()


def layout_of_all() -> Layout:
    reader = LayoutReader()
    try:
        return reader.layout()
    finally:
        reader.close()


LIES: list[dict[str, Any]] = [
    {"mode": (FAR, FAR)},
    {"mode": (-1920, 1080)},
    {"mode": (0, 0)},
    {"mode": (65535, 65535)},
    {"width": 0, "height": 0},
    {"width": -5, "height": 5},
    {"width": 1, "height": 1},
    {"width": FAR, "height": FAR},
    {"x": FAR, "y": -FAR},
    {"x": 1 << 20},
    {"done": False},
]


@pytest.mark.parametrize("lie", LIES, ids=repr)
def test_a_screen_that_cannot_be_is_left_out_and_the_others_stay_as_they_are(
    compositor: Compositor, lie: dict[str, Any]
) -> None:
    alone = layout_of_all()
    compositor.plug("LIE", **lie)
    layout = layout_of_all()
    assert layout.placements == alone.placements
    assert [monitor.output for monitor in layout.monitors] == ["DP-1"]
    is_told = min(*lie.get("mode", (1, 1)), lie.get("width", 1)) > 0 and lie.get("done", True)
    assert len(layout.left_out) == is_told
    assert all('"LIE" is not tracked' in sentence for sentence in layout.left_out)


@pytest.mark.parametrize("scale", [0, -1, FAR])
def test_a_scale_that_cannot_be_does_not_matter_where_the_size_is_reported(compositor: Compositor, scale: int) -> None:
    compositor.plug("DP-2", x=1920, scale=scale)
    assert [monitor.output for monitor in layout_of_all().monitors] == ["DP-1", "DP-2"]


@pytest.mark.parametrize("scale", [0, -1])
def test_without_xdg_outputs_a_scale_of_nothing_is_one(tmp_path: Path, scale: int) -> None:
    compositor = Compositor(tmp_path, without=["zxdg_output_manager_v1"], name="wayland-8")
    compositor.start()
    compositor.plug("DP-1", scale=scale)
    reader = LayoutReader(str(compositor.path))
    assert [monitor.width_px for monitor in reader.layout().monitors] == [1920]
    reader.close()
    compositor.kill()


def test_names_are_printable_and_bounded_and_may_be_the_same(compositor: Compositor) -> None:
    compositor.plug("evil\x1b]0;PWN\x07\nproblem  fake", x=1920)
    compositor.plug("x" * 3000, x=3840)
    compositor.plug("", x=5760)
    layout = layout_of_all()
    assert len(layout.monitors) == 4
    assert all(monitor.label.isprintable() and len(monitor.output) <= 128 for monitor in layout.monitors)


def test_of_many_screens_some_are_tracked_and_the_rest_is_reported(compositor: Compositor) -> None:
    for number in range(2, 71):
        compositor.plug(f"DP-{number}", x=1920 * number)
    layout = layout_of_all()
    assert len(layout.monitors) == MONITORS_MAX
    said = " ".join(layout.left_out)
    assert "48 more monitors are not tracked" in said
    assert "6 more monitors are not tracked" in said


def test_ten_thousand_globals_end_the_source_with_a_reason(compositor: Compositor, source: CompositorSource) -> None:
    compositor.announce("wl_output", 10_000)
    wait_until(lambda: not source.is_alive(), "it was dead", timeout_s=30)
    assert isinstance(source.failure, FaultError)
    assert "offers more than 4096 globals" in source.failure.message
    with pytest.raises(FaultError, match="offers more than 4096 globals"):
        layout_of_all()


def test_a_name_that_is_no_text_ends_the_source_and_prints_nothing(
    compositor: Compositor, source: CompositorSource, capfd: pytest.CaptureFixture[str]
) -> None:
    compositor.plug("DP-1", description="\udcff\udcfe")
    wait_until(lambda: not source.is_alive(), "it was dead")
    assert isinstance(source.failure, FaultError)
    assert "cannot be decoded" in source.failure.message
    assert "UnicodeDecodeError" not in capfd.readouterr().err
    with pytest.raises(FaultError, match="cannot be decoded"):
        layout_of_all()


def test_what_a_handler_raises_is_raised_by_dispatch_and_not_printed(
    compositor: Compositor, capfd: pytest.CaptureFixture[str]
) -> None:
    reader = LayoutReader()

    def fail(_proxy: object, _factor: int) -> None:
        raise ZeroDivisionError("a plain bug")

    (head,) = reader.heads.values()
    head.proxy.dispatcher["scale"] = fail
    compositor.plug("DP-1", scale=2)
    with pytest.raises(ZeroDivisionError, match="a plain bug"):
        wait_until(reader.dispatch, "it failed")
    reader.close()
    assert "ZeroDivisionError" not in capfd.readouterr().err


def test_a_flood_is_handled_a_part_at_a_time_and_a_stop_is_obeyed_meanwhile(
    compositor: Compositor, source: CompositorSource
) -> None:
    compositor.flood(seconds=20)
    began_s = time.monotonic()
    source.catch_up()
    source.stop()
    assert time.monotonic() - began_s < 10
    assert source.failure is None


def test_no_more_of_a_flood_is_taken_at_once_than_can_be_handled_soon(compositor: Compositor) -> None:
    reader = LayoutReader()
    (head,) = reader.heads.values()
    handled = 0

    def handle(_proxy: object, _factor: int) -> None:
        nonlocal handled
        handled += 1
        if handled == 1:
            time.sleep(LONGER_THAN_A_DISPATCH_S)

    head.proxy.dispatcher["scale"] = handle
    compositor.flood(seconds=20)
    wait_until(lambda: unread_bytes(reader) > 100_000, "more has come than is read at once")
    reader.dispatch()
    assert 0 < handled <= READ_AT_ONCE_BYTES // SCALE_BYTES
    reader.close()


def unread_bytes(reader: LayoutReader) -> int:
    (waiting,) = struct.unpack("i", fcntl.ioctl(reader.fileno(), termios.FIONREAD, bytes(4)))
    return int(waiting)


def test_an_answer_that_does_not_come_in_a_flood_is_not_waited_for_longer(compositor: Compositor) -> None:
    reader = LayoutReader()
    compositor.flood(seconds=20, reads=False)
    with pytest.raises(SourceError, match=r"did not answer within 0.3 s"):
        reader.connection.sync(0.3)
    reader.close()


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("=IHH", 1, 0, 20_000) + bytes(20_000),  # longer than libwayland takes
        struct.pack("=IHH", 1, 99, 8),  # an event that the display does not have
        struct.pack("=IHHIII", 1, 0, 20, 1, 0, FAR),  # a text longer than the message
        b"HTTP/1.1 200 OK\r\n\r\n" * 10,
    ],
)
def test_what_is_no_event_ends_the_source_with_a_reason(
    compositor: Compositor, source: CompositorSource, data: bytes
) -> None:
    compositor.send_raw(data)
    wait_until(lambda: not source.is_alive(), "it was dead")
    assert source.failure is not None
    assert "Wayland compositor" in source.failure.message
    assert not source.failure.message.endswith((":", ": "))


def test_a_protocol_error_ends_the_source_with_a_reason(compositor: Compositor, source: CompositorSource) -> None:
    compositor.fail("\x1b]0;PWN\x07 you did wrong")
    wait_until(lambda: not source.is_alive(), "it was dead")
    assert source.failure is not None
    assert "went away: " in source.failure.message
    assert source.failure.message.isprintable()


def test_idle_and_pointers_out_of_order_do_no_harm(compositor: Compositor, source: CompositorSource) -> None:
    for idled in (False, False, True, True, False):
        compositor.idle(idled=idled)
        compositor.leave("DP-1")
        compositor.give_pointer()
    compositor.move("DP-1", (FAR, -FAR), (-1, 0), (1920, 1080), (5, 6))
    moves: list[list[int]] = []

    def is_read() -> bool:
        for item in source.drain():
            moves.extend([*row] for row in getattr(item, "tolist", list)())
        return bool(moves)

    wait_until(is_read, "the move was read")
    assert [row[2:] for row in moves] == [[5, 6]]
    assert source.is_alive()
