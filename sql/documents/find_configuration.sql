-- Finds a text search configuration by its name with schema, except in temporary schemas.
--
-- $1 name, as format('%I.%I') writes it
select c.oid
from pg_ts_config as c join pg_namespace as n on c.cfgnamespace = n.oid
where format('%I.%I', n.nspname, c.cfgname) = $1 and n.nspname !~ '^pg_(toast_)?temp_'
