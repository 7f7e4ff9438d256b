-- Every function with its arguments, its result, and how it is marked: what ORMs, PostgREST and the
-- planner go by. Nothing is overloaded, nothing names a table's row type, every one has a comment.
\pset format unaligned
\pset tuples_only on
select format(E'%s(%s)\n    %s', proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid))
from pg_proc as p
where pronamespace = 'carrel'::regnamespace and prorettype <> 'trigger'::regtype
order by proname collate "C";
\pset tuples_only off

\pset format aligned
select proname as function,
    case provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end as volatility,
    case proparallel when 's' then 'safe' when 'r' then 'restricted' else 'unsafe' end as parallel,
    case when proisstrict then 'strict' else '' end as strict, lanname as language,
    case when prosecdef then coalesce(array_to_string(proconfig, ', '), 'search_path not pinned') else '' end as definer,
    prorettype = 'trigger'::regtype as trigger
from pg_proc as p join pg_language as l on l.oid = prolang
where pronamespace = 'carrel'::regnamespace
order by trigger, proname collate "C";

select proname as without_comment from pg_proc as p
where pronamespace = 'carrel'::regnamespace and coalesce(obj_description(p.oid, 'pg_proc'), '') = '';
select count(*) = count(distinct proname) as none_is_overloaded from pg_proc where pronamespace = 'carrel'::regnamespace;

-- Arguments are not called by words that clients use for something else.
select proname, argument from pg_proc, unnest(proargnames) as argument
where pronamespace = 'carrel'::regnamespace and argument in ('from', 'to', 'limit', 'offset', 'order', 'select');

-- No function, view or type depends on a table: dropping the extension takes nothing along.
select pg_describe_object(d.classid, d.objid, 0) as dependent
from pg_depend as d join pg_class as c on d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid
where relnamespace = 'carrel'::regnamespace and relkind = 'r' and d.classid in ('pg_proc'::regclass, 'pg_rewrite'::regclass)
order by 1;
