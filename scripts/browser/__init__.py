"""The page in real browsers: what scripts/check-page runs."""
