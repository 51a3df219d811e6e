// Runs inside KWin (Plasma 5.27 and 6): passes on to mousetrackd the presses that its effect (kwin-effect) hands over.
import QtQuick 2.15
import QtQuick.Window 2.15
import org.kde.kwin 3.0 as KWin

QtObject {
    property var daemon: KWin.DBusCall {
        service: "@LISTENER@"  // one connection on the session bus: a call to it is seen by nobody else
        path: "/org/mousetrackd/Pointer"
        dbusInterface: "org.mousetrackd.Pointer"

        function send(name, values) {
            daemon.method = name;
            daemon.arguments = ["@TOKEN@", ...values];
            daemon.call();
        }
    }
    // KWin 5.27 then unloads effects that its settings do not name.
    property var options: Connections {
        target: KWin.Options
        function onConfigChanged() { daemon.send("Reconfigured", []); }
    }
    // The one object that script and effect can share: a pixel without input, shown until the effect has found it.
    property var shared: Window {
        property bool mousetrackdClicks: true
        width: 1
        height: 1
        color: "transparent"
        flags: Qt.FramelessWindowHint | Qt.WindowTransparentForInput | Qt.WindowDoesNotAcceptFocus | Qt.Tool
        visible: true

        function found() {
            Qt.callLater(hide);
            daemon.send("Ready", []);
        }
        function pressed(x, y, buttons) { daemon.send("Pressed", [x, y, buttons]); }
    }
    Component.onCompleted: daemon.send("Loaded", [])
}
