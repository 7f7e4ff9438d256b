#!/usr/bin/env bash
# The demo: a fresh database in the private cluster `demo`, two users, real documents, real questions.
#
#   DOCS=directory      what they read: its .md, .markdown, .txt and .rst files; else the Markdown files
#                       of this project and of the crates in cargo's registry
#   QUESTION="…"        what both of them ask
source "$(dirname "$0")/env.sh"
here=$ROOT/scripts
source "$here/demo/layout.sh"
source "$here/demo/load.sh"

export PG
began=$(now)

cluster() { "$here/cluster.sh" "$@"; }

# psql as superuser; the demo's SQL takes the role of an end user or of a service by itself.
sql() { PGOPTIONS='-c client_min_messages=warning' "$TREE/bin/psql" -XAtq -v ON_ERROR_STOP=1 -d "$url" "$@"; }

# What one statement says to a role that acts as a user: as ROLE USER_ID [ARG…] <statement
as() {
    local role=$1 user_id=$2
    shift 2
    { printf 'begin; set local role %s; select carrel.act_as(:'"'user_id'"') \\gset\n' "$role"; cat; echo 'commit;'; } |
        sql -v user_id="$user_id" "$@"
}

# Prints a user's best answers: ask NAME USER_ID QUESTION
ask() {
    say "" "   $1 asks: $bold$3$plain"
    sql -F $'\x1f' -v user_id="$2" -v question="$3" -v count=2 -f "$here/demo/answers.sql" | answers
}

say "${bold}carrel: documents in, ranked answers out, and nobody sees another's.$plain"

step "A fresh database"
cluster start demo
# Before the last demo's database goes.
[ -z "${DOCS:-}" ] || [ -d "$DOCS" ] || die "DOCS=$DOCS: no such directory"
url=$(cluster url demo)
cluster psql demo -d postgres -XAtq -v ON_ERROR_STOP=1 <<'SQL'
set client_min_messages = warning;
drop database if exists carrel with (force);
create database carrel;
select format('create role %I nologin', role) from unnest(array['authenticated', 'service_role']) as role
where role not in (select rolname from pg_roles) \gexec
SQL
sql -c 'create extension carrel'
IFS='|' read -r server version tables checks wrong < <(sql -c "
    select current_setting('server_version'), carrel.version(),
        (select count(*) from pg_class where relnamespace = 'carrel'::regnamespace and relkind = 'r' and relrowsecurity),
        count(*), coalesce(string_agg(check_name || ': ' || detail, '; ') filter (where not ok), '')
    from carrel.doctor()")
code "create extension carrel;"
note "PostgreSQL ${server%% *}, carrel $version: $tables tables, each with row-level security."
if [ -n "$wrong" ]; then die "carrel.doctor() says $wrong"; fi
note "carrel.doctor() finds nothing wrong in $checks checks."

step "Two users"
new_user() { sql -v name="$1" <<<"begin; set local role service_role; select carrel.create_user(name => :'name'); commit;"; }
ada=$(new_user Ada)
ben=$(new_user Ben)
code "set role service_role; select carrel.create_user(name => 'Ada');"
note "Ada is $ada." "Ben is $ben."

step "Their documents"
if [ -n "${DOCS:-}" ]; then
    find_files '' "$DOCS" \( -iname '*.md' -o -iname '*.markdown' -o -iname '*.txt' -o -iname '*.rst' \)
    where="The documents in $DOCS"
else
    markdown=(\( -iname '*.md' -o -iname '*.markdown' \))
    find_files carrel/ "$ROOT" \( -name target -o -name '.?*' \) -prune -o "${markdown[@]}"
    for registry in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/; do
        if [ -d "$registry" ]; then find_files '' "${registry%/}" "${markdown[@]}"; fi
    done
    where="The Markdown files of this project and of the crates in cargo's registry"
fi
total=${#names[@]} half=$(((${#names[@]} + 1) / 2))
[ "$total" -gt 0 ] || die "no documents in ${DOCS:-$ROOT or cargo\'s registry}"
note "$where:" "Ada has the first half, Ben the second. They are inserted by the role of end users:"
code "begin; set local role authenticated; select carrel.act_as('$ada');" \
    "insert into carrel.documents (filename, file_type, content_text) …"
load Ada "$ada" 0 $half
load Ben "$ben" $half "$total"
if [ $skipped -gt 0 ]; then note "Skipped $skipped: no UTF-8 text, unreadable, or over $((max_file / 1000000)) MB."; fi
IFS='|' read -r chunks characters failed < <(sql -c "
    select count(*), coalesce(avg(size), 0)::integer,
        (select count(*) from carrel.documents where processing_status <> 'completed')
    from carrel.document_chunks")
note "Cut into $chunks chunks, $characters characters on average, indexed in the same transactions."
if [ "$failed" -gt 0 ]; then note "$failed could not be processed; carrel.documents.processing_error says why."; fi

# Questions that documents of Rust crates answer; of others, what headings they have.
headings() {
    as authenticated "$1" <<'SQL'
    select title
    from (
        select min(id::text) as id, btrim(regexp_replace(coalesce(section_title, left(content, 60)), '[^[:alnum:]?'']+', ' ', 'g')) as title
        from carrel.document_chunks group by 2
    ) as headings
    order by title !~* '^(how|what|why|when|where|which)\M|\?$', length(title) not between 12 and 60, id
    limit 2;
SQL
}
if [ -n "${DOCS:-}" ]; then
    mapfile -t ada_asks < <(headings "$ada")
    mapfile -t ben_asks < <(headings "$ben")
    both_ask=${QUESTION:-${ada_asks[0]:-documents}}
else
    ada_asks=("How do I search for many patterns at once?" "How do I get random bytes in WebAssembly?")
    ben_asks=("How do I test a Postgres extension?" "How do I serialize a struct to JSON?")
    both_ask=${QUESTION:-"Which is the minimum supported Rust version?"}
fi

step "Questions"
code "begin; set local role authenticated; select carrel.act_as('$ada');" \
    "select filename, section_title, snippet, score from carrel.search_chunks('…', max_results => 2);"
for question in "${ada_asks[@]}"; do ask Ada "$ada" "$question"; done
for question in "${ben_asks[@]}"; do ask Ben "$ben" "$question"; done

step "Each finds only their own"
note "The same question, through the same role:"
ask Ada "$ada" "$both_ask"
ask Ben "$ben" "$both_ask"
IFS='|' read -r ada_sees ada_finds ben_sees ben_finds shared foreign nobody < <(
    sql -v ada="$ada" -v ben="$ben" -v question="$both_ask" -f "$here/demo/isolation.sql"
)
say "" "   Of $((ada_sees + ben_sees)) documents:"
printf '   %-55s %6d\n' "Ada sees" "$ada_sees" "Ben sees" "$ben_sees" \
    "Ada finds with this question" "$ada_finds" "Ben finds with this question" "$ben_finds" "both find" "$shared" \
    "Ben can read, change or delete of Ada's, by their ids" "$foreign" "somebody without an identity sees" "$nobody"
[ "$shared,$foreign,$nobody" = 0,0,0 ] || die "a user got at documents of another"

step "Usage"
code "begin; set local role service_role; select carrel.act_as('$ada');" \
    "select * from carrel.record_usage('agent_request', tokens_used => 1250, cost => 0.0042," \
    "                                  idempotency_key => 'answer-1');"
record() {
    as service_role "$ada" -F ' ' <<'SQL'
    select event_id, duplicate, used
    from carrel.record_usage('agent_request', tokens_used => 1250, cost => 0.0042, idempotency_key => 'answer-1');
SQL
}
read -r event duplicate used < <(record)
note "Recorded as event $event (duplicate: $duplicate, used: $used)."
read -r event duplicate used < <(record)
note "The same again is event $event (duplicate: $duplicate, used: $used)."
read -r usage_count < <(as authenticated "$ada" <<<'select usage_count from carrel.user_profiles;')
drift=$(as service_role "$ada" <<<'select count(*) from carrel.verify_usage();')
note "Ada's usage_count is $usage_count; verify_usage() finds $drift differences between totals and events."
[ "$duplicate,$usage_count,$drift" = t,1,0 ] || die "usage was not recorded exactly once"

step "An agent request in a session"
code "insert into carrel.agent_sessions (title) values ('Reading') returning id;" \
    "select carrel.create_request('summarize', 'What do I have on this?', session_id => '…');"
IFS='|' read -r agent status chain < <(as authenticated "$ada" <<'SQL'
    insert into carrel.agent_sessions (title) values ('Reading') returning id as session_id \gset
    select carrel.create_request('summarize', 'What do I have on this?', session_id => :'session_id') as request_id \gset
    select agent_type, status, jsonb_array_length(request_chain)
    from carrel.agent_requests as r join carrel.agent_sessions as s on s.id = session_id
    where r.id = :'request_id' and request_chain ? :'request_id';
SQL
)
note "The request \"$agent\" is $status; the session's request_chain holds $chain."

step
say "" "${bold}It took$plain"
for i in "${!titles[@]}"; do printf '   %-55s %6s s\n' "${titles[i]}" "$(ratio "${took[i]}" 1000000)"; done
printf '   %-55s %6s s\n' "together" "$(ratio $(($(now) - began)) 1000000)"

say "" "${bold}Have a look$plain"
version=
if [ "$PG" != "$(default_pg)" ]; then version=" PG=$PG"; fi
note "make psql$version opens psql on this database, which stays up until: make stop" "$url"
say "" "   There, to be Ada:"
code "begin; set local role authenticated; select carrel.act_as('$ada');" \
    "select filename, section_title, score from carrel.search_chunks('your question');" "rollback;"
