#!/usr/bin/env bash
# Runs the regression test or spec T (its name, with or without its folder) and takes what it prints as expected from
# now on. Read the diff that it shows.
source "$(dirname "$0")/env.sh"

cd "$ROOT"
T=${T:-}
named() { find "tests/$1" -path "tests/$1/$T.$2" -o -path "tests/$1/*/$T.$2"; }
mapfile -t found < <(named pg_regress/sql sql; named concurrency/specs spec)
[ ${#found[@]} != 0 ] || die "T='$T': there is neither such a test in tests/pg_regress/sql nor such a spec in tests/concurrency/specs"
[ ${#found[@]} = 1 ] || die "T='$T' may be any of these: ${found[*]}"
case ${found[0]} in
    *.sql) stage=regress T=${found[0]#tests/pg_regress/sql/} T=${T%.sql} expected=tests/pg_regress/expected ;;
    *) stage=concurrency T=${found[0]#tests/concurrency/specs/} T=${T%.spec} expected=tests/concurrency/expected ;;
esac
export T
expected=$expected/$T.out
result=$TARGET/$stage/results/$T.out

# A test without expected output isn't run; one that differs is reported as failed.
log=$TARGET/accept.log
rm -f "$result"
mkdir -p "$(dirname "$expected")"
[ -e "$expected" ] || touch "$expected"
scripts/test.sh $stage >"$log" 2>&1 || true
[ -e "$result" ] || { cat "$log"; die "$T printed nothing"; }
diff -u "$expected" "$result" || true
cp "$result" "$expected"
