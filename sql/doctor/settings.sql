-- Settings of databases and roles that change what carrel does, each with its mending.
select format(
    '%s is set to %s for %s: alter %s reset %1$s', s.name, s.value, s.whose,
    case when s.database is not null and s.role is not null then format('role %I in database %I', s.role, s.database)
        when s.database is not null then format('database %I', s.database)
        else format('role %I', s.role) end
)
from (
    select
        d.datname as database, r.rolname as role, split_part(item, '=', 1) as name, substr(item, strpos(item, '=') + 1) as value,
        concat_ws(' in ', 'role ' || quote_ident(r.rolname), 'database ' || quote_ident(d.datname)) as whose
    from pg_db_role_setting as g
    left join pg_database as d on g.setdatabase = d.oid
    left join pg_roles as r on g.setrole = r.oid
    cross join lateral unnest(g.setconfig) as item
    where g.setdatabase = 0 or d.datname = current_database()
) as s
where
    s.name = 'row_security' and s.value = 'off'
    or s.name = 'session_replication_role' and s.value <> 'origin'
    or s.name = 'event_triggers' and s.value = 'off'
order by 1
