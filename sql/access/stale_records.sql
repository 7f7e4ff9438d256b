-- Records of granted roles that do not name a role as it is, each with its mending. $1: where records of this database are made.
select format(
    case
        when r.oid is null then 'role %I, granted as %s, does not exist'
        else 'role %I, granted as %s, was renamed to ' || quote_ident(r.rolname)
    end || ': select carrel.migrate()', g.role_name, g.kind
)
from carrel.granted_roles as g
left join pg_roles as r
    on case when g.recorded_in = $1::text then g.role_oid = r.oid else g.role_name = r.rolname::text end
where g.granted and (r.oid is null or r.rolname::text <> g.role_name)
order by 1
