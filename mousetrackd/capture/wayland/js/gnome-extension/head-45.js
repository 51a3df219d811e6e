// The mousetrackd extension for GNOME Shell 45 and later.
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import {Extension} from 'resource:///org/gnome/shell/extensions/extension.js';
import * as Main from 'resource:///org/gnome/shell/ui/main.js';

export default class MousetrackdExtension extends Extension {
    enable() {
        this._teller = new Teller();
    }

    disable() {
        this._teller.end();
        this._teller = null;
    }
}
