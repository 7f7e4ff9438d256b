-- What is marked PARALLEL SAFE answers in a parallel worker as it does in the session. No argument is a constant,
-- lest the planner call what is immutable: $n is 4.
begin;
create temp table calls (function text, call text) on commit drop;
insert into calls values
    ('billing_period_start', 'extract(epoch from carrel.billing_period_start(to_timestamp(1706695200 + $n), ''America/New_York'', to_timestamp(1740787200)))'),
    ('chunk_text', '(select count(*) from carrel.chunk_text(repeat(''one two '', $n), 4, 1, ''tokens''))'),
    ('count_tokens', 'carrel.count_tokens(repeat(''one two '', $n))'),
    ('current_user_id', 'carrel.current_user_id()'),
    ('default_language', 'carrel.default_language()'),
    ('installation_id', 'length(carrel.installation_id()::text)'),
    ('is_operator', 'carrel.is_operator()'),
    ('lease_token', 'substr(carrel.lease_token()::text, 15, 1)'),
    ('search_keys', 'carrel.search_keys(''11111111-1111-1111-1111-111111111111'', ''german'' || repeat(''.'', $n - 4), ''heron:2,9''::tsvector)::text'),
    ('usage_day', 'carrel.usage_day(''Asia/Kolkata'', to_timestamp(1740787195 + $n)) - date ''2000-01-01'''),
    ('usage_payload_hash', 'encode(carrel.usage_payload_hash(''a'', 3 + $n, 1.50, ''{}'', to_timestamp(1740787195 + $n), ''m'', null), ''hex'')'),
    ('usage_period', 'extract(epoch from lower(carrel.usage_period(''month'', null, to_timestamp(1706695200 + $n), ''UTC'', to_timestamp(1740787195 + $n))))'),
    ('usage_tokens', 'carrel.usage_tokens(jsonb_build_object(''input'', 3 + $n))'),
    ('uuid_v7', 'substr(carrel.uuid_v7()::text, 15, 1)'),
    ('version', 'carrel.version() <> ''''');
select coalesce(proname, function) as function, proname is null as not_safe
from (select proname from pg_proc where pronamespace = 'carrel'::regnamespace and proparallel = 's') as p
full join calls on function = proname
where proname is null or function is null;

set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
-- Its name changed with PostgreSQL 16.
select set_config(name, 'on', true) from pg_settings where name in ('force_parallel_mode', 'debug_parallel_query');
-- A worker does it: one may not do what this control does, whatever it says.
explain (costs off) select carrel.current_user_id();
create function public.says_so() returns void language plpgsql parallel safe as $$ begin perform set_config('work_mem', '5MB', true); end $$;
savepoint before;
\set VERBOSITY sqlstate
select public.says_so();
\set VERBOSITY default
rollback to before;
\pset format unaligned
\pset tuples_only on
select format('select %L, %s', function, replace(call, '$n', 'length(current_setting(''server_encoding''))')) from calls order by function collate "C" \gexec
select set_config(name, 'off', true) from pg_settings where name in ('force_parallel_mode', 'debug_parallel_query');
select format('select %L, %s', function, replace(call, '$n', 'length(current_setting(''server_encoding''))')) from calls order by function collate "C" \gexec
rollback;
