"""What a shell offers as the value of an option: layers, colour maps, monitors, days. Whatever fails offers nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

from mousetrackd.core.errors import MousetrackError
from mousetrackd.system.paths import user_paths

if TYPE_CHECKING:
    import click

Completer = Callable[["click.Context", "click.Parameter", str], list[str]]


def _beginning_with(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.casefold().startswith(incomplete.casefold())]


def values(*names: str) -> Completer:
    """Offer these."""

    def complete(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
        return _beginning_with(incomplete, names)

    return complete


def layers(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Layers, and behind a colon the colour map to draw one in."""
    from mousetrackd.core.layers import CLICKS, LAYERS  # noqa: PLC0415

    layer, colon, begun = incomplete.partition(":")
    if colon:
        return [f"{layer}:{name}" for name in _beginning_with(begun, _colormap_names())]
    return _beginning_with(incomplete, (*LAYERS, CLICKS))


def colormaps(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Every colour map there is, the user's own first."""
    return _beginning_with(incomplete, _colormap_names())


def _colormap_names() -> list[str]:
    from mousetrackd import config  # noqa: PLC0415
    from mousetrackd.picture import colours  # noqa: PLC0415

    try:
        own = config.load(user_paths().config_file).colormaps
    except MousetrackError:  # a bad configuration is reported by the command itself
        own = {}
    return colours.map_names(own)


def monitors(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The names of all monitors in the store, or in the one that --store has named."""
    from mousetrackd.storage.recovery import readable  # noqa: PLC0415

    own = user_paths().store
    path = ctx.params.get("store") or own
    try:
        if not path.exists():
            return []
        with readable(path, elsewhere=path != own) as (store, _):
            known = [*store.monitors().values()]
    except (MousetrackError, OSError):
        return []
    return _beginning_with(incomplete, dict.fromkeys(monitor.output for monitor in known))


def applications(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Every application of which there are counts in the store, or in the one that --store has named."""
    from mousetrackd.storage.store import Store  # noqa: PLC0415

    path = ctx.params.get("store") or user_paths().store
    try:
        if not path.exists():
            return []
        with Store.open_read_only(path) as store:
            return _beginning_with(incomplete, store.applications())
    except (MousetrackError, OSError):
        return []


def days(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Days of the week, one behind the other: "mon,tue", "mon-fri"."""
    from mousetrackd.core.timerange import WEEKDAYS  # noqa: PLC0415

    done = max(incomplete.rfind(","), incomplete.rfind("-")) + 1
    return [incomplete[:done] + day for day in _beginning_with(incomplete[done:], WEEKDAYS)]


def files(*endings: str) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Offer the files there are and, behind a new name, each ending that is possible."""

    def complete(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        name, dot, begun = incomplete.rpartition(".")
        if not dot or "/" in begun:
            name, begun = incomplete, ""
        is_new = bool(name) and not name.endswith("/")
        named = [f"{name}{ending}" for ending in endings if is_new and ending.startswith(f".{begun}")]
        return [CompletionItem(incomplete, type="file"), *map(CompletionItem, named)]

    return complete
