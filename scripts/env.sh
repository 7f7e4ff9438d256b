# shellcheck shell=bash disable=SC2034 # variables are for those who source this
# Sourced by the other scripts: which PostgreSQL, who runs its servers, where everything lies.
#
#   ROOT     the checkout
#   TARGET   $ROOT/target: everything built or fetched; `make clean` may remove it
#   PG       the server's major version, 15 to 18
#   TREE     a private copy of that server, or CARREL_TREE; nothing here writes to the system's files
#            ($TREE-debug is for `cargo pgrx test`, which installs a debug build with the tests in it)
#   RUN_AS   the user that runs servers when we are root, which PostgreSQL refuses; else empty
#   RUN      a directory for that user's clusters and sockets

set -euo pipefail
umask 022

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
TARGET=$ROOT/target
TOOLS=$TARGET/tools
PGRX_VERSION=$(sed -n 's/^pgrx *=.*"=\([0-9.]*\)".*/\1/p' "$ROOT/Cargo.toml")
MDBOOK_VERSION=0.5.4

say() { printf '%s\n' "$@"; }
die() { printf 'carrel: %s\n' "$*" >&2; exit 1; }

# What a distribution's packages put where Debian and Ubuntu put it.
system_has() {
    [ -x "/usr/lib/postgresql/$1/bin/postgres" ] && [ -f "/usr/include/postgresql/$1/server/postgres.h" ]
}

# The newest installed server that can be built against; else the one apt would install.
default_pg() {
    local v
    for v in 18 17 16 15; do
        if system_has $v; then echo $v; return; fi
    done
    v=$(LC_ALL=C apt-cache depends postgresql 2>/dev/null | sed -n 's/.* Depends: postgresql-\([0-9]*\)$/\1/p')
    echo "${v:-16}"
}

PG=${PG:-$(default_pg)}
case $PG in
    15 | 16 | 17 | 18) ;;
    *) die "PG=$PG: carrel is for PostgreSQL 15, 16, 17 and 18" ;;
esac

RUN_AS=
if [ "$(id -u)" = 0 ]; then
    RUN_AS=carrel # setup.sh makes this user where there is no postgres
    if ! getent passwd carrel >/dev/null && getent passwd postgres >/dev/null; then RUN_AS=postgres; fi
fi

# Runs a command as the servers' user.
as_server() {
    if [ -n "$RUN_AS" ]; then
        (cd / && exec setpriv --reuid="$RUN_AS" --regid="$(id -g "$RUN_AS")" --init-groups -- "$@")
    else
        "$@"
    fi
}

# Servers live under target/, unless their user can't get there (a checkout under /root), a socket's
# path would pass the 107 bytes a kernel allows, or the path needs quoting, which cargo-pgrx doesn't do.
# Then it is a directory of our own in /var/tmp, and target/elsewhere leads there. Nobody can swap it
# for another one: /var/tmp is sticky, and server.sh refuses what isn't ours.
BASE=$TARGET
if [ ${#TARGET} -gt 50 ] || [[ $TARGET =~ [^A-Za-z0-9/._+-] ]] || ! as_server test -x "$ROOT" 2>/dev/null; then
    BASE=/var/tmp/carrel-$(printf %s "$ROOT" | cksum | cut -d ' ' -f 1)
fi
TREE=${CARREL_TREE:-$BASE/pg/$PG}
RUN=$BASE/run/$PG

# cargo-pgrx: our own, with one tree per home.
export PGRX_HOME=$RUN/pgrx
export CARGO_PGRX=$TOOLS/bin/cargo-pgrx
export PATH=$TOOLS/bin:$PATH
export CARGO_TARGET_DIR=$TARGET
export USER=${USER:-$(id -un)}
# A stray setting of the caller must not lead to another server than ours.
unset PG_VERSION PGRX_PG_CONFIG_PATH PGHOST PGHOSTADDR PGPORT PGUSER PGDATABASE PGSERVICE PGOPTIONS PGDATA
