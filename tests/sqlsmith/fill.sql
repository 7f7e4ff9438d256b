-- What sqlsmith reads and writes as Alice, beside what is Bob's. All that Bob wrote has his mark in it.
\set ON_ERROR_STOP on
create role authenticated login;
create role service_role login;
create extension carrel;

-- Limits that are kept account of, and never reached.
update carrel.plan_limits set limit_value = 1e12;
insert into carrel.plan_limits (plan_type, event_type, measure, limit_value) values ('free', 'agent_request', 'tokens', 1e12);
insert into carrel.model_prices (model, token_type, price) values ('small', 'input', 0.5);

create schema smith;
grant usage on schema smith to authenticated;
create table smith.people (user_id uuid primary key, name text, mark text);
insert into smith.people values (:'alice', 'Alice', 'larch'), (:'bob', 'Bob', :'mark');
select carrel.create_user(user_id, name) from smith.people;

-- Documents, sessions, requests in every state, usage.
create procedure smith.move_in(person uuid, documents int) language plpgsql as $$
declare
    mark text := (select p.mark from smith.people as p where p.user_id = person);
    claims text := json_build_object('sub', person);
begin
    perform set_config('request.jwt.claims', claims, true);
    set local role authenticated;
    insert into carrel.documents (filename, content_text, metadata)
    select format('%s-%s.%s', mark, n, (array['md', 'txt', 'html', 'json'])[1 + n % 4]),
        format(E'# Heron %s\n\nThe %s nests by the water. %s\n\n<p>More &amp; more</p>\n\n{"a": [%s]}\n', n, mark, repeat('Word ', n % 50), n),
        jsonb_build_object('shelf', n % 7, 'mark', mark)
    from generate_series(1, documents) as n;
    insert into carrel.documents (filename, storage_path) select mark || n, mark || n from generate_series(1, 5) as n;
    insert into carrel.agent_sessions (title, context_state)
    select mark || n, jsonb_build_object('mark', mark) from generate_series(1, 5) as n;
    perform carrel.create_request('writer', mark, s.id) from carrel.agent_sessions as s, generate_series(1, 5);
    perform carrel.cancel_request(r.id) from (select id from carrel.agent_requests limit 3) as r;
    reset role;
    perform carrel.record_usage('agent_request', n, n / 100.0, jsonb_build_object('mark', mark), mark || n || clock_timestamp(),
        model => 'small', user_id => person) from generate_series(1, 30) as n;
end $$;
call smith.move_in(:'bob', 500);
select carrel.complete_request(c.id, c.lease_token, jsonb_build_object('mark', :'mark'), 10, 0.1) from carrel.claim_requests('worker', 6) as c;
call smith.move_in(:'alice', 500);

-- sqlsmith calls no function that returns rows: those are reached by views and by functions that count.
create view smith.found with (security_invoker = true) as select * from carrel.search_chunks('heron water');
create view smith.documents_found with (security_invoker = true) as select * from carrel.search_documents('"nests by" -cellar');
create view smith.context with (security_invoker = true) as select * from carrel.build_context('herons', 500);
create view smith.usage with (security_invoker = true) as
    select * from carrel.usage_report(now() - interval '60 days', now() + interval '1 day', 'day', array['event_type', 'model']);
create view smith.quota with (security_invoker = true) as select * from carrel.check_quota('agent_request', 1);
create view smith.used with (security_invoker = true) as select * from carrel.current_usage();
create view smith.pieces with (security_invoker = true) as select * from carrel.chunk_text(E'# A\n\nb c d\n\n## E\n\nf', 5);
create view smith.history with (security_invoker = true) as
    select h.* from carrel.agent_sessions as s cross join lateral carrel.session_history(s.id, 1000) as h;
grant select on all tables in schema smith to authenticated;
revoke all on smith.people from authenticated;

create function smith.search(query text, most int, skipped int, kinds text[], metadata jsonb, since timestamptz, around int) returns bigint
    begin atomic select count(content) from carrel.search_chunks($1, $2, $3, null, $4, $5, $6, null, $7); end;
create function smith.search_texts(query text, most int, skipped int, until timestamptz) returns text
    begin atomic select string_agg(snippet, '') from carrel.search_documents($1, $2, $3, created_before => $4); end;
create function smith.cited(query text, tokens int, ids uuid[], encoding text) returns text
    begin atomic select context || citations::text from carrel.build_context($1, $2, $3, $4); end;
create function smith.cut(content text, size int, overlap int, unit int, format int) returns text
    begin atomic select string_agg(c.content, '|') from carrel.chunk_text($1, $2, $3, (array['characters', 'words', 'tokens'])[1 + abs($4 % 3)],
        (array['plain', 'markdown', 'html', 'json', 'yaml'])[1 + abs($5 % 5)]) as c; end;
create function smith.reported(start_at timestamptz, end_at timestamptz, bucket text) returns numeric
    begin atomic select sum(cost) from carrel.usage_report($1, $2, $3); end;
create function smith.asked(event_type text, amount numeric, measure text) returns bigint
    begin atomic select count(*) from carrel.check_quota($1, $2::bigint, $3); end;
create function smith.remembered(session_id uuid, tokens int, requests int) returns text
    begin atomic select string_agg(content, '|') from carrel.session_history($1, $2, $3); end;
create function smith.patched(session_id uuid, patch jsonb, expected bigint) returns jsonb
    begin atomic select context_state from carrel.patch_session_state($1, $2, $3); end;
create function smith.period(user_id uuid, at timestamptz) returns text
    begin atomic select p::text from carrel.billing_period($1, $2) as p; end;
-- Says what it is given. A planner that calls it on rows before the policies have looked gives them away.
create function smith.says(said text) returns boolean language plpgsql cost 0.0001 as $$
begin raise notice '%', said; return true; end $$;

-- Found before pg_catalog's own: sqlsmith, which calls what it finds here, then calls carrel's functions more
-- often than one in fifty.
create view smith.pg_proc as select * from pg_catalog.pg_proc
where pronamespace in ('carrel'::regnamespace, 'smith'::regnamespace) and has_function_privilege('authenticated', oid, 'execute')
    or pronamespace = 'pg_catalog'::regnamespace and (prokind = 'a' and proname not like 'range%'
        or proname in ('upper', 'lower', 'replace', 'repeat', 'left', 'right', 'concat', 'to_jsonb', 'jsonb_build_object',
        'now', 'length', 'abs', 'mod', 'gen_random_uuid', 'string_to_array', 'array_append', 'date_trunc', 'jsonb_set', 'md5', 'chr'));
grant select on smith.pg_proc to authenticated;
alter role authenticated set request.jwt.claims = :'claims';
-- A query that a person would not wait for.
alter role authenticated set statement_timeout = '2s';
