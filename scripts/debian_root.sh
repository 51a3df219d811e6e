# shellcheck shell=bash
# Sourced by the checks that make a Debian root (after lib.sh): what they build it from, keep it in, and lend it.
# What they mount and start goes away with them, however they end.

# own_namespaces COMMAND...: run it with the empty folder $DEBIAN_ROOT for its root, among mounts and processes of its
# own, all of which end before the folder is removed; also when this is interrupted.
own_namespaces() {
    local folder status=0
    folder=$(mktemp -d)
    mkdir "$folder/root" "$folder/tmp"
    chmod 755 "$folder" "$folder/root"
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    # In the background, because bash looks at its traps only between commands in the foreground.
    DEBIAN_ROOT=$folder/root TMPDIR=$folder/tmp unshare --mount --pid --fork --kill-child --mount-proc "$@" &
    # shellcheck disable=SC2064  # as they are now
    trap "end_namespaces $! '$folder'" EXIT
    wait $! || status=$?
    exit "$status"
}
end_namespaces() {
    local init
    init=$(pgrep --parent "$1") || true
    if [ -n "$init" ]; then
        kill -KILL "$1"
        wait "$1" 2>/dev/null || true
        tail --pid="$init" --sleep-interval=0.1 -f /dev/null # it ends after all the others
    fi
    rm -rf --one-file-system "$2"
}
root=${DEBIAN_ROOT:-}

apt_mirror() {
    # shellcheck disable=SC2016  # apt fills these in
    apt-get indextargets --format '$(ORIGIN) $(LABEL) $(SITE)' 'Created-By: Packages' |
        awk '$1 == "Debian" && $2 == "Debian" { print $3; exit }'
}

debian_mirror() {
    local mirror=${MIRROR:-$(apt_mirror)}
    if [ -z "$mirror" ]; then apt-get -qq update; mirror=$(apt_mirror); fi
    [ -n "$mirror" ] || die "apt here uses no Debian mirror: run this again with MIRROR=URL of one."
    echo "$mirror"
}

# use_kept NAME: unpack the root kept under that name; fails where there is none of this week.
use_kept() {
    kept="${XDG_CACHE_HOME:-$HOME/.cache}/mousetrackd-checks/$1.tar"
    [ -n "$(find "$kept" -mtime -7 2>/dev/null)" ] && tar --numeric-owner -xf "$kept" -C "$root"
}

# Keep the root as it is now, under the name that use_kept did not find.
keep() {
    mkdir -p "${kept%/*}"
    tar --one-file-system --numeric-owner -cf "$kept.new" -C "$root" .
    mv "$kept.new" "$kept"
}

mount_system() {
    mount -t proc proc "$root/proc"
    mount --rbind /sys "$root/sys"
    mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    mkdir -m 1777 "$root/dev/shm"
    for device in null zero full random urandom tty; do
        : >"$root/dev/$device"
        mount --bind "/dev/$device" "$root/dev/$device"
    done
    mkdir "$root/dev/pts"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
}

# The same file or folder under the same name inside, where it exists here and not there.
lend() {
    if [ -d "$1" ] && [ -z "$(ls -A "$root$1" 2>/dev/null)" ]; then
        mkdir -p "$root$1"
        mount --bind -o ro "$1" "$root$1"
    elif [ -f "$1" ] && ! [ -e "$root$1" ]; then
        install -D -m 644 "$1" "$root$1"
    fi
}

# What decides how apt, pip and TLS reach the network from here.
lend_network() {
    local word
    cp /etc/resolv.conf /etc/hosts "$root/etc/"
    apt-config dump Acquire | grep -v '""' >"$root/etc/apt/apt.conf.d/90network"
    if [ -d /usr/local/share/ca-certificates ]; then
        mkdir -p "$root/usr/local/share/ca-certificates"
        cp -r /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/"
        env -u TMPDIR chroot "$root" update-ca-certificates >/dev/null
    fi
    lend /etc/pip.conf
    [ -d ~/.config/pip ] && mkdir -p "$root/root/.config" && cp -r ~/.config/pip "$root/root/.config/"
    [ -d ~/.pip ] && cp -r ~/.pip "$root/root/"
    mapfile -t network < <(env | grep -iE '^(PIP_[A-Z_]*|[A-Z_]*_CA_BUNDLE|SSL_CERT_(FILE|DIR)|(https?|ftp|all|no)_proxy)=')
    # Files and folders these settings speak of: certificates, wheels, a local index.
    for word in $(printf '%s\n' "${network[@]#*=}"; grep -hs = /etc/pip.conf ~/.config/pip/pip.conf ~/.pip/pip.conf); do
        word=${word#file://}
        case $word in
            */simple | */simple/) lend "${word%/simple*}" ;; # an index's files lie beside its pages
            /?*) lend "$word" ;;
        esac
    done
}

# inside COMMAND...: in the checkout of the bare machine, as its root (or as another: user=ID:ID user_home=/home/NAME).
user=0:0
user_home=/root
home=/ # whoever sources this may choose another
inside() {
    # shellcheck disable=SC2016  # $0 and $@ are the inner shell's
    chroot --userspec="$user" "$root" /usr/bin/env -i "${network[@]}" HOME="$user_home" LANG=C.UTF-8 \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        sh -c 'cd "$0" && exec "$@"' "$home" "$@" </dev/null
}
