select format(
    case
        when n.role is null then 'role %1$I, granted as %2$s, does not exist: select carrel.migrate()'
        when not n.counts then
            'role %1$I was granted as %2$s in another installation, and has no privileges of carrel''s here: '
            'select carrel.migrate() or, if it is another role, select carrel.revoke_%3$s(%4$L)'
        else 'role %1$I, granted as %2$s, was renamed to ' || quote_ident(n.name_now) || ': select carrel.migrate()'
    end,
    n.role_name, n.kind, case n.kind when 'self_metering' then 'user' else n.kind end, n.role_name
)
from named as n
where n.granted and (n.role is null or not n.counts or n.name_now <> n.role_name)
    -- A record of this installation overrides the record of another installation.
    and (n.is_own or not exists (select from named as own where own.is_own and own.kind = n.kind and own.role = n.role))
order by 1
