#!/usr/bin/env bash
# Has other people's checkers look at carrel: pgrls at the policies of a database that has it (a proof, a lint, and
# the matrix of who may do what), pgspot at its SQL, sqlfluff at how the SQL is written, cargo-deny at the
# dependencies. What is meant to be as it is, and why, is in tests/checkers and deny.toml.
#
#   checkers.sh             run them
#   checkers.sh --accept    take the matrix as expected
source "$(dirname "$0")/env.sh"

cd "$ROOT"
here=tests/checkers
tools=$TOOLS/checkers
if ! cmp -s $here/requirements.txt "$tools/requirements.txt"; then
    say "Installing the checkers into target/tools"
    rm -rf "$tools"
    python3 -m venv "$tools"
    "$tools/bin/pip" --quiet --disable-pip-version-check install --no-deps --requirement $here/requirements.txt
    cp $here/requirements.txt "$tools/requirements.txt"
fi

scripts/cluster.sh start checkers >/dev/null
trap 'scripts/cluster.sh remove checkers' EXIT
scripts/cluster.sh psql checkers -Xq -v ON_ERROR_STOP=1 <<'SQL'
create role authenticated nologin;
create role service_role nologin;
create extension carrel;
SQL
url=$(scripts/cluster.sh url checkers)

passed=0 failed=0
check() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then
        passed=$((passed + 1))
        say "ok      $name"
    else
        failed=$((failed + 1))
        say "FAILED  $name" "$output"
    fi
}

# Every table is proven, but for those of operators, whose rows are of no user.
proof() {
    local report
    report=$("$tools/bin/pgrls" verify --mode "$1" --auth-function carrel.current_user_id \
        --config $here/pgrls.toml --schemas carrel --database-url "$url") || { say "$report"; return 1; }
    say "$report"
    [ "$(awk '/^carrel\./ && $2 == "PROVEN"' <<<"$report" | wc -l)" -gt 10 ] &&
        [ "$(awk '/^carrel\./ && $2 != "PROVEN" { print $1, $2 }' <<<"$report")" = "$operators" ]
}
operators='carrel.jwt_keys UNVERIFIED
carrel.model_prices UNVERIFIED
carrel.plan_limits UNVERIFIED
carrel.plans UNVERIFIED'
lint() { "$tools/bin/pgrls" lint --config $here/pgrls.toml --schemas carrel --database-url "$url"; }
matrix() {
    "$tools/bin/pgrls" matrix --config $here/pgrls.toml --schemas carrel --roles PUBLIC,authenticated,service_role \
        --database-url "$url" >"$tools/matrix.txt"
    if [ "${accept:-}" ]; then cp "$tools/matrix.txt" $here/expected/matrix.txt; fi
    diff -u $here/expected/matrix.txt "$tools/matrix.txt"
}
spot() { "$tools/bin/pgspot" "$@"; }
# migrate() runs these with its search_path pinned, and replaces what begins with a colon.
spot_pinned() {
    { echo 'set search_path to pg_catalog, pg_temp;'; sed -E 's/(^|[^:]):([a-z]+)/\1\2/g' "$1"; } >"$tools/pinned.sql"
    spot "$tools/pinned.sql"
}
dependencies() { "$tools/bin/cargo-deny" --workspace --locked check licenses bans sources; }
style() { "$tools/bin/sqlfluff" lint --disable-progress-bar --config $here/sqlfluff.cfg sql; }

if [ "${1:-}" = --accept ]; then accept=yes; fi
for mode in anon cross-tenant write; do check "pgrls proves isolation ($mode)" proof $mode; done
check "pgrls finds nothing" lint
check "pgrls' matrix of roles and tables is as expected" matrix
check "pgspot finds nothing in the install script" spot "$("$TREE/bin/pg_config" --sharedir)"/extension/carrel--*.sql
shopt -s nullglob
for file in sql/tables/*.sql sql/steps/*.sql sql/rules/*.sql sql/privileges/*.sql sql/embeddings.sql sql/access/*.sql sql/doctor/*.sql sql/operations/*.sql sql/operations/*/*.sql; do check "pgspot finds nothing in $file" spot_pinned "$file"; done
check "sqlfluff finds nothing" style
check "cargo-deny finds nothing" dependencies
say "passed=$passed failed=$failed"
[ $failed = 0 ]
