"""Everything that was ever counted, in one SQLite file."""
