#!/usr/bin/env bash
# Bundles the page into a directory: build.sh DIRECTORY
set -euo pipefail
directory=$(realpath -m "${1:?}")
cd "$(dirname "${BASH_SOURCE[0]}")"
mkdir -p "$directory"
node_modules/.bin/esbuild src/app.ts --bundle --format=esm --target=es2022 --minify --log-level=warning \
    --outfile="$directory/app.js"
cp index.html style.css panels.css icon.svg "$directory/"
