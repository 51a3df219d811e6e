"""mousetrackd: where your mouse pointer goes, as a picture that is always up to date."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("mousetrackd")
except PackageNotFoundError:  # a checkout that was never installed still runs
    __version__ = "0+unknown"
