#!/usr/bin/env bash
# Checks README.md, CONTRIBUTING.md and docs/: every `make` target, file and directory that they name in code or link to
# exists, and every heading that they link to. Names with a placeholder (<…>, *, …) and what lies under target/ are left
# out. The book has every page of docs/ and no other, each with its title of SUMMARY.md; pages link to pages only, since the book has nothing else. Lines
# of prose in README and docs/ have at most 100 characters, and the README has at most 220 lines.
set -euo pipefail
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/.."

# The code of a Markdown file, one fenced line or inline span a line.
code() {
    awk '/^ *(```|~~~)/ { fenced = !fenced; next }
         fenced         { print; next }
                        { n = split($0, part, "`"); for (i = 2; i < n; i += 2) print part[i] }' "$1"
}

# The text of a Markdown file without fenced code and comments.
prose() {
    awk '/^ *(```|~~~)/ { fenced = !fenced; next }
         /^<!--/        { hidden = 1 }
         /-->$/         { hidden = 0; next }
         !fenced && !hidden' "$1"
}

# What a Markdown file links to: path, heading, or path#heading.
links() { prose "$1" | grep -oE '\]\([^) ]+' | sed 's/^](//' | grep -vE '^[a-z]+:' || true; }

# The anchors of a Markdown file's headings, as GitHub and mdBook make them.
anchors() {
    prose "$1" | sed -n 's/^##* //p' | tr '[:upper:]' '[:lower:]' | sed 's/[^[:alnum:]_ -]//g; s/ /-/g'
}

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
        path=${link%%#*}
        target=${path:+$(dirname $file)/$path}
        if [ ! -e "${target:=$file}" ]; then
            complain $file "$link: no such file"
        elif [[ $link = *#* ]] && ! anchors "$target" | grep -qxF -- "${link#*#}"; then
            complain $file "$link: no such heading"
        fi
        if [[ $file = docs/* && $path = */* ]]; then complain $file "$link: not a page of docs/"; fi
    done
    [ $file = CONTRIBUTING.md ] || while IFS= read -r line; do
        complain $file "longer than 100 characters: $line"
    done < <(prose $file | grep -vE '^ *(\||\[[^]]*\]\([^)]*\)[.,]?$)' | grep -E '.{101,}' || true)
done
[ "$(wc -l <README.md)" -le 220 ] || complain README.md "more than 220 lines"
pages=$(cd docs && ls -- *.md | grep -vx SUMMARY.md)
for page in $pages; do
    title=$(sed -n "s/^- \[\(.*\)\]($page)\$/\1/p" docs/SUMMARY.md)
    if [ -z "$title" ]; then
        complain docs/SUMMARY.md "$page is missing"
    elif [ "$(head -n 1 "docs/$page")" != "# $title" ]; then
        complain "docs/$page" "the first line is not its title in docs/SUMMARY.md: # $title"
    fi
done
exit $bad
