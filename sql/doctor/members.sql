-- Relations that are members of the extension.
--
-- No parameters.
select format('%s is a member of the extension', d.objid::regclass) as line
from pg_depend as d
join pg_extension as e on d.refobjid = e.oid
where e.extname = 'carrel' and d.classid = 'pg_class'::regclass and d.deptype = 'e'
order by line
