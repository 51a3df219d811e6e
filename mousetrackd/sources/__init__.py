"""Kept for one release: what a daemon of version 0.1.0 that still runs may import when it is resumed."""
