// The mousetrackd extension for GNOME Shell 42 to 44.
const {Gio, GLib} = imports.gi;
const Main = imports.ui.main;

class MousetrackdExtension {
    enable() {
        this._teller = new Teller();
    }

    disable() {
        this._teller.end();
        this._teller = null;
    }
}

function init() {  // eslint-disable-line no-unused-vars -- GNOME Shell calls it
    return new MousetrackdExtension();
}
