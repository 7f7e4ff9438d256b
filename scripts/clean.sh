#!/usr/bin/env bash
# Stops this checkout's servers and removes everything built, but cargo-pgrx, which takes minutes.
source "$(dirname "$0")/env.sh"

"$(dirname "$0")/cluster.sh" stop-all
if [ "$BASE" != "$TARGET" ]; then rm -rf "$BASE"; fi
if [ -d "$TARGET" ]; then find "$TARGET" -mindepth 1 -maxdepth 1 ! -name tools -exec rm -rf {} +; fi
