#!/usr/bin/env bash
# Runs the regression or isolation test T and takes what it prints as expected from now on. Read the
# diff that it shows.
source "$(dirname "$0")/env.sh"

cd "$ROOT"
T=${T:-}
if [ -e "tests/pg_regress/sql/$T.sql" ]; then
    stage=regress expected=tests/pg_regress/expected result=tests/pg_regress/results/$T.out
elif [ -e "tests/isolation/specs/$T.spec" ]; then
    stage=isolation expected=tests/isolation/expected result=$TARGET/isolation/results/$T.out
else
    die "T='$T': there is neither tests/pg_regress/sql/$T.sql nor tests/isolation/specs/$T.spec"
fi
expected=$expected/$T.out

# A test without expected output isn't run; one that differs is reported as failed.
log=$TARGET/accept.log
rm -f "$result"
mkdir -p "$(dirname "$expected")"
[ -e "$expected" ] || touch "$expected"
scripts/test.sh $stage >"$log" 2>&1 || true
[ -e "$result" ] || { cat "$log"; die "$T printed nothing"; }
diff -u "$expected" "$result" || true
cp "$result" "$expected"
