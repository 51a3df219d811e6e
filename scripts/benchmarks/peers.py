"""What one would run instead of the daemon's listener. ``python -m benchmarks.peers stock`` or ``poller``."""

import sys
import threading
import time

from pynput import mouse


def _stock() -> None:
    """pynput as it is, and a callback that does nothing."""
    listener = mouse.Listener(on_move=lambda _x, _y: None)
    listener.start()
    listener.wait()
    print("ready", flush=True)
    threading.Thread.join(listener)


def _poller() -> None:
    """Ask where the pointer is 60 times a second, as the best known peer does: by a new Controller each time."""
    print("ready", flush=True)
    while True:
        _ = mouse.Controller().position
        time.sleep(1 / 60)


if __name__ == "__main__":
    {"stock": _stock, "poller": _poller}[sys.argv[1]]()
