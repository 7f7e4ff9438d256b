#!/usr/bin/env bash
# Lets sqlsmith, which invents SQL from the catalog, loose on a database of two users, as one of them. Afterwards
# the server has not crashed, nothing of carrel's failed as it should not, the other user's rows are what they
# were, nobody has seen them, and doctor() and verify_usage() find nothing.
#
#   sqlsmith.sh                   for ten minutes
#   MINUTES=1 SEED=7 sqlsmith.sh  for one; other queries
#   DEBUG=yes sqlsmith.sh         with a debug build of carrel: assertions, checks of overflow
#
# Two of them: one looks at which queries fail, and rolls back; what the other invents is sent by psql, so that it
# commits, and all that it gets to see is looked at.
source "$(dirname "$0")/env.sh"

cd "$ROOT"
MINUTES=${MINUTES:-10}
SEED=${SEED:-1}
here=$ROOT/tests/sqlsmith
alice=a11ce000-0000-4000-8000-000000000001
bob=b0b00000-0000-4000-8000-000000000002
mark=bobsmark
scripts/setup.sh --sqlsmith

if [ -n "${DEBUG:-}" ]; then
    cargo pgrx install --pg-config "$TREE-debug/bin/pg_config"
    export CARREL_TREE=$TREE-debug TREE=$TREE-debug
fi
scripts/cluster.sh remove sqlsmith
scripts/cluster.sh start sqlsmith
trap 'scripts/cluster.sh remove sqlsmith' EXIT
log=$RUN/sqlsmith/log
out=$TARGET/sqlsmith
rm -rf "$out"
mkdir -p "$out"
admin() { scripts/cluster.sh psql sqlsmith -XAtq -v ON_ERROR_STOP=1 -v "alice=$alice" -v "bob=$bob" -v "mark=$mark" "$@"; }
as_alice="host=$RUN/sqlsmith dbname=carrel user=authenticated"

say "Filling a database"
admin -v "claims={\"sub\": \"$alice\"}" -f "$here/fill.sql" >/dev/null
# The SQLSTATE and the place in the source, which verbose errors have, tell whose error it is.
admin -c "alter system set log_line_prefix = '%m [%p] '" -c "alter system set log_error_verbosity = verbose" \
    -c "alter system set log_min_messages = notice" -c "alter system set track_functions = 'all'" -c "select pg_reload_conf()" >/dev/null
admin -f "$here/of_bob.sql" >"$out/before"
queries_so_far() { admin -c "select xact_commit + xact_rollback from pg_stat_database where datname = 'carrel'"; }
lines=$(wc -l <"$log")
before=$(queries_so_far)

# Both start again now and then: a setting that a query made, or a server that is gone, ends with the session.
ends=$((SECONDS + MINUTES * 60))
looks_at_failures() {
    local seed=$SEED left
    while left=$((ends - SECONDS)) && [ $left -gt 0 ]; do
        # Half of the time among all functions, half among carrel's.
        local path=public
        if [ $((seed % 2)) = 0 ]; then path=smith,pg_catalog; fi
        timeout --kill-after=5 $((left < 60 ? left : 60)) sqlsmith --verbose --seed=$seed \
            --target="$as_alice options=-csearch_path=$path" >>"$out/failures" 2>&1 || true
        seed=$((seed + 1))
    done
}
commits() {
    local seed=$SEED left
    while left=$((ends - SECONDS)) && [ $left -gt 0 ]; do
        admin -c "call smith.move_in('$alice', 200)" >/dev/null
        timeout --kill-after=5 $((left < 60 ? left : 60)) sqlsmith --dry-run --seed=$((seed + 1000)) \
            --target="$as_alice options=-csearch_path=smith,pg_catalog" 2>>"$out/generator" |
            timeout --kill-after=5 $((left < 70 ? left + 1 : 61)) "$TREE/bin/psql" -XAt -v VERBOSITY=sqlstate "$as_alice" 2>&1 |
            tee >(wc -l >>"$out/lines") | grep -aFi -e "$mark" -e "$bob" >>"$out/seen" || true
        seed=$((seed + 1))
    done
}
say "$MINUTES minutes of queries, seed $SEED"
looks_at_failures & first=$!
commits & second=$!
wait $first $second

failed=0
passed=0
check() {
    if [ "$2" = "${3:-}" ]; then
        passed=$((passed + 1))
        say "ok      $1"
    else
        failed=$((failed + 1))
        say "FAILED  $1" "$2"
    fi
}
tail -n +$((lines + 1)) "$log" >"$out/log"
# Lest these queries count.
after=$(queries_so_far || echo 0)
# Lines of an error: its SQLSTATE and message, then the place in the source that raised it.
of_carrel=$(awk '/ (ERROR|FATAL|PANIC):  XX/ { error = $0 } / LOCATION: / { if (error ~ /./ && $0 ~ /carrel:|\.rs:/) print error "\n" $0; error = "" }
    / (ERROR|FATAL|PANIC):  [^X]/ { error = "" }' "$out/log" | head -n 40)
check "no server process crashed" \
    "$(grep -aE 'PANIC:|TRAP:|terminated by signal|server process .* exited|panicked at' "$out/log" | head -n 20)"
check "nothing of carrel's failed as it should not" "$of_carrel"
check "nobody saw what is Bob's" "$(head -n 20 "$out/seen" | cut -c 1-500)"
check "nor was it logged" "$(grep -aFi -e "$mark" -e "$bob" "$out/log" | head -n 20 | cut -c 1-500)"
check "Bob's rows are what they were" "$(admin -f "$here/of_bob.sql" | diff "$out/before" - | head -n 20)"
check "doctor() finds nothing" "$(admin -c "select check_name, detail from carrel.doctor() where not ok")"
check "verify_usage() finds nothing" "$(admin -c "select * from carrel.verify_usage()")"
# A run in which all was refused says nothing.
called=$(admin -c "select count(*) from pg_stat_user_functions where schemaname = 'carrel'")
check "most of what Alice may call was called" "$([ "$called" -ge 30 ] || echo "$called functions")"
ran=$((after - before))
check "queries ran" "$([ $ran -gt $((MINUTES * 100)) ] || echo "$ran only")"
check "what was committed was seen" "$([ "$(awk '{ n += $1 } END { print n + 0 }' "$out/lines")" -gt $((MINUTES * 100)) ] || echo "$out/lines")"

say "" "$ran transactions, $((ran / (MINUTES * 60)))/s; errors by SQLSTATE:"
grep -aoE ' (ERROR|FATAL|PANIC):  [0-9A-Z]{5}' "$out/log" | awk '{ print $2 }' | sort | uniq -c | sort -rn
say "" "$(admin -c "select format('%s calls of %s functions of carrel''s', sum(calls), count(*)) from pg_stat_user_functions where schemaname = 'carrel'")"
say "" "errors of carrel's by SQLSTATE:"
awk '/ (ERROR|FATAL|PANIC):  / { match($0, /:  [0-9A-Z]+:/); state = substr($0, RSTART + 3, 5) } / LOCATION: / { if ($0 ~ /carrel:|\.rs:/ && state != "") print state; state = "" }' \
    "$out/log" | sort | uniq -c | sort -rn
say "passed=$passed failed=$failed"
[ $failed = 0 ]
