-- Permissive policies that carrel does not define.
--
-- $1 carrel's policies, as table.policy
select format('policy %I on %I was added and is permissive', p.polname, c.relname) as line
from pg_policy as p
join pg_class as c on p.polrelid = c.oid
where c.relnamespace = 'carrel'::regnamespace and p.polpermissive
    and c.relname || '.' || p.polname <> all($1)
order by line
