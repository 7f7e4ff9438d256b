-- Deletes the user ids of pseudonyms that are not resolvable any more. Skips rows that are locked.
--
-- No parameters.
update carrel.user_pseudonyms set deleted_user_id = null where pseudonym = any(array(
    select pseudonym from carrel.user_pseudonyms
    where deleted_user_id is not null and resolvable_until <= now() for update skip locked
))
