-- Select list that exports the columns of a table t. Columns that an operator added are exported as
-- text: a cast of their types to json would run.
--
-- $1 table   $2 columns that carrel defines
select string_agg(
    case when attname::text = any($2) then format('t.%I', attname)
        else format('case when t.%I is not null then format(''%%s'', t.%1$I) end as %1$I', attname) end,
    ', ' order by attnum
)
from pg_attribute
where attrelid = to_regclass(format('carrel.%I', $1)) and attnum > 0 and not attisdropped and attname <> 'search_vector'
