#!/usr/bin/env bash
# Builds while a server of version PG runs, which has carrel loaded, and has the servers of other versions stopped: neither
# stops it, changes the library under it, or ends a session.
source "$(dirname "$0")/env.sh"

cd "$ROOT"
number=0 failed=
check() {
    local what=$1
    shift
    number=$((number + 1))
    if "$@"; then say "ok $number - $what"; else say "not ok $number - $what"; failed=yes; fi
}

scripts/cluster.sh remove beside
trap 'exec 8>&- 9<&-; wait; scripts/cluster.sh remove beside; rm -f "$TARGET/beside"' EXIT
scripts/cluster.sh start beside
scripts/cluster.sh psql beside -Xqc 'create extension carrel'
server() { head -n 1 "$RUN/beside/data/postmaster.pid"; }
library=$("$TREE/bin/pg_config" --pkglibdir)/carrel.so
before=$(server)

# A session that stays open: what it is sent, and what it answers. It has the library loaded.
rm -f "$TARGET/beside"
: >"$TARGET/beside.out"
mkfifo "$TARGET/beside"
scripts/cluster.sh psql beside -XAtq <"$TARGET/beside" > >(exec cat >"$TARGET/beside.out") 2>&1 &
exec 8>"$TARGET/beside"
exec 9<"$TARGET/beside"
ask() {
    local lines wait
    lines=$(wc -l <"$TARGET/beside.out")
    echo "select carrel.current_user_id() is null, count(*) from carrel.chunk_text('A mole digs.', 5);" >&8
    for wait in {1..100}; do
        if [ "$(wc -l <"$TARGET/beside.out")" -gt "$lines" ]; then break; fi
        sleep 0.1
    done
    [ "$(tail -n 1 "$TARGET/beside.out")" = 't|3' ]
}
check "a session is answered" ask
loaded=$(stat -c %i "$library")

check "carrel is built" scripts/build.sh
is_new() { [ "$(stat -c %i "$library")" != "$loaded" ]; }
check "the library is another file, the session's is as it was" is_new
for v in 15 16 17 18; do
    # Of a version that has none here, lest a demo of it is stopped.
    if [ $v != "$PG" ] && [ ! -e "$BASE/run/$v" ]; then check "servers of $v are stopped" env PG=$v scripts/cluster.sh stop; fi
done
runs() { [ "$(server)" = "$before" ]; }
check "the server still runs" runs
check "its session is answered" ask
check "a new session is answered" scripts/cluster.sh psql beside -XAtqc "select count(*) from carrel.chunk_text('A mole digs.', 5)"
[ -z "$failed" ]
