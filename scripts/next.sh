#!/usr/bin/env bash
# Builds an invented next version of carrel out of this one into a copy of the private server of version PG:
# $TREE-next. The tests of upgrades go from this version to that one. It has the files of tests/upgrade/next/sql, and
# what tests/upgrade/next/next.patch changes.
#
#   next.sh          build it; a patch that does not apply fails, and what is left of it lies beside the files as *.rej
#   next.sh --save   after one that did not, or for other changes: edit the files in target/next/source; this takes them
#                    as the patch
source "$(dirname "$0")/env.sh"

cd "$ROOT"
next=tests/upgrade/next
version=99.0.0
current=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
source=$TARGET/next/source
tree=$TREE-next

# The copy is a repository of its own: what is in its index is this version, its files are the next one.
if [ "${1:-}" = --save ]; then
    find "$source" -name '*.rej' -delete
    {
        echo "What the next version changes. When it no longer applies: edit what scripts/next.sh says, and scripts/next.sh --save."
        git -C "$source" diff --unified=1 --no-color --no-ext-diff
    } >$next/next.patch
    exit
fi

new=$TARGET/next/new
rm -rf "$new"
mkdir -p "$new"
cp -a Cargo.toml Cargo.lock build.rs carrel.control core sql src tests "$new/"
cp -a $next/sql "$new/"
cp $next/update.sql "$new/sql/carrel--$current--$version.sql"
sed -i "0,/^version = /s/^version = .*/version = \"$version\"/" "$new/Cargo.toml"
git -C "$new" init --quiet
git -C "$new" add --all
git -C "$new" apply --reject "$ROOT/$next/next.patch" 2>"$TARGET/next/applied" || failed=yes

# What stays the same keeps its time, so that only the rest is built.
(cd "$new" && find . -path ./.git -prune -o -type f -print) | while IFS= read -r file; do
    if cmp -s "$new/$file" "$source/$file"; then touch -r "$source/$file" "$new/$file"; fi
done
rm -rf "$source"
mv "$new" "$source"
if [ "${failed:-}" ]; then
    grep '^error' "$TARGET/next/applied" >&2
    find "$source" -name '*.rej' -printf '%P\n' >&2
    die "$next/next.patch does not apply: edit target/next/source, where these hunks are missing, then scripts/next.sh --save"
fi

if [ ! "$tree/.origin" -nt "$TREE/.origin" ]; then
    rm -rf "$tree"
    cp -al "$TREE" "$tree"
    # Links to the other tree's files, which must not be written to.
    find "$tree" \( -path '*/extension/carrel*' -o -name 'carrel.so' -o -name .origin \) -delete
    touch "$tree/.origin"
fi
cd "$source"
# A debug build, for it is only tested, apart from the others.
CARGO_TARGET_DIR=$TARGET/next/target cargo pgrx install --pg-config "$tree/bin/pg_config"
