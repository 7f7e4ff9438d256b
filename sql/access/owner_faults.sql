-- Attributes, members and memberships that make carrel_owner more than a role that owns tables.
--
-- No parameters. Returns the fault, as the rest of a sentence about the role, and the statement that
-- removes it.
select fault.line, fault.remedy from (
    select 1 as priority, format('is %s', a.attribute) as line, format('alter role carrel_owner no%s', a.attribute) as remedy
    from pg_roles as r
    cross join lateral (
        values ('superuser', r.rolsuper), ('createrole', r.rolcreaterole), ('createdb', r.rolcreatedb),
            ('login', r.rolcanlogin), ('replication', r.rolreplication), ('bypassrls', r.rolbypassrls)
    ) as a (attribute, is_set)
    where r.rolname = 'carrel_owner' and a.is_set
    union all
    select 2, format('has the member %I', member.rolname), format('revoke carrel_owner from %I cascade', member.rolname)
    from pg_auth_members as m
    join pg_roles as role on m.roleid = role.oid
    join pg_roles as member on m.member = member.oid
    where role.rolname = 'carrel_owner' and not member.rolsuper
    union all
    select 3, format('is a member of %I', role.rolname), format('revoke %I from carrel_owner', role.rolname)
    from pg_auth_members as m
    join pg_roles as role on m.roleid = role.oid
    join pg_roles as member on m.member = member.oid
    where member.rolname = 'carrel_owner'
) as fault
order by fault.priority, fault.line
