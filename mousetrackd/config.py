"""The configuration: a frozen Config from a TOML file. Every default is here, with its reason."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from mousetrackd.capture import registry
from mousetrackd.core.errors import ConfigError, LostConfigError, PrivacyError, RefusedError, UsageError
from mousetrackd.core.monitors import SIDE_MAX_PX, Exclusion
from mousetrackd.core.settings import Check, setting, whole
from mousetrackd.picture.colours import OPENCV_MAPS, OWN_MAPS, is_colour
from mousetrackd.picture.look import Look
from mousetrackd.system.trusted_files import LeadsNowhereError, Reader, SlowFileError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


def _are_colormaps(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(colours, list) and len(colours) >= 2 and all(is_colour(c) for c in colours)
        for colours in value.values()
    )


_EXCLUSION = re.compile(r"(?:(\S.*?)\s+)?(-?\d{1,6}),(-?\d{1,6})\s+(\d{1,6})x(\d{1,6})", re.ASCII)


def _are_exclusions(value: object) -> bool:
    """Can each be read, and is none of them empty, so that it would protect nothing?"""
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
        "With 64 the keys of an on-screen keyboard or a PIN pad can hardly be told apart.",
        f"whole pixels from 1 to {SIDE_MAX_PX}",
        whole(1, SIDE_MAX_PX),
    )
    exclude: list[str] = setting(
        [],
        "Rectangles in which nothing is ever counted: X,Y WIDTHxHEIGHT in pixels of the desktop, or of a monitor\n"
        'whose name stands before it: exclude = ["DP-1 100,200 300x50", "0,0 640x480"]. A monitor\'s name is that of\n'
        'its connector, which may change; "#1a2b3c4d" from its name in status is the screen itself, at any connector.',
        'a list of rectangles like "DP-1 100,200 300x50" or "100,200 300x50"',
        _are_exclusions,
    )

    @property
    def exclusions(self) -> list[Exclusion]:
        """``exclude``, read."""
        found = [_EXCLUSION.fullmatch(one) for one in self.exclude]
        return [Exclusion(one[1] or "", *(int(one[number]) for number in range(2, 6))) for one in found if one]


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
    keep_days: int = setting(
        0,
        "Forget what is older than so many days; 0 keeps everything.",
        "whole days from 0 up",
        whole(0, 36500),
    )


@dataclass(frozen=True)
class Config:
    """Everything the user can choose. Made by ``load``; the defaults are ``Config()``."""

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
        "A pointer at rest is credited at most so many milliseconds at a time, so that one left lying does\n"
        "not drown the picture.",
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
    snapshot: SnapshotConfig = field(default_factory=SnapshotConfig)
    store: StoreConfig = field(default_factory=StoreConfig)
    privacy: PrivacyConfig = field(default_factory=PrivacyConfig)
    colormaps: dict[str, list[str]] = setting(
        {},
        'Colour maps of your own, each a list of colours from cold to hot:\nneon = ["#000000", "#ff00ff", "#ffffff"]',
        'lists of at least two colours like "#ff8800"',
        _are_colormaps,
    )


_Table = SnapshotConfig | StoreConfig | PrivacyConfig
_TABLES: Mapping[str, type[_Table]] = {"snapshot": SnapshotConfig, "store": StoreConfig, "privacy": PrivacyConfig}
OLD_NAMES: Mapping[str, Mapping[str, str]] = {
    "store": {
        "hours_days": "keep_hourly_pixels_days",
        "days_days": "keep_daily_pixels_days",
        "months_days": "keep_monthly_pixels_days",
    }
}
"""By table, the names that keys had in 0.1.0, and their names now. Accepted for one release; doctor names them."""
_PRIVACY_WORDS = ("privacy", *(key.name for key in fields(PrivacyConfig)))


READ_TIMEOUT_S = 10.0
"""How long the file's disk may take. One that is mounted at the first look needs seconds."""
_AT_MOST_BYTES = 1 << 20


def load(path: Path) -> Config:
    """Read the file at ``path``; without one, the defaults. Raises ConfigError as ``read`` does."""
    return read(path, Reader()) or Config()


def read(path: Path, reader: Reader, timeout_s: float = READ_TIMEOUT_S) -> Config | None:
    """Read the file at ``path``; None where there is none.

    Raises ConfigError with every problem of the file: the key, what was expected, what is there; PrivacyError where
    it is not known what it says about privacy, as where others may have written it; LostConfigError where its disk
    does not answer or a link leads nowhere.
    """
    text = _text(path, reader, timeout_s)
    return None if text is None else parse(text, str(path))


def old_names(path: Path) -> list[tuple[str, str]]:
    """The names from ``OLD_NAMES`` that the file at ``path`` uses, each with its name now, like ``store.keep_days``.

    Raises ConfigError where it cannot be read.
    """
    document = _document(_text(path, Reader(), READ_TIMEOUT_S) or "", str(path))
    return [
        (f"{table}.{old}", f"{table}.{new}")
        for table, names in OLD_NAMES.items()
        for old, new in names.items()
        if isinstance(found := document.get(table), dict) and old in found
    ]


def _text(path: Path, reader: Reader, timeout_s: float) -> str | None:
    """The file's text; None where there is no file. Raises as ``read`` does."""
    try:
        content = reader.read(path, _AT_MOST_BYTES, timeout_s)
        return content.decode()
    except FileNotFoundError:
        return None
    except (LeadsNowhereError, SlowFileError) as error:
        raise LostConfigError(error.message, error.hint) from error
    except RefusedError as error:
        raise PrivacyError(error.message, error.hint) from error
    except OSError as error:
        raise PrivacyError(f"cannot read {path}: {error.strerror}", "Check what it is, and its permissions.") from error
    except UnicodeDecodeError as error:
        raise _unreadable(
            content.decode("ascii", "replace"), f"{path} is not UTF-8 text (byte {error.start})", "Save it as UTF-8."
        ) from error


def parse(text: str, where: str) -> Config:
    """A Config from TOML text. ``where`` is what errors call it. Raises ConfigError."""
    document = _document(text, where)
    problems: list[str] = []
    values = _checked(Config, document, "", problems)
    for name, table in _TABLES.items():
        inner = document.get(name, {})
        if isinstance(inner, dict):
            values[name] = table(**_checked(table, inner, f"{name}.", problems))
        else:
            problems.append(f"{name}: expected a table [{name}], got {_shown(inner)}")
    _check_colormap(values, problems)
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        kind = PrivacyError if any(_is_about_privacy(problem) for problem in problems) else ConfigError
        refusal = kind(f"{where}: {count}\n" + "\n".join(problems), "See: mousetrackd config --default")
        refusal.privacy = values["privacy"] if kind is ConfigError and "privacy" in document else None
        raise refusal
    return Config(**values)


def _document(text: str, where: str) -> dict[str, Any]:
    """The tables of a TOML text. Raises ConfigError."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a TOMLDecodeError is a ValueError, and so is an endless number
        raise _unreadable(text, f"{where}: {error}", "See: mousetrackd config --default") from error


def _unreadable(text: str, message: str, hint: str) -> ConfigError:
    """The error for a file that is no TOML: whether it says something about privacy, only its words can tell."""
    kind = PrivacyError if any(word in text.lower() for word in _PRIVACY_WORDS) else ConfigError
    return kind(message, hint)


def _is_about_privacy(problem: str) -> bool:
    """Is it in [privacy], or a key or table that was probably meant to be: misspelt, or in the wrong place?"""
    table, _, key = problem.partition(":")[0].rpartition(".")
    misplaced = "unknown key" in problem and difflib.get_close_matches(key.lower(), _PRIVACY_WORDS, 1)
    return "privacy" in (table, key) or bool(misplaced)


def _check_colormap(values: Mapping[str, Any], problems: list[str]) -> None:
    """A colour map's name can only be judged beside the user's own maps."""
    chosen = values["snapshot"].colormap if "snapshot" in values else "auto"
    known = ("auto", *values.get("colormaps", {}), *OWN_MAPS, *OPENCV_MAPS)
    if chosen.lower() not in known and chosen not in known:
        close = difflib.get_close_matches(chosen, known, 1)
        guess = f", did you mean {close[0]}?" if close else f"; there are: {', '.join(known)}"
        problems.append(f'snapshot.colormap: there is no "{chosen}"{guess}')


def _checked(
    kind: type[Config | _Table],
    table: Mapping[str, object],
    prefix: str,
    problems: list[str],
) -> dict[str, Any]:
    """The good values of a table; what is wrong with the others goes to ``problems``."""
    known = {key.name: key for key in fields(kind)}
    renamed = OLD_NAMES.get(prefix.removesuffix("."), {})
    good: dict[str, Any] = {}
    for written, value in table.items():
        name = renamed.get(written, written)
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            problems.append(f"{prefix}{name}: unknown key" + (f", did you mean {close[0]}?" if close else ""))
        elif name != written and name in table:
            problems.append(f"{prefix}{written}: the old name of {name}, which is set too; remove {written}")
        elif name not in _TABLES or prefix:
            if known[name].metadata["check"](value):
                good[name] = value
            else:
                expected = known[name].metadata["expected"]
                shown = _shown(_culprits(value, known[name].metadata["check"]))
                problems.append(f"{prefix}{written}: expected {expected}, got {shown}")
    return good


def _culprits(value: object, check: Check) -> object:
    """Of a list, the entries that are bad by themselves: after many good ones they would be cut off."""
    return (isinstance(value, list) and [one for one in value if not check([one])]) or value


def _shown(value: object) -> str:
    try:
        text = _toml(value)
    except ValueError:  # Python does not write out a number of thousands of digits
        return "a number of thousands of digits"
    return text if len(text) <= 60 else text[:57] + "..."


def with_look(look: SnapshotConfig, options: Mapping[str, object], users_maps: Mapping[str, object]) -> SnapshotConfig:
    """``look`` with a command's options laid over it. Raises UsageError naming every one that is not good."""
    problems: list[str] = []
    changed = replace(look, **_checked(SnapshotConfig, options, "--", problems))
    _check_colormap({"snapshot": changed, "colormaps": users_maps}, problems)
    if problems:
        raise UsageError("\n".join(problem.replace("snapshot.", "--") for problem in problems), "See: --help")
    return changed


def number_or_text(text: str) -> float | str:
    """A number where ``text`` is one."""
    try:
        return float(text)
    except ValueError:
        return text


def to_toml(config: Config, *, comments: bool) -> str:
    """The configuration as a TOML file; with comments, what ``mousetrackd config --default`` prints."""
    return "\n".join(_lines(config, comments=comments)) + "\n"


def _lines(config: Config, *, comments: bool) -> Iterator[str]:
    plain = [key for key in fields(Config) if key.name not in (*_TABLES, "colormaps")]
    yield from _key_lines(config, plain, comments=comments)
    for name, table in _TABLES.items():
        yield from (["", f"# {table.__doc__}"] if comments else [""])
        yield f"[{name}]"
        yield from _key_lines(getattr(config, name), list(fields(table)), comments=comments)
    (own,) = (key for key in fields(Config) if key.name == "colormaps")
    yield ""
    if comments:
        yield from _comment(own.metadata["doc"])
    yield "[colormaps]"
    for name, colours in config.colormaps.items():
        yield f"{_toml(name)} = {_toml(colours)}"


def _key_lines(owner: object, keys: list[Any], *, comments: bool) -> Iterator[str]:
    for key in keys:
        if comments:
            yield ""
            yield from _comment(key.metadata["doc"])
        yield f"{key.name} = {_toml(getattr(owner, key.name))}"


def _toml(value: object) -> str:
    """A string, number, boolean or list as TOML; JSON's are TOML's but for what needs escaping."""
    return json.dumps(value, ensure_ascii=False, default=str).replace("\x7f", "\\u007f")


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in text.splitlines()]
