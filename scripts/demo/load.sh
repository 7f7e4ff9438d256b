# shellcheck shell=bash
# Sourced by demo.sh: from files to documents.
#
# A file's name and content may be any bytes. They travel through COPY as hex and base64, and Postgres
# decides what is text (stage.sql). One psql session a user; one transaction a batch.

# Larger files are skipped: a field of COPY holds 1 GB, and nobody waits for a demo.
max_file=100000000
batch_files=200
batch_bytes=500000

names=() sizes=() paths=() skipped_large=0

# Adds the files of a directory that match find's conditions: find_files PREFIX DIRECTORY CONDITION…
# Relative names contain no "//", so that it separates the fields.
find_files() {
    local prefix=$1 directory=$2 record rest
    shift 2
    while IFS= read -r -d '' record; do
        rest=${record#*//}
        if [ "${rest%%//*}" -gt $max_file ] || [ ! -r "${rest#*//}" ]; then
            skipped_large=$((skipped_large + 1))
            continue
        fi
        names+=("$prefix${record%%//*}")
        sizes+=("${rest%%//*}")
        paths+=("${rest#*//}")
    done < <(find "$directory" "$@" -type f -printf '%P//%s//%p\0' | LC_ALL=C sort -z)
}

# The names as hex, one a line.
hex_names() { printf '%s\0' "${names[@]}" | od -An -v -tx1 | tr -d '\n' | sed 's/ 00/\n/g; s/ //g'; }

# The script of a psql session that inserts the files from FIRST up to END.
load_script() {
    local i files=0 bytes=0
    echo "\\i '$here/demo/stage.sql'"
    for ((i = $1; i < $2; i++)); do
        if [ $files = 0 ]; then echo 'copy incoming from stdin;'; fi
        printf '%s\t' "${hex[i]}"
        base64 -w 0 -- "${paths[i]}" || true
        echo
        files=$((files + 1)) bytes=$((bytes + sizes[i]))
        if [ $files -ge $batch_files ] || [ $bytes -ge $batch_bytes ] || [ $((i + 1)) = "$2" ]; then
            printf '%s\n' '\.' "\\i '$here/demo/insert.sql'"
            files=0 bytes=0
        fi
    done
}

# Loads the files from FIRST up to END as a user: load NAME USER_ID FIRST END. A terminal sees the line
# grow. Sets documents and skipped.
load() {
    local name=$1 user_id=$2 began=$EPOCHREALTIME files bytes=0 more_bytes more_skipped line
    documents=0 skipped=0
    while read -r files more_bytes more_skipped; do
        documents=$((documents + files)) bytes=$((bytes + more_bytes)) skipped=$((skipped + more_skipped))
        line=$(awk -v name="$name" -v documents=$documents -v bytes=$bytes -v seconds="$(since "$began")" 'BEGIN {
            printf "   %-6s %6d documents %8.1f MB %8.1f s %8.1f MB/s", name, documents, bytes / 1e6, seconds,
                bytes / 1e6 / (seconds > 0 ? seconds : 0.01) }')
        if [ -t 1 ]; then printf '\r%s' "$line"; fi
    done < <(load_script "$3" "$4" | sql -F ' ' -v user_id="$user_id" || echo "failed 0 0")
    if [ -t 1 ]; then printf '\r'; fi
    say "${line:-   $name: no documents}"
}
