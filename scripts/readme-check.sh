#!/usr/bin/env bash
# Every `make` target, file and directory that README.md, CONTRIBUTING.md and docs/ name in code or link to
# must exist. Names with a placeholder (<…>, *, …) and what lies under target/ are left out.
set -euo pipefail
cd "$(dirname "$0")/.."

# The code of a Markdown file, one fenced line or inline span a line.
code() {
    awk '/^ *(```|~~~)/ { fenced = !fenced; next }
         fenced         { print; next }
                        { n = split($0, part, "`"); for (i = 2; i < n; i += 2) print part[i] }' "$1"
}

links() { grep -oE '\]\([^)# ]+' "$1" | sed 's/^](//' | grep -v : || true; }

make_targets() { grep -oE '(^|[;&|$] *)(sudo )?make +([A-Z_]+=[^ ]+ +)*[a-z][a-z-]*' | grep -oE '[a-z-]+$' || true; }

# Words that are paths: known by their suffix, or by a directory of ours that they begin with.
paths() {
    tr -s ' "'"'"'()=,;' '\n' | sed 's,^\./,,' | grep -vE '[<>*…{}$:@]|^/|^target/|^~|--' |
        grep -E "^[[:alnum:]_./-]+/[[:alnum:]_.-]+\.(rs|sql|sh|md|toml|spec|out)$|^[A-Z]+\.md$|^(Makefile|LICENSE|Cargo.toml)$|^($(git ls-files | sed -n 's,/.*,,p' | sort -u | paste -sd '|'))/" || true
}

bad=0
complain() { echo "$1: $2"; bad=1; }
for file in README.md CONTRIBUTING.md docs/*.md; do
    [ -e $file ] || continue
    for target in $(code $file | make_targets | sort -u); do
        grep -q "^$target:" Makefile || complain $file "make $target: no such target"
    done
    for path in $(code $file | paths | sort -u); do
        [ -e "$path" ] || complain $file "$path: no such file"
    done
    for link in $(links $file | sort -u); do
        [ -e "$(dirname $file)/$link" ] || complain $file "$link: no such file"
    done
done
exit $bad
