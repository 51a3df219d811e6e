// The mousetrackd extension for GNOME Shell 42 to 44.
const {Gio, GLib, Meta, Shell} = imports.gi;
const Main = imports.ui.main;

class MousetrackdExtension {
    enable() {
        this._windows = new Windows(() => this._teller?.tellNews());
        this._teller = new Teller();
    }

    disable() {
        this._teller.end();
        this._teller = null;
        this._windows.end();
        this._windows = null;
    }
}

function init() {  // eslint-disable-line no-unused-vars -- GNOME Shell calls it
    return new MousetrackdExtension();
}
