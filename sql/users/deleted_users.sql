-- Profiles of users that the followed table does not have, although the foreign key is validated: at
-- most 10.
--
-- $1 name of the foreign key
-- Returns the user's id and the number of all such profiles. Reads auth_users, the rows of the
-- followed table.
select p.user_id::text, count(*) over ()
from carrel.user_profiles as p
where not exists (select from auth_users as u where u.id = p.user_id) and exists (
    select from pg_constraint as k
    where k.conrelid = 'carrel.user_profiles'::regclass and k.conname = $1::text and k.convalidated
)
order by p.user_id limit 10
