-- Every key, foreign key and check. Foreign keys between users' tables carry user_id, for they are
-- checked past row-level security; every uniqueness that a user can probe begins with user_id or is an id.
\pset format unaligned
\pset tuples_only on
select format(E'%s: %s\n    %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
from pg_constraint
where connamespace = 'carrel'::regnamespace and contype <> 'n'
order by conrelid::regclass::text collate "C", array_position('{p,u,f,c}', contype::text), conname collate "C";
\pset tuples_only off

select conname as not_enforced from pg_constraint
where connamespace = 'carrel'::regnamespace and (not convalidated or condeferrable) order by 1;

-- Nothing of the extension is in a check: CASCADE would take it along.
select conname from pg_constraint where connamespace = 'carrel'::regnamespace and contype = 'c'
    and pg_get_constraintdef(oid) like '%carrel.%' order by 1;
