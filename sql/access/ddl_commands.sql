-- Objects that the DDL command of the event trigger created or altered.
--
-- No parameters. Returns the object's oid, its identity, its schema, true if it is a trigger, and the
-- table that it is or belongs to (null: none).
select c.objid, coalesce(c.object_identity, ''), c.schema_name, c.classid = 'pg_trigger'::regclass,
    case c.classid
        when 'pg_trigger'::regclass then (select t.tgrelid from pg_trigger as t where t.oid = c.objid)
        when 'pg_rewrite'::regclass then (select w.ev_class from pg_rewrite as w where w.oid = c.objid)
        when 'pg_class'::regclass then coalesce((select i.indrelid from pg_index as i where i.indexrelid = c.objid), c.objid)
    end
from pg_event_trigger_ddl_commands() as c
