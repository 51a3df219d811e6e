"""What is asked of an X server before it is believed."""

from types import SimpleNamespace
from typing import Any

import pytest

from mousetrackd.capture.x11 import display as x11
from mousetrackd.core.errors import BlindError


class Server:
    """As much of a display as says whether it is XWayland: its extensions, and the names of its outputs."""

    def __init__(self, *outputs: str, extensions: tuple[str, ...] = ("RANDR",)) -> None:
        self._outputs = outputs
        self._extensions = extensions

    def screen(self) -> Any:
        numbers = range(len(self._outputs))
        root = SimpleNamespace(xrandr_get_screen_resources_current=lambda: SimpleNamespace(outputs=numbers))
        return SimpleNamespace(root=root)

    def has_extension(self, name: str) -> bool:
        # As python-xlib's: of the two it has code for one.
        return name == "RANDR" and name in self._extensions

    def query_extension(self, name: str) -> object | None:
        return SimpleNamespace() if name in self._extensions else None

    def xrandr_get_output_info(self, output: int, _config_timestamp: int) -> Any:
        return SimpleNamespace(name=self._outputs[output])

    def get_display_name(self) -> str:
        return ":7"


@pytest.mark.parametrize(
    "server",
    [
        Server("HDMI-1", extensions=("RANDR", "XWAYLAND")),
        Server(extensions=("XWAYLAND",)),
        Server("XWAYLAND0"),
        Server("HDMI-1", "XWAYLAND1"),
    ],
)
def test_an_x_server_inside_wayland_is_refused_by_its_extension_alone_and_by_the_name_of_an_output_alone(
    server: Any,
) -> None:
    with pytest.raises(BlindError, match="the X server :7 sees only part") as raised:
        x11.refuse_xwayland(server)
    assert raised.value.hint


@pytest.mark.parametrize("server", [Server("HDMI-1", "DP-1"), Server(extensions=())])
def test_any_other_x_server_passes(server: Any) -> None:
    x11.refuse_xwayland(server)
