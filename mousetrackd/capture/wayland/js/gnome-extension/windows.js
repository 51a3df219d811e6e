
const WINDOWS_LISTENER = 'org.mousetrackd.Windows';
const GATHER_MS = 10;  // a window that is raised makes several changes at once
const PACE_MS = 50;  // a window that is dragged moves with every motion
const WINDOWS_MAX = 500;
const NAME_MAX = 200;

// Reports to the daemon, while there is one that asks for it, which windows there are, the lowest first, as soon as one
// is opened, closed, moved, resized, restacked or focused. Titles are neither read nor followed.
// before: called each time before it reports.
class Windows {
    constructor(before) {
        this._before = before;
        this._listener = null;
        this._signals = [];
        this._followed = new Map();
        this._timer = 0;
        this._watch = Gio.bus_watch_name_on_connection(Gio.DBus.session, WINDOWS_LISTENER,
            Gio.BusNameWatcherFlags.NONE, (_bus, _name, owner) => this._begin(owner), () => this._rest());
    }

    end() {
        Gio.bus_unwatch_name(this._watch);
        this._rest();
    }

    _begin(owner) {
        this._rest();
        this._listener = owner;
        this._reported = '';
        this._reportedAt = 0;
        this._tracker = Shell.WindowTracker.get_default();
        this._connect(global.display, 'restacked', 'notify::focus-window');
        this._connect(global.workspace_manager, 'active-workspace-changed');
        this._connect(global.stage, 'notify::is-grabbed', 'notify::key-focus');
        this._connect(Main.overview, 'showing', 'hidden');
        this._signals.push([global.display, global.display.connect('window-created', (_display, window) => {
            this._follow(window);
            this._reportSoon();
        })]);
        this._all().forEach(window => this._follow(window));
        this._report();
    }

    _rest() {
        if (this._timer) {
            GLib.source_remove(this._timer);
        }
        this._timer = 0;
        this._signals.forEach(([object, id]) => object.disconnect(id));
        this._followed.forEach((ids, window) => ids.forEach(id => window.disconnect(id)));
        this._signals = [];
        this._followed.clear();
        this._listener = null;
    }

    _connect(object, ...names) {
        names.forEach(name => this._signals.push([object, object.connect(name, () => this._reportSoon())]));
    }

    _follow(window) {
        if (this._followed.has(window)) {
            return;
        }
        const names = ['position-changed', 'size-changed', 'workspace-changed', 'notify::minimized', 'notify::wm-class',
            'notify::gtk-application-id'];
        const ids = names.map(name => window.connect(name, () => this._reportSoon()));
        ids.push(window.connect('unmanaged', () => {
            this._followed.delete(window);
            this._reportSoon();
        }));
        this._followed.set(window, ids);
    }

    _reportSoon() {
        if (!this._timer && this._listener) {
            const since = GLib.get_monotonic_time() / 1000 - this._reportedAt;
            this._timer = GLib.timeout_add(GLib.PRIORITY_DEFAULT, Math.max(PACE_MS - since, GATHER_MS), () => {
                this._timer = 0;
                this._report();
                return GLib.SOURCE_REMOVE;
            });
        }
    }

    _report() {
        const focus = global.display.focus_window;
        const shown = this._isShellInFront() ? [] : this._all().filter(window => this._isShown(window));
        const windows = shown.slice(-WINDOWS_MAX).map(window => [this._names(window), ...this._boxes(window)]);
        const text = JSON.stringify({windows, focus: focus ? this._names(focus) : null});
        this._reportedAt = GLib.get_monotonic_time() / 1000;
        if (text !== this._reported) {
            this._reported = text;
            this._before();
            callDaemon(this._listener, 'Windows', '(s)', [text]);
        }
    }

    // In the overview, and below a menu of the shell, no window gets the pointer.
    _isShellInFront() {
        return Main.overview.visible || Main.actionMode !== Shell.ActionMode.NORMAL;
    }

    _all() {
        return global.get_window_actors().map(actor => actor.meta_window).filter(window => window);
    }

    // One that was closed is drawn for a while longer.
    _isShown(window) {
        const isPassedThrough = window.get_window_type() === Meta.WindowType.DND;  // the pointer goes to what is below
        return this._followed.has(window) && !window.minimized && !isPassedThrough && window.showing_on_its_workspace();
    }

    // A menu has no name of its own: it is that of the window it belongs to.
    _names(window) {
        const owner = window.get_transient_for();
        const app = this._tracker.get_window_app(window);
        const id = app ? app.get_id() : '';
        const given = [id.startsWith('window:') ? '' : id, window.get_gtk_application_id(), window.get_wm_class()];
        return !given.some(name => name) && owner ? this._names(owner)
            : given.map(name => String(name || '').slice(0, NAME_MAX));
    }

    _boxes(window) {
        const box = rect => [rect.x, rect.y, rect.width, rect.height];
        const frame = window.get_frame_rect();
        const isMenu = window.get_window_type() >= Meta.WindowType.DROPDOWN_MENU;  // and what comes after it
        const content = window.frame_rect_to_client_rect?.(frame) ?? frame;
        return [box(frame), isMenu ? null : box(content)];
    }
}
