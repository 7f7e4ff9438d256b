-- Ids that the followed table of users does not have, at most 20, as a list of VALUES; null: none.
--
-- $1 ids. Reads auth_users, the rows of the followed table.
select string_agg(format('(%L)', missing.id), ', ' order by missing.id)
from (
    select given.id from unnest($1) as given (id)
    where not exists (select from auth_users as u where u.id = given.id) order by given.id limit 20
) as missing
