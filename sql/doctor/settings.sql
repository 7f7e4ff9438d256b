-- Settings of databases, roles and configuration files that change carrel's behaviour, each with
-- its remedy.
--
-- No parameters.
with found (name, setting, scope, remedy) as (
    select
        split_part(item, '=', 1), substr(item, strpos(item, '=') + 1),
        coalesce(nullif(concat_ws(' in ', 'role ' || quote_ident(r.rolname), 'database ' || quote_ident(d.datname)), ''), 'all roles'),
        case
            when d.datname is not null and r.rolname is not null then format('alter role %I in database %I', r.rolname, d.datname)
            when d.datname is not null then format('alter database %I', d.datname)
            when r.rolname is not null then format('alter role %I', r.rolname)
            else 'alter role all'
        end || ' reset ' || split_part(item, '=', 1)
    from pg_db_role_setting as g
    left join pg_database as d on g.setdatabase = d.oid
    left join pg_roles as r on g.setrole = r.oid
    cross join lateral unnest(g.setconfig) as item
    where g.setdatabase = 0 or d.datname = current_database()
    union all
    (
        select distinct on (f.name)
            f.name, f.setting, f.sourcefile,
            case when f.sourcefile like '%postgresql.auto.conf' then format('alter system reset %s; select pg_reload_conf()', f.name)
                else format('remove it from the file; select pg_reload_conf()') end
        from pg_file_settings as f
        where f.name in ('row_security', 'session_replication_role', 'event_triggers') and f.error is null
        order by f.name asc, f.seqno desc
    )
)

select format('%s is set to %s for %s: %s', f.name, f.setting, f.scope, f.remedy) as line
from found as f
where
    case
        when f.name in ('row_security', 'event_triggers') then not f.setting::boolean
        when f.name = 'session_replication_role' then lower(f.setting) = 'replica'
    end
order by line
