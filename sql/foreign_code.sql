-- Code of roles with fewer rights that would run in carrel's work or after it: on carrel's tables, on those that follow them by foreign
-- keys, and on those that carrel's keys refer to. Every table that was looked at has a row; what is null where nothing was found.
-- carrel refuses to work beside code that is_refused; on the others it is confined. is_of_others: a table of such a role that follows.
--
-- Checks and actions of foreign keys run in the session that writes, as the owner of the other table: triggers, rules and
-- functions there can change the session's settings, or leave behind what runs as its role at the end of the transaction. Planning
-- them evaluates predicates of indexes and constraints. So a table of a plain role may follow by ON DELETE CASCADE or NO ACTION,
-- without triggers and rules of its own for DELETE and TRUNCATE, and without functions, operators and casts of its own in its
-- indexes, constraints and keys. Checks of domains need no function, and run where carrel writes.
create function carrel.foreign_code() returns table (relation oid, what text, is_refused boolean, is_of_others boolean)
language sql stable
set search_path = pg_catalog, pg_temp
set jit = off
as $$
    with recursive trusted (role) as (
        select r.oid
        from pg_roles as r
        where r.rolsuper or r.rolname = 'carrel_owner'
    ),

    own (oid) as (
        select c.oid
        from pg_class as c
        where c.relnamespace = 'carrel'::regnamespace and c.relkind in ('r', 'p')
    ),

    -- cascades: a deletion of carrel's rows deletes or changes rows of the table.
    links (oid, cascades) as (
        select o.oid, true
        from own as o
        union
        select f.oid, l.cascades and f.cascades
        from links as l
        cross join lateral (
            select k.conrelid as oid, k.confdeltype in ('c', 'n', 'd') or k.confupdtype in ('c', 'n', 'd') as cascades
            from pg_constraint as k
            where k.confrelid = l.oid and k.contype = 'f'
            union
            select i.inhrelid, true
            from pg_inherits as i
            where i.inhparent = l.oid
        ) as f
    ),

    reached (oid, cascades) as (
        select l.oid, bool_or(l.cascades)
        from links as l
        group by l.oid
    ),

    referred (oid) as (
        select k.confrelid
        from own as o
        join pg_constraint as k on o.oid = k.conrelid
        where k.contype = 'f'
    ),

    tables (oid, is_of_others, is_own, follows, cascades) as (
        select
            c.oid, c.relowner not in (select d.role from trusted as d), c.oid in (select o.oid from own as o),
            r.oid is not null, coalesce(r.cascades, false)
        from (select r.oid from reached as r union select f.oid from referred as f) as one
        join pg_class as c on one.oid = c.oid
        left join reached as r on one.oid = r.oid
    ),

    -- Planning evaluates functions of constants in predicates of indexes, and in checks of partitions.
    parts (relation, classid, objid) as (
        select t.oid, 'pg_class'::regclass::oid, t.oid
        from tables as t
        where t.is_of_others
        union
        select t.oid, d.classid, d.objid
        from tables as t
        join pg_depend as d on d.refclassid = 'pg_class'::regclass and t.oid = d.refobjid
        where
            t.is_of_others and (
                d.classid in ('pg_class'::regclass, 'pg_statistic_ext'::regclass)
                or d.classid = 'pg_constraint'::regclass and t.oid in (select i.inhrelid from pg_inherits as i)
            )
    ),

    functions (relation, classid, objid, function) as (
        select q.relation, q.classid, q.objid, d.refobjid
        from parts as q
        join pg_depend as d on q.classid = d.classid and q.objid = d.objid and d.refclassid = 'pg_proc'::regclass
        union
        select q.relation, q.classid, q.objid, o.oprcode::oid
        from parts as q
        join pg_depend as d on q.classid = d.classid and q.objid = d.objid and d.refclassid = 'pg_operator'::regclass
        join pg_operator as o on d.refobjid = o.oid
    ),

    -- Built-in functions that run SQL given as text, or have other side effects. A role that may add a trigger may call them in its
    -- condition, with the rights of the role that writes to the table.
    effects (pattern) as (
        select ':(func|opfunc)id (' || string_agg(p.oid::text, '|') || ') '
        from pg_proc as p
        where
            p.oid < 16384 and (
                p.proname ~ '_to_xml' or p.provolatile = 'v' and p.proname not in (
                    'clock_timestamp', 'gen_random_uuid', 'nextval', 'random', 'random_normal', 'timeofday', 'uuidv4', 'uuidv7'
                )
            )
    ),

    found (relation, what) as (
        select t.oid, format('trigger %I on %s calls function %s of role "%s"', g.tgname, t.oid::regclass, p.oid::regprocedure, r.rolname)
        from tables as t
        join pg_trigger as g on t.oid = g.tgrelid
        join pg_proc as p on g.tgfoid = p.oid
        join pg_roles as r on p.proowner = r.oid
        where
            not g.tgisinternal and g.tgenabled <> 'D' and t.cascades
            and case
                when t.is_own then not p.prosecdef and p.proowner not in (select d.role from trusted as d)
                -- DELETE and TRUNCATE.
                when t.is_of_others then g.tgtype & 40 <> 0
                -- DELETE, TRUNCATE and UPDATE: actions of keys run as the table's owner, a superuser.
                else g.tgtype & 56 <> 0 and not p.prosecdef and p.proowner not in (select d.role from trusted as d)
            end
        union all
        select t.oid, format('condition of trigger %I on %s calls functions with side effects', g.tgname, t.oid::regclass)
        from tables as t
        join pg_trigger as g on t.oid = g.tgrelid
        cross join effects as e
        where
            not g.tgisinternal and g.tgenabled <> 'D' and t.cascades and not t.is_of_others and g.tgqual::text ~ e.pattern
            and (t.is_own or g.tgtype & 56 <> 0)
        union all
        select t.oid, format('rule %I is on %s', w.rulename, t.oid::regclass)
        from tables as t
        join pg_rewrite as w on t.oid = w.ev_class
        where t.is_of_others and t.cascades and w.ev_type = '4'
        union all
        select t.oid, format('foreign key %I of %s changes rows by other than ON DELETE CASCADE', k.conname, t.oid::regclass)
        from tables as t
        join pg_constraint as k on t.oid = k.conrelid
        where
            t.is_of_others and k.contype = 'f' and k.confrelid in (select r.oid from reached as r)
            and (k.confdeltype in ('n', 'd') or k.confupdtype in ('c', 'n', 'd'))
        union all
        select t.oid, format('foreign key %I of %s refers to table %s, which is carrel''s alone', k.conname, t.oid::regclass, k.confrelid::regclass)
        from tables as t
        join pg_constraint as k on t.oid = k.conrelid
        join pg_class as c on k.confrelid = c.oid
        where
            t.is_of_others and k.contype = 'f' and c.relnamespace = 'carrel'::regnamespace
            and c.relname not in ('user_profiles', 'documents', 'document_chunks', 'agent_sessions', 'agent_requests', 'usage_events')
        union all
        select t.oid, format('foreign key %I of %s has a cast from type %s', k.conname, t.oid::regclass, own.atttypid::regtype)
        from tables as t
        join pg_constraint as k on t.oid = k.conrelid
        cross join lateral unnest(k.conkey, k.confkey) as pair (own, referred)
        join pg_attribute as own on own.attrelid = k.conrelid and pair.own = own.attnum
        join pg_attribute as referred on referred.attrelid = k.confrelid and pair.referred = referred.attnum
        join pg_type as y on own.atttypid = y.oid
        where
            t.is_of_others and k.contype = 'f' and k.confrelid in (select r.oid from reached as r)
            and own.atttypid <> referred.atttypid and y.typtype <> 'd' and y.typowner not in (select d.role from trusted as d)
        union all
        select f.relation, format('%s uses function %s of role "%s"', pg_describe_object(f.classid, f.objid, 0), p.oid::regprocedure, r.rolname)
        from functions as f
        join pg_proc as p on f.function = p.oid
        join pg_roles as r on p.proowner = r.oid
        where p.proowner not in (select d.role from trusted as d)
        union all
        select t.oid, format('column %I of %s has type %s of role "%s"', a.attname, t.oid::regclass, y.oid::regtype, r.rolname)
        from tables as t
        join pg_attribute as a on t.oid = a.attrelid
        join pg_type as y on y.oid in (a.atttypid, (select e.typelem from pg_type as e where e.oid = a.atttypid))
        join pg_roles as r on y.typowner = r.oid
        where
            t.is_own and not a.attisdropped and y.typtype in ('d', 'c')
            and y.typowner not in (select d.role from trusted as d)
    ),

    -- On carrel's own tables, which only their owners of the past could have put there: for doctor() to tell.
    expressions (relation, what) as (
        select t.oid, format('%s calls functions with side effects', pg_describe_object(x.classid, x.objid, 0))
        from tables as t
        join (
            select k.conrelid, 'pg_constraint'::regclass, k.oid, k.conbin::text
            from pg_constraint as k
            union all
            select d.adrelid, 'pg_attrdef'::regclass, d.oid, d.adbin::text
            from pg_attrdef as d
            union all
            select y.polrelid, 'pg_policy'::regclass, y.oid, concat(y.polqual::text, y.polwithcheck::text)
            from pg_policy as y
            union all
            select i.indrelid, 'pg_class'::regclass, i.indexrelid, concat(i.indexprs::text, i.indpred::text)
            from pg_index as i
        ) as x (relation, classid, objid, tree) on t.oid = x.relation
        cross join effects as e
        where t.is_own and x.tree ~ e.pattern
    )

    select t.oid, f.what, t.follows, t.is_of_others and t.follows and not t.is_own
    from tables as t
    left join (select g.relation, min(g.what) as what from found as g group by g.relation) as f on t.oid = f.relation
    union all
    select e.relation, e.what, false, false
    from expressions as e
$$;

comment on function carrel.foreign_code is 'Code of roles with fewer rights on carrel''s tables, on those that follow them by foreign keys, and on those that they refer to: at least a row for each table that was looked at; what is null where nothing was found.';
