-- Attributes, members, memberships and code that make carrel_owner more than a role that owns tables. SECURITY
-- DEFINER functions and views run as carrel_owner: a past member may have made them.
--
-- No parameters. Returns the fault, as the rest of a sentence about the role, the statement that
-- removes it, and true for a membership of carrel_owner in another role.
select fault.line, fault.remedy, fault.priority = 3 from (
    select 1 as priority, format('is %s', a.attribute) as line, format('alter role carrel_owner no%s', a.attribute) as remedy
    from pg_roles as r
    cross join lateral (
        values ('superuser', r.rolsuper), ('createrole', r.rolcreaterole), ('createdb', r.rolcreatedb),
            ('login', r.rolcanlogin), ('replication', r.rolreplication), ('bypassrls', r.rolbypassrls)
    ) as a (attribute, is_set)
    where r.rolname = 'carrel_owner' and a.is_set
    union all
    select 2, format('has the member %I', member.rolname), format('revoke carrel_owner from %I%s cascade', member.rolname, g.clause)
    from pg_auth_members as m
    cross join lateral (
        -- Up to PostgreSQL 15, a membership has one grantor at most, which need not exist.
        select case when current_setting('server_version_num')::int < 160000 then '' else format(' granted by %s', m.grantor::regrole) end
    ) as g (clause)
    join pg_roles as role on m.roleid = role.oid
    join pg_roles as member on m.member = member.oid
    where role.rolname = 'carrel_owner' and not member.rolsuper
    union all
    select 3, format('is a member of %I', role.rolname), format('revoke %I from carrel_owner%s cascade', role.rolname, g.clause)
    from pg_auth_members as m
    cross join lateral (
        select case when current_setting('server_version_num')::int < 160000 then '' else format(' granted by %s', m.grantor::regrole) end
    ) as g (clause)
    join pg_roles as role on m.roleid = role.oid
    join pg_roles as member on m.member = member.oid
    where member.rolname = 'carrel_owner'
    union all
    select 4, format('owns %s', pg_describe_object(d.classid, d.objid, 0)), format('drop %s %s', i.type, i.identity)
    from pg_shdepend as d
    cross join lateral pg_identify_object(d.classid, d.objid, 0) as i
    where d.refclassid = 'pg_authid'::regclass and d.refobjid = 'carrel_owner'::regrole and d.deptype = 'o'
        and d.dbid = (select db.oid from pg_database as db where db.datname = current_database())
        and case d.classid
            -- Runs as its owner.
            when 'pg_proc'::regclass then exists (select from pg_proc as p where p.oid = d.objid and p.prosecdef)
            when 'pg_class'::regclass then exists (
                select from pg_class as c
                where c.oid = d.objid and c.relkind not in ('r', 'p', 'i', 'S')
            )
            else false
        end
) as fault
order by fault.priority, fault.line
