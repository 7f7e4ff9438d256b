-- Tells if a role can use a text search configuration: it has USAGE on its schema.
--
-- $1 name with schema, as format('%I.%I') writes it   $2 oid of the role
select exists(
    select from pg_ts_config as c join pg_namespace as n on c.cfgnamespace = n.oid
    where format('%I.%I', n.nspname, c.cfgname) = $1 and has_schema_privilege($2, n.oid, 'usage')
)
