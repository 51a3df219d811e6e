// Runs inside KWin (5.27 and 6) as a scripted effect. Only effects learn of buttons, and they can call no program.
// So each press goes to the window of mousetrackd's own QML script (kwin-clicks.qml), which calls the daemon.
// While that script does not run, and behind a locked screen, this does nothing.
let script = null;
let locked = false;

function look(window) {
    const own = window.internalWindow;
    if (own && own.mousetrackdClicks) {
        script = own;  // it stays valid while it is hidden
        script.found();
    }
}

effects.windowAdded.connect(look);
effects.stackingOrder.forEach(look);
effects.screenLockingChanged.connect(function (isLocked) {
    locked = isLocked;
});
effects.mouseChanged.connect(function (position, before, buttons, buttonsBefore) {
    const pressed = buttons & ~buttonsBefore;
    if (pressed === 0 || script === null || locked) {
        return;
    }
    try {
        script.pressed(position.x, position.y, pressed);
    } catch (gone) {  // the script was unloaded, and its window with it
        script = null;
    }
});
