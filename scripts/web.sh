#!/usr/bin/env bash
# The page: a database in the private cluster `web` with two users, made anew each time, and on this machine a server for the edge
# functions, a worker and the page. Runs until it is interrupted; the cluster stays up until `make stop`.
#
#   PORT=number   where the page is; 8000 unless it is set
source "$(dirname "$0")/env.sh"

export PG
port=${PORT:-8000}
typescript=$ROOT/clients/typescript
ada=018f2f5c-7a00-7000-8000-00000000000a
ben=018f2f5c-7a00-7000-8000-00000000000b

if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then die "port $port is taken: make web PORT=number"; fi
"$ROOT/scripts/clients.sh" --page
# What builds the page may be a program of Node.js'.
PATH=$TOOLS/node/bin:$PATH
"$ROOT/scripts/cluster.sh" start web

# psql as superuser; its directory is that of the documents.
sql() {
    (cd "$ROOT/scripts/web" && PGOPTIONS='-c client_min_messages=warning' \
        "$TREE/bin/psql" -h "$RUN/web" -U postgres -XAtq -v ON_ERROR_STOP=1 "$@")
}

# Nobody but these two logs in: the functions as nobody in particular, until a token says who is asking; the
# worker as a service.
say "A fresh database with two users"
sql -d postgres <<'SQL'
drop database if exists carrel with (force);
create database carrel;
select format('create role %I nologin', role) from unnest(array['authenticated', 'service_role']) as role
where role not in (select rolname from pg_roles) \gexec
select format('create role %I login noinherit in role %I', login, role)
from (values ('functions', 'authenticated'), ('worker', 'service_role')) as logins (login, role)
where login not in (select rolname from pg_roles) \gexec
alter role worker inherit;
SQL
sql -d carrel -c 'create extension carrel' -f seed.sql >/dev/null

say "The page"
"$typescript/web/build.sh" "$TARGET/web"

# A secret for as long as this runs: tokens of an earlier time are worth nothing.
JWT_SECRET=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
export JWT_SECRET
export PORT=$port WEB_ROOT=$TARGET/web CARREL_DEV=yes
export DATABASE_URL="postgres://functions@localhost/carrel?host=$RUN/web"
export WORKER_URL="postgres://worker@localhost/carrel?host=$RUN/web"
export DEV_USERS="[{\"id\": \"$ada\", \"name\": \"Ada\"}, {\"id\": \"$ben\", \"name\": \"Ben\"}]"
exec "$typescript/functions/serve.sh"
