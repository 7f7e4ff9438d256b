#!/usr/bin/env bash
# Builds an invented next version of carrel out of this one, as tests/upgrade/next says, into a copy of the private
# server of version PG: $TREE-next. The tests of upgrades go from this version to that one.
source "$(dirname "$0")/env.sh"

cd "$ROOT"
next=tests/upgrade/next
version=99.0.0
current=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
source=$TARGET/next/new
tree=$TREE-next

rm -rf "$source"
mkdir -p "$source"
cp -a Cargo.toml Cargo.lock carrel.control core sql src tests "$source/"

# Replaces by a program of perl's, which must find what it is for.
edit() { perl -0pi -e "$2 or die \"$1: nothing to replace\\n\"" "$source/$1"; }

edit Cargo.toml 's/^version = ".*?"/version = "'$version'"/m'
mkdir -p "$source/sql/steps"
cp $next/90*.sql "$source/sql/steps/"
export steps=
for step in "$source"/sql/steps/90*.sql; do
    name=$(basename "$step" .sql)
    steps+="(\"steps/$name\", include_str!(\"../../sql/steps/$name.sql\")), "
done
definitions=src/schema/definitions.rs
edit $definitions 's/(pub const STEPS: \[\(&str, &str\); )(\d+)(\] = \[)(.*?)(\];)/$1.($2+2).$3.$4.$ENV{steps}.$5/se'
edit $definitions 's/(pub const TABLES: \[Table; )(\d+)(\] = \[.*?)(\n\];)/$1.($2+1).$3.qq{\n    Table { name: "notices", sql: include_str!("..\/..\/sql\/tables\/notices.sql") },}.$4/se'
edit $definitions 's/(pub const RULES: \[&str; )(\d+)(\] = \[.*?)(\n\];)/$1.($2+1).$3.qq{\n    include_str!("..\/..\/sql\/rules\/notices.sql"),}.$4/se'
cp $next/notices.sql "$source/sql/tables/notices.sql"
cp $next/notices_rules.sql "$source/sql/rules/notices.sql"
edit sql/tables/model_prices.sql 's/(    constraint )/    note text not null default \x27\x27,\n$1/'
edit sql/tables/model_prices.sql 's/1000000000\b/2000000000/'
edit sql/tables/usage_archive.sql 's/archived_at/filed_at/'
edit sql/tables/user_profiles.sql 's/\(plan_type\);/(plan_type, user_id);/'
edit sql/rules/usage_archive.sql 's/archived_at/filed_at/'
echo "comment on column carrel.model_prices.note is 'What the price is for.';" >>"$source/sql/rules/model_prices.sql"
edit sql/privileges/user.sql 's/\z/\ngrant execute on function carrel.price_note to :role;\ngrant select on table carrel.notices to :role;\n/'
edit src/usage/prices.rs 's/(stable, parallel_unsafe)(\)\]\nfn price_usage\()/$1, sql = false$2/'
cat $next/prices.rs >>"$source/src/usage/prices.rs"
edit sql/install.sql 's/(carrel\.price_usage is \x27).*?\x27;/$1What tokens cost, so many times.\x27;\ncomment on function carrel.price_note is \x27What the prices of a model are for.\x27;/'
edit sql/install.sql 's/(carrel\.uuid_v7 is \x27).*?\x27;/$1A new UUIDv7.\x27;/'

cp $next/update.sql "$source/sql/carrel--$current--$version.sql"

# What stays the same keeps its time, so that only the rest is built.
(cd "$source" && find . -type f) | while IFS= read -r file; do
    if cmp -s "$source/$file" "$TARGET/next/source/$file"; then touch -r "$TARGET/next/source/$file" "$source/$file"; fi
done
rm -rf "$TARGET/next/source"
mv "$source" "$TARGET/next/source"

if [ ! "$tree/.origin" -nt "$TREE/.origin" ]; then
    rm -rf "$tree"
    cp -al "$TREE" "$tree"
    # Links to the other tree's files, which must not be written to.
    find "$tree" \( -path '*/extension/carrel*' -o -name 'carrel.so' -o -name .origin \) -delete
    touch "$tree/.origin"
fi
cd "$TARGET/next/source"
# A debug build, for it is only tested, apart from the others.
CARGO_TARGET_DIR=$TARGET/next/target cargo pgrx install --pg-config "$tree/bin/pg_config"
