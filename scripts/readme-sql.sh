#!/usr/bin/env bash
# Runs the SQL of README.md, block by block in one session on a fresh cluster, and compares what psql prints
# with the `text` block that follows; a block without one must run without an error. With --accept, the
# README says from now on what psql prints.
source "$(dirname "$0")/env.sh"

readme=$ROOT/README.md
work=$TARGET/readme
mkdir -p "$work"

cluster() { "$ROOT/scripts/cluster.sh" "$@"; }
cluster remove readme
trap 'cluster remove readme' EXIT
cluster start readme

# Each sql block, between lines that number it.
awk '/^```sql$/ { block++; print "\\echo @@ " block; inside = 1; next }
     /^```/     { inside = 0 }
     inside     { print }' "$readme" >"$work/script.sql"
stdbuf -oL "$TREE/bin/psql" -Xq -d "$(cluster url readme)" <"$work/script.sql" 2>&1 |
    sed 's/ *$//' >"$work/output" || true

# The README as it should be: in place of each text block after a sql block, its output.
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
    ' "$readme" >"$work/README.md"

# Errors that no text block shows.
awk '/^@@ / { block = $2 } /^(ERROR|FATAL|PANIC|WARNING|server closed)/ { print block ": " $0 }' "$work/output" >"$work/errors"
status=0
while IFS= read -r error; do
    if ! grep -qF "${error#*: }" "$work/README.md"; then echo "README.md, sql block $error"; status=1; fi
done <"$work/errors"

if [ "${1:-}" = --accept ]; then
    cp "$work/README.md" "$readme"
else
    diff -u "$readme" "$work/README.md" || status=1
fi
blocks=$(grep -c '^```sql$' "$readme")
ran=$(grep -c '^@@ ' "$work/output")
[ "$ran" = "$blocks" ] || { echo "README.md: $ran of $blocks sql blocks ran"; status=1; }
if [ $status = 0 ]; then echo "ok 1 - README.md: $blocks sql blocks"; else echo "not ok 1 - README.md"; fi
exit $status
