"""Which application a user means: by its identity, WM_CLASS, app_id or the name that its launcher shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mousetrackd.core.errors import UsageError
from mousetrackd.core.validity import plain_name
from mousetrackd.core.wording import printable
from mousetrackd.system import desktop_entries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mousetrackd.system.desktop_entries import DesktopEntry

_SHOWN: Final = 20
_LIKE: Final = 0.6
"""How much alike two names are, 0 to 1, by ``difflib``, for one to be taken for a misspelling of the other."""


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
        names = ", ".join(map(printable, sorted(found)))
        raise UsageError(f'"{printable(given)}" may be several applications', f"Name one: {names}")
    raise UsageError(f'nothing was counted for an application "{printable(given)}"', _what_there_is(name, known))


def _what_there_is(name: str, known: Sequence[str]) -> str:
    """The names that are most like the one given; all of them where none is."""
    import difflib  # noqa: PLC0415 - only for who has misspelt one

    if not known:
        return "There are none; [applications] enabled = true in the configuration counts them."
    near = [one for one in known if name and name in one]
    near += [
        one
        for one in known
        if one not in near and difflib.get_close_matches(name, [one, *one.split(".")], n=1, cutoff=_LIKE)
    ]
    shown = near or known
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    names = ", ".join(map(printable, shown[:_SHOWN])) + more
    return f"Did you mean {names}? All of them: mousetrackd stats --applications" if near else f"There are: {names}"
