-- Records of granted roles, each with the role that it names here: by its oid where this installation made the record ($1), by its name
-- where a dump or replication brought it. counts: false for a role of that name which lacks USAGE on the schema. Privileges go
-- by oid and a dump brings them for the role that it recorded, so this one was created later, or the dump came without privileges.
select
    g.recorded_in, g.role_oid as recorded_oid, g.kind, g.role_name, g.granted, r.oid as role, r.rolname::text as name_now,
    g.recorded_in = $1::text as is_own,
    g.recorded_in = $1::text or not g.granted or exists (
        select from pg_namespace as n
        cross join lateral aclexplode(n.nspacl) as a
        where n.nspname = 'carrel' and a.grantee = r.oid and a.privilege_type = 'USAGE'
    ) as counts
from carrel.granted_roles as g
left join pg_roles as r on case when g.recorded_in = $1::text then g.role_oid = r.oid else g.role_name = r.rolname::text end
