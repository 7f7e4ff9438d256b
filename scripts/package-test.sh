#!/usr/bin/env bash
# Installs the package for version PG where there is nothing but the distribution and its server, without a network,
# and does what the README's "Four statements" do; then removes it, and installs it again.
#
# The machine's own distribution, from the machine's own mirror, in a directory; kept as an archive under target/.
# Everything is mounted and started in namespaces of its own: what ends them, a kill included, ends and unmounts all.
source "$(dirname "$0")/env.sh"

# shellcheck source=/dev/null
codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
work=$TARGET/package-test
archive=$work/$codename-$PG.tar
root=$work/root-$PG
name=postgresql-$PG-carrel

skip() { say "skipped: $*"; exit 0; }
private() { unshare --mount --propagation private --pid --fork --kill-child --mount-proc "$@"; }

# The mirror that has this server for this release: the machine's apt knows.
mirror() { apt-cache madison "postgresql-$PG" | awk -v from="$codename/main" '$6 == from { print $5; exit }'; }

make_archive() {
    local mirror
    mirror=$(mirror)
    [ -n "$mirror" ] || { apt-get -qq update && mirror=$(mirror); }
    [ -n "$mirror" ] || skip "this machine's apt has no postgresql-$PG of $codename"
    command -v debootstrap >/dev/null ||
        DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends debootstrap
    say "Making a root of $codename with PostgreSQL $PG (once; some minutes)"
    LC_ALL=C.UTF-8 private debootstrap --variant=minbase --include="postgresql-$PG" "$codename" "$root" "$mirror" >"$work/log" 2>&1 ||
        { tail -n 20 "$work/log" >&2; die "debootstrap failed"; }
    tar -C "$root" -cf "$archive.new" .
    mv "$archive.new" "$archive"
}

inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
as_postgres() { inside setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }
query() { as_postgres psql -XAtq -v ON_ERROR_STOP=1 -d app -c "$1"; }

passed=0 failed=0
check() {
    local what=$1 output
    shift
    # `set -e` has no effect where the status is asked for.
    set +e
    output=$(set -e; "$@" 2>&1)
    # shellcheck disable=SC2181
    if [ $? = 0 ]; then
        passed=$((passed + 1))
        say "ok      $what"
    else
        failed=$((failed + 1))
        say "FAILED  $what" "$output"
    fi
    set -e
}

# The first block of a language in the README's section, and of its paragraphs those that are asked for.
section() {
    awk -v begins="\`\`\`$1" '
        /^## /                 { here = $0 == "## Four statements" }
        here && $0 == begins   { inside = 1; next }
        inside && /^```/       { exit }
        inside                 { print }' "$ROOT/README.md" |
        awk -v RS= -v ORS='\n\n' -v wanted="${2:-.*}" 'NR ~ "^(" wanted ")$"'
}

# Runs statements of the section and compares what psql prints.
statements() {
    [ -n "$(section sql)" ] || { echo "README.md has no SQL there"; return 1; }
    diff -u <(section text "$2") <(section sql "$1" | as_postgres psql -Xq -d app 2>&1 | sed 's/ *$//')
}

nothing_of_rust() { ! inside sh -c 'command -v cargo || command -v rustc || command -v cc'; }
nothing_of_carrel() {
    local found
    found=$(inside find / -xdev -name '*carrel*')
    found+=$(inside dpkg-query --show '*carrel*' 2>/dev/null || true)
    [ -z "$found" ] || { echo "$found"; return 1; }
}
install_package() { inside apt-get -qq -o Dpkg::Use-Pty=0 -o APT::Sandbox::User=root install -y "/mnt/$package"; }
start_cluster() {
    inside sh -c "pg_lsclusters -h | while read -r major cluster more; do pg_dropcluster --stop \$major \$cluster; done"
    inside pg_createcluster --locale=C.UTF-8 "$PG" main
    inside pg_ctlcluster --skip-systemctl-redirect "$PG" main start
    as_postgres createdb app
}
equals() {
    local found
    found=$(query "$2")
    [ "$found" = "$1" ] || { echo "$2: $found, not $1"; return 1; }
}

tests() {
    version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$ROOT/Cargo.toml")
    package=${name}_${version}_$(dpkg --print-architecture).deb
    mount -t proc proc "$root/proc"
    mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
    check "there is no compiler" nothing_of_rust
    check "there is no carrel before" nothing_of_carrel
    mount -t tmpfs tmpfs "$root/mnt"
    cp "$TARGET/packages/$package" "$root/mnt/"
    check "apt installs the package without a network" install_package
    check "the server of the distribution starts" start_cluster
    check "the README's four statements print what it says" statements '.*' '.*'
    check "doctor() finds no problem" equals 0 "select count(*) from carrel.doctor() where not ok"
    check "apt purges the package" inside apt-get -qq -o Dpkg::Use-Pty=0 purge -y "$name"
    umount "$root/mnt"
    check "nothing of it is left" nothing_of_carrel
    check "the server runs, and has the rows" equals 2 "select count(*) from carrel.documents"
    mount -t tmpfs tmpfs "$root/mnt"
    cp "$TARGET/packages/$package" "$root/mnt/"
    check "apt installs it again" install_package
    check "what was stored is found again" statements '2|4' '1|3'
    check "doctor() still finds no problem" equals 0 "select count(*) from carrel.doctor() where not ok"
    say "passed=$passed failed=$failed"
    [ $failed = 0 ]
}

if [ "${1:-}" = --inside ]; then
    tests
    exit
fi
[ "$(id -u)" = 0 ] || skip "a root to install the package in is made by root only"
if [ -z "$codename" ] || ! command -v apt-cache >/dev/null; then skip "this is neither Debian nor Ubuntu"; fi
private --net true 2>/dev/null || skip "this root may not mount, or not make namespaces"
mkdir -p "$work"
trap 'rm -rf "$root"' EXIT
rm -rf "$root"
if [ ! -e "$archive" ]; then make_archive; rm -rf "$root"; fi
mkdir "$root"
tar -C "$root" -xpf "$archive"
private --net "$0" --inside
