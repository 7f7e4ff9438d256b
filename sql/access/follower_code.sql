-- Finds refused code (foreign_code()) on tables that follow carrel's.
--
-- $1 tables that the command changed   $2 current role   $3 role of the session
-- Returns the first description; no row: nothing is refused.
select f.what
from carrel.foreign_code() as f
join pg_class as c on f.relation = c.oid
where f.what is not null and (
    f.relation = any($1) or pg_has_role($2, c.relowner, 'usage') or pg_has_role($3, c.relowner, 'usage')
)
order by f.what limit 1
