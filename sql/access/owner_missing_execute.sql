-- Functions of the extension that carrel_owner may not execute, quoted for SQL.
--
-- No parameters.
select p.oid::regprocedure::text
from pg_depend as d
join pg_extension as e on d.refobjid = e.oid
join pg_proc as p on d.objid = p.oid
where d.classid = 'pg_proc'::regclass and d.refclassid = 'pg_extension'::regclass and d.deptype = 'e'
    and e.extname = 'carrel' and not has_function_privilege('carrel_owner', p.oid, 'execute')
order by 1
