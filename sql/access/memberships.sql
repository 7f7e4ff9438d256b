-- Granted roles with more rights than they were granted, by membership or attribute, each with the
-- statement that removes the rights. Superusers are left out: they have every right.
--
-- $1 granted roles   $2 their kinds
with granted as (
    select g.role, g.kind, r.rolname, r.rolbypassrls
    from unnest($1::oid[], $2::text[]) as g (role, kind)
    join pg_roles as r on g.role = r.oid
    where not r.rolsuper
)

select distinct format(
    'role %I, granted as %s, is a member of role %I, granted as %s: revoke %s from %I', low.rolname, low.kind, high.rolname, high.kind,
    quote_ident(high.rolname), link.rolname
) as line
from granted as low
join granted as high
    on low.kind = 'user' and high.kind in ('service', 'operator') or low.kind = 'operator' and high.kind = 'service'
join pg_auth_members as m on high.role = m.roleid
join pg_roles as link on m.member = link.oid
where low.role <> high.role and pg_has_role(low.role, link.oid, 'member') and not link.rolsuper
    -- Except roles that were granted the rights themselves.
    and not exists (select from granted as own where own.role = low.role and own.kind = high.kind)
union
select format('role %I, granted as user, is past row-level security: alter role %1$I nobypassrls', u.rolname)
from granted as u
where u.kind = 'user' and u.rolbypassrls and not exists (select from granted as own where own.role = u.role and own.kind = 'service')
order by line
