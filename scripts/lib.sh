# shellcheck shell=sh
# Sourced by the other scripts from the top of the checkout: brings in what the system lacks, then .venv.
# PYTHON=/path/to/python3 chooses the interpreter; the first suitable one on PATH is taken otherwise.

python='' # the interpreter chosen, once one was looked for
unset PYTHONDONTWRITEBYTECODE # or each of the thousands of processes that are started compiles the package again

# What takes long shows its progress to who watches, and only its errors to who does not.
if [ -t 2 ]; then quietly='' shown=2; else quietly=-qq shown=3; exec 3>/dev/null; fi

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

find_python() {
    for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        python=$(command -v "$name") && "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' && return
    done
    python=''
    return 1
}

# Whether the thing is really there, whoever installed it.
has() {
    case $1 in
        python) find_python ;;
        venv) [ -n "$python" ] && "$python" -c 'import ensurepip, venv' ;;
        headers) [ -n "$python" ] && "$python" -c 'import os, sysconfig as s
open(os.path.join(s.get_path("include"), "Python.h")).close()' ;;
        compiler) cc_works ;;
        libgl) [ -n "$python" ] && "$python" -c 'import ctypes; ctypes.CDLL("libGL.so.1")' ;;
        glib) [ -n "$python" ] && "$python" -c 'import ctypes; ctypes.CDLL("libgthread-2.0.so.0")' ;;
        xorg-dummy) [ -e /usr/lib/xorg/modules/drivers/dummy_drv.so ] || [ -e /usr/lib64/xorg/modules/drivers/dummy_drv.so ] ;;
        qtquick-window) ls -d /usr/lib*/qt[56]/qml/QtQuick/Window* /usr/lib/*/qt[56]/qml/QtQuick/Window* | grep -q . ;;
        typeface) find /usr/share/fonts -name '*.ttf' | grep -q . ;;
        dbusmock) /usr/bin/python3 -c 'import dbusmock' ;; # the system's Python, whichever one was chosen
        *) command -v "$1" ;;
    esac >/dev/null 2>&1
}

# pynput asks for evdev, which is compiled while it installs, with the compiler Python itself was built with.
cc_works() {
    [ -n "$python" ] || return
    cc=${CC:-$("$python" -c 'import sysconfig; print(sysconfig.get_config_var("CC") or "cc")')}
    # shellcheck disable=SC2086  # CC may carry options
    printf '#include <limits.h>\n#include <linux/input.h>\n' | $cc -shared -fPIC -x c -o /dev/null -
}

# A Python beside Debian's default one (python3.12 where python3 is 3.11) has packages of its own.
apt_python() {
    case ${python##*/} in python3.*) echo "${python##*/}" ;; *) echo python3 ;; esac
}

# What Debian and Ubuntu call it.
apt_name() {
    case $1 in
        python) echo python3 ;;
        venv) echo "$(apt_python)-venv" ;;
        headers) echo "$(apt_python)-dev" ;;
        compiler) echo gcc libc6-dev ;;
        libgl) echo libgl1 ;;
        glib) # renamed in Debian 13 and Ubuntu 24.04
            if apt-cache show libglib2.0-0t64 >/dev/null 2>&1; then echo libglib2.0-0t64; else echo libglib2.0-0; fi ;;
        Xvfb) echo xvfb ;;
        xrandr) echo x11-xserver-utils ;;
        Xorg) echo xserver-xorg-core ;;
        xorg-dummy) echo xserver-xorg-video-dummy ;;
        ss) echo iproute2 ;;
        mkfs.ext4) echo e2fsprogs ;;
        mkfs.xfs) echo xfsprogs ;;
        systemd-nspawn) echo systemd-container ;;
        nsenter | fsfreeze) echo util-linux ;;
        dbus-daemon | dbus-send) echo dbus ;; # packages of their own only since Debian 12
        dbusmock) echo python3-dbusmock ;;
        qtquick-window) echo qml-module-qtquick-window2 ;; # with it comes qml-module-qtquick2
        typeface) echo fonts-dejavu-core ;;
        gsettings) echo libglib2.0-bin ;;
        kwin_wayland) echo kwin-wayland ;;
        Xwayland) echo xwayland ;;
        *) echo "$1" ;;
    esac
}

apt_names() {
    names=''
    for thing in $missing; do names="$names $(apt_name "$thing")"; done
    echo "${names# }"
}

# What anyone calls it.
plain_name() {
    case $1 in
        python) echo "Python 3.11 or newer (or name one: PYTHON=/path/to/python3)" ;;
        venv) echo "Python's venv and ensurepip" ;;
        headers) echo "Python's C headers" ;;
        compiler) echo "a C compiler with the C library's and the Linux kernel's headers" ;;
        libgl) echo "libGL.so.1" ;;
        glib) echo "GLib 2 (libgthread-2.0.so.0)" ;;
        xorg-dummy) echo "the X server's dummy driver" ;;
        dbusmock) echo "Python's dbusmock" ;;
        qtquick-window) echo "QtQuick.Window of Qt 5" ;;
        typeface) echo "a typeface (any TrueType one)" ;;
        *) echo "$1" ;;
    esac
}

missing_of() {
    missing='' plain=''
    for thing; do
        has "$thing" && continue
        missing="$missing $thing"
        plain="$plain${plain:+, }$(plain_name "$thing")"
    done
    [ -n "$missing" ]
}

# need THING...: returns with all of them there, or ends with what to type. Asks before it uses sudo.
need() {
    missing_of "$@" || return 0
    command -v apt-get >/dev/null || die "this system lacks: $plain. Install that with its package manager, then run this again."
    as_root=''
    if [ "$(id -u)" -ne 0 ]; then
        as_root=sudo
        if ! command -v sudo >/dev/null || ! [ -t 0 ]; then
            die "this system lacks: $plain. As root type:
    apt-get update && apt-get install --no-install-recommends $(apt_names)"
        fi
        say "This system lacks: $plain."
        printf 'Install with sudo apt-get: %s? [y/N] ' "$(apt_names)" >&2
        read -r answer
        case $answer in [yY]*) ;; *) die "nothing was installed, and it does not work without." ;; esac
    fi
    say "Installing from the system's packages: $plain."
    ${apt_updated:+:} $as_root apt-get -qq update || die "apt-get update failed: see above, then run this again."
    apt_updated=yes
    # shellcheck disable=SC2046,SC2086  # lists of words
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get $quietly install --no-install-recommends -y $(apt_names) >&"$shown" ||
        die "apt-get install $(apt_names) failed: see above, then run this again."
    missing_of "$@" || return 0
    die "apt-get installed $(apt_names), yet this is missing still: $plain."
}

# A venv holds what pyproject.toml asked for then, at this place, for one Python: changed in any, it is old.
installed_key() { printf '%s %s %s' "$PWD" "$(cksum <pyproject.toml)" "$(.venv/bin/python -VV 2>&1)"; }

is_installed() {
    [ -f ".venv/installed$1" ] && [ "$(cat ".venv/installed$1")" = "$(installed_key)" ]
}

# install_venv EXTRA (dev, or empty): .venv with mousetrackd in it, editable. Costs nothing when it is there already.
install_venv() {
    extra=${1:+[$1]}
    if is_installed "$extra" || is_installed "[dev]"; then return; fi
    need python venv headers compiler libgl glib
    if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
        "$python" -m venv --clear .venv || die "$python could not make a virtual environment in $PWD/.venv: see above."
    fi
    say "Installing mousetrackd and what it needs into .venv; the first time takes a minute or two."
    # shellcheck disable=SC2086  # it may be empty
    .venv/bin/python -m pip install $quietly --disable-pip-version-check -e ".$extra" >&"$shown" ||
        die "pip could not install into $PWD/.venv: see above. With the network back, run this again."
    installed_key >".venv/installed$extra"
}

# install_npm NAME@VERSION: into .cache/npm/NAME, by the npm of the dev extra. No lock file: none of them needs others.
install_npm() {
    npm_folder=.cache/npm/${1%@*}
    [ "$(cat "$npm_folder/installed" 2>/dev/null)" = "$1" ] && return
    mkdir -p "$npm_folder"
    PATH="$PWD/.venv/bin:$PATH" npm install --silent --no-package-lock --no-audit --no-fund --prefix "$npm_folder" "$1" >&2 ||
        die "npm could not install $1 into $PWD/$npm_folder: see above. With the network back, run this again."
    echo "$1" >"$npm_folder/installed"
}

# install_browsers NAME...: these, what drives them, and what looks at a page as a screen reader would.
install_browsers() {
    need "$@" typeface
    if ! .venv/bin/python -c 'import playwright' 2>/dev/null; then
        say "Installing what drives browsers into .venv."
        .venv/bin/python -m pip install -q --disable-pip-version-check -e '.[browser]' || die "pip could not install it: see above."
    fi
    install_npm axe-core@4.14.1
}

# start_xvfb FOLDER: a private display; sets DISPLAY and xvfb_pid. Its log goes to FOLDER.
start_xvfb() {
    mkfifo "$1/display"
    PYTHONPATH=tests .venv/bin/python -m support.xserver "$1" >"$1/display" &
    # shellcheck disable=SC2034  # for the caller, to end it
    xvfb_pid=$!
    read -r DISPLAY <"$1/display" || die "Xvfb did not start: see above."
    export DISPLAY
}
