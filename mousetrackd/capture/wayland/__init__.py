"""Wayland compositors, each by the way it offers."""
