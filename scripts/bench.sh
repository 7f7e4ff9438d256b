#!/usr/bin/env bash
# Builds the benchmarks and runs those that are named, one after the other.
#
#   bench.sh core        the core's chunking beside other crates'
#   bench.sh database    chunk_text, ingestion and memory inside the server
#   bench.sh retrieval   how well the chunks answer questions (BENCH_DATA=directory)
#
# They print what they measure and fail only when they can't measure it.
source "$(dirname "$0")/env.sh"

# Not in the project's workspace: linting and testing it must not build the rivals.
export CARGO_TARGET_DIR=$TARGET/benches
cargo build --quiet --release --manifest-path "$ROOT/benches/Cargo.toml"

for bench; do
    case $bench in
        core) "$CARGO_TARGET_DIR/release/core" ;;
        *) die "bench.sh: core, database or retrieval" ;;
    esac
done
