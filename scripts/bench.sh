#!/usr/bin/env bash
# Builds the benchmarks and runs those that are named, one after the other.
#
#   bench.sh core        the core's chunking beside other crates' (DOCS=directory: with its documents)
#   bench.sh database    chunk_text, ingestion and memory inside the server
#   bench.sh retrieval   how well the chunks answer questions (BENCH_DATA=directory)
#   bench.sh ranking     how well search ranks documents (DATA=directory, else BENCH_DATA's)
#   bench.sh search      how fast search is for each of many users (CHUNKS=number)
#   bench.sh usage       how fast usage is recorded (SECONDS_EACH, EVENTS, YEAR=number)
#   bench.sh identity    what verifying a token costs, and asking who the caller is
#   bench.sh agents      how fast workers claim and complete requests (DURATION=seconds, PART=throughput, finished or reader)
#
# They print what they measure and fail only when they can't measure it. SMALLEST=yes runs each once at its smallest
# size, which shows that it runs and measures nothing: `make test-benches`.
source "$(dirname "$0")/env.sh"

here=$ROOT/scripts
export PG
for directory in DOCS DATA; do
    [ -z "${!directory:-}" ] || [ -d "${!directory}" ] || die "$directory=${!directory}: no such directory"
done

# Not in the project's workspace: linting and testing it must not build the rivals.
manifest=$ROOT/benches/Cargo.toml
export SMALLEST=${SMALLEST:-}
if [ "$SMALLEST" ]; then
    # Beside the tests, whose dependencies are there.
    cargo build --quiet --locked --manifest-path "$manifest"
    programs=$TARGET/debug
    export DOCS=$ROOT/benches/smallest BENCH_DATA=$ROOT/benches/smallest
else
    CARGO_TARGET_DIR=$TARGET/benches cargo build --quiet --release --manifest-path "$manifest"
    programs=$TARGET/benches/release
fi

# A fresh database in the private cluster `bench`, which waits for its disk as a real one does, where that is measured.
# What runs by itself at any time is off. Further settings are arguments.
prepare() {
    "$here/cluster.sh" start bench
    if [ $# -gt 0 ]; then configure "$@"; fi
    "$here/cluster.sh" psql bench -d postgres -XAtq -v ON_ERROR_STOP=1 -v fsync="$([ "$SMALLEST" ] && echo off || echo on)" <<'SQL'
set client_min_messages = warning;
alter system set fsync = :fsync;
alter system set autovacuum = off;
alter system set max_wal_size = '32GB';
alter system set checkpoint_timeout = '1h';
select pg_reload_conf() \g /dev/null
drop database if exists carrel with (force);
create database carrel;
select format('create role %I nologin', role) from unnest(array['authenticated', 'service_role']) as role
where role not in (select rolname from pg_roles) \gexec
SQL
    "$here/cluster.sh" psql bench -Xq -v ON_ERROR_STOP=1 -c 'create extension carrel'
}

# Settings that want a restart.
configure() {
    local setting
    for setting; do
        "$here/cluster.sh" psql bench -d postgres -Xq -v ON_ERROR_STOP=1 -c "alter system set $setting"
    done
    "$here/cluster.sh" stop bench
    "$here/cluster.sh" start bench
}

# Stops the server, whatever happens, and leaves nothing: a later build may have other tables.
finish() { "$here/cluster.sh" remove bench; }

for bench; do
    case $bench in
        core) "$programs/core" ;;
        database | retrieval | ranking | search | usage | agents | identity)
            trap finish EXIT
            settings=()
            # Of a server that is meant for a database of this size; all else is as it comes.
            case $SMALLEST$bench in
                search | agents) settings=("shared_buffers = '4GB'") ;;
            esac
            prepare "${settings[@]}"
            CARREL_URL=$("$here/cluster.sh" url bench) CARREL_PGBENCH=$TREE/bin/pgbench "$programs/$bench"
            # Settings of one are not for another.
            if [ ${#settings[@]} -gt 0 ]; then finish; fi
            ;;
        *) die "bench.sh: core, database, retrieval, ranking, search, usage, agents or identity" ;;
    esac
done
