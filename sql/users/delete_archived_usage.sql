-- Deletes archived usage after its time. Skips rows that are locked.
--
-- No parameters.
delete from carrel.usage_archive as a using (
    select pseudonym, event_id from carrel.usage_archive where delete_after <= now() for update skip locked
) as past
where a.pseudonym = past.pseudonym and a.event_id = past.event_id
