-- Tells if a table has an enabled trigger that calls a function of carrel.
--
-- $1 table   $2 trigger   $3 function
select exists(
    select from pg_trigger as t
    join pg_proc as p on t.tgfoid = p.oid
    where t.tgrelid = $1 and t.tgname = $2::text and t.tgenabled in ('O', 'A') and p.proname = $3::text
        and p.pronamespace = 'carrel'::regnamespace
)
