-- Every index, with the query that it serves; those of keys need no comment.
\pset format unaligned
\pset tuples_only on
select format(E'%s\n    %s', replace(pg_get_indexdef(i.indexrelid), 'CREATE ', ''),
    coalesce(obj_description(i.indexrelid, 'pg_class'), 'The key ' || conname || '.', 'NO COMMENT'))
from pg_index as i
join pg_class as c on c.oid = i.indexrelid
left join pg_constraint as k on k.conindid = i.indexrelid and contype in ('p', 'u')
where relnamespace = 'carrel'::regnamespace
order by i.indrelid::regclass::text collate "C", relname collate "C";
\pset tuples_only off

-- Each foreign key has an index that begins with its columns.
select conname as without_index from pg_constraint as k
where connamespace = 'carrel'::regnamespace and contype = 'f' and not exists (
    select from pg_index as i where i.indrelid = k.conrelid and i.indpred is null
        and (string_to_array(i.indkey::text, ' ')::int2[])[1:cardinality(conkey)] <@ conkey
)
order by 1;

-- No index depends on a collation that an update of the system may change.
select i.indexrelid::regclass as index, collname as collation
from pg_index as i
join pg_class as c on c.oid = i.indexrelid
cross join unnest(i.indcollation) as used
join pg_collation as k on k.oid = used
where relnamespace = 'carrel'::regnamespace and collname <> 'C'
order by 1;
