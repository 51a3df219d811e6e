"""Weston, headless: a compositor in which nobody may follow the pointer, so that nothing may be recorded."""

from support.report import Report

from wayland.session import Session, must_have

SOCKET = "wayland-weston"


def check(report: Report) -> None:
    """Look at what is said there."""
    with Session() as session:
        program = must_have("weston", "weston")
        command = [program, "--backend=headless", f"--socket={SOCKET}", "--no-config"]
        session.wait_for_display(SOCKET, session.start("weston", command), "weston")
        with session.home.running(state="blind") as daemon:
            problem = " ".join(session.home.status()["problems"])
            report.check("it is blind, and names the compositor", "weston" in problem, problem)
            daemon.stop()
        report.check("and records nothing", session.home.status()["events"] == 0)
