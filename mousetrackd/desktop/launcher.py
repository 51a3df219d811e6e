"""What the desktop shows of us: a launcher in the menu, its actions, an icon, and a text for software centres.

The launcher opens the page. Its actions are what a tray icon would offer, on every desktop. None of them has a
terminal, so ``from-menu`` shows what goes wrong as a notification.
"""

from __future__ import annotations

import shlex
from importlib import resources
from typing import TYPE_CHECKING, Final

from mousetrackd.desktop.autostart import Launch, Places, entry_value, entry_word
from mousetrackd.desktop.managed_files import XML_MARK, OwnFile, OwnPicture
from mousetrackd.system.paths import APPLICATION_ID

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_ICON_SIZES_PX: Final = (48, 128, 256)
_DRAWING: Final = "scalable"

_CONFIG_DIR: Final = "${XDG_CONFIG_HOME:-$HOME/.config}/mousetrackd"
_OPEN: Final = '"$0" from-menu page --open'
_ACTIONS: Final = {
    "draw": ("Draw a picture now", '"$0" from-menu snapshot && "$0" from-menu latest --open'),
    "pause": ("Pause", '"$0" from-menu pause'),
    "resume": ("Resume", '"$0" from-menu resume'),
    "settings": ("Settings folder", f'd="{_CONFIG_DIR}"; mkdir -p -m 700 "$d" && xdg-open "$d"'),
}
"""The name of each action, and what sh runs for it. $0: mousetrackd."""

_START: Final = {"start": ("Start with my session", '"$0" from-menu install')}
"""The action before all others where the launcher is every user's, and nobody is tracked unasked."""


def files(places: Places, launch: Launch) -> list[OwnFile]:
    """The launcher, its icons and its description, to be written for the user. launch: as the daemon is started."""
    own = resources.files(__package__)
    drawing = own.joinpath("icons", "mousetrackd.svg").read_text("utf-8")
    metainfo = own.joinpath("mousetrackd.metainfo.xml").read_text("utf-8")
    icons = [
        OwnPicture(places.icon(f"{px}x{px}"), "", png=own.joinpath("icons", f"mousetrackd-{px}.png").read_bytes())
        for px in _ICON_SIZES_PX
    ]
    return [
        OwnFile(places.launcher, launcher_text(launch)),
        OwnFile(places.icon(_DRAWING), drawing, comment=XML_MARK),
        *icons,
        OwnFile(places.metainfo, metainfo, comment=XML_MARK),
    ]


def paths(places: Places) -> list[Path]:
    """Where ``files`` are."""
    sizes = (_DRAWING, *(f"{px}x{px}" for px in _ICON_SIZES_PX))
    return [places.launcher, places.metainfo, *map(places.icon, sizes)]


def launcher_text(launch: Launch, *, for_every_user: bool = False) -> str:
    """The launcher, as the Desktop Entry Specification has it."""
    return "\n".join(_lines(launch, {**(_START if for_every_user else {}), **_ACTIONS})) + "\n"


def _lines(launch: Launch, actions: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    yield from (
        "[Desktop Entry]",
        "Type=Application",
        "Name=mousetrackd",
        "GenericName=Pointer Heatmap",
        "Comment=See where your mouse pointer goes all day",
        f"Exec={_exec(_OPEN, launch)}",
        f"Icon={APPLICATION_ID}",
        "Terminal=false",
        "StartupNotify=false",
        "Categories=Utility;",
        "Keywords=mouse;pointer;cursor;heatmap;clicks;screen;statistics;",
        f"Actions={''.join(f'{name};' for name in actions)}",
    )
    for name, (title, script) in actions.items():
        yield from ("", f"[Desktop Action {name}]", f"Name={title}", f"Exec={_exec(script, launch)}")


def _exec(script: str, launch: Launch) -> str:
    """The value of Exec= that has sh run the script."""
    exports = "".join(f"export {name}={shlex.quote(path)}; " for name, path in launch.folders.items())
    return entry_value(" ".join(map(entry_word, ("sh", "-c", exports + script, launch.command[0]))))
