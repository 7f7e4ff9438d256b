-- Records of granted roles that do not name a role of this cluster as it is, each with its mending. $1: the cluster.
select format(
    case
        when g.system_identifier <> $1::bigint then 'role %I was granted as %s in another cluster'
        when r.oid is null then 'role %I, granted as %s, was dropped'
        else 'role %I, granted as %s, was renamed to ' || quote_ident(r.rolname)
    end || ': select carrel.migrate()', g.role_name, g.kind
)
from carrel.granted_roles as g
left join pg_roles as r on g.role_oid = r.oid
where g.granted and (g.system_identifier <> $1 or r.oid is null or r.rolname::text <> g.role_name)
order by 1
