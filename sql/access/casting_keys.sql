-- Foreign keys of a table to carrel's tables whose column types differ from the referenced columns:
-- the cast would run as the owner of carrel's tables.
--
-- $1 table
-- Returns the key's name, quoted for SQL.
with recursive keys (name, target, own, referred) as (
    select k.conname, k.confrelid, own.atttypid as own, referred.atttypid as referred
    from pg_constraint as k
    join pg_class as c on k.confrelid = c.oid
    cross join lateral unnest(k.conkey, k.confkey) as pair (own, referred)
    join pg_attribute as own on k.conrelid = own.attrelid and pair.own = own.attnum
    join pg_attribute as referred on k.confrelid = referred.attrelid and pair.referred = referred.attnum
    where k.conrelid = $1 and k.contype = 'f' and c.relnamespace = 'carrel'::regnamespace
    union
    select k.name, k.target, t.typbasetype, k.referred
    from keys as k
    join pg_type as t on k.own = t.oid
    where t.typtype = 'd'
)

select format('%I', k.name)
from keys as k
group by k.name, k.target, k.referred
having not bool_or(k.own = k.referred)
