"""mousetrackd: where your mouse pointer goes, as a picture that is always up to date."""

__version__ = "0.1.0"
"""Also the package's: pyproject.toml reads it here, for asking importlib.metadata costs more than "status" does."""
