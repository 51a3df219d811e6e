"""Writes the files of a package that are no Python, for whoever makes one: see .github/PACKAGING.md.

    python3 scripts/package_files.py DESTDIR [PREFIX]

Run it in the source tree, with what pyproject.toml asks for installed. PREFIX is /usr where nothing else is said.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mousetrackd.cli.commands import cli
from mousetrackd.desktop import launcher, manual
from mousetrackd.desktop.autostart import Launch, Places, unit_text
from mousetrackd.desktop.managed_files import OwnPicture
from mousetrackd.desktop.systemctl import UNIT


def contents(prefix: Path) -> dict[Path, bytes]:
    """Each file by its place below the prefix."""
    share = Path("share")
    places = Places(config_home=Path("etc"), data_home=share)
    launch = Launch((str(prefix / "bin" / "mousetrackd"), "run"))
    own = [*manual.files(places, cli), *launcher.files(places, launch)]
    units = Path("lib", "systemd")
    return {
        **{file.path: file.png if isinstance(file, OwnPicture) else file.text.encode() for file in own},
        places.launcher: launcher.launcher_text(launch, for_every_user=True).encode(),
        units / "user" / UNIT: unit_text(launch).encode(),
        # Nobody is tracked unasked: each user who wants it runs "mousetrackd install".
        units / "user-preset" / "80-mousetrackd.preset": f"disable {UNIT}\n".encode(),
    }


def main() -> None:
    """Write them below DESTDIR, each for everyone to read."""
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    prefix = Path(sys.argv[2] if len(sys.argv) == 3 else "/usr")
    for place, content in contents(prefix).items():
        path = Path(sys.argv[1]) / prefix.relative_to("/") / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o644)
        print(path)


if __name__ == "__main__":
    main()
