-- Triggers that can wait for the end of the transaction, of roles with fewer rights, on carrel's tables and on those that follow
-- them by foreign keys: their function, role and table. Before PostgreSQL 18 they run as whoever commits, so that what carrel
-- deletes or inserts would run them as its caller. Beside them, every table that was looked at.
with recursive reached (oid) as (
    select c.oid
    from pg_class as c
    where c.relnamespace = 'carrel'::regnamespace and c.relkind = 'r'
    union
    select t.tgconstrrelid
    from reached as r
    join pg_trigger as t on r.oid = t.tgrelid
    where
        t.tgisinternal and t.tgconstrrelid <> 0
        and t.tgfoid in (
            '"RI_FKey_cascade_del"'::regproc, '"RI_FKey_cascade_upd"'::regproc, '"RI_FKey_setnull_del"'::regproc,
            '"RI_FKey_setnull_upd"'::regproc, '"RI_FKey_setdefault_del"'::regproc, '"RI_FKey_setdefault_upd"'::regproc
        )
)

select r.oid, f.what
from reached as r
left join lateral (
    select format('trigger %I on %s calls function %s of role "%s"', t.tgname, r.oid::regclass, t.tgfoid::regprocedure, o.rolname) as what
    from pg_trigger as t
    join pg_proc as p on t.tgfoid = p.oid
    join pg_language as l on p.prolang = l.oid
    join pg_roles as o on p.proowner = o.oid
    where
        t.tgrelid = r.oid and not t.tgisinternal and t.tgdeferrable and t.tgenabled <> 'D'
        and l.lanname not in ('c', 'internal') and not p.prosecdef
        and not o.rolsuper and o.rolname <> 'carrel_owner'
    order by t.tgname
    limit 1
) as f on true
