#!/usr/bin/env bash
# Runs the SQL of README.md and of docs/, each file block by block in one session on a fresh database, and compares
# what psql prints with the `text` block that follows; a block without one must run without an error. What a page needs
# beforehand and readers need not see is in a comment that begins with the line `<!-- sql`: it runs without an error, too.
# With --accept, the files say from now on what psql prints; FILE… picks some of them.
source "$(dirname "$0")/env.sh"

work=$TARGET/readme
mkdir -p "$work"
accept=
if [ "${1:-}" = --accept ]; then
    accept=yes
    shift
fi
files=("$@")
if [ $# = 0 ]; then files=("$ROOT/README.md" "$ROOT"/docs/*.md); fi

cluster() { "$ROOT/scripts/cluster.sh" "$@"; }
cluster remove readme
trap 'cluster remove readme' EXIT
cluster start readme

# A database and a cluster without what the page before left: its database and its roles.
freshen() {
    cluster psql readme -XAtq -d postgres <<'SQL'
drop database carrel with (force);
select format('drop role %I', rolname) from pg_roles where rolname <> current_user and rolname !~ '^pg_' \gexec
create database carrel;
SQL
}

check() {
    local file=$1 name=${1#"$ROOT/"} status=0 blocks ran error
    blocks=$(grep -c '^```sql$' "$file") || return 0
    freshen
    # Each sql block, between lines that number it.
    awk '/^```sql$/    { block++; print "\\echo @@ " block; inside = 1; next }
         /^<!-- sql$/  { print "\\echo @@ hidden"; inside = 1; next }
         /^```|^-->$/  { inside = 0 }
         inside        { print }' "$file" >"$work/script.sql"
    stdbuf -oL "$TREE/bin/psql" -Xq -d "$(cluster url readme)" <"$work/script.sql" 2>&1 |
        sed 's/ *$//' >"$work/output" || true

    # The file as it should be: in place of each text block after a sql block, its output.
    awk -v output="$work/output" '
        BEGIN {
            while ((getline line < output) > 0)
                if (line ~ /^@@ /) block = substr(line, 4) + 0
                else if (line != "") { printed[block] = printed[block] pending[block] line "\n"; pending[block] = "" }
                else pending[block] = pending[block] "\n"
        }
        /^```sql$/ { inside = 1; number++; shown = 0 }
        /^```text$/ && number && !shown { print; printf "%s", printed[number]; replacing = shown = 1; next }
        /^```$/ { replacing = inside = 0 }
        !replacing { print }
        !inside && NF && !/^```/ && !replacing { shown = 1 }
        ' "$file" >"$work/expected.md"

    # Errors that no text block shows.
    awk '/^@@ / { block = $2 } /^(ERROR|FATAL|PANIC|WARNING|server closed)/ { print block ": " $0 }' "$work/output" >"$work/errors"
    while IFS= read -r error; do
        if ! grep -qF "${error#*: }" "$work/expected.md"; then echo "$name, sql block $error"; status=1; fi
    done <"$work/errors"

    if [ "$accept" ]; then
        cp "$work/expected.md" "$file"
    else
        diff -u "$file" "$work/expected.md" || status=1
    fi
    ran=$(grep -c '^@@ [0-9]' "$work/output") || true
    [ "$ran" = "$blocks" ] || { echo "$name: $ran of $blocks sql blocks ran"; status=1; }
    number=$((number + 1))
    if [ $status = 0 ]; then echo "ok $number - $name: $blocks sql blocks"; else echo "not ok $number - $name"; failed=yes; fi
}

number=0 failed=
for file in "${files[@]}"; do check "$(realpath "$file")"; done
[ -z "$failed" ]
