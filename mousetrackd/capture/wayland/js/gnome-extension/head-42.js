// The mousetrackd extension for GNOME Shell 42 to 44.
const {Gio, GLib, Meta, Shell} = imports.gi;
const Main = imports.ui.main;

class MousetrackdExtension {
    enable() {
        this._windows = new Windows(() => this._pointerReporter?.reportChanges());
        this._pointerReporter = new PointerReporter();
    }

    disable() {
        this._pointerReporter.end();
        this._pointerReporter = null;
        this._windows.end();
        this._windows = null;
    }
}

function init() {  // eslint-disable-line no-unused-vars -- GNOME Shell calls it
    return new MousetrackdExtension();
}
