"""From TOML text to a Config: every problem is found at once, and what may concern privacy is kept apart."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from mousetrackd.config.schema import (
    OLD_NAMES,
    TABLES,
    ApplicationsConfig,
    Config,
    PrivacyConfig,
    SnapshotConfig,
    Table,
)
from mousetrackd.config.toml_text import toml_value
from mousetrackd.core.errors import ConfigError, PrivacyError, UsageError
from mousetrackd.core.layers import UNITS
from mousetrackd.core.wording import counted
from mousetrackd.picture.colours import REVERSED, find_map, map_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mousetrackd.core.settings import Check

_TWICE = re.compile(r"Cannot declare \((.+)\) twice \(at line (\d+),")
_QUOTED = r"'([^']+)'"
_PRIVACY_TABLES = ("privacy", "applications")
_PRIVACY_WORDS = (*_PRIVACY_TABLES, "deny", *(key.name for key in fields(PrivacyConfig)))


def parse(text: str, where: str) -> Config:
    """A Config from TOML text. ``where`` is what errors call it. Raises ConfigError."""
    document = document_of(text, where)
    problems: list[str] = []
    values = _checked(Config, document, "", problems)
    for name, table in TABLES.items():
        inner = document.get(name, {})
        if isinstance(inner, dict):
            values[name] = table(**_checked(table, inner, f"{name}.", problems))
        else:
            problems.append(f"{name}: expected a table [{name}], got {_shown(inner)}")
    _check_colormaps(values, problems)
    _check_max(values, problems)
    _check_applications(values, problems)
    if problems:
        kind = PrivacyError if any(_is_about_privacy(problem) for problem in problems) else ConfigError
        refusal = kind(
            f"{where}: {counted(len(problems), 'problem')}\n" + "\n".join(problems), "See: mousetrackd config --default"
        )
        if kind is ConfigError:
            refusal.privacy = values["privacy"] if "privacy" in document else None
            refusal.applications = values["applications"] if "applications" in document else None
        raise refusal
    return Config(**values)


def document_of(text: str, where: str) -> dict[str, Any]:
    """The keys and tables of a TOML text. Raises ConfigError."""
    import tomllib  # noqa: PLC0415 - who has no file does without

    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a TOMLDecodeError is a ValueError, and so is an endless number
        if twice := _TWICE.match(str(error)):
            table = f"[{'.'.join(re.findall(_QUOTED, twice[1]))}]"
            message = f"{where}: {table} is there twice, again on line {twice[2]}"
            raise unreadable(text, message, f"Put its lines under the first {table}.") from error
        raise unreadable(text, f"{where}: {error}", "See: mousetrackd config --default") from error


def unreadable(text: str, message: str, hint: str) -> ConfigError:
    """The error for a file that is no TOML. Whether it concerns privacy is decided by the words in it."""
    kind = PrivacyError if any(word in text.lower() for word in _PRIVACY_WORDS) else ConfigError
    return kind(message, hint)


def _is_about_privacy(problem: str) -> bool:
    """Is it in [privacy], or a key or table that was probably meant to be: misspelt, or in the wrong place?"""
    table, _, key = problem.partition(":")[0].rpartition(".")
    misplaced = "unknown key" in problem and _closest(key.lower(), _PRIVACY_WORDS)
    return any(name in (table, key) for name in _PRIVACY_TABLES) or bool(misplaced)


def _check_colormaps(values: Mapping[str, Any], problems: list[str]) -> None:
    """A colour map's name can only be judged beside the user's own maps."""
    if "snapshot" not in values:
        return
    users = values.get("colormaps", {})
    look: SnapshotConfig = values["snapshot"]
    chosen = [("colormap", look.colormap)] if look.colormap != "auto" else []
    for key, name in [*chosen, *(("layer", one) for one in look.maps.values())]:
        if find_map(name, users) is None:
            known = [*(["auto"] if key == "colormap" else []), *map_names(users)]
            close = _closest(name, [*known, *(one + REVERSED for one in map_names(users))])
            guess = f", did you mean {close[0]}?" if close else f"; there are: {', '.join(known)}"
            kind = "" if key == "colormap" else "colour map "
            problems.append(f'snapshot.{key}: there is no {kind}"{name}"{guess}')


def _check_applications(values: Mapping[str, Any], problems: list[str]) -> None:
    """Who denies an application believes that it is not counted."""
    found: ApplicationsConfig | None = values.get("applications")
    if found is not None and found.deny and not found.enabled:
        problems.append("applications.deny: it has no effect while enabled = false; set enabled = true, or remove it")


def _check_max(values: Mapping[str, Any], problems: list[str]) -> None:
    """Whether a maximum may be a time can only be judged beside the layer. Of a command it is judged as it draws."""
    if "snapshot" in values:
        look: SnapshotConfig = values["snapshot"]
        try:
            look.max_heat(UNITS[look.layers[0]])
        except UsageError as error:
            problems.append(f"snapshot.max: {error.message}")


def _checked(
    kind: type[Config | Table],
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
            close = _closest(name, known)
            problems.append(f"{prefix}{name}: unknown key" + (f", did you mean {close[0]}?" if close else ""))
        elif name != written and name in table:
            problems.append(f"{prefix}{written}: the old name of {name}, which is set too; remove {written}")
        elif name not in TABLES or prefix:
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
        text = toml_value(value)
    except ValueError:  # Python does not write out a number of thousands of digits
        return "a number of thousands of digits"
    return text if len(text) <= 60 else text[:57] + "..."


def with_look(look: SnapshotConfig, options: Mapping[str, object], users_maps: Mapping[str, object]) -> SnapshotConfig:
    """``look`` with a command's options laid over it. Raises UsageError naming every one that is not good."""
    problems: list[str] = []
    changed = replace(look, **_checked(SnapshotConfig, options, "--", problems))
    _check_colormaps({"snapshot": changed, "colormaps": users_maps}, problems)
    if problems:
        raise UsageError(
            "\n".join(_as_option(problem.replace("snapshot.", "--")) for problem in problems), "See: --help"
        )
    return changed


def _as_option(problem: str) -> str:
    """A problem whose key is written as the option of that name: "--out-size"."""
    key, colon, rest = problem.partition(":")
    return key.replace("_", "-") + colon + rest


def number_or_text(text: str) -> float | str:
    """A number where ``text`` is one."""
    try:
        return float(text)
    except ValueError:
        return text


def _closest(name: str, known: Iterable[str]) -> list[str]:
    """The one that was probably meant; none where none is like it."""
    import difflib  # noqa: PLC0415 - only for who has misspelt one

    return difflib.get_close_matches(name, [*known], 1)
