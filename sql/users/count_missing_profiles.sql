-- Number of users of the followed table without a profile. Users deleted from carrel do not count.
--
-- No parameters. Reads auth_users, the rows of the followed table.
select count(*) from auth_users as u
where u.id is not null and not exists (select from carrel.user_profiles as p where p.user_id = u.id)
    and not exists (
        select from carrel.user_pseudonyms as deleted
        where deleted.user_hash = sha256(convert_to(u.id::text, 'UTF8'))
    )
