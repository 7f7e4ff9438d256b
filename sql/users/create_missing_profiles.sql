-- Creates missing profiles of users of the followed table. Users deleted from carrel get none: they come
-- back by create_user() or by signing up again.
--
-- No parameters. Reads auth_users, the rows of the followed table.
insert into carrel.user_profiles (user_id, name)
select
    id,
    left(coalesce(nullif(btrim(raw_user_meta_data ->> 'name'), ''), nullif(btrim(raw_user_meta_data ->> 'full_name'), '')), 250)
from auth_users
where id is not null and not exists (select from carrel.user_profiles as p where p.user_id = auth_users.id)
    and not exists (
        select from carrel.user_pseudonyms as deleted
        where deleted.user_hash = sha256(convert_to(auth_users.id::text, 'UTF8'))
    )
on conflict (user_id) do nothing
