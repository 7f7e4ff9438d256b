#!/usr/bin/env bash
# Formatting, clippy without a warning (the extension for version PG, the crates beside it and the client's), and
# what README, CONTRIBUTING and META.json say, the language of comments, and circles of imports. Runs all of them, fails if one does.
source "$(dirname "$0")/env.sh"

cd "$ROOT"
# The same artefacts as `cargo pgrx test`.
export PGRX_HOME=$RUN/pgrx-debug
status=0
cargo fmt --all --check || status=1
cargo clippy --workspace --exclude carrel --all-targets -- -D warnings || status=1
cargo clippy --package carrel --all-targets --no-default-features --features "pg$PG pg_test" -- -D warnings || status=1
cargo fmt --manifest-path clients/rust/Cargo.toml --check || status=1
cargo clippy --locked --manifest-path clients/rust/Cargo.toml --all-targets -- -D warnings || status=1
scripts/readme-check.sh || status=1
scripts/meta-check.sh || status=1
scripts/language.py --test || status=1
scripts/language.py || status=1
scripts/circles.py --test || status=1
scripts/circles.py src core/src clients/typescript/src clients/typescript/web clients/typescript/functions || status=1
exit $status
