#!/usr/bin/env bash
# Compares docs/functions.md with the functions that the catalog of a fresh database has, and who may call them.
# With --accept, writes the page.
source "$(dirname "$0")/env.sh"

cd "$ROOT"
cluster() { scripts/cluster.sh "$@"; }
page=docs/functions.md
written=$TARGET/functions.md

cluster remove functions
trap 'cluster remove functions' EXIT
cluster start functions
cluster psql functions -XAtq -v ON_ERROR_STOP=1 -f - <scripts/functions.sql | python3 scripts/functions.py >"$written"

count=$(grep -c '^### ' "$written")
if [ "${1:-}" = --accept ]; then
    cp "$written" $page
elif ! diff -u $page "$written"; then
    echo "not ok 1 - $page differs from the catalog: scripts/functions.sh --accept writes it"
    exit 1
fi
echo "ok 1 - $page: $count functions"
