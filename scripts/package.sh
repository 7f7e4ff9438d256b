#!/usr/bin/env bash
# Builds target/packages/postgresql-PG-carrel_VERSION_ARCHITECTURE.deb: carrel for version PG of Debian's, Ubuntu's or
# PGDG's server, whichever server it was built with here. It has no conffiles and no scripts; so nothing of it stays.
#
# The same commit, compiler and C library give the same bytes, wherever the checkout is: it is built apart from
# `make build`, with no path of this machine in the library.
source "$(dirname "$0")/env.sh"

command -v dpkg-shlibdeps >/dev/null || die "no dpkg-shlibdeps: install what Debian calls dpkg-dev"
cd "$ROOT"
name=postgresql-$PG-carrel
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
architecture=$(dpkg --print-architecture)
cargo_home=${CARGO_HOME:-$HOME/.cargo}
built=$TARGET/package/$PG/built
staged=$TARGET/package/$PG/$name

rm -rf "$TARGET/package/$PG"
CARGO_TARGET_DIR=$TARGET/package \
    CARGO_ENCODED_RUSTFLAGS="--remap-path-prefix=$cargo_home=/cargo"$'\x1f'"--remap-path-prefix=$ROOT=/carrel" \
    cargo pgrx package --pg-config "$TREE/bin/pg_config" --out-dir "$built"

library=$staged/usr/lib/postgresql/$PG/lib
extension=$staged/usr/share/postgresql/$PG/extension
documents=$staged/usr/share/doc/$name
mkdir -p "$library" "$extension" "$documents" "$staged/DEBIAN"
install -m 0644 "$built$("$TREE/bin/pg_config" --pkglibdir)/carrel.so" "$library/"
install -m 0644 "$built$("$TREE/bin/pg_config" --sharedir)"/extension/carrel{.control,--*.sql} "$extension/"
install -m 0644 README.md CHANGELOG.md "$documents/"
mkdir "$documents/docs"
install -m 0644 docs/*.md "$documents/docs/"
strip --strip-unneeded --remove-section=.comment --remove-section=.note "$library/carrel.so"

# What the library contains of others, who want their notices kept; of several licences the MIT licence.
crates() {
    cargo tree --locked --edges normal,no-proc-macro --no-default-features --features "pg$PG" --prefix none --format '{p} {l}' |
        grep -v '^carrel' | sed 's/ (\*)$//' | LC_ALL=C sort -u
}
notices() {
    local crate version licence texts
    while read -r crate version licence; do
        printf '\n-- %s %s: %s\n\n' "$crate" "$version" "$licence"
        cd "$(compgen -G "$cargo_home/registry/src/*/$crate-${version#v}" | head -n 1)"
        texts=$(find . -maxdepth 2 -type f -ipath '*license*' | LC_ALL=C sort)
        texts=$(grep -iE 'mit|unicode' <<<"$texts" || echo "$texts")
        [ -z "$texts" ] || xargs -d '\n' cat -- <<<"$texts"
    done
}
{
    cat LICENSE
    printf '\n\nThe library contains these crates, from https://crates.io; /usr/share/common-licenses has the Apache-2.0 License.\n'
    crates | notices
} >"$documents/copyright"

# It reads what a package is called, and nothing else, from the source package that isn't there.
mkdir -p "$TARGET/package/$PG/debian"
printf 'Source: carrel\n\nPackage: %s\nArchitecture: any\n' "$name" >"$TARGET/package/$PG/debian/control"
libraries=$(cd "$TARGET/package/$PG" && dpkg-shlibdeps --warnings=0 -O "$library/carrel.so" | sed -n 's/^shlibs:Depends=//p')

(cd "$staged" && find usr -type f | LC_ALL=C sort | xargs md5sum) >"$staged/DEBIAN/md5sums"
cat >"$staged/DEBIAN/control" <<CONTROL
Package: $name
Version: $version
Architecture: $architecture
Maintainer: ${DEBFULLNAME:-the carrel authors}${DEBEMAIL:+ <$DEBEMAIL>}
Installed-Size: $(du -k --apparent-size -s "$staged/usr" | cut -f 1)
Depends: postgresql-$PG, $libraries
Suggests: postgresql-$PG-pgvector
Section: database
Priority: optional
Description: backend of a multi-tenant AI document application, for PostgreSQL $PG
 carrel is an extension that turns a database into the backend of a multi-tenant
 AI document application: tables for users, documents, chunks, agent sessions,
 agent requests and usage, with row-level security that keeps users apart.
 .
 Texts are chunked and indexed as they are inserted, and found by ranked search;
 usage is recorded once for each idempotency key. CREATE EXTENSION carrel needs
 a superuser and a database with encoding UTF8. The rows stay when the package
 is removed.
CONTROL
mkdir -p "$TARGET/packages"
# Not before: crates that ask for it would be built again with each commit.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y Cargo.toml)}
export SOURCE_DATE_EPOCH
package=$TARGET/packages/${name}_${version}_$architecture.deb
dpkg-deb --root-owner-group -Zxz --build "$staged" "$package.new" >/dev/null
mv "$package.new" "$package"
say "$(cd "$TARGET/packages" && sha256sum "${package##*/}")"
