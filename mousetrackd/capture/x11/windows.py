"""The windows of an X server: where each is, what lies above it, whose it is, and who has the keyboard.

Asked for are changes of properties of the root window, and of the structure of its children and of the clients in
them: a program that changes its title wakes nobody. The children of the root are the frames of the window manager, and
menus and tooltips, which no manager has.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import Xlib.display
import Xlib.error
from Xlib import X, Xatom
from Xlib.ext import shape

from mousetrackd.core.events import NOBODY, Window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mousetrackd.capture.applications import Identities
    from mousetrackd.core.events import Box

_LOST = (Xlib.error.BadWindow, Xlib.error.BadDrawable, Xlib.error.BadMatch)
"""What a window answers that is gone by now."""

_DEEP: Final = 8
"""A client lies at most so deep in its frame."""

_RECTANGLES_MAX: Final = 256
"""A shape of more is taken as the rectangle that holds it."""

_TRIES: Final = 5
"""Some programs name themselves late: so often an unknown window is looked at again, when something changes."""


@dataclass
class _Top:
    """A child of the root. names: none where it is not known whose it is; tries: how often it was looked for.

    areas: on the desktop; none where it does not get the pointer. hides: what lies below it is not shown.
    """

    client: int = 0
    names: tuple[str, ...] = ()
    tries: int = 0
    areas: tuple[Box, ...] = ()
    content: Box | None = None
    hides: bool = False

    @property
    def is_settled(self) -> bool:
        """Whether it need not be looked at again until something happens to it: a frame may be shown before its client.

        That goes for a window that is not shown as well.
        """
        return not self.areas or self.tries >= _TRIES or self.names not in ((), NOBODY)


@dataclass
class WindowReader:
    """Reads the windows of one display, over a connection of its own. For one thread."""

    display: Xlib.display.Display
    identities: Identities
    _tops: dict[int, _Top] = field(default_factory=dict)
    _stale: set[int] = field(default_factory=set)
    _watched: set[int] = field(default_factory=set)
    _frames: dict[int, int] = field(default_factory=dict)
    _by_base: dict[int, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._root = self.display.screen().root
        self._mask = int(self.display.display.info.resource_id_mask)
        self._has_shapes = self.display.query_extension(shape.extname) is not None
        names = ("_NET_ACTIVE_WINDOW", "_NET_CLIENT_LIST_STACKING", "_NET_SUPPORTING_WM_CHECK", "WM_STATE")
        more = ("_GTK_APPLICATION_ID", "_KDE_NET_WM_DESKTOP_FILE")
        self._atoms = {name: int(self.display.intern_atom(name)) for name in (*names, *more)}
        self._followed = {self._atoms[name] for name in names[:3]}
        self.display.set_error_handler(lambda *_: None)  # of a window that is gone meanwhile

    def select_changes(self) -> None:
        """Have the server report changes, for ``receive``."""
        self._root.change_attributes(event_mask=X.PropertyChangeMask | X.SubstructureNotifyMask)
        self.display.flush()

    def receive(self) -> bool:
        """Take what the server has reported. Returns whether ``read`` may give something else now."""
        has_changed = False
        while self.display.pending_events():
            event = self.display.next_event()
            if event.type == X.PropertyNotify:
                has_changed |= event.window == self._root and event.atom in self._followed
            elif event.type in _STRUCTURE:
                self._stale.add(event.window.id)
                has_changed = True
        return has_changed

    def read(self) -> tuple[tuple[Window, ...], tuple[str, ...]]:
        """The windows, the lowest first, and the names of the application that has the keyboard.

        Raises one of ``display.XLIB_ERRORS`` when the display is gone.
        """
        children = self._root.query_tree().children
        order = [child.id for child in children]
        manager = self._manager()
        clients = self._clients({*order})
        self._tops = {number: top for number, top in self._tops.items() if number in {*order}}
        for child in children:
            top = self._tops.get(child.id)
            is_stale = child.id in self._stale or (top is not None and top.client in self._stale)
            if top is None or is_stale or not top.is_settled or clients.get(child.id, top.client) != top.client:
                self._tops[child.id] = self._look(child, manager, clients.get(child.id, 0))
        self._stale.clear()
        self._watched &= {top.client for top in self._tops.values()}
        tops = [self._tops[number] for number in order]
        # The server gives the numbers of a connection that has ended to another.
        bases = {self._base(number) for number in (*order, *(top.client for top in tops))}
        self._by_base = {base: names for base, names in self._by_base.items() if base in bases}
        self._name(order, manager)
        lowest = max((number for number, top in enumerate(tops) if top.hides), default=-1)
        shown = [top for top in tops[lowest + 1 :] if top.areas]
        return tuple(Window(top.names, top.areas, top.content) for top in shown), self._focus(manager)

    def _look(self, window: Any, manager: int, framed: int) -> _Top:
        """A child of the root as it is now. Its names, once known, stay."""
        before = self._tops.get(window.id, _Top())
        try:
            attributes = window.get_attributes()
            if attributes.map_state != X.IsViewable:
                return _Top(before.client, before.names)
            box = window.get_geometry()
            is_input_only = attributes.win_class == X.InputOnly
            if is_input_only:
                size = self._root.get_geometry()
                covers = box.x <= 0 and box.y <= 0 and box.width >= size.width and box.height >= size.height
                # Mutter keeps minimised windows mapped, below a window of its own that covers the screen.
                return _Top(hides=covers and manager != 0 and self._base(window.id) == manager)
            client = self.display.create_resource_object("window", framed) if framed else window
            content = None if attributes.override_redirect else self._content(client)
            if client.id != window.id and client.id not in self._watched:
                client.change_attributes(event_mask=X.StructureNotifyMask)
                self._watched.add(client.id)
            is_same = before.client == client.id
            names, tries = (before.names, before.tries) if is_same else ((), 0)
            return _Top(client.id, () if names == NOBODY else names, tries, self._areas(window, box), content)
        except _LOST:
            return _Top()

    def _areas(self, window: Any, box: Any) -> tuple[Box, ...]:
        """Where a window gets the pointer: its rectangle with its border, or its shape."""
        edge = 2 * box.border_width
        whole = (box.x, box.y, box.x + box.width + edge, box.y + box.height + edge)
        if not self._has_shapes:
            return (whole,)
        found: list[Box] = [whole]
        left, top = box.x + box.border_width, box.y + box.border_width
        for kind in (shape.SK.Bounding, shape.SK.Input):
            rectangles = window.shape_get_rectangles(kind).rectangles
            boxes = [
                (left + one.x, top + one.y, left + one.x + one.width, top + one.y + one.height) for one in rectangles
            ]
            boxes = boxes if len(boxes) <= _RECTANGLES_MAX else [_bounds(boxes)]
            found = [both for one in found for other in boxes if (both := _common(one, other)) is not None]
        return tuple(found[: _RECTANGLES_MAX * 2])

    def _clients(self, order: set[int]) -> dict[int, int]:
        """The client in each child of the root that is a frame, by the window manager's list."""
        found = self._root.get_full_property(self._atoms["_NET_CLIENT_LIST_STACKING"], X.AnyPropertyType)
        clients = [int(number) for number in found.value] if found is not None else []
        self._frames = {number: top for number, top in self._frames.items() if top in order}
        for number in clients:
            if number not in self._frames or number in self._stale:
                self._frames[number] = self._top_of(number, order)
        return {self._frames[number]: number for number in clients}  # of several in one frame, the topmost

    def _top_of(self, number: int, order: set[int]) -> int:
        """The child of the root in which a window lies; 0 where it is gone."""
        try:
            for _ in range(_DEEP):
                if number in order:
                    return number
                number = self.display.create_resource_object("window", number).query_tree().parent.id
        except (*_LOST, AttributeError):  # the parent of the root is no window
            pass
        return 0

    def _content(self, client: Any) -> Box:
        size = client.get_geometry()
        at = self._root.translate_coords(client, 0, 0)
        return (at.x, at.y, at.x + size.width, at.y + size.height)

    # Names --------------------------------------------------------------------------------------------

    def _name(self, order: list[int], manager: int) -> None:
        """Find out whose each window is of which that is not known. Menus come after the windows of their programs."""
        unknown = [self._tops[number] for number in order if self._tops[number].areas and not self._tops[number].names]
        for top in unknown:
            top.names = self._own_names(top.client) if top.tries < _TRIES else ()
            top.tries += 1
        for top in unknown:
            if not top.names:
                top.names = self._names_by_relation(top.client, manager)

    def _own_names(self, number: int) -> tuple[str, ...]:
        """What a window itself is called; nothing where it has no name."""
        window = self.display.create_resource_object("window", number)
        try:
            properties = [window.get_full_property(atom, X.AnyPropertyType) for atom in self._name_atoms()]
            instance, wm_class = window.get_wm_class() or ("", "")
        except _LOST:
            return ()
        given = [_text(one.value) if one is not None else "" for one in properties]
        names = self.identities.names(*given, wm_class, instance)
        if names:
            self._by_base[self._base(number)] = names
        return names

    def _name_atoms(self) -> Iterator[int]:
        return (self._atoms[name] for name in ("_KDE_NET_WM_DESKTOP_FILE", "_GTK_APPLICATION_ID"))

    def _names_by_relation(self, number: int, manager: int) -> tuple[str, ...]:
        """Whose a window without a name is: that of the window it belongs to, or of the same connection."""
        base = self._base(number)
        if manager and base == manager:
            return NOBODY
        window = self.display.create_resource_object("window", number)
        try:
            owner = window.get_full_property(Xatom.WM_TRANSIENT_FOR, X.AnyPropertyType)
        except _LOST:
            return ()
        names = self._own_names(int(owner.value[0])) if owner is not None and len(owner.value) else ()
        return names or self._by_base.get(base, ())

    def _base(self, number: int) -> int:
        """What distinguishes the connections of an X server: each has numbers of its own for what it makes."""
        return number & ~self._mask

    # The window manager -------------------------------------------------------------------------------

    def _manager(self) -> int:
        """The connection of the window manager; 0 where there is none that says so."""
        check = self._window_in(self._root, "_NET_SUPPORTING_WM_CHECK")
        try:
            window = self.display.create_resource_object("window", check) if check else None
            is_there = window is not None and self._window_in(window, "_NET_SUPPORTING_WM_CHECK") == check
        except _LOST:
            is_there = False
        return self._base(check or 0) if is_there else 0

    def _focus(self, manager: int) -> tuple[str, ...]:
        """The names of the application that has the keyboard; none where nobody reports changes of that."""
        active = self._window_in(self._root, "_NET_ACTIVE_WINDOW") if manager else None
        if active is None:
            focus = self.display.get_input_focus().focus
            return NOBODY if isinstance(focus, int) and focus in (X.NONE, X.PointerRoot) else ()
        if not active:
            return NOBODY
        top = next((top for top in self._tops.values() if top.client == active), None)
        return (top.names if top else ()) or self._own_names(active) or self._names_by_relation(active, manager)

    def _window_in(self, window: Any, name: str) -> int | None:
        found = window.get_full_property(self._atoms[name], X.AnyPropertyType)
        return int(found.value[0]) if found is not None and len(found.value) else None


_STRUCTURE: Final = (
    X.ConfigureNotify,
    X.MapNotify,
    X.UnmapNotify,
    X.ReparentNotify,
    X.DestroyNotify,
    X.CirculateNotify,
    X.GravityNotify,
)
"""Not CreateNotify: a new window is not shown yet."""


def _bounds(boxes: list[Box]) -> Box:
    """The smallest rectangle that holds all of them."""
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)


def _common(one: Box, other: Box) -> Box | None:
    """The pixels of both; None where there are none."""
    left, top = max(one[0], other[0]), max(one[1], other[1])
    right, bottom = min(one[2], other[2]), min(one[3], other[3])
    return (left, top, right, bottom) if left < right and top < bottom else None


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
