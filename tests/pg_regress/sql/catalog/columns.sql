-- Every column of every table, in order: its type, default, and whether it may be null. Each has a comment.
select relname as table_name, attname as column_name, format_type(atttypid, atttypmod) as type,
    case when attnotnull then 'not null' else '' end as nullability, pg_get_expr(adbin, adrelid) as default
from pg_class as c
join pg_attribute as a on attrelid = c.oid and attnum > 0 and not attisdropped
left join pg_attrdef as d on adrelid = c.oid and adnum = attnum
where relnamespace = 'carrel'::regnamespace and relkind = 'r'
order by relname collate "C", attnum;

select relname as table_name, attname as without_comment
from pg_class as c join pg_attribute as a on attrelid = c.oid and attnum > 0 and not attisdropped
where relnamespace = 'carrel'::regnamespace and relkind = 'r' and coalesce(col_description(c.oid, attnum), '') = ''
order by relname collate "C", attnum;

-- Types that pg_upgrade refuses, and serial columns or generated ones, are not among them.
select relname, attname from pg_class as c join pg_attribute as a on attrelid = c.oid
where relnamespace = 'carrel'::regnamespace and relkind = 'r' and attnum > 0
    and (atttypid::regtype::text like 'reg%' or attidentity <> '' or attgenerated <> '');
