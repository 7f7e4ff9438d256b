-- Code of roles with fewer rights that would run in carrel's work or after it, on carrel's tables and on those that follow them by
-- foreign keys; beside it every table that was looked at.
--
-- Referential actions of foreign keys run in the session of whoever deletes: triggers and rules of the referencing tables
-- can change its settings, or leave behind what runs as its role at the end of the transaction. So a table of a plain role may
-- follow by ON DELETE CASCADE or NO ACTION, without triggers and rules of its own for DELETE, and without functions of its own in
-- indexes. Checks of domains need no function, and run where carrel writes.
create function carrel.foreign_code() returns table (relation oid, what text)
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

    reached (oid) as (
        select o.oid
        from own as o
        union
        select f.oid
        from reached as r
        cross join lateral (
            select t.tgconstrrelid as oid
            from pg_trigger as t
            join pg_proc as p on t.tgfoid = p.oid
            where
                t.tgrelid = r.oid and t.tgisinternal and t.tgconstrrelid <> 0
                and p.proname ~ '^RI_FKey_(cascade|setnull|setdefault)_'
            union
            select i.inhrelid
            from pg_inherits as i
            where i.inhparent = r.oid
        ) as f
    ),

    tables (oid, is_of_others, is_own) as (
        select c.oid, c.relowner not in (select d.role from trusted as d), c.oid in (select o.oid from own as o)
        from reached as r
        join pg_class as c on r.oid = c.oid
    ),

    -- Planning a DELETE evaluates functions of constants in them.
    parts (relation, classid, objid) as (
        select t.oid, d.classid, d.objid
        from tables as t
        join pg_depend as d on d.refclassid = 'pg_class'::regclass and t.oid = d.refobjid
        where t.is_of_others and d.classid in ('pg_class'::regclass, 'pg_statistic_ext'::regclass)
    ),

    found (relation, what) as (
        select t.oid, format('trigger %I on %s calls function %s of role "%s"', g.tgname, t.oid::regclass, p.oid::regprocedure, r.rolname)
        from tables as t
        join pg_trigger as g on t.oid = g.tgrelid
        join pg_proc as p on g.tgfoid = p.oid
        join pg_roles as r on p.proowner = r.oid
        where
            not g.tgisinternal and g.tgenabled <> 'D'
            and case
                -- Of DELETE.
                when t.is_of_others then g.tgtype & 8 <> 0 and (p.proowner not in (select d.role from trusted as d) or g.tgqual is not null)
                else
                    g.tgdeferrable and not p.prosecdef and p.proowner not in (select d.role from trusted as d)
                    and current_setting('server_version_num')::int < 180000
            end
        union all
        select t.oid, format('rule %I is on %s', w.rulename, t.oid::regclass)
        from tables as t
        join pg_rewrite as w on t.oid = w.ev_class
        where t.is_of_others and w.ev_type = '4'
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
        select q.relation, format('%s uses function %s of role "%s"', pg_describe_object(q.classid, q.objid, 0), p.oid::regprocedure, r.rolname)
        from parts as q
        join pg_depend as d on q.classid = d.classid and q.objid = d.objid and d.refclassid = 'pg_proc'::regclass
        join pg_proc as p on d.refobjid = p.oid
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
    )

    select t.oid, f.what
    from tables as t
    left join (select g.relation, min(g.what) as what from found as g group by g.relation) as f on t.oid = f.relation
$$;
