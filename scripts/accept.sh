#!/usr/bin/env bash
# Runs the regression test T and takes what it prints as expected from now on. Read the diff.
source "$(dirname "$0")/env.sh"

cd "$ROOT/tests/pg_regress"
[ -e "sql/${T:-}.sql" ] || die "which test? T=name of one of tests/pg_regress/sql/*.sql"
rm -f "results/$T.out"
mkdir -p expected
[ -e "expected/$T.out" ] || touch "expected/$T.out"
"$ROOT/scripts/test.sh" regress >/dev/null 2>&1 || true
[ -e "results/$T.out" ] || die "$T didn't run; see make test-regress T=$T"
diff -u "expected/$T.out" "results/$T.out" || true
cp "results/$T.out" "expected/$T.out"
