#!/usr/bin/env bash
# Runs serve.ts, or one function's index.ts, with no permission that it doesn't need: to listen on the loopback
# interface, to reach the database that DATABASE_URL names, to read its settings and the page. Fetches nothing.
set -euo pipefail

functions=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
program=${1:-serve.ts}
: "${DATABASE_URL:?}"

net=127.0.0.1 read=${WEB_ROOT:-}
if [[ $DATABASE_URL =~ [?\&]host=(/[^\&]*) ]]; then
    socket=${BASH_REMATCH[1]}/.s.PGSQL.5432
    net+=,unix:$socket
    read+=${read:+,}$socket
    write=--allow-write=$socket # to a socket one writes
elif [[ $DATABASE_URL =~ ^[a-z]+://([^/@]*@)?([^/?]+) ]]; then
    host=${BASH_REMATCH[2]}
    [[ $host =~ :[0-9]+$ ]] || host+=:5432
    net+=,$host
fi
environment=PORT,WEB_ROOT,CARREL_DEV,DEV_USERS,WORKER_URL,JWT_SECRET,JWT_AUDIENCE,JWT_ISSUER,IDENTITY_SOURCE,DATABASE_URL,SUPABASE_DB_URL,DATABASE_CONNECTIONS
# postgres.js asks for PG… as well.
environment+=,PG*

export DENO_NO_UPDATE_CHECK=1
cd "$functions"
exec ../web/node_modules/.bin/deno run --no-prompt --cached-only --node-modules-dir=manual \
    "--allow-net=$net" ${read:+"--allow-read=$read"} ${write:+"$write"} "--allow-env=$environment" "$program"
