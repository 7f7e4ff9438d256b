-- Differences between the privileges on carrel's schema, tables, columns and functions, and the
-- privileges of the granted roles.
--
-- $1 … $5 expected privileges: kind, class, object, column ('' for all) and privilege
-- $6 granted roles   $7 their kinds   $8 carrel's tables   $9 carrel's columns, as table.column
-- Returns the difference, the statement that removes it, and true if carrel repairs it: a privilege
-- of PUBLIC, of a recorded role (revoked ones included), or of a role in default privileges.
-- Superusers and carrel_owner are left out: they need no privileges. Privileges on columns that
-- operators added are theirs to grant.
with expected as (
    select distinct g.role as grantee, e.class, e.object, e.col, e.privilege
    from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) as e (kind, class, object, col, privilege)
    join unnest($6::oid[], $7::text[]) as g (role, kind) on e.kind = g.kind
    join pg_roles as r on g.role = r.oid
    where not r.rolsuper
),

objects (section, class, object, col, target, owner, acl) as (
    select 1, 'schema', n.nspname::text, '', 'schema carrel', n.nspowner, coalesce(n.nspacl, acldefault('n', n.nspowner))
    from pg_namespace as n
    where n.nspname = 'carrel'
    union all
    select 2, 'table', c.relname::text, '', format('table carrel.%I', c.relname), c.relowner, coalesce(c.relacl, acldefault('r', c.relowner))
    from pg_class as c
    where c.relnamespace = 'carrel'::regnamespace and c.relkind in ('r', 'p') and c.relname::text = any($8::text[])
    union all
    select
        case when a.attnum < 0 or c.relname || '.' || a.attname = any($9::text[]) then 3 end, 'table', c.relname::text, a.attname::text,
        format('table carrel.%I', c.relname), c.relowner, a.attacl
    from pg_class as c
    join pg_attribute as a on c.oid = a.attrelid
    where
        c.relnamespace = 'carrel'::regnamespace and c.relkind in ('r', 'p') and c.relname::text = any($8)
        and not a.attisdropped
    union all
    select 4, 'function', p.proname::text, '', format('function %s', p.oid::regprocedure), p.proowner, coalesce(p.proacl, acldefault('f', p.proowner))
    from pg_depend as d
    join pg_extension as e on d.refobjid = e.oid
    join pg_proc as p on d.objid = p.oid
    where
        d.classid = 'pg_proc'::regclass and d.refclassid = 'pg_extension'::regclass
        and d.deptype = 'e' and e.extname = 'carrel'
),

granted as (
    select o.section, o.class, o.object, o.col, o.target, o.owner, a.grantee, a.grantor, a.is_grantable, lower(a.privilege_type) as privilege
    from objects as o
    cross join lateral aclexplode(o.acl) as a
    left join pg_roles as r on a.grantee = r.oid
    where a.grantee <> o.owner and r.rolsuper is not true and r.rolname is distinct from 'carrel_owner'
),

known (role) as (
    select 0::oid
    union
    select g.role_oid
    from carrel.granted_roles as g
    union
    select a.grantee
    from pg_default_acl as d
    cross join lateral aclexplode(d.defaclacl) as a
    where d.defaclnamespace = 0 or d.defaclnamespace = 'carrel'::regnamespace
),

differences (section, class, object, col, privilege, target, grantee, owner, grantor, verb) as (
    select
        g.section, g.class, g.object, g.col, g.privilege, g.target, g.grantee, g.owner, g.grantor,
        case when e.grantee is null then 'revoke ' else 'revoke grant option for ' end
    from granted as g
    left join expected as e
        on g.grantee = e.grantee and g.class = e.class and g.object = e.object and g.col = e.col and g.privilege = e.privilege
    where g.section is not null and (e.grantee is null or g.is_grantable)
    union all
    select o.section, o.class, o.object, o.col, e.privilege, o.target, e.grantee, o.owner, o.owner as grantor, 'grant '
    from expected as e
    join objects as o on e.class = o.class and e.object = o.object and e.col = o.col
    where not exists (
        select from granted as g
        where g.grantee = e.grantee and g.class = e.class and g.object = e.object and g.col = e.col and g.privilege = e.privilege
    )
),

described as (
    select
        d.*, coalesce(quote_ident(r.rolname), 'public') as role,
        d.privilege || case when d.col <> '' then format(' (%I)', d.col) else '' end as what,
        case when d.grantor <> d.owner then quote_ident(g.rolname) end as other_grantor,
        d.grantee in (select k.role from known as k) as is_known
    from differences as d
    left join pg_roles as r on d.grantee = r.oid
    left join pg_roles as g on d.grantor = g.oid
)

select
    case verb
        when 'grant ' then format('role %s lacks %s on %s', role, what, target)
        when 'revoke ' then format('role %s has %s on %s', role, what, target)
        else format('role %s may grant %s on %s', role, what, target)
    end,
    case when other_grantor is null then '' else format('set role %s; ', other_grantor) end
    || format('%s%s on %s %s %s', verb, what, target, case verb when 'grant ' then 'to' else 'from' end, role)
    || case verb when 'grant ' then '' else ' cascade' end
    -- Revoking a privilege on a table also revokes it on the columns.
    || case when verb = 'revoke ' and class = 'table' and col = '' then coalesce((
        select format('; grant %s (%s) on %s to %s', described.privilege, string_agg(quote_ident(kept.col), ', ' order by kept.col), described.target, described.role)
        from (
            select e.col from expected as e
            where e.grantee = described.grantee and e.class = 'table' and e.object = described.object and e.privilege = described.privilege and e.col <> ''
            union
            select a.col from granted as a
            where a.section is null and a.grantee = described.grantee and a.object = described.object and a.privilege = described.privilege
        ) as kept
        having count(*) > 0
    ), '') else '' end
    || case when other_grantor is null then '' else '; reset role' end,
    is_known and other_grantor is null
from described
order by section, target, role, verb, what
