# shellcheck shell=bash
# Sourced by demo.sh: how it prints. Words that were searched for are bold on a terminal, *so* elsewhere.

if [ -t 1 ]; then
    bold=$'\e[1m' plain=$'\e[0m' mark=$'\e[1m' unmark=$'\e[0m'
    read -r _ width < <(stty size 2>/dev/null || echo 0 0)
else
    bold='' plain='' mark='*' unmark='*' width=0
fi
if [ "$width" -lt 40 ] || [ "$width" -gt 96 ]; then width=96; fi

# Microseconds since 1970.
now() { echo "${EPOCHREALTIME//[!0-9]/}"; }

# A / B with one decimal.
ratio() {
    local tenths=$((($1 * 20 / ($2 > 0 ? $2 : 1) + 1) / 2))
    echo "$((tenths / 10)).$((tenths % 10))"
}

titles=() took=() step_began=

# Begins a step: its title. `step` alone ends the last.
step() {
    if [ -n "$step_began" ]; then took+=($(($(now) - step_began))); fi
    if [ $# = 0 ]; then return; fi
    titles+=("$1") step_began=$(now)
    say "" "$bold${#titles[@]}  $1$plain"
}

# A line of explanation, and a statement as one would type it.
note() { printf '   %s\n' "$@"; }
code() { printf '     %s\n' "$@"; }

# Prints a text in at most LINES lines: wrapped LINES TEXT. Marks don't count.
wrapped() {
    local lines=$1 word bare line='' length=0
    local -a words
    read -r -a words <<<"$2"
    for word in "${words[@]}"; do
        bare=${word//<mark>/} bare=${bare//<\/mark>/}
        if [ $length -gt 0 ] && [ $((length + 1 + ${#bare})) -gt $((width - 6)) ]; then
            lines=$((lines - 1))
            if [ $lines = 0 ]; then line+=' …'; break; fi
            marked "$line"
            line='' length=0
        fi
        line+=${line:+ }$word
        length=$((length + (length > 0) + ${#bare}))
    done
    marked "$line"
}

marked() {
    local line=${1//<mark>/$mark}
    printf '      %s\n' "${line//<\/mark>/$unmark}"
}

# Reads answers (answers.sql) and prints them: place, document, section, score; then the snippet.
answers() {
    local place document section score snippet any=
    while IFS=$'\x1f' read -r place document section score snippet; do
        any=yes
        if [ ${#section} -gt 60 ]; then section=${section##* › }; fi
        if [ ${#section} -gt 60 ]; then section="${section:0:58} …"; fi
        printf '   %s  %s%s  (%s)\n' "$place" "$bold$document$plain" "${section:+ · $section}" "$score"
        wrapped 2 "$snippet"
    done
    if [ -z "$any" ]; then note "nothing found"; fi
}
