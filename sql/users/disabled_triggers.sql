-- Table with a disabled trigger that deletes a user's rows or archives usage; 'every table' while
-- session_replication_role is replica.
--
-- No parameters. No row: all are enabled.
select t.tgrelid::regclass::text
from pg_trigger as t
where t.tgenabled not in ('O', 'A') and (
    t.tgisinternal and t.tgconstraint in (
        select k.oid from pg_constraint as k
        join pg_class as c on k.conrelid = c.oid
        where k.contype = 'f' and c.relnamespace = 'carrel'::regnamespace
    )
    or not t.tgisinternal and t.tgrelid = 'carrel.user_profiles'::regclass
        and t.tgfoid in (select p.oid from pg_proc as p where p.pronamespace = 'carrel'::regnamespace)
)
union all
select 'every table' where current_setting('session_replication_role') = 'replica'
limit 1
