"""The parts of ``scripts/check-wayland``."""
