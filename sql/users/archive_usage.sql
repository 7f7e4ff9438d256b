-- Copies a user's usage events to the archive, under a pseudonym.
--
-- $1 pseudonym   $2 user_id   $3 minutes to keep them   $4 true: keep them for good
insert into carrel.usage_archive
    (event_id, pseudonym, event_type, tokens_used, cost, model, token_types, voids, occurred_at, delete_after)
select id, $1, event_type, tokens_used, cost, model, token_types, voids, occurred_at,
    case when not $4 then now() + make_interval(mins => $3) end
from carrel.usage_events where user_id = $2
