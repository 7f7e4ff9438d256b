#!/usr/bin/env bash
# Builds the extension, as it would be released, and installs it into the private server of version PG;
# or, with --system, into the server that PG_CONFIG (else the pg_config on the PATH) belongs to.
source "$(dirname "$0")/env.sh"

cd "$ROOT"
if [ "${1:-}" = --system ]; then
    pg_config=$(command -v "${PG_CONFIG:-pg_config}") || die "no pg_config: set PG_CONFIG to the server's"
    major=$("$pg_config" --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/')
    # cargo-pgrx wants every server in its list, too.
    [ "$major" = "$PG" ] || PG=$major exec "$0" --system
    exec env PGRX_PG_CONFIG_PATH="$pg_config" cargo pgrx install --release --pg-config "$pg_config"
fi
exec cargo pgrx install --release --pg-config "$TREE/bin/pg_config"
