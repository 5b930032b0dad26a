#!/usr/bin/env bash
# Runs a command as on a fresh machine: in a new clone of HEAD, without a target
# directory, and with a PATH that has no Redis or Valkey program.
#
#   scripts/fresh.sh make test
#
# The clone is removed at the end. It has no uncommitted changes.
set -euo pipefail
shopt -s nullglob

[ $# -gt 0 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
root=$(cd "$(dirname "$0")/.." && pwd)
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

git clone --quiet "$root" "$place/clone"

# A directory with such a program is replaced by links to its other files.
path=
IFS=: read -ra directories <<<"$PATH"
for dir in "${directories[@]}"; do
    servers=("$dir"/redis-* "$dir"/valkey-*)
    if [ ${#servers[@]} -gt 0 ]; then
        shadow=$(mktemp -d "$place/bin.XXXXXX")
        ln -s "$(cd "$dir" && pwd)"/* "$shadow/"
        rm -f "$shadow"/redis-* "$shadow"/valkey-*
        dir=$shadow
    fi
    path=${path:+$path:}$dir
done

# No setting of a developer leads out of the clone, except cargo's home with its crates.
unset STREAM_TEST_SERVER REDIS_URL REDIS_ADDR CARGO CARGO_TARGET_DIR \
    CARGO_BUILD_TARGET_DIR CARGO_BUILD_BUILD_DIR
mkdir "$place/cache"
cd "$place/clone"
XDG_CACHE_HOME=$place/cache PATH=$path "$@"
