-- Foreign keys of a table to carrel's tables.
--
-- $1 the table
-- Returns the name of each key and the transaction that wrote its row in the catalog.
select format('%I', k.conname), k.xmin::text
from pg_constraint as k
join pg_class as c on k.confrelid = c.oid
where k.conrelid = $1 and k.contype = 'f' and c.relnamespace = 'carrel'::regnamespace
order by 1
