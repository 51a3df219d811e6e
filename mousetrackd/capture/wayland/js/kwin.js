// Runs inside KWin (Plasma 5.27 and 6): reports to mousetrackd where the pointer is, at most 20 times a second.
const LISTENER = "@LISTENER@";  // one connection on the session bus: a call to it is seen by nobody else
const TOKEN = "@TOKEN@";  // which only this script and that connection know
const INTERVAL_MS = 50;

const timer = new QTimer();
timer.singleShot = true;
timer.interval = INTERVAL_MS;
timer.timeout.connect(function () {
    const position = workspace.cursorPos;
    callDBus(LISTENER, "/org/mousetrackd/Pointer", "org.mousetrackd.Pointer", "Moved", TOKEN, position.x, position.y);
});

// The timer runs only while the pointer moves, and reports the place where it came to rest, too.
workspace.cursorPosChanged.connect(function () {
    if (!timer.active) {
        timer.start();
    }
});
