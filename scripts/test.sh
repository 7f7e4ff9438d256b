#!/usr/bin/env bash
# Runs stages of the tests against the extension as scripts/build.sh installed it for version PG, then
# prints a line for each with its seconds and exits 1 if any failed.
#
#   test.sh [STAGE…]    lint, unit, pgrx, regress, concurrency, servers, clients, checkers, readme, benches, builds,
#                       upgrade, package, soak; the last three and lint only when they are named
#   T=name test.sh …    only the tests whose names contain this
source "$(dirname "$0")/env.sh"

cd "$ROOT"
T=${T:-}
only=(${T:+"$T"})
regress=tests/pg_regress
concurrency=tests/concurrency
scripts=$ROOT/scripts

# One run at a time per version: they share clusters. flock closes its file, lest a server inherit it.
if [ -z "${CARREL_LOCKED:-}" ]; then
    lock=$TARGET/.testing-$PG
    mkdir -p "$TARGET"
    flock --nonblock "$lock" true || say "Waiting for another test run to finish"
    CARREL_LOCKED=1 exec flock --close "$lock" "$0" "$@"
fi

# Names of the tests (sql, spec) in a directory, with their folders; fails when one lacks what it should print, which
# the runners would take for nothing to do.
tests_in() {
    local directory=$1 kind=$2 suffix=$3 name missing=
    while IFS= read -r name; do
        name=${name%."$suffix"}
        [[ $name = *"$T"* && $name != setup ]] || continue
        if [ -e "$directory/expected/$name.out" ]; then echo "$name"; else missing+=" $name"; fi
    done < <(find "$directory/$kind" -name "*.$suffix" -printf '%P\n' | sort)
    [ -z "$missing" ] || { say "no expected output in $directory/expected:$missing" >&2; return 1; }
}

lint() { "$scripts/lint.sh"; }

# Shows how a run's output differs from the expected, and fails.
differences() {
    head -n 400 "$1" 2>/dev/null || true
    return 1
}

# Optimised a little: property tests run seven times as fast, overflow is still checked.
# The generated texts are the same each time, so that a run says something about a change; another
# PROPTEST_RNG_SEED looks further.
unit() {
    PROPTEST_RNG_SEED=${PROPTEST_RNG_SEED:-1} CARGO_PROFILE_DEV_OPT_LEVEL=1 \
        cargo test --no-fail-fast --package carrel-core -- "${only[@]}"
}

# A debug build: with assertions and checks of overflow.
pgrx() {
    PGRX_HOME=$RUN/pgrx-debug cargo pgrx test --pgdata "$RUN/pgrx-debug" "pg$PG" "${only[@]}"
}

# Those of usage run again where statements write its rows, and print the same.
regress() {
    local status=0
    regress_in_cluster || status=1
    if [ -z "$T" ]; then T=usage/ PGOPTIONS='-c carrel.direct_writes=off' regress_in_cluster || status=1; fi
    return $status
}

# A fresh cluster each time, for roles outlive a database. The session's settings keep what tests print short.
regress_in_cluster() {
    local names folder
    names=$(tests_in $regress sql sql) || return 1
    [ -n "$names" ] || { say "no tests"; return 0; }
    for folder in $regress/sql/*/; do mkdir -p "$TARGET/regress/results/$(basename "$folder")"; done
    # shellcheck disable=SC2086 # a list of names
    PGOPTIONS="-c client_min_messages=warning ${PGOPTIONS:-}" \
        run_regress regress/pg_regress $regress "$TARGET/regress" \
        --dbname=carrel_regress --launcher="$ROOT/$regress/terse.sh" setup $names
}

concurrency() {
    local names
    names=$(tests_in $concurrency specs spec) || return 1
    [ -n "$names" ] || { say "no tests"; return 0; }
    # shellcheck disable=SC2086 # a list of names
    run_regress isolation/pg_isolation_regress $concurrency "$TARGET/concurrency" \
        --dbname=carrel_concurrency --load-extension=carrel $names
}

# A runner of PostgreSQL's own, on a fresh cluster.
run_regress() {
    local runner=$1 input=$2 output=$3 status=0
    shift 3
    "$scripts/cluster.sh" remove test
    "$scripts/cluster.sh" start test
    mkdir -p "$output"
    "$(dirname "$("$TREE/bin/pg_config" --pgxs)")/../test/$runner" --host="$RUN/test" --user=postgres \
        --bindir="$TREE/bin" --inputdir="$input" --outputdir="$output" "$@" || status=1
    "$scripts/cluster.sh" remove test
    [ $status = 0 ] || differences "$output/regression.diffs"
}

# They start their own clusters, as RUN_AS, in directories under CARREL_RUN. Those of usage run again where statements
# write its rows, and those of tenants and attacks with identities that the database verifies, and with the privileges
# that guides have operators grant.
servers() {
    local status=0
    unset ROUNDS
    with_servers servers "${only[@]}" || status=1
    if [ -z "$T" ]; then CARREL_SETTINGS=carrel.direct_writes=off with_servers servers usage:: || status=1; fi
    CARREL_IDENTITY=token kept_from --skip claims || status=1
    CARREL_GRANTS=guide kept_from || status=1
    return $status
}

# Tests of what users are kept from. Those of claims are not about verified identities; how much a server bears (texts of
# a gigabyte, lists of a million) is a quarter of the stage's time, and has nothing to do with who asks.
kept_from() {
    local module others=(--skip attacks::large::)
    for module in $(sed -n 's/^mod \(.*\);$/\1/p' tests/servers/main.rs); do
        case $module in tenants | attacks) ;; *) others+=(--skip "$module::") ;; esac
    done
    with_servers servers "${only[@]}" "$@" "${others[@]}"
}

with_servers() {
    local test=$1
    shift
    as_server mkdir -p -m 0700 "$RUN/servers"
    CARREL_PG_BIN=$TREE/bin CARREL_RUN=$RUN/servers CARREL_RUN_AS=$RUN_AS \
        cargo test --no-fail-fast --package carrel-tests --test "$test" -- "$@"
}

# Through the clients that users have, each its own program.
clients() {
    "$scripts/clients.sh"
    CARREL_CLIENTS_BIN=$TOOLS/clients/bin with_servers clients "${only[@]}"
}

# Those that depend on chance or on patience, with much of both, one after the other; they say what they saw.
soak() {
    export ROUNDS=${ROUNDS:-100}
    with_servers servers --nocapture --test-threads=1 "${only[@]:-faults::}"
}

# From an older PostgreSQL to this one, and from this version of carrel to an invented next one. Builds what is
# missing or older than its source.
upgrade() {
    local old=16 v library
    [ "$PG" -gt $old ] || { say "upgrades go from PostgreSQL $old to a later one: PG=18" >&2; return 1; }
    for v in $old "$PG"; do
        PG=$v "$scripts/setup.sh"
        library=$("$BASE/pg/$v/bin/pg_config" --pkglibdir)/carrel.so
        if [ ! -e "$library" ] || [ -n "$(find src core/src sql Cargo.lock -newer "$library" -print -quit)" ]; then
            PG=$v "$scripts/build.sh"
        fi
    done
    "$scripts/next.sh"
    as_server mkdir -p -m 0700 "$RUN/servers"
    CARREL_OLD_PG_BIN=$BASE/pg/$old/bin CARREL_NEXT_PG_BIN=$TREE-next/bin \
        CARREL_PG_BIN=$TREE/bin CARREL_RUN=$RUN/servers CARREL_RUN_AS=$RUN_AS \
        cargo test --no-fail-fast --package carrel-tests --test upgrade -- "${only[@]}"
}

# Each benchmark runs, once, at its smallest size.
benches() {
    local name began number=0 failed=
    for name in core database retrieval ranking search usage identity agents; do
        [[ $name = *"$T"* ]] || continue
        number=$((number + 1)) began=$SECONDS
        if SMALLEST=yes "$scripts/bench.sh" "$name" >"$TARGET/test-logs/bench-$name" 2>&1; then
            say "ok $number - $name, $((SECONDS - began)) s"
        else
            tail -n 40 "$TARGET/test-logs/bench-$name"
            say "not ok $number - $name"
            failed=yes
        fi
    done
    [ -z "$failed" ]
}

# A build leaves servers alone that run, whichever version they are of.
builds() { "$scripts/builds-test.sh"; }

# What other people's checkers find.
checkers() { "$scripts/checkers.sh"; }

# The SQL of README and docs/ prints what they say, and the page of functions is the catalog's.
readme() {
    local status=0
    "$scripts/functions.sh" || status=1
    "$scripts/readme-sql.sh" || status=1
    return $status
}

# The package, as it is built from what is here now.
package() { "$scripts/package.sh" && "$scripts/package-test.sh"; }

# How many tests passed and failed, as the output of cargo, cargo-pgrx or pg_isolation_regress (up to
# version 15, and later) says.
count() {
    sed 's/\x1b\[[0-9;]*m//g' "$1" | awk '
        /^test result: /                       { passed += $4; failed += $6 }
        /^passed=[0-9]+ failed=[0-9]+/         { split($0, n, /[= ]/); passed += n[2]; failed += n[4] }
        /^test [^:]* \.\.\. ok +[0-9]+ ms|^ok [0-9]+ /  { passed += 1 }
        /^test [^:]* \.\.\. FAILED +[0-9]+ ms|^not ok [0-9]+ / { failed += 1 }
        END { print passed + 0, failed + 0 }'
}

[ $# -gt 0 ] || set -- unit pgrx regress concurrency servers clients checkers readme benches builds
mkdir -p "$TARGET/test-logs"
summary=() passed=0 failed=0 skipped=
for stage; do
    say "" "== $stage, PostgreSQL $PG =="
    log=$TARGET/test-logs/$stage-$PG
    began=$SECONDS
    # In a shell of its own: `set -e` has no effect where the status is asked for.
    set +e
    (set -e; $stage) 2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
    set -e
    read -r good bad < <(count "$log")
    if [ "$status" != 0 ] && [ "$bad" = 0 ]; then bad=1; fi
    if [ "$stage" = lint ] && [ "$status" = 0 ]; then good=1; fi
    passed=$((passed + good)) failed=$((failed + bad))
    outcome=ok
    if grep -q '^skipped: ' "$log"; then outcome=skipped skipped=yes; fi
    if [ "$status" != 0 ]; then outcome=FAILED; fi
    summary+=("$(printf '  %-11s %-7s %5d passed %4d failed %5d s' "$stage" \
        "$outcome" "$good" "$bad" $((SECONDS - began)))")
done
say "" "PostgreSQL $PG" "${summary[@]}" "$passed passed, $failed failed"
if [ $((passed + failed)) = 0 ] && [ -z "$skipped" ]; then die "no test ran"; fi
[ $failed = 0 ]
