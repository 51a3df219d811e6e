// Runs inside KWin (Plasma 5.27 and 6): tells mousetrackd where the pointer is, at most 20 times a second.
const LISTENER = "@LISTENER@";  // one connection on the session bus: a call to it is seen by nobody else
const INTERVAL_MS = 50;

const timer = new QTimer();
timer.singleShot = true;
timer.interval = INTERVAL_MS;
timer.timeout.connect(function () {
    const position = workspace.cursorPos;
    callDBus(LISTENER, "/org/mousetrackd/Pointer", "org.mousetrackd.Pointer", "Moved", position.x, position.y);
});

// The timer runs only while the pointer moves, and tells the place where it came to rest, too.
workspace.cursorPosChanged.connect(function () {
    if (!timer.active) {
        timer.start();
    }
});
