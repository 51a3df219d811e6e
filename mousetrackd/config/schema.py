"""What a user can configure: every key with its default, what it is for, and what a good value is.

How pictures look is in ``picture.look``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from mousetrackd.capture import registry
from mousetrackd.core.monitors import SIDE_MAX_PX, Exclusion
from mousetrackd.core.settings import is_bool, one_of, setting, whole
from mousetrackd.core.validity import plain_name
from mousetrackd.picture.colours import is_colour
from mousetrackd.picture.look import Look

if TYPE_CHECKING:
    from mousetrackd.core.applications import ApplicationRules


def _are_colormaps(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(colours, list) and len(colours) >= 2 and all(is_colour(c) for c in colours)
        for colours in value.values()
    )


_EXCLUSION = re.compile(r"(?:(\S.*?)\s+)?(-?\d{1,6}),(-?\d{1,6})\s+(\d{1,6})x(\d{1,6})", re.ASCII)


def _are_exclusions(value: object) -> bool:
    """Can each be read, and is none of them empty? An empty one would protect nothing."""
    if not isinstance(value, list):
        return False
    found = [_EXCLUSION.fullmatch(one) if isinstance(one, str) else None for one in value]
    return all(one is not None and int(one[4]) > 0 and int(one[5]) > 0 for one in found)


@dataclass(frozen=True)
class PrivacyConfig:
    """What is counted coarsely, or not at all. A mistake in here, and nothing is counted."""

    click_cell_px: int = setting(
        1,  # what everyone expects of a map of clicks, and what its exports are good for
        "Presses are counted at the centre of squares of so many pixels, before they are ever stored; 1 is exact.\n"
        "With 64 the keys of an on-screen keyboard or a PIN pad can hardly be distinguished.",
        f"whole pixels from 1 to {SIDE_MAX_PX}",
        whole(1, SIDE_MAX_PX),
    )
    exclude: list[str] = setting(
        [],
        "Rectangles in which nothing is ever counted: X,Y WIDTHxHEIGHT in pixels of the desktop, or of a monitor\n"
        'whose name is in front of it: exclude = ["DP-1 100,200 300x50", "0,0 640x480"]. A monitor\'s name is that of\n'
        'its connector, which may change; "#1a2b3c4d" from its name in status is the screen itself, at any connector.',
        'a list of rectangles like "DP-1 100,200 300x50" or "100,200 300x50"',
        _are_exclusions,
    )

    @property
    def exclusions(self) -> list[Exclusion]:
        """``exclude``, read."""
        found = [_EXCLUSION.fullmatch(one) for one in self.exclude]
        return [Exclusion(one[1] or "", *(int(one[number]) for number in range(2, 6))) for one in found if one]


def _are_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) and one.strip() for one in value)


_ALIAS = re.compile(r"\s*([^=]*[^=\s])\s*=\s*([^=]*[^=\s])\s*")


def _are_aliases(value: object) -> bool:
    return _are_names(value) and all(_ALIAS.fullmatch(one) for one in value)  # type: ignore[attr-defined]  # a list by the first half


@dataclass(frozen=True)
class ApplicationsConfig:
    """What is counted for each application as well, and for which nothing is counted. Mistakes end all counting."""

    enabled: bool = setting(
        False,
        "Count time, clicks and the wheel for each application too, and where in its window. Kept are the names of\n"
        "programs, never titles. While this is false, the display is asked nothing about windows.",
        "true or false",
        is_bool,
    )
    allow: list[str] = setting(
        ["*"],
        "The applications that are counted apart, by their names in mousetrackd stats --applications; all others are\n"
        '"other". * is any text.',
        'a list of names like "org.blender.blender" or "steam_app_*"',
        _are_names,
    )
    deny: list[str] = setting(
        [],
        "For these nothing is counted at all, while the pointer is over one or one has the keyboard: games, password\n"
        "managers, remote desktops. While it is not known which is used, nothing is counted either; status says so.",
        'a list of names like "org.keepassxc.keepassxc" or "steam_app_*"',
        _are_names,
    )
    attribute: str = setting(
        "pointer",
        'Whose a click is: "pointer", the window under it, or "focus", the one that has the keyboard, which a click\n'
        "changes only after it was made. A compositor that does not report where windows are makes it the focused one.",
        '"pointer" or "focus"',
        one_of("pointer", "focus"),
    )
    aliases: list[str] = setting(
        [],
        'Other names of a program, to be counted as one: aliases = ["gtkapp.py = org.example.gtkapp"].',
        'a list of pairs like "gtkapp.py = org.example.gtkapp"',
        _are_aliases,
    )

    def rules(self) -> ApplicationRules:
        """The same as the accumulator takes it."""
        from mousetrackd.core.applications import ApplicationRules  # noqa: PLC0415 - numpy costs more than "status" does

        pairs = [_ALIAS.fullmatch(one) for one in self.aliases]
        return ApplicationRules(
            is_on=self.enabled,
            allow=tuple(plain_name(one) for one in self.allow),
            deny=tuple(plain_name(one) for one in self.deny),
            by_focus=self.attribute == "focus",
            aliases={plain_name(one[1]): plain_name(one[2]) for one in pairs if one},
        )


@dataclass(frozen=True)
class SnapshotConfig(Look):
    """How the picture looks; mousetrackd render has options of the same names."""

    over: str = setting(
        "",
        "An image to lie dimmed under the heat, like a screenshot or your wallpaper; empty is none.",
        "the path of an image, or nothing",
        lambda value: isinstance(value, str),
    )
    keep_count: int = setting(
        1008,  # a week of ten-minute snapshots
        "How many dated pictures to keep beside latest.png.",
        "a whole number from 0 up",
        whole(0),
    )
    keep_mb: int = setting(500, "How many megabytes of dated pictures to keep.", "whole megabytes from 0 up", whole(0))


@dataclass(frozen=True)
class StoreConfig:
    """How long counts are kept apart, and kept at all."""

    keep_hourly_pixels_days: int = setting(
        7,
        "How many days to keep the counts of each hour apart; after that, hours are added up into days.",
        "whole days from 1 up",
        whole(1, 36500),
    )
    keep_daily_pixels_days: int = setting(
        14,
        "How many days to keep the counts of each day apart; after that, days are added up into months.",
        "whole days from 1 up",
        whole(1, 36500),
    )
    keep_monthly_pixels_days: int = setting(
        400,
        "How many days to keep the counts of each month apart; after that, months are added up into years.",
        "whole days from 1 up",
        whole(1, 36500),
    )
    keep_hour_cells_days: int | None = setting(
        None,
        "How many days to keep what was counted in each hour, in cells of about 1.5 % of the screen, beside the days,\n"
        'months and years; 0 keeps none. They answer questions like "my Tuesdays 9 to 17 last spring", and are a log\n'
        "of when you worked. Without this line they are kept permanently.",
        "whole days from 0 up, or no such line",
        lambda value: value is None or whole(0, 36500)(value),
    )
    keep_days: int = setting(
        0,
        "Delete what is older than so many days; 0 keeps everything.",
        "whole days from 0 up",
        whole(0, 36500),
    )


FIRST_PICTURE: Final = "first_picture"
BLIND: Final = "blind"
CANNOT_SAVE: Final = "cannot_save"
PAUSED: Final = "paused"
NOTIFICATIONS: Final = (FIRST_PICTURE, BLIND, CANNOT_SAVE, PAUSED)
"""What the daemon may have the desktop show."""


@dataclass(frozen=True)
class PageConfig:
    """The page to browse the past, history.html beside latest.png."""

    interval_s: int = setting(
        0,
        "Seconds after which the page is written again, together with a picture; 0 leaves that to mousetrackd page.\n"
        "A page of a year takes some seconds of CPU time and as much space as its hours.",
        "whole seconds from 0 up",
        whole(0, 86400 * 366),
    )


@dataclass(frozen=True)
class Config:
    """Everything the user can choose. Made by ``reading.load``; the defaults are ``Config()``."""

    checkpoint_interval_s: int = setting(
        60,
        "Seconds between checkpoints: the most that a crash or a power cut can cost.",
        "whole seconds from 1 up",
        whole(1, 86400),
    )
    snapshot_interval_s: int = setting(
        600,
        "Seconds between pictures. None is drawn while nothing changes.",
        "whole seconds from 1 up",
        whole(1, 86400 * 31),
    )
    rest_cap_ms: int = setting(
        5000,
        "A pointer at rest is credited at most so many milliseconds at a time, so that a parked one does\n"
        "not hide all other places.",
        "whole milliseconds from 1 up",
        whole(1),
    )
    warp_px: int = setting(
        1000,
        "A jump farther than this was made by a program, and draws no line. Nor does one of any length by which a\n"
        "game or a remote desktop puts the pointer back to the same pixel again and again.",
        "whole pixels from 1 up",
        whole(1, 10**6),
    )
    source: str = setting(
        "auto",
        'Where events come from: "auto" looks at the session; "pynput" (X11), "kwin", "gnome", "wlroots" (sway,\n'
        'labwc, COSMIC, niri), "hyprland" and "wayfire" force one; "replay:FILE" plays a recording.',
        registry.EXPECTED,
        registry.is_known,
    )
    notifications: list[str] = setting(
        list(NOTIFICATIONS),
        "When the desktop shows a notification: the first picture is ready, nothing can be seen (for a minute), or\n"
        "saved (for five), or tracking has been paused for a week. [] is never.",
        f"a list of any of {', '.join(NOTIFICATIONS)}",
        lambda value: isinstance(value, list) and all(one in NOTIFICATIONS for one in value),
    )
    snapshot: SnapshotConfig = field(default_factory=SnapshotConfig)
    store: StoreConfig = field(default_factory=StoreConfig)
    page: PageConfig = field(default_factory=PageConfig)
    privacy: PrivacyConfig = field(default_factory=PrivacyConfig)
    applications: ApplicationsConfig = field(default_factory=ApplicationsConfig)
    colormaps: dict[str, list[str]] = setting(
        {},
        'Colour maps of your own, each a list of colours from cold to hot:\nneon = ["#000000", "#ff00ff", "#ffffff"]',
        'lists of at least two colours like "#ff8800"',
        _are_colormaps,
    )


Table: TypeAlias = SnapshotConfig | StoreConfig | PageConfig | PrivacyConfig | ApplicationsConfig
TABLES: Final[Mapping[str, type[Table]]] = {
    "snapshot": SnapshotConfig,
    "store": StoreConfig,
    "page": PageConfig,
    "privacy": PrivacyConfig,
    "applications": ApplicationsConfig,
}

OLD_NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "store": {
        "hours_days": "keep_hourly_pixels_days",
        "days_days": "keep_daily_pixels_days",
        "months_days": "keep_monthly_pixels_days",
    }
}
"""By table, the names that keys had in 0.1.0, and their names now. Accepted for one release; doctor names them."""
