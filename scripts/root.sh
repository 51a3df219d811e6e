# shellcheck shell=bash disable=SC2154
# Sourced by the scripts that work inside a Debian root of their own: $root is that root, $home the checkout in it. They
# run in namespaces of their own, so every mount and process goes away with them.
#
# The root borrows this machine's way to the network (apt, pip, certificates, proxies) and nothing else of it.

debian_mirror() {
    # shellcheck disable=SC2016  # apt fills these in
    apt-get indextargets --format '$(ORIGIN) $(LABEL) $(SITE)' 'Created-By: Packages' |
        awk '$1 == "Debian" && $2 == "Debian" { print $3; exit }'
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
        chroot "$root" update-ca-certificates >/dev/null
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

# inside COMMAND...: in the checkout of the bare machine, as its root (or as another: user=ID:ID).
user=0:0
inside() {
    # shellcheck disable=SC2016  # $0 and $@ are the inner shell's
    chroot --userspec="$user" "$root" /usr/bin/env -i "${network[@]}" HOME=/root LANG=C.UTF-8 \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        sh -c 'cd "$0" && exec "$@"' "$home" "$@" </dev/null
}
