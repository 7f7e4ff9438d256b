-- What is marked IMMUTABLE answers the same whatever a session has set, whoever asks, and whatever the tables
-- hold. Each such function is called; what a call gives is said in words that no setting changes.
begin;
create temp table calls (function text, call text) on commit drop;
insert into calls values
    ('billing_period_start', 'extract(epoch from carrel.billing_period_start(to_timestamp(1706695200), ''America/New_York'', to_timestamp(1740787200)))'),
    ('billing_period_start', 'extract(epoch from carrel.billing_period_start(to_timestamp(1706695200.5), ''Asia/Kolkata'', to_timestamp(1e9)))'),
    ('installation_id', 'length(carrel.installation_id()::text)::text'),
    ('chunk_text', '(select jsonb_agg(c) from carrel.chunk_text(E''# Größe\n\nI can''''t. İstanbul; 3,14 and 1.5!\n\n## \\ä\n\nthe end'', 12) as c)'),
    ('chunk_text', '(select jsonb_agg(c) from carrel.chunk_text(E''# Größe\n\nI can''''t. İstanbul; 3,14 and 1.5!\n\n## \\ä\n\nthe end'', 4, 2, ''words'', ''markdown'') as c)'),
    ('chunk_text', '(select jsonb_agg(c) from carrel.chunk_text(''<h1>A &amp; b</h1><p>c d e'', 5, 1, ''tokens'', ''html'', ''o200k'') as c)'),
    ('count_tokens', 'carrel.count_tokens(E''Größe: 3,14 \\n İ'', ''o200k'')'),
    ('search_keys', 'carrel.search_keys(''11111111-1111-1111-1111-111111111111'', ''german'', ''a:1A heron:2,9 nest:3B''::tsvector)::text'),
    ('usage_day', 'carrel.usage_day(''Asia/Kolkata'', to_timestamp(1740787199)) - date ''2000-01-01'''),
    ('usage_payload_hash', 'encode(carrel.usage_payload_hash(''a'', 7, 1.50, jsonb_build_object(''b'', 0.1), to_timestamp(1740787199.25), ''m'', jsonb_build_object(''input'', 7)), ''hex'')'),
    ('usage_payload_hash', 'encode(carrel.usage_payload_hash(null, null, 1e-7, null, to_timestamp(-1e10), null, null), ''hex'')'),
    ('usage_period', '(select array[extract(epoch from lower(p)), extract(epoch from upper(p))] from carrel.usage_period(''window'', make_interval(hours => 36), to_timestamp(1706695200), ''UTC'', to_timestamp(1740787199)) as p)'),
    ('usage_period', '(select array[extract(epoch from lower(p)), extract(epoch from upper(p))] from carrel.usage_period(''month'', null, to_timestamp(1706695200), ''Australia/Lord_Howe'', to_timestamp(1740787199)) as p)'),
    ('usage_tokens', 'carrel.usage_tokens(jsonb_build_object(''prompt_tokens'', 7, ''completion_tokens'', 3))'),
    -- Not immutable, whatever it says: to be found.
    ('(control)', 'public.says_so(to_timestamp(0))');
create function public.says_so(at timestamptz) returns text immutable language plpgsql as 'begin return at; end';

-- Not called so far, and what is called without being immutable.
select coalesce(proname, function) as function, proname is null as not_immutable
from (select proname from pg_proc where pronamespace = 'carrel'::regnamespace and provolatile = 'i') as p
full join (select distinct function from calls) as c on function = proname
where (proname is null or function is null) and function is distinct from '(control)';

create temp table answers (setting text, function text, call text, answer text) on commit drop;
create function public.answer_all(under text) returns void language plpgsql as $$
declare
    c record;
    answer text;
begin
    for c in select * from calls loop
        execute 'select (' || c.call || ')::text' into answer;
        insert into answers values (under, c.function, c.call, answer);
    end loop;
end $$;
select public.answer_all('none');

do $$
declare
    s record;
    old text;
begin
    for s in values
        ('DateStyle', 'German, DMY'), ('DateStyle', 'SQL, MDY'), ('TimeZone', 'America/New_York'), ('TimeZone', 'Asia/Kolkata'),
        ('IntervalStyle', 'iso_8601'), ('IntervalStyle', 'sql_standard'), ('extra_float_digits', '-15'), ('extra_float_digits', '3'),
        ('bytea_output', 'escape'), ('default_text_search_config', 'pg_catalog.german'), ('default_text_search_config', 'pg_catalog.simple'),
        ('search_path', ''), ('search_path', 'carrel, public'), ('standard_conforming_strings', 'off'), ('escape_string_warning', 'off'), ('xmloption', 'document'),
        ('array_nulls', 'off'), ('backslash_quote', 'off'), ('lc_monetary', 'C'), ('lc_numeric', 'C'), ('lc_time', 'C'),
        ('quote_all_identifiers', 'on'), ('transform_null_equals', 'on'), ('row_security', 'off'),
        ('timezone_abbreviations', 'India'), ('carrel.chunk_size', '7'), ('carrel.chunk_overlap', '3'), ('carrel.chunk_unit', 'words'),
        ('carrel.processing', 'deferred'), ('carrel.bm25_k1', '0'), ('carrel.bm25_b', '1'), ('carrel.words_weight', '0'),
        ('carrel.identity_claim', 'a.b'), ('request.jwt.claims', '{"sub": "11111111-1111-1111-1111-111111111111"}')
    loop
        old := current_setting(s.column1, true);
        perform set_config(s.column1, s.column2, true);
        perform public.answer_all(s.column1 || ' = ' || s.column2);
        perform set_config(s.column1, coalesce(old, ''), true);
    end loop;
    -- Other tables.
    delete from carrel.user_profiles;
    delete from carrel.model_prices;
    delete from carrel.plan_limits;
    perform public.answer_all('tables are empty');
end $$;

select count(distinct setting) > 30 as under_many_settings, count(*) filter (where answer is null) as without_answer from answers;
select other.function, other.call, string_agg(other.setting, ', ' order by other.setting collate "C") as differs_under
from answers as first join answers as other on first.call = other.call and first.setting = 'none'
where first.answer is distinct from other.answer
group by other.function, other.call order by 1, 2;
rollback;
