#!/usr/bin/env bash
# Builds the extension as it would be released and installs it into the private server of version PG;
# or, with --system, into the server that PG_CONFIG (else the pg_config on the PATH) belongs to.
source "$(dirname "$0")/env.sh"

cd "$ROOT"
if [ "${1:-}" = --system ]; then
    pg_config=$(command -v "${PG_CONFIG:-pg_config}") || die "no ${PG_CONFIG:-pg_config}: say PG_CONFIG=…, the path of the server's"
    sudo=()
    if [ ! -w "$("$pg_config" --pkglibdir)" ]; then sudo=(--sudo); fi
    # Against another server's headers than the private one's: built apart, lest each undo the other.
    export CARGO_TARGET_DIR=$TARGET/install PGRX_PG_CONFIG_PATH=$pg_config
    exec cargo pgrx install --release --pg-config "$pg_config" "${sudo[@]}"
fi
exec cargo pgrx install --release --pg-config "$TREE/bin/pg_config"
