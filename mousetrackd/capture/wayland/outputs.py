"""The monitors of a Wayland compositor: how they are arranged, and which pixel a position is at.

*Logical* coordinates are the compositor's own plane, in which a monitor of 3840 pixels at scale 2 is 1920 wide. Ours
are device pixels, so that a monitor's counts stay the same whatever scale it is used at.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mousetrackd.capture import edid
from mousetrackd.capture.wayland import peer
from mousetrackd.capture.wayland.connection import Connection
from mousetrackd.core.layout import Layout, ReportedMonitor, admit
from mousetrackd.core.monitors import MONITORS_MAX, Placement, clean_name, size_problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from mousetrackd.capture.wayland.events import Failures
    from mousetrackd.core.events import Box

_SIDEWAYS = 1
"""wl_output.transform's lowest bit: turned by 90 or 270 degrees, mirrored or not."""

_CURRENT_MODE = 1
"""wl_output.mode's flag of the mode in use."""

_OUTPUT_VERSION, _OUTPUT_RELEASE_SINCE = 4, 3
"""The newest wl_output we understand, and the first with a request to release it."""

_HEADS_MAX = 64
"""No compositor has more monitors plugged in."""

_SCALE_MAX = 64
"""No monitor has more pixels to a logical unit in either direction."""

_NO_IDENTITY = {"", "unknown", "(null)"}
"""What compositors report for a monitor whose make or model is not known."""


@dataclass(frozen=True)
class Output:
    """A monitor that is switched on.

    x, y, width, height: its rectangle in logical coordinates. width_px, height_px: its size in pixels after rotation;
    likewise in millimetres, 0 where unknown. identity: its EDID; where there is none, its make and model, with the
    serial number where the compositor reports that; empty where unknown.
    """

    name: str
    x: int
    y: int
    width: int
    height: int
    width_px: int
    height_px: int
    width_mm: int = 0
    height_mm: int = 0
    identity: bytes = b""

    def problem(self) -> str:
        """What is wrong with its rectangle; empty where nothing is. Its size in pixels is checked by ``admit``."""
        where = (abs(self.x), abs(self.y), self.width, self.height)
        scale = max(self.width_px / self.width, self.height_px / self.height)
        if max(where) < peer.FARTHEST_PX and (scale <= _SCALE_MAX or size_problem(self.width_px, self.height_px)):
            return ""
        return f"it is reported as {self.width}x{self.height} at {self.x},{self.y}, which no desktop has"

    def holds(self, x: float, y: float) -> bool:
        """Whether a logical position is on it."""
        return self.x <= x < self.x + self.width and self.y <= y < self.y + self.height

    def common(self, x: float, y: float, width: float, height: float) -> tuple[float, float, float, float] | None:
        """Left, top, right and bottom of what of a logical rectangle is on it; None where nothing is."""
        left, top = max(x, self.x), max(y, self.y)
        right, bottom = min(x + width, self.x + self.width), min(y + height, self.y + self.height)
        return (left, top, right, bottom) if left < right and top < bottom else None

    def to_pixels(self, left: float, top: float, right: float, bottom: float) -> Box:
        """The monitor's own pixels, and more beyond its edges, that logical positions in a rectangle are at."""
        across, down = self.width_px / self.width, self.height_px / self.height
        return (
            math.floor((left - self.x) * across),
            math.floor((top - self.y) * down),
            math.ceil((right - self.x) * across),
            math.ceil((bottom - self.y) * down),
        )

    def to_pixel(self, x: float, y: float) -> tuple[int, int]:
        """The monitor's own pixel at a logical position."""
        return (
            min(max(math.floor((x - self.x) * self.width_px / self.width), 0), self.width_px - 1),
            min(max(math.floor((y - self.y) * self.height_px / self.height), 0), self.height_px - 1),
        )


class Head:
    """Collects the events of a wl_output. ``output`` is its last complete state; None before the first."""

    def __init__(self, proxy: Any, version: int, connectors: Path, failures: Failures) -> None:
        self.proxy = proxy
        self._failures = failures
        self._connectors = connectors
        self._version = version
        self.output: Output | None = None
        self._extent: Any = None  # its xdg_output, which alone has fractional scales
        self._name = ""
        self._make, self._model, self._description = "", "", ""
        self._x, self._y = 0, 0
        self._logical_size: tuple[int, int] | None = None
        self._mode_px = (0, 0)
        self._size_mm = (0, 0)
        self._sideways = False
        self._scale = 1
        self._has_extent = True
        proxy.dispatcher["geometry"] = self._on_geometry
        proxy.dispatcher["mode"] = self._on_mode
        proxy.dispatcher["done"] = self._on_done
        proxy.dispatcher["scale"] = self._on_scale
        proxy.dispatcher["name"] = self._on_name
        proxy.dispatcher["description"] = self._on_description

    def ask_extent(self, manager: Any) -> None:
        """Ask for its logical rectangle; no state is complete before the answer."""
        self._has_extent = False
        extent = self._extent = self._failures.watch(manager.get_xdg_output(self.proxy))
        extent.dispatcher["logical_position"] = self._on_logical_position
        extent.dispatcher["logical_size"] = self._on_logical_size
        extent.dispatcher["name"] = self._on_name
        extent.dispatcher["description"] = self._on_description
        extent.dispatcher["done"] = self._on_done

    def release(self) -> None:
        """Let the compositor send no more events of it."""
        if self._extent is not None:
            self._extent.destroy()
        if self._version >= _OUTPUT_RELEASE_SINCE:
            self.proxy.release()
        else:
            self.proxy.destroy()

    def _on_geometry(
        self, _proxy: object, x: int, y: int, width_mm: int, height_mm: int, _subpixel: int, *rest: Any
    ) -> None:
        self._make, self._model, transform = rest
        if self._extent is None:
            self._x, self._y = x, y
        self._size_mm = (max(width_mm, 0), max(height_mm, 0))
        self._sideways = bool(transform & _SIDEWAYS)

    def _on_mode(self, _proxy: object, flags: int, width_px: int, height_px: int, _refresh: int) -> None:
        if flags & _CURRENT_MODE:
            self._mode_px = (width_px, height_px)

    def _on_scale(self, _proxy: object, factor: int) -> None:
        self._scale = factor

    def _on_name(self, _proxy: object, name: str) -> None:
        self._name = name

    def _on_description(self, _proxy: object, description: str) -> None:
        self._description = description

    def _on_logical_position(self, _proxy: object, x: int, y: int) -> None:
        self._x, self._y = x, y

    def _on_logical_size(self, _proxy: object, width: int, height: int) -> None:
        self._logical_size = (width, height)
        self._has_extent = True

    def _on_done(self, _proxy: object) -> None:
        width_px, height_px = self._mode_px
        width_mm, height_mm = self._size_mm
        if self._sideways:
            width_px, height_px, width_mm, height_mm = height_px, width_px, height_mm, width_mm
        scale = max(self._scale, 1)
        width, height = self._logical_size or (width_px // scale, height_px // scale)
        if not self._has_extent or min(width_px, height_px, width, height) < 1:
            return
        name = self._name or "screen"
        self.output = Output(
            name, self._x, self._y, width, height, width_px, height_px, width_mm, height_mm, self._identity()
        )

    def _identity(self) -> bytes:
        known = [part for part in (self._make or "", self._model or "") if part.lower() not in _NO_IDENTITY]
        if not known:  # a virtual monitor, whatever is plugged into the connector that it is named after
            return b""
        if found := edid.read(self._name, self._connectors):
            return found
        if known[-1] in self._description:
            # wlroots describes a monitor by make, model, serial number and, in brackets, connector.
            return self._description.removesuffix(f"({self._name})").strip().encode()
        return " ".join(known).encode()


class LayoutReader:
    """The layout of a compositor's monitors, and the pixel of a logical position. For one thread.

    Raises SourceError where there is no compositor to ask, and from ``dispatch`` when it has gone away.
    ``connection`` may be used for more requests to the same compositor. ``heads`` has the wl_outputs themselves, by the
    number of the global.
    """

    def __init__(self, display_name: str | None = None, *, connectors: Path = edid.CONNECTORS) -> None:
        self.connection = Connection(display_name)
        self._connectors = connectors
        self.heads: dict[int, Head] = {}
        self._outputs: dict[int, Output] = {}
        self._ignored = 0
        self._layout = Layout()
        self._places: dict[int, tuple[Output, Placement]] = {}
        self._plane_scale = 1.0
        self._extents: Any = None
        try:
            self._follow_globals()
            self.connection.sync()
            self._take_outputs()
        except BaseException:
            self.close()
            raise

    def fileno(self) -> int:
        """The socket: ``dispatch`` has work when it is readable."""
        return self.connection.fileno()

    def dispatch(self) -> bool:
        """Handle the events that have come. Returns whether the layout has changed. Never blocks."""
        self.connection.dispatch()
        self._follow_globals()
        return self._take_outputs()

    def outputs(self) -> tuple[Output, ...]:
        """The monitors that are switched on, the first plugged in first."""
        return tuple(self._outputs.values())

    def layout(self) -> Layout:
        """The monitors in device pixels, none of which overlap.

        That is exact where all scales are equal. Otherwise each monitor's logical position is multiplied by the largest
        scale. That leaves holes beside monitors of a smaller scale, where no pointer ever is.
        """
        return self._layout

    def to_desktop(self, x: float, y: float) -> tuple[int, int]:
        """The pixel of ``layout()`` at a logical position; outside every monitor, one outside every placement."""
        for output, placement in self._places.values():
            if output.holds(x, y):
                pixel_x, pixel_y = output.to_pixel(x, y)
                return placement.desktop_x + pixel_x, placement.desktop_y + pixel_y
        return _rounded(x * self._plane_scale), _rounded(y * self._plane_scale)

    def to_areas(self, x: float, y: float, width: float, height: float) -> tuple[Box, ...]:
        """Where a logical rectangle is in ``layout()``: a part on each monitor; none where it is on no monitor."""
        return tuple(
            _moved(output.to_pixels(*common), placement)
            for output, placement in self._places.values()
            if (common := output.common(x, y, width, height)) is not None
        )

    def to_box(self, x: float, y: float, width: float, height: float) -> Box | None:
        """All of a logical rectangle in ``layout()``, as the monitor with the largest part shows it; None without."""
        parts = [(output.common(x, y, width, height), output, placement) for output, placement in self._places.values()]
        shown = [(part, output, placement) for part, output, placement in parts if part is not None]
        if not shown:
            return None
        _, output, placement = max(shown, key=lambda one: (one[0][2] - one[0][0]) * (one[0][3] - one[0][1]))
        return _moved(output.to_pixels(x, y, x + width, y + height), placement)

    def pixel_to_desktop(self, number: int, x: int, y: int) -> tuple[int, int] | None:
        """The pixel of ``layout()`` that is pixel x, y of one of ``heads``; None where it has no such pixel."""
        if number not in self._places:
            return None
        output, placement = self._places[number]
        if not (0 <= x < output.width_px and 0 <= y < output.height_px):
            return None
        return placement.desktop_x + x, placement.desktop_y + y

    def close(self) -> None:
        """Disconnect. Idempotent."""
        self.connection.close()

    def _follow_globals(self) -> None:
        """Bind the monitors that have come, and release those that are gone."""
        from pywayland.protocol.wayland import WlOutput  # noqa: PLC0415
        from pywayland.protocol.xdg_output_unstable_v1 import ZxdgOutputManagerV1  # noqa: PLC0415

        if self._extents is None:
            self._extents = self.connection.bind(ZxdgOutputManagerV1, version=3)
            if self._extents is not None:
                for head in self.heads.values():
                    head.ask_extent(self._extents)
        present = self.connection.find(WlOutput)
        for number in self.heads.keys() - present:
            self.heads.pop(number).release()
        numbers = present[:_HEADS_MAX]
        self._ignored = len(present) - len(numbers)
        for number in numbers:
            if number not in self.heads:
                proxy = self.connection.bind(WlOutput, number, version=_OUTPUT_VERSION)
                head = self.heads[number] = Head(
                    proxy, self.connection.globals[number][1], self._connectors, self.connection.failures
                )
                if self._extents is not None:
                    head.ask_extent(self._extents)
        self.connection.flush()

    def _take_outputs(self) -> bool:
        complete = {number: head.output for number, head in sorted(self.heads.items()) if head.output is not None}
        if complete == self._outputs and [*complete] == [*self._outputs]:
            return False
        self._outputs = complete
        before = self._layout
        possible = {number: output for number, output in complete.items() if not output.problem()}
        numbers, outputs = [*possible], [*possible.values()]
        self._plane_scale = _plane_scale(outputs)
        layout, kept = admit(_reported(outputs, self._plane_scale))
        left_out = [
            f'the monitor "{clean_name(output.name)}" is not tracked: {problem}'
            for output in complete.values()
            if (problem := output.problem())
        ]
        if self._ignored:
            left_out.append(f"{self._ignored} more monitors are not tracked: at most {_HEADS_MAX} are")
        self._layout = Layout(layout.placements, [*layout.left_out, *left_out[-MONITORS_MAX:]])
        self._places = {
            numbers[nth]: (outputs[nth], placement)
            for nth, placement in zip(kept, self._layout.placements, strict=True)
        }
        return self._layout != before


def _plane_scale(outputs: Iterable[Output]) -> float:
    """Pixels per logical unit of the finest monitor."""
    possible = [one for one in outputs if not size_problem(one.width_px, one.height_px)]
    return max((max(o.width_px / o.width, o.height_px / o.height) for o in possible), default=1.0)


def _reported(outputs: Collection[Output], plane_scale: float) -> list[ReportedMonitor]:
    identities = Counter(output.identity for output in outputs)
    reported = []
    for output in outputs:
        # Monitors of the same identity are distinguished by their connectors.
        identity = output.identity
        if identity and identities[identity] > 1:
            identity += f" {output.name}".encode()
        left, top = _rounded(output.x * plane_scale), _rounded(output.y * plane_scale)
        size_px, size_mm = (output.width_px, output.height_px), (output.width_mm, output.height_mm)
        reported.append(ReportedMonitor(output.name, *size_px, edid.short_hash(identity), left, top, *size_mm))
    return reported


def _moved(box: Box, placement: Placement) -> Box:
    left, top, right, bottom = box
    x, y = placement.desktop_x, placement.desktop_y
    return left + x, top + y, right + x, bottom + y


def _rounded(value: float) -> int:
    """Halves upwards: with round(), which goes to even numbers, two monitors could overlap by a pixel."""
    return math.floor(value + 0.5)
