-- Finds refused code (foreign_code()) on tables that follow carrel's.
--
-- $1 tables that the command changed   $2 current role   $3 role of the session
-- Returns the first description; no row: nothing is refused.
with reached as materialized (
    select f.relation, case when f.is_refused then f.what end as what, c.relowner
    from carrel.foreign_code() as f
    join pg_class as c on f.relation = c.oid
)

select r.what
from reached as r
where r.what is not null and (
    exists (select from reached as changed where changed.relation = any($1))
    or pg_has_role($2, r.relowner, 'usage') or pg_has_role($3, r.relowner, 'usage')
)
order by r.what limit 1
