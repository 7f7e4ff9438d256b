-- Which role may do what with which table; a privilege on some columns alone is in privileges_columns.
select relname as table_name, privilege,
    case when has_table_privilege('carrel_regress_user', c.oid, privilege) then 'yes' else '' end as "user",
    case when has_table_privilege('carrel_regress_metering', c.oid, privilege) then 'yes' else '' end as self_metering,
    case when has_table_privilege('carrel_regress_service', c.oid, privilege) then 'yes' else '' end as service
from pg_class as c
cross join unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) with ordinality as asked (privilege, place)
where relnamespace = 'carrel'::regnamespace and relkind in ('r', 'p', 'v', 'm')
order by relname collate "C", place;

-- Nobody has any other privilege, nor may they grant theirs on, nor have others any.
select relname, coalesce(rolname, 'public') as grantee, privilege_type, is_grantable
from pg_class as c
cross join aclexplode(relacl) as acl
left join pg_roles as r on r.oid = grantee
where relnamespace = 'carrel'::regnamespace and grantee <> relowner
    and (privilege_type not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE') or is_grantable
        or rolname is null or rolname not like 'carrel_regress_%' or rolname = 'carrel_regress_stranger')
order by 1, 2, 3;

-- The schema is for use alone, by the roles that were granted to.
select coalesce(rolname, 'public') as grantee, privilege_type, is_grantable
from pg_namespace cross join aclexplode(nspacl) as acl
left join pg_roles as r on r.oid = grantee
where nspname = 'carrel' and grantee <> nspowner
order by 1, 2;
