"""A Config as a TOML file, with a comment for every key."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from mousetrackd.config.schema import TABLES, Config

if TYPE_CHECKING:
    from collections.abc import Iterator


_INSTEAD: Final = {"keep_hour_cells_days": 400}
"""What a commented line of a key shows that has no value unless somebody sets one."""


def to_toml(config: Config, *, comments: bool) -> str:
    """The configuration as a TOML file; with comments, what ``mousetrackd config --default`` prints."""
    return "\n".join(_lines(config, comments=comments)) + "\n"


def _lines(config: Config, *, comments: bool) -> Iterator[str]:
    plain = [key for key in fields(Config) if key.name not in (*TABLES, "colormaps")]
    yield from _key_lines(config, plain, comments=comments)
    for name, table in TABLES.items():
        yield from (["", f"# {table.__doc__}"] if comments else [""])
        yield f"[{name}]"
        yield from _key_lines(getattr(config, name), list(fields(table)), comments=comments)
    (own,) = (key for key in fields(Config) if key.name == "colormaps")
    yield ""
    if comments:
        yield from _comment(own.metadata["doc"])
    yield "[colormaps]"
    for name, colours in config.colormaps.items():
        yield f"{toml_value(name)} = {toml_value(colours)}"


def _key_lines(owner: object, keys: list[Any], *, comments: bool) -> Iterator[str]:
    for key in keys:
        if comments:
            yield ""
            yield from _comment(key.metadata["doc"])
        value = getattr(owner, key.name)
        if value is not None:
            yield f"{key.name} = {toml_value(value)}"
        elif comments:
            yield f"# {key.name} = {_INSTEAD[key.name]}"


def toml_value(value: object) -> str:
    """A string, number, boolean or list as TOML; JSON's are TOML's but for what needs escaping."""
    return json.dumps(value, ensure_ascii=False, default=str).replace("\x7f", "\\u007f")


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in text.splitlines()]
