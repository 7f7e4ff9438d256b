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

# Each file takes the place of the one before at once: a server that runs keeps the library that it has open, where
# writing into that one would crash it, and what is in other trees by a link stays as it is.
staged=$TARGET/staged/$PG
rm -rf "$staged"
cargo pgrx package --pg-config "$TREE/bin/pg_config" --out-dir "$staged"
find "$staged" -type f -printf '/%P\n' | while IFS= read -r file; do
    mkdir -p "${file%/*}"
    cp -p "$staged$file" "$file.new"
    mv -f "$file.new" "$file"
done
rm -rf "$staged"
