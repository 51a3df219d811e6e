"""X11, through pynput's mouse listener."""
