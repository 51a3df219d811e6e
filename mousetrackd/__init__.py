"""mousetrackd: where your mouse pointer goes, as a picture that is always up to date.

>>> import mousetrackd
>>> picture = mousetrackd.heatmap({(640, 480): 3, (641, 480): 1}, size=(1280, 720), legend=False)
>>> picture
<mousetrackd.Picture 1280x720>

The names in ``__all__`` are the public API. They are loaded when they are first used, so that the import costs nothing.
"""

TYPE_CHECKING = False  # type checkers take it for True; typing's own would cost more than all the rest of this module
if TYPE_CHECKING:
    from mousetrackd.api.arrays import counts, load
    from mousetrackd.api.drawing import heatmap
    from mousetrackd.api.picture import Picture
    from mousetrackd.core.errors import MousetrackError, MousetrackWarning

__version__ = "0.1.0"
"""Also the package's: pyproject.toml reads it here, for asking importlib.metadata costs more than "status" does."""

__all__ = ["MousetrackError", "MousetrackWarning", "Picture", "__version__", "counts", "heatmap", "load"]

_MODULES = {
    "MousetrackError": "core.errors",
    "MousetrackWarning": "core.errors",
    "Picture": "api.picture",
    "counts": "api.arrays",
    "heatmap": "api.drawing",
    "load": "api.arrays",
}


if not TYPE_CHECKING:  # or a checker would let any name pass

    def __getattr__(name: str) -> object:
        """Load a public name at its first use (PEP 562). Raises AttributeError for any other."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415 - the commands never need it

        found: object = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted(__all__)
