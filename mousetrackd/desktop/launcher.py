"""What the desktop shows of us: a launcher in the menu, its actions, an icon, and a text for software centres.

The launcher opens the page. Its actions are what a tray icon would offer, on every desktop. None of them has a
terminal, so ``from-menu`` shows what goes wrong as a notification.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from importlib import resources
from typing import TYPE_CHECKING, Final, TypeAlias

from mousetrackd.desktop.autostart import Launch, Places, entry_value, entry_word, for_env
from mousetrackd.desktop.managed_files import XML_MARK, OwnFile, OwnPicture
from mousetrackd.system.paths import APPLICATION_ID

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ICON_SIZES_PX: Final = (48, 128, 256)
_DRAWING: Final = "scalable"

_CONFIG_DIR: Final = "${XDG_CONFIG_HOME:-$HOME/.config}/mousetrackd"
_Deed: TypeAlias = "str | tuple[str, ...]"
_OPEN: Final = ("page", "--open")
_ACTIONS: Final[Mapping[str, tuple[str, _Deed]]] = {
    "draw": ("Draw a picture now", '"$0" from-menu snapshot && "$0" from-menu latest --open'),
    "pause": ("Pause", ("pause",)),
    "resume": ("Resume", ("resume",)),
    "settings": ("Settings folder", f'd="{_CONFIG_DIR}"; mkdir -p -m 700 "$d" && xdg-open "$d"'),
}
"""The name of each action, and what it does: a command of ours, or a script of sh, where $0 is mousetrackd.

Some launchers understand no quotes within quotes, so a script is there only for what one command cannot do.
"""

_START: Final[Mapping[str, tuple[str, _Deed]]] = {"start": ("Start with my session", ("install",))}
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


def _lines(launch: Launch, actions: Mapping[str, tuple[str, _Deed]]) -> Iterator[str]:
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
    for name, (title, deed) in actions.items():
        yield from ("", f"[Desktop Action {name}]", f"Name={title}", f"Exec={_exec(deed, launch)}")


def _exec(deed: _Deed, launch: Launch) -> str:
    """The value of Exec= that runs a command, or has sh run a script."""
    program = launch.command[0]
    if isinstance(deed, str):
        exports = "".join(f"export {name}={shlex.quote(path)}; " for name, path in launch.folders.items())
        words = ["sh", "-c", exports + deed, program]
    else:
        folders = [f"{name}={path}" for name, path in launch.folders.items()]
        words = [*(["env", *folders] if folders else []), *for_env((program, "from-menu", *deed))]
    return entry_value(" ".join(map(entry_word, words)))
