-- Tells if carrel's tables have all their columns, of any type.
--
-- $1 tables, one entry for each column   $2 columns
select not exists (
    select from unnest($1::text[], $2::text[]) as defined (table_name, name)
    left join pg_attribute on attrelid = to_regclass(format('carrel.%I', table_name))
        and attname::text = name and not attisdropped
    where attname is null
)
