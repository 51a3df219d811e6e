"""The command line of ``scripts/check-wayland``."""

import signal
import sys

import click
from support.report import Report

from wayland import (
    focus_applications,
    gnome,
    gnome_applications,
    kwin,
    kwin_applications,
    newer,
    sway_applications,
    wayfire,
    weston,
    wlroots,
)

PARTS = {
    "kwin": kwin.check,
    "kwin-applications": kwin_applications.check,
    "gnome": gnome.check,
    "gnome-applications": gnome_applications.check,
    "sway": newer.inside("sway", wlroots.sway),
    "sway-applications": newer.inside("sway-applications", sway_applications.check),
    "labwc": newer.inside("labwc", wlroots.labwc),
    "labwc-applications": newer.inside("labwc-applications", focus_applications.labwc),
    "wayfire": newer.inside("wayfire", wayfire.check),
    "wayfire-applications": newer.inside("wayfire-applications", focus_applications.wayfire),
    "weston": newer.inside("weston", weston.check),
    "newer-kwin": newer.inside("newer-kwin", kwin.check),
    "newer-kwin-applications": newer.inside("newer-kwin-applications", kwin_applications.check),
    "newer-gnome": newer.inside("newer-gnome", gnome.check),
    "newer-gnome-applications": newer.inside("newer-gnome-applications", gnome_applications.check),
}


@click.command()
@click.argument("names", nargs=-1, metavar="[PART]...", type=click.Choice([*PARTS]))
def main(names: tuple[str, ...]) -> None:
    """Check the Wayland sources under real compositors. Closes non-zero when something failed.

    Parts: kwin gnome, of this system; sway labwc wayfire weston newer-kwin newer-gnome, which run inside a
    newer Debian and take root. What counts by application is a part of its own, like kwin-applications.

    Example: scripts/check-wayland kwin
    """
    # A signal is an exception here, so that every process that was started is ended.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    report = Report()
    for name in names or PARTS:
        report.run(name, PARTS[name])
    sys.exit(not report.close())


if __name__ == "__main__":
    main()
