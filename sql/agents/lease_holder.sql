-- Status of a request, and a sentence for a worker that lost its lease.
--
-- $1 request
select status,
    case when status = 'processing' then format(
        'It is held by worker %s since %s, until %s.', quote_literal(coalesce(lease_owner, '')), started_at, lease_expires_at
    ) else format('It is %s.', status) end
from carrel.agent_requests where id = $1
