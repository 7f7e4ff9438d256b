#!/usr/bin/env bash
# Private clusters of server version PG, one directory each under target/run: data, log and socket.
#
#   cluster.sh start NAME        make the cluster when there is none, start it, create database carrel
#   cluster.sh psql NAME [ARG…]  psql as superuser on that database, or as the ARGs say
#   cluster.sh url NAME          how a client connects
#   cluster.sh stop [NAME]       stop that one; else every one of that version
#   cluster.sh stop-all          stop every one of this checkout, of any version
#   cluster.sh remove NAME       stop it and delete its data
#
# They listen on a Unix socket only. Whoever reaches it may be anybody, superuser included (trust); so
# it lies in a directory of mode 0700: it is reached by the server's user and by root, who could read
# the data anyway.
source "$(dirname "$0")/env.sh"

command=${1:?}
name=${2:-}
directory=$RUN/$name
pg_ctl=$TREE/bin/pg_ctl
needs_name() { [ -n "$name" ] || die "cluster.sh $command: which cluster?"; }

# A server works in its data directory. Its postmaster.pid alone says little: the number may be another process' by now.
running() {
    local pid
    pid=$(head -n 1 "$1/postmaster.pid" 2>/dev/null) && [ "/proc/$pid/cwd" -ef "$1" ]
}

# Sessions that don't end within a minute don't keep it.
stop() {
    if running "$1"; then
        "$pg_ctl" stop --silent -m fast -D "$1" || "$pg_ctl" stop --silent -m immediate -D "$1"
    fi
}

# Every server below a directory with the clusters of a version. Any version's pg_ctl stops any server.
stop_below() {
    local data
    for data in "$1"/*/data "$1"/pgrx*/*-*; do stop "$data"; done
}

stop_all() {
    local run
    for run in "$BASE"/run/*; do
        for pg_ctl in "$BASE/pg/${run##*/}"/bin/pg_ctl "$BASE"/pg/*/bin/pg_ctl; do
            if [ -e "$pg_ctl" ]; then stop_below "$run"; break; fi
        done
    done
}

psql() { "$TREE/bin/psql" -h "$directory" -U postgres "$@"; }

make_cluster() {
    as_server rm -rf "$directory/new"
    "$TREE/bin/initdb" --pgdata="$directory/new" --username=postgres --auth=trust \
        --encoding=UTF8 --locale=C.UTF-8 --no-instructions >/dev/null
    {
        echo "listen_addresses = ''"
        # Tests don't wait for a disk.
        [ "$name" = demo ] || echo "fsync = off"
    } | as_server tee -a "$directory/new/postgresql.conf" >/dev/null
    as_server mv "$directory/new" "$directory/data"
}

start() {
    [ -e "$pg_ctl" ] || die "no PostgreSQL $PG here yet: run make setup"
    as_server mkdir -p -m 0700 "$directory"
    if [ ! -e "$directory/data" ]; then make_cluster; fi
    if ! running "$directory/data"; then
        as_server rm -f "$directory/data/postmaster.pid"
        "$pg_ctl" start --silent -D "$directory/data" -l "$directory/log" -o "-k $directory" ||
            { tail -n 20 "$directory/log" >&2; die "cluster $name of PostgreSQL $PG didn't start"; }
    fi
    if [ "$(psql -XAtc "select 1 from pg_database where datname = 'carrel'" postgres)" != 1 ]; then
        psql -Xqc 'create database carrel' postgres
    fi
}

case $command in
    start) needs_name; start ;;
    psql) needs_name; shift 2; psql -d carrel "$@" ;;
    url) needs_name; echo "postgresql:///carrel?host=$directory&user=postgres" ;;
    remove) needs_name; stop "$directory/data"; as_server rm -rf "$directory" ;;
    stop) if [ -n "$name" ]; then stop "$directory/data"; else stop_below "$RUN"; fi ;;
    stop-all) stop_all ;;
    *) die "cluster.sh: start, psql, url, stop, stop-all or remove" ;;
esac
