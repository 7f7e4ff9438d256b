-- A line for each table: what is Bob's in it, and what is everybody's. The same before and after.
select relname, md5(string_agg(line, '|' order by line)), count(*)
from pg_class as c
cross join lateral unnest(xpath('/table/row/line/text()', query_to_xml(format(
    'select md5(t::text) as line from carrel.%I as t where to_jsonb(t) ->> ''user_id'' = %L or not to_jsonb(t) ? ''user_id''',
    relname, :'bob'), true, false, ''))::text[]) as line
where relnamespace = 'carrel'::regnamespace and relkind = 'r'
group by relname order by relname;
