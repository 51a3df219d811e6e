"""The configuration: a frozen ``Config`` from a TOML file."""

from mousetrackd.config.parsing import number_or_text, parse, with_look
from mousetrackd.config.reading import READ_TIMEOUT_S, load, old_names, read
from mousetrackd.config.schema import (
    ApplicationsConfig,
    Config,
    PageConfig,
    PrivacyConfig,
    SnapshotConfig,
    StoreConfig,
)
from mousetrackd.config.toml_text import to_toml

__all__ = [
    "READ_TIMEOUT_S",
    "ApplicationsConfig",
    "Config",
    "PageConfig",
    "PrivacyConfig",
    "SnapshotConfig",
    "StoreConfig",
    "load",
    "number_or_text",
    "old_names",
    "parse",
    "read",
    "to_toml",
    "with_look",
]
