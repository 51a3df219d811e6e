// The mousetrackd extension for GNOME Shell 45 and later.
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Meta from 'gi://Meta';
import Shell from 'gi://Shell';
import {Extension} from 'resource:///org/gnome/shell/extensions/extension.js';
import * as Main from 'resource:///org/gnome/shell/ui/main.js';

export default class MousetrackdExtension extends Extension {
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
