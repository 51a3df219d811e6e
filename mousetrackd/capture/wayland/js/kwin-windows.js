// Runs inside KWin (Plasma 5.27 and 6): reports to mousetrackd which windows there are, the lowest first, as soon as
// one is opened, closed, moved, resized, restacked or activated. Titles are neither read nor followed.
const LISTENER = "@LISTENER@";  // one connection on the session bus: a call to it is seen by nobody else
const TOKEN = "@TOKEN@";  // which only this script and that connection know
const GATHER_MS = 10;  // a window that is raised makes several changes at once
const PACE_MS = 50;  // a window that is dragged moves with every motion
const WINDOWS_MAX = 500;
const NAME_MAX = 200;

const isSix = workspace.windowActivated !== undefined;
const changes = [
    "frameGeometryChanged", "clientGeometryChanged", "stackingOrderChanged", "minimizedChanged", "hiddenChanged",
    "desktopChanged", "desktopsChanged", "activitiesChanged", "desktopFileNameChanged", "windowClassChanged",
];
let reported = "";
let reportedAt = 0;

const timer = new QTimer();
timer.singleShot = true;
timer.timeout.connect(report);

function windows() {
    return isSix ? workspace.stackingOrder.filter((window) => window)
        : workspace.clientList().filter((window) => window).sort((one, other) => one.stackingOrder - other.stackingOrder);
}

function isOnDesktop(window) {
    if (window.onAllDesktops) {
        return true;
    }
    return isSix ? window.desktops.some((one) => one.id === workspace.currentDesktop.id)
        : window.desktop === workspace.currentDesktop;
}

// KWin's own windows, which have no process of their own, are not among what 5.27 lists.
function isShown(window) {
    const hasActivity = window.activities.length === 0 || window.activities.includes(workspace.currentActivity);
    const isPassedThrough = window.onScreenDisplay || window.dndIcon;  // the pointer goes to what is below
    return !(window.minimized || window.hidden || window.deleted || isPassedThrough) && isOnDesktop(window) &&
        hasActivity;
}

function isMenu(window) {
    return window.popupWindow || window.tooltip || window.comboBox;
}

// A menu on Wayland has no name of its own but that of a process.
function names(window) {
    if (isMenu(window) && window.transientFor) {
        return names(window.transientFor);
    }
    return [window.desktopFileName, window.resourceClass].map((name) => String(name || "").slice(0, NAME_MAX));
}

function box(geometry) {
    return [geometry.x, geometry.y, geometry.width, geometry.height];
}

function report() {
    const shown = windows().filter(isShown).slice(-WINDOWS_MAX).map((window) => [
        names(window), box(window.frameGeometry),
        isMenu(window) ? null : box(window.clientGeometry || window.frameGeometry),
    ]);
    const active = isSix ? workspace.activeWindow : workspace.activeClient;
    const text = JSON.stringify({windows: shown, focus: active ? names(active) : null});
    reportedAt = Date.now();
    if (text !== reported) {
        reported = text;
        callDBus(LISTENER, "/org/mousetrackd/Pointer", "org.mousetrackd.Pointer", "Windows", TOKEN, text);
    }
}

function reportSoon() {
    if (!timer.active) {
        const sinceMs = Date.now() - reportedAt;
        timer.interval = sinceMs < 0 ? PACE_MS : Math.max(PACE_MS - sinceMs, GATHER_MS);
        timer.start();
    }
}

function follow(window) {
    changes.filter((name) => window[name] !== undefined).forEach((name) => window[name].connect(reportSoon));
}

windows().forEach(follow);
(isSix ? workspace.windowAdded : workspace.clientAdded).connect(function (window) {
    follow(window);
    reportSoon();
});
(isSix ? workspace.windowRemoved : workspace.clientRemoved).connect(reportSoon);
(isSix ? workspace.windowActivated : workspace.clientActivated).connect(reportSoon);
workspace.currentDesktopChanged.connect(reportSoon);
workspace.currentActivityChanged.connect(reportSoon);
report();
