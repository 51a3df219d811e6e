"""How the monitors of a Wayland compositor are read."""

import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.compositor import Compositor
from support.waiting import wait_until
from support.xserver import Xvfb
from Xlib import X, Xatom

from mousetrackd.capture import edid
from mousetrackd.capture.wayland.connection import Connection
from mousetrackd.capture.wayland.outputs import LayoutReader
from mousetrackd.capture.x11 import display as x11
from mousetrackd.capture.x11.source import PynputSource
from mousetrackd.core.errors import SourceError
from mousetrackd.core.events import Box, LayoutChange
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("run")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-7")
    return folder


@pytest.fixture
def compositor(folder: Path) -> Iterator[Compositor]:
    compositor = Compositor(folder)
    compositor.start()
    yield compositor
    compositor.kill()


@pytest.fixture
def reader(folder: Path, compositor: Compositor) -> Iterator[LayoutReader]:
    """Of a compositor with one plain screen."""
    compositor.plug("DP-1")
    reader = LayoutReader(connectors=folder / "drm")
    yield reader
    reader.close()


def open_files() -> list[str]:
    return [descriptor.name for descriptor in Path("/proc/self/fd").iterdir()]


def placed(name: str, width_px: int, height_px: int, x: int, y: int) -> Placement:
    return Placement(Monitor(name, width_px, height_px), x, y)


def test_a_plain_screen_is_read_as_it_is(reader: LayoutReader) -> None:
    assert reader.layout() == Layout([placed("DP-1", 1920, 1080, 0, 0)])
    assert reader.to_desktop(0, 0) == (0, 0)
    assert reader.to_desktop(1919.999, 1079.5) == (1919, 1079)


@pytest.mark.parametrize(
    ("rectangle", "areas", "whole"),
    [
        ((100, 50, 200, 100), [(100, 50, 300, 150)], (100, 50, 300, 150)),
        ((-50, -20, 100, 100), [(0, 0, 50, 80)], (-50, -20, 50, 80)),
        ((1900, 100, 120, 50), [(1900, 100, 1920, 150), (2880, 150, 3030, 225)], (2850, 150, 3030, 225)),
        ((1921, 1, 1, 1), [(2881, 1, 2883, 3)], (2881, 1, 2883, 3)),
        ((5000, 100, 50, 50), [], None),
        ((100, 100, 0, 50), [], None),
    ],
)
def test_a_window_is_where_its_pixels_are_on_each_screen(
    compositor: Compositor,
    reader: LayoutReader,
    rectangle: tuple[int, int, int, int],
    areas: list[Box],
    whole: Box | None,
) -> None:
    """The second one has a scale of 1.5, so it begins at 2880."""
    compositor.plug("HDMI-A-1", x=1920, width=1280, height=720, mode=(1920, 1080))
    wait_until(reader.dispatch, "the new screen was seen")
    assert [*reader.to_areas(*rectangle)] == areas
    assert reader.to_box(*rectangle) == whole


def test_a_reader_that_is_sent_nothing_new_says_so(reader: LayoutReader) -> None:
    assert not reader.dispatch()
    assert reader.connection.compositor == "tinyway"


def test_a_screen_that_is_plugged_in_moved_and_unplugged_is_followed(
    compositor: Compositor, reader: LayoutReader
) -> None:
    compositor.plug("HDMI-A-1", x=1920, width=1280, height=720, mode=(1280, 720))
    wait_until(reader.dispatch, "the new screen was seen")
    assert reader.layout() == Layout([placed("DP-1", 1920, 1080, 0, 0), placed("HDMI-A-1", 1280, 720, 1920, 0)])
    assert reader.to_desktop(1930, 7) == (1930, 7)
    compositor.plug("HDMI-A-1", x=-1280, y=300)
    wait_until(reader.dispatch, "the move was seen")
    assert reader.layout().bounds() == (-1280, 0, 3200, 1080)
    assert reader.to_desktop(-1280, 300) == (-1280, 300)
    compositor.unplug("DP-1")
    wait_until(reader.dispatch, "the loss was seen")
    assert [monitor.output for monitor in reader.layout().monitors] == ["HDMI-A-1"]
    reader.connection.sync()
    assert compositor.count("wl_output") == 1
    assert compositor.count("zxdg_output_v1") == 1


def test_the_last_screen_may_go(compositor: Compositor, reader: LayoutReader) -> None:
    compositor.unplug("DP-1")
    wait_until(reader.dispatch, "the loss was seen")
    assert reader.layout() == Layout()
    assert reader.to_desktop(5, 6) == (5, 6)


@pytest.mark.parametrize(
    ("mode", "logical", "scale"),
    [((3840, 2160), (1920, 1080), 2), ((2560, 1440), (1707, 960), 2), ((1920, 1080), (1536, 864), 2)],
)
def test_positions_are_pixels_of_a_scaled_screen(
    compositor: Compositor, reader: LayoutReader, mode: tuple[int, int], logical: tuple[int, int], scale: int
) -> None:
    width, height = logical
    compositor.plug("DP-1", width=width, height=height, mode=mode, scale=scale)
    before = reader.outputs()
    wait_until(lambda: reader.dispatch() or reader.outputs() != before, "the scale was seen")
    assert reader.layout().placements == (placed("DP-1", *mode, 0, 0),)
    assert reader.to_desktop(0, 0) == (0, 0)
    assert reader.to_desktop(width - 1e-6, height - 1e-6) == (mode[0] - 1, mode[1] - 1)
    assert reader.to_desktop(width / 2, height / 4) == (mode[0] // 2, mode[1] // 4)


@pytest.mark.parametrize("transform", range(8))
def test_a_turned_screen_is_as_it_is_seen(compositor: Compositor, reader: LayoutReader, transform: int) -> None:
    sideways = transform % 2 == 1
    width, height = (600, 960) if sideways else (960, 600)
    compositor.plug("DP-1", width=width, height=height, mode=(1920, 1200), transform=transform, scale=2, mm=(520, 320))
    wait_until(reader.dispatch, "the turn was seen")
    (placement,) = reader.layout().placements
    assert (placement.monitor.width_px, placement.monitor.height_px) == (2 * width, 2 * height)
    assert (placement.width_mm, placement.height_mm) == ((320, 520) if sideways else (520, 320))
    assert reader.to_desktop(100, 500) == (200, 1000)


@pytest.mark.parametrize(
    "screens",
    [
        {"A": (0, 0, 1280, 720, 1920, 1080), "B": (1280, 0, 1707, 960, 2560, 1440)},
        {
            "A": (0, 0, 1920, 1080, 1920, 1080),
            "B": (1920, 0, 1920, 1080, 3840, 2160),
            "C": (0, 1080, 960, 540, 1920, 1080),
        },
        {
            "A": (-1537, -3, 1537, 865, 1920, 1080),
            "B": (0, 0, 1093, 615, 1366, 768),
            "C": (1093, 0, 800, 600, 800, 600),
        },
    ],
)
def test_screens_that_touch_never_overlap_whatever_their_scales(
    compositor: Compositor, reader: LayoutReader, screens: dict[str, tuple[int, int, int, int, int, int]]
) -> None:
    for name, (x, y, width, height, *mode) in screens.items():
        compositor.plug(name, x=x, y=y, width=width, height=height, mode=mode, scale=2)
    compositor.unplug("DP-1")
    wait_until(lambda: reader.dispatch() and len(reader.outputs()) == len(screens), "all were seen")
    rects = [
        (p.desktop_x, p.desktop_y, p.desktop_x + p.monitor.width_px, p.desktop_y + p.monitor.height_px)
        for p in reader.layout().placements
    ]
    for number, one in enumerate(rects):
        for other in rects[:number]:
            assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
    for name, (x, y, *_), rect in zip(screens, screens.values(), rects, strict=True):
        assert reader.to_desktop(x, y) == rect[:2], name


def test_screens_of_one_scale_are_placed_exactly(compositor: Compositor, reader: LayoutReader) -> None:
    compositor.plug("DP-1", width=1280, height=720, scale=2)
    compositor.plug("DP-2", x=1280, y=-40, width=1280, height=720, scale=2)
    wait_until(lambda: reader.dispatch() and len(reader.outputs()) == 2, "both were seen")
    assert reader.layout().placements[1:] == (placed("DP-2", 1920, 1080, 1920, -60),)


DELL = {"make": "Dell Inc.", "model": "DELL U2415"}


def hashes(reader: LayoutReader) -> list[str]:
    return [monitor.edid_hash for monitor in reader.layout().monitors]


def test_a_screen_is_known_by_its_make_and_several_of_one_make_by_their_connectors(
    compositor: Compositor, reader: LayoutReader
) -> None:
    compositor.plug("DP-2", x=1920, **DELL)
    wait_until(lambda: reader.dispatch() and len(reader.outputs()) == 2, "both were seen")
    assert hashes(reader)[0] == ""
    alone = hashes(reader)[1]
    compositor.plug("DP-3", x=3840, **DELL)
    wait_until(lambda: reader.dispatch() and len(reader.outputs()) == 3, "all were seen")
    one, other = hashes(reader)[1:]
    assert len({alone, one, other}) == 3
    # Plugged in the other way round, each is who it was.
    compositor.unplug("DP-2")
    wait_until(lambda: reader.dispatch() and len(reader.outputs()) == 2, "the loss was seen")
    assert hashes(reader)[1] == alone
    compositor.plug("DP-2", x=1920, **DELL)
    wait_until(lambda: reader.dispatch() and len(reader.outputs()) == 3, "all were seen")
    assert hashes(reader)[1:] == [other, one]


def test_a_serial_number_distinguishes_screens_of_one_make_wherever_they_are_plugged_in(
    compositor: Compositor, reader: LayoutReader
) -> None:
    for output, serial in (("DP-2", "7MT01"), ("DP-3", "7MT02")):
        compositor.plug(output, x=1920, description=f"Dell Inc. DELL U2415 {serial} ({output})", **DELL)
    wait_until(lambda: reader.dispatch() and len(reader.outputs()) == 3, "all were seen")
    one, other = hashes(reader)[1:]
    assert one != other
    compositor.unplug("DP-3")
    compositor.unplug("DP-2")
    compositor.plug("HDMI-A-1", x=1920, description="Dell Inc. DELL U2415 7MT02 (HDMI-A-1)", **DELL)
    wait_until(lambda: reader.dispatch() and reader.outputs()[-1].name == "HDMI-A-1", "it was seen elsewhere")
    assert hashes(reader)[1:] == [other]


EDID = bytes([0, *[255] * 6, 0, *range(120)])


def write_edid(folder: Path, connector: str, said: bytes) -> None:
    """Let the kernel have been told so at a connector of a graphics card, like ``card0-DP-1``."""
    file = folder / "drm" / connector / "edid"
    file.parent.mkdir(parents=True)
    file.write_bytes(said)


@pytest.fixture
def xserver(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Xvfb]:
    server = Xvfb(folder)
    server.start()
    monkeypatch.setenv("DISPLAY", server.name)
    yield server
    server.stop()


def hash_under_x11(said: bytes) -> str:
    """How the only screen of $DISPLAY is known there when it says this of itself."""
    display = x11.open_display()
    (output,) = display.screen().root.xrandr_get_screen_resources().outputs
    name = display.intern_atom("EDID")
    display.xrandr_change_output_property(output, name, Xatom.INTEGER, X.PropModeReplace, (8, said))
    display.sync()
    x11.close_display(display)
    source = PynputSource()
    source.start(lambda: None)
    (layout,) = [item.layout for item in source.drain() if isinstance(item, LayoutChange)]
    source.stop()
    return layout.monitors[0].edid_hash


@pytest.mark.usefixtures("xserver")
def test_a_screen_is_the_same_under_x11_and_under_any_compositor(
    folder: Path, compositor: Compositor, reader: LayoutReader
) -> None:
    told = EDID + bytes(128)  # with an extension block
    under_x11 = hash_under_x11(told)
    assert under_x11 == hashlib.sha256(EDID).hexdigest()[:8]
    write_edid(folder, "card1-DP-2", told)
    compositor.plug("DP-2", x=1920, **DELL)
    wait_until(lambda: reader.dispatch() and len(reader.outputs()) == 2, "both were seen")
    assert hashes(reader) == ["", under_x11]
    compositor.unplug("DP-2")
    compositor.plug("DP-2", x=1920, make="DEL", model="DELL U2415", description="Dell 24 inch")
    wait_until(lambda: reader.dispatch() and len(reader.outputs()) == 2, "it was seen again")
    assert hashes(reader)[1] == under_x11


def test_a_screen_without_a_make_is_none_that_is_plugged_in(
    folder: Path, compositor: Compositor, reader: LayoutReader
) -> None:
    write_edid(folder, "card0-DP-2", EDID)
    compositor.plug("DP-2", x=1920)
    wait_until(lambda: reader.dispatch() and len(reader.outputs()) == 2, "both were seen")
    assert hashes(reader) == ["", ""]


@pytest.mark.parametrize(("output", "connector"), [("HDMI-1", "card0-HDMI-A-1"), ("HDMI-A-1", "card12-HDMI-A-1")])
def test_the_kernel_is_asked_by_its_own_name_of_the_connector(folder: Path, output: str, connector: str) -> None:
    write_edid(folder, connector, EDID)
    write_edid(folder, "card0-eDP-1", EDID[::-1])
    write_edid(folder, "card0-HDMI-A-11", EDID[::-1])
    assert edid.read(output, folder / "drm") == EDID


@pytest.mark.parametrize(
    "connectors",
    [
        {},
        {"card0-DP-1": b""},
        {"card0-eDP-1": EDID},
        {"card0-DP-1": EDID, "card1-DP-1": EDID[::-1]},
    ],
    ids=["no connector", "nothing plugged in", "another connector", "which of two cards?"],
)
def test_what_the_kernel_does_not_report_for_sure_is_nothing(folder: Path, connectors: dict[str, bytes]) -> None:
    for connector, said in connectors.items():
        write_edid(folder, connector, said)
    assert edid.read("DP-1", folder / "drm") == b""


def test_a_connector_of_the_same_name_on_a_card_without_a_screen_does_not_matter(folder: Path) -> None:
    write_edid(folder, "card0-DP-1", EDID)
    write_edid(folder, "card1-DP-1", b"")
    assert edid.read("DP-1", folder / "drm") == EDID


def test_a_compositor_without_xdg_output_is_read_by_wl_output_alone(folder: Path) -> None:
    compositor = Compositor(folder, without=["zxdg_output_manager_v1"])
    compositor.start()
    compositor.plug("DP-1", x=100, mode=(3840, 2160), scale=2)
    reader = LayoutReader()
    assert reader.layout() == Layout([placed("DP-1", 3840, 2160, 200, 0)])
    assert reader.to_desktop(101, 1) == (202, 2)
    reader.close()
    compositor.kill()


def test_a_compositor_that_goes_away_is_a_source_error(compositor: Compositor, reader: LayoutReader) -> None:
    compositor.kill()

    def is_told() -> bool:
        try:
            reader.dispatch()
        except SourceError as error:
            return "wayland-7" in error.message
        return False

    wait_until(is_told, "it was reported")
    reader.close()
    reader.close()


def test_a_compositor_that_hangs_is_not_waited_for_for_ever(compositor: Compositor) -> None:
    connection = Connection()
    compositor.freeze()
    with pytest.raises(SourceError, match="did not answer"):
        connection.sync(timeout_s=0.05)
    connection.close()


@pytest.mark.parametrize("name", ["", "wayland-8", "/nowhere/wayland-0", "x" * 200])
def test_where_there_is_no_compositor_it_says_so_and_leaves_nothing_open(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("WAYLAND_DISPLAY", name)
    files = open_files()
    with pytest.raises(SourceError) as raised:
        LayoutReader()
    assert raised.value.hint
    assert open_files() == files
    del folder


def test_a_socket_that_hangs_up_at_once_is_a_source_error(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "wayland-7"))
        listener.listen()
        listener.shutdown(socket.SHUT_RDWR)
        with pytest.raises(SourceError):
            LayoutReader()
