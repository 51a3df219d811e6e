"""Which application a user means: by its identity, WM_CLASS, app_id or the name that its launcher shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mousetrackd.core.errors import UsageError
from mousetrackd.core.validity import plain_name
from mousetrackd.system import desktop_entries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mousetrackd.system.desktop_entries import DesktopEntry

_SHOWN: Final = 20


def find(
    given: str, known: Sequence[str], installed: Callable[[], Iterable[DesktopEntry]] = desktop_entries.installed
) -> str:
    """The identity of the one application of ``known`` that is meant, whatever the case.

    Raises UsageError where none is, or several are, and lists them.
    """
    name = plain_name(given)
    if name in known:
        return name
    found = {one for one in known if name and name in one.split(".")}
    if name:
        found |= {
            plain_name(entry.id)
            for entry in installed()
            if name in (plain_name(entry.wm_class), *map(plain_name, entry.names))
        } & {*known}
    if len(found) == 1:
        return found.pop()
    if found:
        raise UsageError(f'"{given}" may be several applications', f"Name one: {', '.join(sorted(found))}")
    there = ", ".join(known[:_SHOWN]) + (f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else "")
    raise UsageError(
        f'nothing was counted for an application "{given}"',
        f"There are: {there or 'none; [applications] enabled = true in the configuration counts them'}",
    )
