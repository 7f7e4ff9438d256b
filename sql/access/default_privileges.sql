-- Default privileges that give others rights on new objects in carrel's schema, each with the
-- statement that removes it: defaults of the schema, and defaults for all schemas of roles that
-- create objects there.
--
-- No parameters.
select format(
    'new %s%s are granted to %s: alter default privileges for role %I%s revoke %s on %1$s from %3$s',
    kind.name, case when d.defaclnamespace = 0 then '' else ' in schema carrel' end, grantee.name, creator.rolname,
    case when d.defaclnamespace = 0 then '' else ' in schema carrel' end, lower(string_agg(a.privilege_type, ', ' order by a.privilege_type))
) as line
from pg_default_acl as d
join pg_roles as creator on d.defaclrole = creator.oid
cross join lateral aclexplode(d.defaclacl) as a
cross join lateral (
    select case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' when 'T' then 'types' end
) as kind (name)
cross join lateral (
    select coalesce((select quote_ident(r.rolname) from pg_roles as r where r.oid = a.grantee), 'public')
) as grantee (name)
where
    a.grantee <> d.defaclrole
    and kind.name is not null
    -- Postgres' own default privileges on new functions.
    and not (d.defaclnamespace = 0 and exists (
        select from aclexplode(acldefault(d.defaclobjtype, d.defaclrole)) as usual
        where usual.grantee = a.grantee and usual.privilege_type = a.privilege_type
    ))
    and (
        d.defaclnamespace = 'carrel'::regnamespace
        or d.defaclnamespace = 0 and d.defaclobjtype in ('r', 'f') and (
            creator.rolname = 'carrel_owner'
            or d.defaclrole = (select e.extowner from pg_extension as e where e.extname = 'carrel')
        )
    )
group by kind.name, d.defaclnamespace, grantee.name, creator.rolname
order by line
