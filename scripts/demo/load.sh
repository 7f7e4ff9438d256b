# shellcheck shell=bash disable=SC2154
# Sourced by demo.sh, which sets here, the directory of scripts: from files to documents.
#
# A file's name and content may be any bytes. They travel through COPY as hex and base64, and Postgres
# decides what is text (stage.sql). One psql session a user; one transaction a batch.

# Larger files are skipped: a field of COPY holds 1 GB, and nobody waits for a demo.
max_file=100000000
batch_files=200
batch_bytes=500000

names=() sizes=() paths=() skipped=0

# Adds the files of a directory that match find's conditions: find_files PREFIX DIRECTORY CONDITION…
# Relative names contain no "//", so that it separates the fields.
find_files() {
    local prefix=$1 directory=$2 record rest
    shift 2
    while IFS= read -r -d '' record; do
        rest=${record#*//}
        if [ "${rest%%//*}" -gt $max_file ] || [ ! -r "${rest#*//}" ]; then
            skipped=$((skipped + 1))
            continue
        fi
        names+=("$prefix${record%%//*}")
        sizes+=("${rest%%//*}")
        paths+=("${rest#*//}")
    done < <(find -H "$directory" "$@" -type f -printf '%P//%s//%p\0' | LC_ALL=C sort -z)
}

# The names from FIRST up to END as hex, one a line.
hex_names() {
    if [ "$1" -lt "$2" ]; then
        printf '%s\0' "${names[@]:$1:$2-$1}" | od -An -v -tx1 | tr -d '\n' | sed 's/ 00/\n/g; s/ //g'
    fi
}

# The script of a psql session that inserts the files from FIRST up to END.
load_script() {
    local i=$1 end=$2 hex files=0 bytes=0
    echo '\i :here/demo/stage.sql'
    while IFS= read -r hex; do
        if [ $files = 0 ]; then echo 'copy incoming from stdin;'; fi
        printf '%s\t' "$hex"
        base64 -w 0 -- "${paths[i]}" 2>/dev/null || true
        echo
        files=$((files + 1)) bytes=$((bytes + sizes[i])) i=$((i + 1))
        if [ $files -ge $batch_files ] || [ $bytes -ge $batch_bytes ] || [ $i = "$end" ]; then
            printf '%s\n' '\.' '\i :here/demo/insert.sql'
            files=0 bytes=0
        fi
    done < <(hex_names "$i" "$end")
}

# Inserts the files from FIRST up to END as a user: load NAME USER_ID FIRST END. Where the output is a
# terminal, its line grows with each batch.
load() {
    local name=$1 user_id=$2 began files=0 bytes=0 more more_bytes not_text micros line=
    began=$(now)
    while read -r more more_bytes not_text; do
        if [ "$more" = failed ]; then die "the documents of $name could not be inserted"; fi
        files=$((files + more)) bytes=$((bytes + more_bytes)) skipped=$((skipped + not_text))
        micros=$(($(now) - began))
        line=$(printf '   %-4s %6d documents %7s MB %7s s %6s MB/s' "$name" $files \
            "$(ratio $bytes 1000000)" "$(ratio $micros 1000000)" "$(ratio $bytes $micros)")
        if [ -t 1 ]; then printf '\r%s' "$line"; fi
    done < <(load_script "$3" "$4" | sql -F ' ' -v user_id="$user_id" -v here="$here" || echo failed)
    if [ -t 1 ]; then printf '\r'; fi
    say "${line:-   $name has no documents}"
}
