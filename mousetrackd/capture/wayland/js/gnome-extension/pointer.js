
const DAEMON = 'org.mousetrackd.Daemon';
const LOOK_MS = 25;  // a shorter click is missed
const LOOKS_PER_MOVE = 2;  // positions are reported at most every 50 ms
const REST_MS = 1000;  // after so long without any input it looks no more until there is some
const BUTTONS = 0x1f00;  // of Clutter.ModifierType

// Reports to the daemon, while there is one, where the pointer is and which buttons are down. GNOME Shell announces no
// click over another program's window, so this looks at the pointer while the user does something.
class PointerReporter {
    constructor() {
        this._idle = global.backend.get_core_idle_monitor();
        this._daemon = null;
        this._timer = 0;
        this._untilActive = 0;
        this._watch = Gio.bus_watch_name_on_connection(Gio.DBus.session, DAEMON, Gio.BusNameWatcherFlags.NONE,
            (_bus, _name, owner) => this._begin(owner), () => this._rest());
    }

    end() {
        Gio.bus_unwatch_name(this._watch);
        if (this._daemon) {
            this._report('Bye', '(b)', [Main.sessionMode.isLocked]);
        }
        this._rest();
    }

    _begin(owner) {
        this._rest();
        this._daemon = owner;
        this._looks = 0;
        [this._x, this._y, this._buttons] = this._pointer();
        this._report('Hello', '(u)', [this._buttons]);
        this._start();
    }

    _rest() {
        if (this._timer) {
            GLib.source_remove(this._timer);
        }
        if (this._untilActive) {
            this._idle.remove_watch(this._untilActive);
        }
        this._timer = this._untilActive = 0;
        this._daemon = null;
    }

    _start() {
        this._timer = GLib.timeout_add(GLib.PRIORITY_DEFAULT, LOOK_MS, () => this._look());
    }

    // Reports what has changed. Called before windows are reported as well: a press precedes what it does to them.
    reportChanges() {
        const [x, y, buttons] = this._pointer();
        const moved = x !== this._x || y !== this._y;
        if (this._daemon && (buttons !== this._buttons || (moved && this._looks >= LOOKS_PER_MOVE))) {
            [this._x, this._y, this._buttons, this._looks] = [x, y, buttons, 0];
            this._report('Moved', '(ddu)', [x, y, buttons]);
        }
    }

    _look() {
        this._looks++;
        this.reportChanges();
        if (this._idle.get_idletime() < REST_MS) {
            return GLib.SOURCE_CONTINUE;
        }
        this._timer = 0;
        this._untilActive = this._idle.add_user_active_watch(() => {
            this._untilActive = 0;
            this._start();
        });
        return GLib.SOURCE_REMOVE;
    }

    _pointer() {
        const [x, y, modifiers] = global.get_pointer();
        return [x, y, modifiers & BUTTONS];
    }

    _report(method, signature, values) {
        callDaemon(this._daemon, method, signature, values);
    }
}

function callDaemon(daemon, method, signature, values) {
    Gio.DBus.session.call(daemon, '/org/mousetrackd/Pointer', 'org.mousetrackd.Pointer', method,
        new GLib.Variant(signature, values), null, Gio.DBusCallFlags.NO_AUTO_START, -1, null, null);
}
