-- Triggers of carrel on tables of users that are not followed, with the statement that drops each.
--
-- No parameters.
select format('trigger %I on %s follows a table that is no longer trusted: drop trigger %1$I on %2$s', tgname, tgrelid::regclass)
from pg_trigger
where tgfoid in (
    select p.oid from pg_proc as p
    where p.pronamespace = 'carrel'::regnamespace
        and p.proname in ('create_profile_on_sign_up', 'delete_profile_of_deleted')
)
order by 1
