"""A ``systemctl --user`` that notes what it is asked, and does as much of it as can be seen in files."""

from pathlib import Path

_SCRIPT = """#!/bin/sh
cd "{folder}"
shift  # --user
echo "$*" >>calls
unit="$XDG_CONFIG_HOME/systemd/user/mousetrackd.service"
link="$XDG_CONFIG_HOME/systemd/user/graphical-session.target.wants/mousetrackd.service"
if [ -e "fail-$1" ]; then cat "fail-$1" >&2; exit 1; fi
case "$*" in
    show-environment) cat environment ;;
    show*)
        if ! [ -e "$unit" ]; then echo LoadState=not-found; exit; fi
        printf 'LoadState=loaded\\nNRestarts=0\\nActiveState=%s\\n' "$(cat active 2>/dev/null || echo inactive)"
        if [ -e "$link" ]; then echo UnitFileState=enabled; else echo UnitFileState=disabled; fi ;;
    is-enabled*) if [ -e "$link" ]; then echo enabled; else echo disabled; exit 1; fi ;;
    is-active*) cat active 2>/dev/null || {{ echo inactive; exit 3; }} ;;
    enable*) mkdir -p "$(dirname "$link")" && ln -s ../mousetrackd.service "$link" ;;
    disable*) rm -f "$link" active ;;
    start* | restart*) echo active >active ;;
    daemon-reload) ;;
    *) echo "not known to this systemctl: $*" >&2; exit 1 ;;
esac
"""


class FakeSystemctl:
    """An executable file ``systemctl``, alone in its folder ``bin``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "systemd"
        self.bin = self._folder / "bin"
        self.bin.mkdir(parents=True)
        self.knows_display(yes=True)
        script = self.bin / "systemctl"
        script.write_text(_SCRIPT.format(folder=self._folder))
        script.chmod(0o755)

    def knows_display(self, *, yes: bool) -> None:
        (self._folder / "environment").write_text("LANG=C\nDISPLAY=:7\n" if yes else "LANG=C\n")

    def fails(self, command: str, why: str) -> None:
        (self._folder / f"fail-{command}").write_text(f"{why}\nand more\n")

    def unit_is(self, state: str) -> None:
        (self._folder / "active").write_text(f"{state}\n")

    def changes(self) -> list[str]:
        """What it was asked since the last time, but for mere questions."""
        calls = self._folder / "calls"
        asked = calls.read_text().splitlines() if calls.exists() else []
        calls.unlink(missing_ok=True)
        return [
            call for call in asked if call.split()[0] not in ("show-environment", "show", "is-enabled", "is-active")
        ]
