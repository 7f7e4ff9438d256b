-- Objects owned or added by roles with fewer rights: on carrel's tables, on tables that follow
-- them, and in carrel's schema. Also triggers that carrel does not define. Each line names the
-- remedy.
--
-- $1 triggers that carrel defines, as table.trigger   $2 carrel's tables
with tables as (
    select c.oid, c.relname
    from pg_class as c
    where c.relnamespace = 'carrel'::regnamespace and c.relname::text = any($2::text[])
),

-- Tables, and the objects that belong to them: triggers, rules, defaults, checks, policies,
-- indexes, statistics, and foreign keys to them.
parts (classid, objid, relname) as (
    select 'pg_class'::regclass::oid, t.oid, t.relname from tables as t
    union
    select d.classid, d.objid, t.relname
    from tables as t
    join pg_depend as d on d.refclassid = 'pg_class'::regclass and t.oid = d.refobjid
    where d.classid in (
        'pg_trigger'::regclass, 'pg_rewrite'::regclass, 'pg_attrdef'::regclass, 'pg_constraint'::regclass,
        'pg_policy'::regclass, 'pg_class'::regclass, 'pg_statistic_ext'::regclass
    )
),

needed (relname, part, what, owner, remedy) as (
    select
        p.relname, pg_describe_object(p.classid, p.objid, 0), format('function %s', f.oid::regprocedure), f.proowner,
        case when not f.prosecdef then format('alter function %s owner to carrel_owner', f.oid::regprocedure) end
    from parts as p
    join pg_depend as d on p.classid = d.classid and p.objid = d.objid and d.refclassid = 'pg_proc'::regclass
    join pg_proc as f on d.refobjid = f.oid
    join pg_language as l on f.prolang = l.oid
    where l.lanname not in ('c', 'internal')
    union all
    select
        p.relname, pg_describe_object(p.classid, p.objid, 0), format('type %s', y.oid::regtype), y.typowner,
        format('alter type %s owner to carrel_owner', y.oid::regtype)
    from parts as p
    join pg_depend as d on p.classid = d.classid and p.objid = d.objid and d.refclassid = 'pg_type'::regclass
    join pg_type as y on d.refobjid = y.oid
    where y.typrelid = 0 and y.typelem = 0
    union all
    select
        p.relname, pg_describe_object(p.classid, p.objid, 0), format('operator %s', o.oid::regoperator), o.oprowner,
        format('alter operator %s owner to carrel_owner', o.oid::regoperator)
    from parts as p
    join pg_depend as d on p.classid = d.classid and p.objid = d.objid and d.refclassid = 'pg_operator'::regclass
    join pg_operator as o on d.refobjid = o.oid
)

select format('%s uses %s, which role %I owns: drop it, or trust it: %s', n.part, n.what, r.rolname, n.remedy) as line
from needed as n
join pg_roles as r on n.owner = r.oid
where not r.rolsuper and r.rolname <> 'carrel_owner'
union
select format(
    'trigger %I on %s is not carrel''s: %s it runs as the role that writes to the table: drop trigger %1$I on carrel.%4$I%5$s',
    t.tgname, c.relname, f.name, c.relname,
    case when not f.is_definer then format('; or trust it: alter function %s owner to carrel_owner', t.tgfoid::regprocedure) end
)
from tables as c
join pg_trigger as t on c.oid = t.tgrelid
cross join lateral (
    select 'function ' || t.tgfoid::regprocedure || ' of role ' || quote_ident(r.rolname) || ';' as name, r.rolsuper or r.rolname = 'carrel_owner' as is_trusted,
        p.prosecdef as is_definer
    from pg_proc as p
    join pg_roles as r on p.proowner = r.oid
    where p.oid = t.tgfoid
) as f
where not t.tgisinternal and c.relname || '.' || t.tgname <> all($1::text[]) and not f.is_trusted
union
select format('rule %I on %s is not carrel''s: drop rule %1$I on carrel.%2$I', w.rulename, c.relname)
from tables as c
join pg_rewrite as w on c.oid = w.ev_class
union
select format('table %s has the child %s, whose triggers and rules are its owner''s: alter table %2$s no inherit carrel.%1$I', c.relname, i.inhrelid::regclass)
from tables as c
join pg_inherits as i on c.oid = i.inhparent
union
select format('foreign key %I of %s to %s has a cast: give its columns the types that they refer to', k.conname, k.conrelid::regclass, c.relname)
from tables as c
join pg_constraint as k on c.oid = k.confrelid and k.contype = 'f'
where exists (
    with recursive types (own, referred) as (
        select own.atttypid as own, referred.atttypid as referred
        from unnest(k.conkey, k.confkey) as pair (own, referred)
        join pg_attribute as own on own.attrelid = k.conrelid and pair.own = own.attnum
        join pg_attribute as referred on referred.attrelid = k.confrelid and pair.referred = referred.attnum
        union
        select y.typbasetype, t.referred
        from types as t
        join pg_type as y on t.own = y.oid
        where y.typtype = 'd'
    )
    select from types as t group by t.referred having not bool_or(t.own = t.referred)
)
union
select format('%s: drop it, or have a superuser own it', f.what)
from carrel.foreign_code() as f
where f.what is not null
union
select format('function %s in schema carrel is not carrel''s: alter routine %1$s set schema public', p.oid::regprocedure)
from pg_proc as p
join pg_roles as r on p.proowner = r.oid
where
    p.pronamespace = 'carrel'::regnamespace and (r.rolsuper or r.rolname = 'carrel_owner')
    and not exists (
        select from pg_depend as m
        where m.classid = 'pg_proc'::regclass and p.oid = m.objid and m.deptype = 'e'
    )
union
select format(
    '%s belongs to role %I: %s', pg_describe_object(d.classid, d.objid, 0), r.rolname,
    coalesce(
        (
            select format('alter extension %I set schema public', e.extname)
            from pg_depend as m
            join pg_extension as e on m.refobjid = e.oid
            where m.classid = d.classid and m.objid = d.objid and m.refclassid = 'pg_extension'::regclass and m.deptype = 'e'
        ),
        format('drop %s %s', i.type, i.identity)
    )
)
from pg_depend as d
join pg_shdepend as s on d.classid = s.classid and d.objid = s.objid and s.refclassid = 'pg_authid'::regclass and s.deptype = 'o'
join pg_roles as r on s.refobjid = r.oid
cross join lateral pg_identify_object(d.classid, d.objid, 0) as i
where
    d.refclassid = 'pg_namespace'::regclass and d.refobjid = 'carrel'::regnamespace and d.deptype = 'n'
    and s.dbid = (select b.oid from pg_database as b where b.datname = current_database())
    and not r.rolsuper and r.rolname <> 'carrel_owner'
    and not (d.classid = 'pg_class'::regclass and d.objid in (select t.oid from tables as t))
    -- Owners of the extension's own members are the check owner's.
    and not exists (
        select from pg_depend as m
        join pg_extension as e on m.refobjid = e.oid
        where
            d.classid = m.classid and d.objid = m.objid and m.refclassid = 'pg_extension'::regclass and m.deptype = 'e'
            and e.extname = 'carrel'
    )
union
select format('event trigger %s is %s: %s', g.name, g.state, g.remedy)
from (
    select
        one.name, case when e.oid is null then 'missing' else 'disabled' end as state,
        case when e.oid is null then 'drop extension carrel cascade, which keeps the data; create extension carrel'
            else format('alter event trigger %s enable always', one.name) end as remedy
    from (values ('carrel_refuse_added_code')) as one (name)
    left join pg_event_trigger as e on one.name = e.evtname
    where e.oid is null or e.evtenabled <> 'A'
) as g
order by line
