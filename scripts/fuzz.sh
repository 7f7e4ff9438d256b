#!/usr/bin/env bash
# Runs the core's fuzz targets (core/tests/fuzz), optimised, with assertions and checks of overflow.
#
#   FUZZ_CASES=10000000 fuzz.sh            every target so often
#   T=claims FUZZ_SEED=2 fuzz.sh           one target, with other bytes
#   T=claims FUZZ_SEED=2 FUZZ_CASE=17 …    what failed, again
source "$(dirname "$0")/env.sh"

cd "$ROOT"
T=${T:-}
cargo test --profile fuzz --no-fail-fast --package carrel-core --test fuzz -- --nocapture ${T:+"$T"}
