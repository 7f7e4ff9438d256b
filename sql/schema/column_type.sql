-- Type of a column, with its collation if it is not the default, and true if both are as defined.
--
-- $1 table   $2 column   $3 defined type   $4 defined collation (null: any)
select format_type(a.atttypid, a.atttypmod) || coalesce(' collate "' || l.collname || '"', ''),
    a.atttypid = $3::regtype and (
        $4::text is null
        or l.collname::text is not distinct from $4 and l.collnamespace = 'pg_catalog'::regnamespace
    )
from pg_attribute as a
left join pg_collation as l on a.attcollation = l.oid and l.collname <> 'default'
where a.attrelid = format('carrel.%I', $1)::regclass and a.attname::text = $2 and not a.attisdropped
