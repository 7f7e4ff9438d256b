-- Columns that a missing column may have been renamed to: columns that carrel does not define, of the
-- missing column's type, between the neighbours of the missing column.
--
-- $1 table   $2 type of the missing column   $3 columns that carrel defines, in order
-- $4 missing column
select other.attname::text
from pg_attribute as other
cross join lateral (
    select max(a.attnum) filter (where defined.ordinal < array_position($3, $4)) as before,
        min(a.attnum) filter (where defined.ordinal > array_position($3, $4)) as after
    from pg_attribute as a
    join unnest($3) with ordinality as defined (name, ordinal) on a.attname::text = defined.name
    where a.attrelid = other.attrelid and not a.attisdropped
) as known
where other.attrelid = format('carrel.%I', $1)::regclass and other.attnum > 0 and not other.attisdropped
    and other.attname::text <> all($3) and other.atttypid = $2::regtype
    and other.attnum > coalesce(known.before, 0) and other.attnum < known.after
